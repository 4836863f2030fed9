//! An S3-compatible object store. Addresses are signed here (SigV4 in the query). The server itself reads and writes by
//! such addresses too.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, redirect};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::media::settings::{S3Settings, Settings};

/// The time limit of one request to the store, its body included. It is shorter than the time that a client's request
/// may take.
const WITHIN: Duration = Duration::from_secs(8);
/// How long the addresses hold that the server signs for itself.
const OWN: Duration = Duration::from_secs(60);
/// The `cache-control` of public objects: an object never changes under its key.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// A bucket, and the client that reaches it.
pub(in crate::media) struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    client: Client,
    public_acl: bool,
    public_url: Option<String>,
}

/// The bucket of these settings; as an error, why they are not valid.
pub(in crate::media) fn bucket(endpoint: &str, name: &str, settings: &S3Settings) -> Result<Bucket, String> {
    let endpoint = endpoint.parse().map_err(|error| format!("it is not an address ({error})"))?;
    let endpoint: reqwest::Url = endpoint;
    if !endpoint.username().is_empty() || endpoint.password().is_some() {
        return Err("a user name and a password do not belong in it: use media.s3.access_key and secret_key".to_owned());
    }
    let style = if settings.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
    let region = settings.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    Bucket::new(endpoint, style, name.to_owned(), region).map_err(|error| error.to_string())
}

impl S3 {
    /// The object store of these settings, which have been checked; `None` if they name none.
    pub(in crate::media) fn of(settings: &Settings) -> Result<Option<Self>> {
        let s3 = &settings.s3;
        let (Some(endpoint), Some(name), Some(id), Some(key)) =
            (&s3.endpoint, &s3.bucket, &s3.access_key, &s3.secret_key)
        else {
            return Ok(None);
        };
        // The process has one provider of cryptography. An error here means that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(WITHIN).build();
        Ok(Some(Self {
            bucket: bucket(endpoint, name, s3).map_err(Error::internal)?,
            credentials: Credentials::new(id.reveal(), key.reveal()),
            client: client.map_err(Error::internal)?,
            public_acl: s3.public_acl,
            public_url: settings.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        }))
    }

    pub(super) fn put_address(
        &self,
        key: &str,
        content_type: &str,
        bytes: u32,
        holds: Duration,
        now: Timestamp,
    ) -> String {
        let mut put = self.bucket.put_object(Some(&self.credentials), key);
        // The headers are inserted in the order of their names, because they are signed in that order.
        put.headers_mut().insert("content-length", bytes.to_string());
        put.headers_mut().insert("content-type", content_type.to_owned());
        put.sign_with_time(holds, &signed_at(now)).into()
    }

    pub(super) fn get_address(&self, key: &str, holds: Duration, now: Timestamp) -> String {
        self.bucket.get_object(Some(&self.credentials), key).sign_with_time(holds, &signed_at(now)).into()
    }

    pub(super) fn public_address(&self, key: &str) -> String {
        match &self.public_url {
            Some(url) => format!("{url}/{key}"),
            None => self.bucket.object_url(key).into(),
        }
    }

    pub(in crate::media) async fn read(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        let get = self.bucket.get_object(Some(&self.credentials), key).sign(OWN);
        let mut response = self.client.get(get).send().await.map_err(away)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        response = good(response)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > limit {
                bytes.truncate(limit + 1);
                break;
            }
        }
        Ok(Some(bytes))
    }

    pub(super) async fn write(&self, key: &str, content_type: &str, is_public: bool, bytes: Vec<u8>) -> Result<()> {
        let mut put = self.bucket.put_object(Some(&self.credentials), key);
        let mut headers = vec![("content-type", content_type)];
        if is_public {
            headers.push(("cache-control", FOREVER));
            headers.extend(self.public_acl.then_some(("x-amz-acl", "public-read")));
        }
        headers.iter().for_each(|(name, value)| {
            put.headers_mut().insert(*name, (*value).to_owned());
        });
        let mut request = self.client.put(put.sign(OWN)).body(bytes);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        good(request.send().await.map_err(away)?).map(drop)
    }

    /// Writes an object only if none has this key. It is read first, because some stores do not know the header
    /// `if-none-match`; with such a store an object that is written between the two requests is replaced.
    pub(in crate::media) async fn add(&self, key: &str, bytes: Vec<u8>) -> Result<bool> {
        if self.read(key, 0).await?.is_some() {
            return Ok(false);
        }
        let mut put = self.bucket.put_object(Some(&self.credentials), key);
        put.headers_mut().insert("if-none-match", "*");
        let request = self.client.put(put.sign(OWN)).header("if-none-match", "*").body(bytes);
        let response = request.send().await.map_err(away)?;
        if [StatusCode::PRECONDITION_FAILED, StatusCode::CONFLICT].contains(&response.status()) {
            return Ok(false);
        }
        good(response).map(|_| true)
    }

    pub(super) async fn remove(&self, key: &str) -> Result<()> {
        let delete = self.bucket.delete_object(Some(&self.credentials), key).sign(OWN);
        let response = self.client.delete(delete).send().await.map_err(away)?;
        if response.status() == StatusCode::NOT_FOUND { Ok(()) } else { good(response).map(drop) }
    }
}

/// The time in the form in which addresses are signed.
fn signed_at(now: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(now.0).expect("the clock's time is within the years of the calendar")
}

fn good(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    // The message does not contain the address, because that is signed. A refusal means wrong credentials or rights,
    // which the operator must put right.
    let words = format!("the object store answered {status}");
    Err(if status.is_server_error() { Error::away(words) } else { Error::internal(words) })
}

fn away(error: reqwest::Error) -> Error {
    Error::away(error.without_url())
}
