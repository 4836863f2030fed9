//! The dialogue with an SMTP server (RFC 5321): one connection for each message, and one time limit for all of it.
//!
//! The connections are not pooled. A dialogue that is given up in the middle leaves an answer unread, and the next
//! message on the same connection would take it for its own.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Failure, Tls, reach};

/// For the farewell after a message that was accepted. It is sent for politeness: nothing depends on the answer.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);

/// An SMTP server and how it is spoken with.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) parameters: TlsParameters,
    pub(super) credentials: Option<Credentials>,
    /// For a whole dialogue, from the lookup of the name to the answer to the message.
    pub(super) within: Duration,
}

impl Server {
    /// Hands a message over.
    pub(super) async fn deliver(&self, envelope: &Envelope, message: &[u8]) -> Result<(), Failure> {
        let until = Instant::now() + self.within;
        let mut connection = self.connect(until).await?;
        self.prepare(&mut connection, until).await?;
        let sent = in_time(until, "did not answer to a message in time", connection.send(envelope, message)).await?;
        // Only an answer to the message itself says that the message is refused for good.
        sent.map_err(|error| match error.is_permanent() {
            true => Failure::Final(sentence(&error)),
            false => Failure::Passing(sentence(&error)),
        })?;
        drop(timeout(FAREWELL_WITHIN, connection.quit()).await);
        Ok(())
    }

    async fn connect(&self, until: Instant) -> Result<AsyncSmtpConnection, Failure> {
        let resolving = lookup_host((self.host.as_str(), self.port));
        let addresses = in_time(until, "has a name that was not resolved in time", resolving).await?;
        let addresses: Vec<_> = addresses.map_err(|_| passing(reach::UNKNOWN_NAME))?.collect();
        let tls = (self.tls == Tls::Tls).then(|| self.parameters.clone());
        // A quarter of the time is left, so that a port that takes no connection is told from one that says nothing.
        let connected = Some(self.within * 3 / 4);
        let hello = ClientId::default();
        let connecting = AsyncSmtpConnection::connect_tokio1(&addresses[..], connected, &hello, tls, None);
        let connection = in_time(until, "took the connection and did not answer in time", connecting).await?;
        connection.map_err(|error| Failure::Passing(sentence(&error)))
    }

    /// Encrypts the connection and signs in, as the settings say. What is refused here is refused to the server's
    /// operator and concerns no message, so it may pass.
    async fn prepare(&self, connection: &mut AsyncSmtpConnection, until: Instant) -> Result<(), Failure> {
        if self.tls == Tls::Starttls {
            if !connection.can_starttls() {
                return Err(passing("does not offer STARTTLS"));
            }
            let hello = ClientId::default();
            let encrypting = connection.starttls(self.parameters.clone(), &hello);
            let encrypted = in_time(until, "did not begin TLS in time", encrypting).await?;
            encrypted.map_err(|error| Failure::Passing(sentence(&error)))?;
        }
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let signing_in = connection.auth(DEFAULT_MECHANISMS, credentials);
        let signed_in = in_time(until, "did not answer to the password in time", signing_in).await?;
        signed_in.map(drop).map_err(|error| match error.status() {
            Some(code) => passing(&format!("answered {code} to the user and password of the settings")),
            None if error.is_client() => passing("offers no way of signing in that this server knows"),
            None => Failure::Passing(sentence(&error)),
        })
    }
}

async fn in_time<T>(until: Instant, late: &str, step: impl Future<Output = T>) -> Result<T, Failure> {
    timeout_at(until, step).await.map_err(|_| passing(late))
}

fn passing(what: &str) -> Failure {
    Failure::Passing(format!("the mail server {what}"))
}

/// What happened, by the code of the server's reply or by the kind of the error.
fn sentence(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_response() => "what answers on that port is no mail server".to_owned(),
        None if error.is_client() => "the mail server does not take such addresses or texts".to_owned(),
        None => format!("the mail server {}", reach::reason(error).unwrap_or("could not be talked to")),
    }
}
