//! A user who uploads files as an app would.

use std::net::SocketAddr;

use hyper::Method;
use parlor_loadtests::rest;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::world::World;

/// A picture of one pixel.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\
    \0\0\0\x0cIDATx\xdac\xf8\xcf\xd0\0\0\x03\x81\x01\x80\x9cPE-\0\0\0\0IEND\xaeB`\x82";

pub struct Person {
    http: reqwest::Client,
    address: SocketAddr,
    token: String,
    pub id: i64,
}

impl Person {
    /// Registers under this name.
    pub async fn new(world: &World, name: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let grant = world.registered(name).await;
        let token = grant["access_token"].as_str().expect("a token").to_owned();
        let id = grant["user"]["id"].as_i64().expect("an id");
        Self { http, address: world.address, token, id }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = rest::call(self.address, method, path, Some(&self.token), body.as_ref()).await;
        let (status, body) = answer.expect("it answers");
        (status.as_u16(), body)
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn begin(&self, purpose: &str, content_type: &str, bytes: usize) -> Value {
        let asked = json!({"purpose": purpose, "content_type": content_type, "bytes": bytes});
        let (status, begun) = self.post("/v1/uploads", asked).await;
        assert_eq!(status, 201, "{begun}");
        begun
    }

    /// Puts these bytes to the address of an upload, with the headers that it names.
    pub async fn send(&self, begun: &Value, bytes: &[u8]) -> StatusCode {
        assert_eq!(begun["method"], "PUT");
        let mut request = self.http.put(self.absolute(begun["url"].as_str().expect("a url")));
        for (name, value) in begun["headers"].as_object().expect("headers") {
            // Clients set the length themselves.
            if name != "content-length" {
                request = request.header(name, value.as_str().expect("text"));
            }
        }
        request.body(bytes.to_vec()).send().await.expect("it answers").status()
    }

    pub async fn complete(&self, begun: &Value) -> (u16, Value) {
        self.post(&format!("/v1/uploads/{}/complete", begun["id"].as_str().expect("an id")), json!({})).await
    }

    /// Uploads a file that is of the announced type.
    pub async fn upload(&self, purpose: &str, content_type: &str, bytes: &[u8]) -> Value {
        let begun = self.begin(purpose, content_type, bytes.len()).await;
        assert_eq!(self.send(&begun, bytes).await, 200);
        let (status, upload) = self.complete(&begun).await;
        assert_eq!((status, &upload["state"]), (200, &json!("ready")), "{upload}");
        upload
    }

    /// What stands for this person's picture, as the reply to a new socket's `connect` says.
    pub async fn picture(&self) -> Option<u32> {
        let mut socket = Client::open(self.address).await;
        socket.connect(&self.token, "device").await.expect("may come in").user.picture
    }

    /// The answer to a file of these bytes: the stored file, or the code of the refusal.
    pub async fn offered(&self, purpose: &str, content_type: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let begun = self.begin(purpose, content_type, bytes.len()).await;
        assert_eq!(self.send(&begun, bytes).await, 200);
        match self.complete(&begun).await {
            (200, upload) => Ok(self
                .read(upload["address"].as_str().expect("an address"))
                .await
                .bytes()
                .await
                .expect("a body")
                .into()),
            (_, refused) => Err(refused["code"].as_str().expect("a code").to_owned()),
        }
    }

    /// Reads an address without a token, and follows no redirect.
    pub async fn read(&self, address: &str) -> Response {
        self.http.get(self.absolute(address)).send().await.expect("it answers")
    }

    fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') { format!("http://{}{address}", self.address) } else { address.to_owned() }
    }
}
