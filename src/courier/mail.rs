//! E-mail over SMTP (RFC 5321), by lettre. The texts of a mail server's replies are not passed on, because they quote
//! addresses.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Email};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as SmtpTls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use uuid::Uuid;

use super::{Failure, MailSettings, Message, Sender, Tls};
use crate::kit::error::{Error, Result};

/// The time limit of one command of the dialogue.
const TIMEOUT: Duration = Duration::from_secs(15);

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
    transport: AsyncSmtpTransport<Tokio1Executor>,
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
        let parameters = || TlsParameters::new(host.clone()).map_err(Error::internal);
        let tls = match settings.tls {
            Tls::Off => SmtpTls::None,
            Tls::Starttls => SmtpTls::Required(parameters()?),
            Tls::Tls => SmtpTls::Wrapper(parameters()?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port())
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Some(Self { transport: transport.build(), from }))
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
            match self.transport.send(email).await {
                Ok(_) => Ok(()),
                Err(error) => Err(failure(&error)),
            }
        }
        .boxed()
    }
}

/// The failure that an error of the transport means. It is judged by the reply's code or the kind of error, and does
/// not contain the reply's text.
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let why = match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() => "TLS with the mail server failed".to_owned(),
        None => "the mail server could not be reached, or broke the connection off".to_owned(),
    };
    if error.is_permanent() { Failure::Final(why) } else { Failure::Passing(why) }
}
