//! E-mail: a message as text (RFC 5322), by lettre, for the SMTP server of the settings.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Email};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use uuid::Uuid;

use super::smtp::Server;
use super::{Failure, MailSettings, Message, Sender};
use crate::kit::error::{Error, Result};

/// The header `Auto-Submitted` (RFC 3834), which keeps automatic responders from answering.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Sends e-mails through an SMTP server.
pub struct Mail {
    server: Server,
    from: Mailbox,
}

impl Mail {
    /// A sender for the SMTP server of the settings; `None` if they name no server.
    ///
    /// # Errors
    /// `internal` if the sender's address or the host is not valid.
    pub fn new(settings: &MailSettings) -> Result<Option<Self>> {
        let Some(host) = &settings.host else { return Ok(None) };
        let from = settings.from.as_deref().unwrap_or_default().parse();
        let from = from.map_err(|_| Error::internal("courier.mail.from is not an e-mail address"))?;
        let password = settings.user.clone().zip(settings.password.as_ref());
        let server = Server {
            parameters: TlsParameters::new(host.clone()).map_err(Error::internal)?,
            host: host.clone(),
            port: settings.port(),
            tls: settings.tls,
            credentials: password.map(|(user, password)| Credentials::new(user, password.reveal().to_owned())),
            within: Duration::from_millis(settings.timeout_ms),
        };
        Ok(Some(Self { server, from }))
    }
}

impl Sender for Mail {
    fn send<'a>(&'a self, id: Uuid, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let to = message.to.parse().map_err(|_| Failure::Final("the address is not valid in SMTP".to_owned()))?;
            let email = Email::builder()
                .from(self.from.clone())
                .to(Mailbox::new(None, to))
                .subject(message.subject.clone())
                .header(ContentType::TEXT_PLAIN)
                .header(AutoSubmitted)
                .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
                .body(message.text.clone())
                .map_err(|_| Failure::Final("the message cannot be written as an e-mail".to_owned()))?;
            self.server.deliver(email.envelope(), &email.formatted()).await
        }
        .boxed()
    }
}
