//! Messages to people outside the app: e-mail and SMS.
//!
//! A request only enqueues a job, in the transaction that causes the message. So a crash loses no message, a rollback
//! sends none, and the answer to the request shows neither how long a mail server takes nor whether there is anybody to
//! send to. Jobs hold texts and addresses sealed. Only the sender of `dev` logs them, because it writes messages to the
//! log instead of sending them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kit::error::Result;
use crate::kit::jobs::{self, Job};
use crate::kit::tx::Tx;

mod job;
mod log;
mod mail;
mod reach;
mod settings;
mod sms;
mod smtp;

pub use job::{Letter, MailJob, SmsJob};
pub use log::Log;
pub use mail::Mail;
pub use settings::{MailSettings, Settings, SmsSettings, Tls};
pub use sms::Webhook;

/// How a person is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// By e-mail.
    Mail,
    /// By SMS.
    Sms,
}

/// A message to one person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The recipient: an e-mail address, or a phone number in E.164.
    pub to: String,
    /// The subject of an e-mail. An SMS is sent without it.
    pub subject: String,
    /// The text, not formatted.
    pub text: String,
}

/// Why a message was not sent. The sentence never contains what another server said, because servers quote addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The same message may succeed later.
    Passing(String),
    /// The message would fail again.
    Final(String),
}

/// Sends messages of one channel. Tests have an implementation of their own.
pub trait Sender: Send + Sync + 'static {
    /// Hands the message over to the system that delivers it, within the sender's own time limit. The id is the same
    /// when the message is handed over again.
    fn send<'a>(&'a self, id: Uuid, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>>;
}

/// The sender of each channel; `None` where the channel is off.
#[derive(Clone, Default)]
pub struct Senders {
    /// Sends e-mails.
    pub mail: Option<Arc<dyn Sender>>,
    /// Sends SMS.
    pub sms: Option<Arc<dyn Sender>>,
}

impl Senders {
    /// The senders that the settings describe. A channel without a server writes its messages to the log if `log` is
    /// true, and is off if not.
    ///
    /// # Errors
    /// `internal` for settings that cannot work. The check at the start reports them first.
    pub fn new(settings: &Settings, log: bool) -> Result<Self> {
        let fallback = || log.then(|| Arc::new(Log) as Arc<dyn Sender>);
        let mail = Mail::new(&settings.mail)?.map(|mail| Arc::new(mail) as Arc<dyn Sender>);
        let sms = Webhook::new(&settings.sms)?.map(|webhook| Arc::new(webhook) as Arc<dyn Sender>);
        Ok(Self { mail: mail.or_else(fallback), sms: sms.or_else(fallback) })
    }
}

/// Enqueues messages. Jobs send them.
#[derive(Clone, Default)]
pub struct Courier {
    senders: Senders,
    settings: Settings,
}

impl Courier {
    /// A courier with these senders. The jobs that send are [`Courier::mail_job`] and [`Courier::sms_job`].
    pub fn new(senders: Senders, settings: &Settings) -> Self {
        Self { senders, settings: settings.clone() }
    }

    /// A courier without senders, for programs that send no messages.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether this channel is on.
    pub fn reaches(&self, channel: Channel) -> bool {
        match channel {
            Channel::Mail => self.senders.mail.is_some(),
            Channel::Sms => self.senders.sms.is_some(),
        }
    }

    /// Has a message sent after this transaction has been committed, and no later than `within` from now. If the
    /// transaction is not committed, nothing is sent. If there is nobody to send to (`somebody` is false), the same job
    /// is written and sends nothing, so that the two cases cannot be told apart.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn send(
        &self,
        tx: &mut Tx,
        channel: Channel,
        message: Message,
        somebody: bool,
        within: Duration,
    ) -> Result<()> {
        let letter = Letter { message, somebody };
        let job = match channel {
            Channel::Mail => Job::new::<MailJob>(&letter),
            Channel::Sms => Job::new::<SmsJob>(&letter),
        };
        jobs::enqueue(tx, job.within(within)).await?;
        Ok(())
    }
}
