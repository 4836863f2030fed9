//! Somebody with an account, who uploads files as an app would.

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::program::Program;

/// The beginning of a picture.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

pub struct Person {
    http: Client,
    base: String,
    token: String,
    pub id: i64,
}

impl Person {
    /// Registers under this e-mail address.
    pub async fn new(server: &Program, email: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let mut person = Self { http, base: format!("http://{}", server.address), token: String::new(), id: 0 };
        let account = json!({"email": email, "password": "correct horse battery", "name": "Layla", "device": "test"});
        let (status, body) = person.call(Method::POST, "/v1/auth/register", Some(account)).await;
        assert_eq!(status, 201, "{body}");
        person.token = body["access_token"].as_str().expect("a token").to_owned();
        person.id = body["user"]["id"].as_i64().expect("an id");
        person
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("it answers");
        let status = response.status().as_u16();
        let bytes = response.bytes().await.expect("a body");
        (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") })
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

    /// Puts these bytes to where an upload may be put, with the headers that it names.
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

    /// Uploads a file that is what it is said to be.
    pub async fn upload(&self, purpose: &str, content_type: &str, bytes: &[u8]) -> Value {
        let begun = self.begin(purpose, content_type, bytes.len()).await;
        assert_eq!(self.send(&begun, bytes).await, 200);
        let (status, upload) = self.complete(&begun).await;
        assert_eq!((status, &upload["state"]), (200, &json!("ready")), "{upload}");
        upload
    }

    /// Reads an address as anybody would, following nothing.
    pub async fn read(&self, address: &str) -> Response {
        self.http.get(self.absolute(address)).send().await.expect("it answers")
    }

    fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') { format!("{}{address}", self.base) } else { address.to_owned() }
    }
}
