//! Messages to people outside the app: e-mail and SMS.
//!
//! A request only writes a job, in the transaction that the message is about: a crash loses no message, a
//! rollback sends none, and how long a mail server takes, or whether there is anybody to send to, shows in no
//! answer. Jobs hold texts and addresses sealed, and nothing logs them but the sender of `dev` that writes to
//! the log instead of sending.

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
mod settings;
mod sms;

pub use job::{Letter, MailJob, SmsJob};
pub use log::Log;
pub use mail::Mail;
pub use settings::{MailSettings, Settings, SmsSettings, Tls};
pub use sms::Webhook;

/// How somebody is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// By e-mail.
    Mail,
    /// By SMS.
    Sms,
}

/// What is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// An e-mail address or a phone number in E.164.
    pub to: String,
    /// The subject of an e-mail; an SMS has none.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Why a message was not sent. Says nothing of whom it was for: servers quote addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The same may succeed later.
    Passing(String),
    /// It is of no use to try again.
    Final(String),
}

/// A way out; the tests have one of their own.
pub trait Sender: Send + Sync + 'static {
    /// Hands the message over, within a time of its own. The id is the same where it is handed over again.
    fn send<'a>(&'a self, id: Uuid, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>>;
}

/// The ways out that there are.
#[derive(Clone, Default)]
pub struct Senders {
    /// E-mail.
    pub mail: Option<Arc<dyn Sender>>,
    /// SMS.
    pub sms: Option<Arc<dyn Sender>>,
}

impl Senders {
    /// As the settings say. Where they name no server, messages are written to the log if `log` allows
    /// that, and refused if not.
    ///
    /// # Errors
    /// Settings that cannot work, which the check at the start names.
    pub fn new(settings: &Settings, log: bool) -> Result<Self> {
        let fallback = || log.then(|| Arc::new(Log) as Arc<dyn Sender>);
        let mail = Mail::new(&settings.mail)?.map(|mail| Arc::new(mail) as Arc<dyn Sender>);
        let sms = Webhook::new(&settings.sms)?.map(|webhook| Arc::new(webhook) as Arc<dyn Sender>);
        Ok(Self { mail: mail.or_else(fallback), sms: sms.or_else(fallback) })
    }
}

/// Enqueues messages, which jobs send.
#[derive(Clone, Default)]
pub struct Courier {
    senders: Senders,
    settings: Settings,
}

impl Courier {
    /// One with these ways out. The jobs that send are [`Courier::mail_job`] and [`Courier::sms_job`].
    pub fn new(senders: Senders, settings: &Settings) -> Self {
        Self { senders, settings: settings.clone() }
    }

    /// One that sends nothing, for work that sends nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether messages of this kind can be sent at all.
    pub fn reaches(&self, channel: Channel) -> bool {
        match channel {
            Channel::Mail => self.senders.mail.is_some(),
            Channel::Sms => self.senders.sms.is_some(),
        }
    }

    /// Has a message sent once this transaction is committed, and not at all if it is not; not later than
    /// `within`. Where there is `somebody` it is for, that is: else the same is done, and nothing sent, so that
    /// nothing tells the two apart.
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
