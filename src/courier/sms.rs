//! SMS by a webhook: the operator's own endpoint, which hands the text to a provider.
//!
//! `POST` of `{"to", "text"}` with `x-parlor-timestamp` (Unix seconds) and `x-parlor-signature`: `v1=` and
//! the hexadecimal HMAC-SHA256, under the shared secret, of the timestamp, a full stop and the body. The
//! receiver compares in constant time and refuses old timestamps. `idempotency-key` is the same where a message is
//! posted again, so that it can be sent once. Redirects are not followed.

use std::fmt::Write;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde_json::json;
use sha2::Sha256;

use uuid::Uuid;

use super::{Failure, Message, Sender, SmsSettings};
use crate::config::Secret;
use crate::kit::clock::{Clock, Timestamp};
use crate::kit::error::{Error, Result};

/// Sends by an HTTP endpoint.
pub struct Webhook {
    client: Client,
    url: Url,
    secret: Secret,
}

impl Webhook {
    /// By the endpoint of the settings; `None` where they name none.
    ///
    /// # Errors
    /// An address that is none, or no secret.
    pub fn new(settings: &SmsSettings) -> Result<Option<Self>> {
        let Some(url) = &settings.webhook_url else { return Ok(None) };
        let url = url.reveal().parse().map_err(|_| Error::internal("courier.sms.webhook_url is no address"))?;
        let secret = settings.webhook_secret.clone();
        let secret = secret.ok_or_else(|| Error::internal("courier.sms.webhook_secret is missing"))?;
        // Others may have installed it already; there is but one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let timeout = Duration::from_millis(settings.timeout_ms);
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(timeout).build();
        Ok(Some(Self { client: client.map_err(Error::internal)?, url, secret }))
    }
}

impl Sender for Webhook {
    fn send<'a>(&'a self, id: Uuid, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let body = json!({"to": message.to, "text": message.text}).to_string();
            let timestamp = now().0 / 1_000;
            let signature = signature(self.secret.reveal(), timestamp, &body);
            let request = self
                .client
                .post(self.url.clone())
                .header(CONTENT_TYPE, "application/json")
                .header("idempotency-key", id.to_string())
                .header("x-parlor-timestamp", timestamp.to_string())
                .header("x-parlor-signature", signature)
                .body(body);
            let passing = |why: &str| Failure::Passing(why.to_owned());
            let answer = request.send().await.map_err(|error| match error.is_timeout() {
                true => passing("the webhook did not answer in time"),
                false => passing("the webhook could not be reached"),
            })?;
            verdict(answer.status())
        }
        .boxed()
    }
}

/// The time of an attempt; it is signed.
#[expect(clippy::disallowed_methods, reason = "a message leaves here: the outside world is an edge")]
fn now() -> Timestamp {
    Clock::system().now()
}

fn verdict(status: StatusCode) -> Result<(), Failure> {
    let why = || format!("the webhook answered {}", status.as_u16());
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Failure::Passing(why())),
        _ if status.is_server_error() => Err(Failure::Passing(why())),
        _ => Err(Failure::Final(why())),
    }
}

fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().fold("v1=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes what is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn the_signature_is_what_another_program_makes_of_it() {
        // printf '1790000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = "v1=da8fe498621aaab99d5b11c51346b13d1a2bf2914b865b8d3edd3531cab25a3e";
        assert_eq!(signature("secret", 1_790_000_000, r#"{"a":1}"#), expected);
    }
}
