//! The jobs that send messages: one kind for e-mail and one for SMS.
//!
//! **At least once.** If the server ends after the other side has accepted a message and before the job is marked as
//! done, the message is sent again under the same id: the `Message-ID` of an e-mail, the `idempotency-key` of an SMS.
//! An endpoint that heeds the id sends once. A message that is of no use any more, as a code that has expired, is not
//! sent.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Courier, Failure, Message, Sender, Senders, Settings};
use crate::kit::jobs::{self, Kind, Retry, Running};

/// How long a message may take beyond the time limit of its sender, which ends it in an orderly way.
const SPARE: Duration = Duration::from_secs(5);
/// The longest wait between two attempts. It is short because somebody waits for the message.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The payload of a job that sends a message. A job is enqueued even if there is nobody to send to, so that the table
/// of jobs does not tell who has an account.
#[derive(Serialize, Deserialize)]
pub struct Letter {
    pub(super) message: Message,
    pub(super) somebody: bool,
}

/// How messages of one channel are sent and tried again.
struct Way {
    sender: Option<Arc<dyn Sender>>,
    retry: Retry,
    time_limit: Duration,
}

impl Way {
    fn new(sender: &Option<Arc<dyn Sender>>, settings: &Settings, timeout_ms: u64) -> Self {
        let first = Duration::from_millis(settings.backoff_ms);
        let retry = Retry { attempts: settings.attempts, first, longest: LONGEST_WAIT.max(first) };
        Self { sender: sender.clone(), retry, time_limit: Duration::from_millis(timeout_ms) + SPARE }
    }

    async fn send(&self, job: &Running, letter: Letter) -> Result<(), jobs::Failure> {
        if !letter.somebody {
            return Ok(());
        }
        let Some(sender) = &self.sender else {
            return Err(jobs::Failure::Passing("this server is not set up to send such messages".to_owned()));
        };
        sender.send(job.key(), &letter.message).await.map_err(|failure| match failure {
            Failure::Passing(why) => jobs::Failure::Passing(why),
            Failure::Final(why) => jobs::Failure::Final(why),
        })
    }
}

/// Sends an e-mail.
pub struct MailJob(Way);

/// Sends an SMS.
pub struct SmsJob(Way);

impl Courier {
    /// The kind of job that sends e-mails.
    pub fn mail_job(&self) -> MailJob {
        let Senders { mail, .. } = &self.senders;
        MailJob(Way::new(mail, &self.settings, self.settings.mail.timeout_ms))
    }

    /// The kind of job that sends SMS.
    pub fn sms_job(&self) -> SmsJob {
        let Senders { sms, .. } = &self.senders;
        SmsJob(Way::new(sms, &self.settings, self.settings.sms.timeout_ms))
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
        self.0.time_limit
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
        self.0.time_limit
    }

    async fn run(&self, job: &mut Running, letter: Letter) -> Result<(), jobs::Failure> {
        self.0.send(job, letter).await
    }
}
