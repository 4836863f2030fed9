//! A request to a vendor's server API, and the client that sends it.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use crate::config::Secret;
use crate::kit::error::{Error, Result};
use crate::kit::jobs::Failure;

/// The most bytes of a refusal that are read.
const MOST_BYTES: usize = 4_096;

/// A `POST` of JSON to a vendor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
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

    /// Sends a call. LiveKit's `not_found` is a success: who is not connected has no rights to change. (A wrong address
    /// is answered 404 too, with another code.)
    ///
    /// # Errors
    /// `Passing` if the vendor was not reached, is overloaded or has a fault; `Final` if it refuses the call. The words
    /// repeat nothing of what the vendor said.
    pub async fn send(&self, call: Call) -> Result<(), Failure> {
        let request = self
            .0
            .post(call.url)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, call.authorization.reveal())
            .body(call.body);
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => absent(answer).await,
            Ok(answer) => verdict(answer.status()),
            Err(error) if error.is_timeout() => Err(passing("did not answer in time")),
            Err(_) => Err(passing("could not be reached")),
        }
    }
}

fn passing(what: &str) -> Failure {
    Failure::Passing(format!("the voice vendor {what}"))
}

/// What a 404 means: Twirp's error `not_found` says that the participant or the room is not there.
async fn absent(mut answer: Response) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            break;
        }
    }
    match serde_json::from_slice(&body) {
        Ok(Refusal { code }) if code == "not_found" => Ok(()),
        _ => verdict(StatusCode::NOT_FOUND),
    }
}

fn verdict(status: StatusCode) -> Result<(), Failure> {
    let why = || format!("the voice vendor answered {}", status.as_u16());
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Failure::Passing(why())),
        _ if status.is_server_error() => Err(Failure::Passing(why())),
        _ => Err(Failure::Final(why())),
    }
}
