//! SMS by a webhook: the operator's own endpoint, which hands the text to a provider.
//!
//! The request is a `POST` of `{"to", "text"}`. The header `x-parlor-timestamp` holds the time in Unix seconds.
//! `x-parlor-signature` is `v1=` and the hexadecimal HMAC-SHA256, under the shared secret, of the timestamp, a full
//! stop and the body. The receiver should compare it in constant time and refuse old timestamps. `idempotency-key` is
//! the same when a message is posted again, so that the receiver can send it once. Redirects are not followed.

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

use super::{Failure, Message, Sender, SmsSettings, reach};
use crate::config::Secret;
use crate::kit::clock::{Clock, Timestamp};
use crate::kit::error::{Error, Result};
use crate::kit::hex::hex;

/// Sends SMS through an HTTP endpoint.
pub struct Webhook {
    client: Client,
    url: Url,
    secret: Secret,
}

impl Webhook {
    /// A sender for the endpoint of the settings; `None` if they name none.
    ///
    /// # Errors
    /// `internal` if the address is not valid or the secret is missing.
    pub fn new(settings: &SmsSettings) -> Result<Option<Self>> {
        let Some(url) = &settings.webhook_url else { return Ok(None) };
        let url = url.reveal().parse().map_err(|_| Error::internal("courier.sms.webhook_url is not an address"))?;
        let secret = settings.webhook_secret.clone();
        let secret = secret.ok_or_else(|| Error::internal("courier.sms.webhook_secret is missing"))?;
        // The process has one provider of cryptography. An error here means that it is installed already.
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
            let answer = request.send().await.map_err(|error| match error.is_timeout() {
                true => passing("did not answer in time"),
                false => passing(reach::reason(&error).unwrap_or("could not be talked to")),
            })?;
            verdict(answer.status())
        }
        .boxed()
    }
}

fn passing(what: &str) -> Failure {
    Failure::Passing(format!("the webhook {what}"))
}

/// The time of an attempt, which is signed with the message.
#[expect(clippy::disallowed_methods, reason = "a message leaves here: the outside world is an edge")]
fn now() -> Timestamp {
    Clock::system().now()
}

/// What the endpoint's status means: 408, 429 and 5xx may pass, any other refusal is final.
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
    format!("v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn the_signature_is_the_one_that_openssl_computes() {
        // printf '1790000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = "v1=da8fe498621aaab99d5b11c51346b13d1a2bf2914b865b8d3edd3531cab25a3e";
        assert_eq!(signature("secret", 1_790_000_000, r#"{"a":1}"#), expected);
    }
}
