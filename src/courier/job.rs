//! The jobs that send messages: one kind for each way out.
//!
//! **At least once.** A server that ends between the other side's yes and its own mark sends once more, under the
//! same id: the `Message-ID` of an e-mail, the `idempotency-key` of an SMS. An endpoint that heeds it sends once.
//! What is of no use any more, as a code that has run out, is not sent late.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Courier, Failure, Message, Sender, Senders, Settings};
use crate::kit::jobs::{self, Kind, Retry, Running};

/// Longer than one dialogue takes in which each step takes almost too long.
const MAIL_WITHIN: Duration = Duration::from_secs(60);
/// What an SMS may take beyond the time for the endpoint's answer.
const SMS_SPARE: Duration = Duration::from_secs(5);
/// The longest wait between two tries: a message is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A message on its way. Nobody may tell from the table whether there is anybody to send it to: where there is
/// nobody, a job is enqueued all the same.
#[derive(Serialize, Deserialize)]
pub struct Letter {
    pub(super) message: Message,
    pub(super) somebody: bool,
}

/// How a message of one kind is sent.
struct Way {
    sender: Option<Arc<dyn Sender>>,
    retry: Retry,
}

impl Way {
    fn new(sender: &Option<Arc<dyn Sender>>, settings: &Settings) -> Self {
        let first = Duration::from_millis(settings.backoff_ms);
        let retry = Retry { attempts: settings.attempts, first, longest: LONGEST_WAIT.max(first) };
        Self { sender: sender.clone(), retry }
    }

    async fn send(&self, job: &Running, letter: Letter) -> Result<(), jobs::Failure> {
        if !letter.somebody {
            return Ok(());
        }
        let Some(sender) = &self.sender else {
            return Err(jobs::Failure::Passing("this server has no way out for it".to_owned()));
        };
        sender.send(job.key(), &letter.message).await.map_err(|failure| match failure {
            Failure::Passing(why) => jobs::Failure::Passing(why),
            Failure::Final(why) => jobs::Failure::Final(why),
        })
    }
}

/// E-mails.
pub struct MailJob(Way);

/// SMS.
pub struct SmsJob(Way, Duration);

impl Courier {
    /// The kind of job that sends e-mails.
    pub fn mail_job(&self) -> MailJob {
        let Senders { mail, .. } = &self.senders;
        MailJob(Way::new(mail, &self.settings))
    }

    /// The kind of job that sends SMS.
    pub fn sms_job(&self) -> SmsJob {
        let Senders { sms, .. } = &self.senders;
        SmsJob(Way::new(sms, &self.settings), Duration::from_millis(self.settings.sms.timeout_ms) + SMS_SPARE)
    }
}

impl Kind for MailJob {
    const NAME: &'static str = "courier.mail";
    const SEALED: bool = true;
    type Payload = Letter;

    fn retry(&self) -> Retry {
        self.0.retry
    }

    fn time_limit(&self) -> Duration {
        MAIL_WITHIN
    }

    async fn run(&self, job: &mut Running, letter: Letter) -> Result<(), jobs::Failure> {
        self.0.send(job, letter).await
    }
}

impl Kind for SmsJob {
    const NAME: &'static str = "courier.sms";
    const SEALED: bool = true;
    type Payload = Letter;

    fn retry(&self) -> Retry {
        self.0.retry
    }

    fn time_limit(&self) -> Duration {
        self.1
    }

    async fn run(&self, job: &mut Running, letter: Letter) -> Result<(), jobs::Failure> {
        self.0.send(job, letter).await
    }
}
