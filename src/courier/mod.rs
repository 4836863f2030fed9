//! Messages to people outside the app: e-mail and SMS.
//!
//! A request only puts a message into a bounded queue: how long a mail server takes, or whether there is
//! anything to send at all, shows in no answer. Neither texts nor addresses are logged, except by the
//! sender of `dev` that writes to the log instead of sending.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::kit::error::Result;
use crate::kit::supervise::Supervisor;

mod log;
mod mail;
mod settings;
mod sms;

pub use log::Log;
pub use mail::Mail;
pub use settings::{MailSettings, Settings, SmsSettings, Tls};
pub use sms::Webhook;

/// Messages of one kind that are on their way at once.
const AT_ONCE: usize = 8;

/// How somebody is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// By e-mail.
    Mail,
    /// By SMS.
    Sms,
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::Mail => "e-mail",
            Self::Sms => "SMS",
        }
    }

    /// The task that sends what goes this way.
    const fn courier(self) -> &'static str {
        match self {
            Self::Mail => "courier of e-mails",
            Self::Sms => "courier of SMS",
        }
    }
}

/// What is sent.
#[derive(Clone, PartialEq, Eq)]
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
    /// Hands the message over, within a time of its own.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>>;
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

/// Takes messages and sends them behind the caller's back.
#[derive(Clone, Default)]
pub struct Courier {
    mail: Option<mpsc::Sender<Message>>,
    sms: Option<mpsc::Sender<Message>>,
}

impl Courier {
    /// Begins to send. What waits when the server stops is dropped: whoever waits for a code asks again.
    pub fn start(senders: Senders, settings: &Settings, supervisor: &Supervisor) -> Self {
        let queue = |channel: Channel, sender: Option<Arc<dyn Sender>>| {
            sender.map(|sender| {
                let (messages, waiting) = mpsc::channel(settings.queue);
                let (attempts, backoff) = (settings.attempts, Duration::from_millis(settings.backoff_ms));
                let until = supervisor.stop().child_token();
                let task = run(channel, sender, waiting, attempts, backoff, until.clone());
                supervisor.engine(channel.courier(), &until, task);
                messages
            })
        };
        Self { mail: queue(Channel::Mail, senders.mail), sms: queue(Channel::Sms, senders.sms) }
    }

    /// One that sends nothing, for work that sends nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether messages of this kind can be sent at all.
    pub fn reaches(&self, channel: Channel) -> bool {
        self.queue(channel).is_some()
    }

    /// Queues a message; a full queue drops it. Returns at once and tells the caller nothing.
    pub fn send(&self, channel: Channel, message: Message) {
        if let Some(queue) = self.queue(channel)
            && queue.try_send(message).is_err()
        {
            tracing::warn!(channel = channel.name(), "a message was dropped: too many wait to be sent");
        }
    }

    fn queue(&self, channel: Channel) -> Option<&mpsc::Sender<Message>> {
        match channel {
            Channel::Mail => self.mail.as_ref(),
            Channel::Sms => self.sms.as_ref(),
        }
    }
}

async fn run(
    channel: Channel,
    sender: Arc<dyn Sender>,
    mut waiting: mpsc::Receiver<Message>,
    attempts: u32,
    backoff: Duration,
    until: CancellationToken,
) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = until.cancelled() => return,
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            message = waiting.recv(), if under_way.len() < AT_ONCE => match message {
                Some(message) => under_way.push(deliver(channel, &*sender, message, attempts, backoff)),
                None => {
                    while under_way.next().await.is_some() {}
                    // Nobody is left who could send.
                    return until.cancel();
                }
            },
        }
    }
}

/// Tries so often, each time waiting twice as long.
async fn deliver(channel: Channel, sender: &dyn Sender, message: Message, attempts: u32, backoff: Duration) {
    let mut wait = backoff;
    for attempt in 1..=attempts {
        match sender.send(&message).await {
            Ok(()) => return,
            Err(Failure::Passing(why)) if attempt < attempts => {
                tracing::debug!(channel = channel.name(), attempt, why, "a message was not taken; it is tried again");
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            Err(Failure::Passing(why) | Failure::Final(why)) => {
                tracing::warn!(channel = channel.name(), attempt, why, "a message could not be sent");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
