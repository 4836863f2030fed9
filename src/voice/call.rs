//! A request to a vendor's server API, and the client that sends it.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::Secret;
use crate::kit::error::{Error, Result};
use crate::kit::jobs::Failure;

/// What a vendor has said to a call that it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Whether the vendor knew whom or what it was about. LiveKit knows only who is connected.
    pub is_known: bool,
    /// The number of the rule that Agora has made.
    pub rule: Option<i64>,
}

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 4_096;

/// JSON that is sent to a vendor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// `POST`, or `DELETE` for what the vendor is to forget.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// The header `authorization`.
    pub authorization: Secret,
    /// The body.
    pub body: String,
}

/// Sends calls. Redirects are not followed, because the header would go to another server.
#[derive(Clone)]
pub struct Caller(Client);

impl Caller {
    /// A client whose calls may take this long.
    ///
    /// # Errors
    /// `internal` if the client cannot be made.
    pub fn new(within: Duration) -> Result<Self> {
        // The process has one provider of cryptography. An error here means that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(within).build();
        Ok(Self(client.map_err(Error::internal)?))
    }

    /// Sends a call. LiveKit's `not_found` is an answer: who is not connected has no rights to change. (A wrong address is
    /// answered 404 too, with another code.) So is any 404 to a `DELETE`: what it was about is gone.
    ///
    /// # Errors
    /// `Passing` if the vendor was not reached, is overloaded or has a fault; `Final` if it refuses the call. The words
    /// repeat nothing of what the vendor said.
    pub async fn send(&self, call: Call) -> Result<Taken, Failure> {
        let forgets = call.method == Method::DELETE;
        let request = self
            .0
            .request(call.method, call.url)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, call.authorization.reveal())
            .body(call.body);
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {
                let is_absent = forgets || said::<Refusal>(answer).await.is_some_and(|said| said.code == "not_found");
                if is_absent { Ok(Taken { is_known: false, rule: None }) } else { Err(verdict(StatusCode::NOT_FOUND)) }
            }
            Ok(answer) if answer.status().is_success() => {
                Ok(Taken { is_known: true, rule: said::<Rule>(answer).await.and_then(|said| said.id) })
            }
            Ok(answer) => Err(verdict(answer.status())),
            Err(error) if error.is_timeout() => Err(passing("did not answer in time")),
            Err(_) => Err(passing("could not be reached")),
        }
    }
}

fn passing(what: &str) -> Failure {
    Failure::Passing(format!("the voice vendor {what}"))
}

/// The error of Twirp: its code `not_found` says that the participant or the room is not there.
#[derive(Deserialize)]
struct Refusal {
    code: String,
}

/// What Agora says of a rule.
#[derive(Deserialize)]
struct Rule {
    id: Option<i64>,
}

/// The beginning of an answer, as far as it is what was expected.
async fn said<T: DeserializeOwned>(mut answer: Response) -> Option<T> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            break;
        }
    }
    serde_json::from_slice(&body).ok()
}

fn verdict(status: StatusCode) -> Failure {
    let why = format!("the voice vendor answered {}", status.as_u16());
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Failure::Passing(why),
        // A proxy on the way, or keys that are being changed, may be the cause. A right that is to be gone is told until it is.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Failure::Passing(why),
        _ if status.is_server_error() || status.is_redirection() => Failure::Passing(why),
        _ => Failure::Final(why),
    }
}
