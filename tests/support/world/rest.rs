//! What the people of a world ask for by REST.

use std::net::SocketAddr;

use hyper::Method;
use parlor_loadtests::rest;
use parlor_protocol::{Op, RoomId, UserId};
use serde_json::{Value, json};

use super::World;
use crate::support::client::op;

/// The password of those who register in a test: one that will do.
pub const PASSWORD: &str = "correct horse battery";

impl World {
    /// The status and the answer of a request; an empty token is nobody's. Each POST is a tap of its own.
    pub async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        let op = (method == Method::POST).then(op);
        self.call_as(op, method, path, token, body).await
    }

    /// The same under this operation, or under none.
    pub async fn call_as(
        &self,
        op: Option<Op>,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let token = (!token.is_empty()).then_some(token);
        let call = rest::call_as(op, self.address, method, path, token, body.as_ref());
        let (status, answer) = call.await.expect("up");
        (status.as_u16(), answer)
    }

    pub async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.call(Method::GET, path, token, None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, token, Some(body)).await
    }

    /// The status of a PUT without a body.
    pub async fn put(&self, path: &str, token: &str) -> u16 {
        self.call(Method::PUT, path, token, None).await.0
    }

    /// The status of a DELETE.
    pub async fn delete(&self, path: &str, token: &str) -> u16 {
        self.call(Method::DELETE, path, token, None).await.0
    }

    /// The status of a suspension for good.
    pub async fn suspend(&self, user: UserId, token: &str) -> u16 {
        let path = format!("/v1/staff/users/{user}/suspension");
        self.call(Method::PUT, &path, token, Some(json!({"reason": "spam"}))).await.0
    }

    /// What somebody is granted who registers under this name.
    pub async fn registered(&self, name: &str) -> Value {
        let account =
            json!({"email": format!("{name}@example.com"), "password": PASSWORD, "name": name, "device": "phone"});
        let (status, grant) = self.call_as(None, Method::POST, "/v1/auth/register", "", Some(account)).await;
        assert_eq!(status, 201, "{grant}");
        grant
    }

    /// The token and the id of the demo user of this number, signed in.
    pub async fn demo(&self, number: u8) -> (String, UserId) {
        demo(self.address, number).await
    }

    /// A room that somebody makes, of this name.
    pub async fn made(&self, token: &str, name: &str) -> RoomId {
        made(self.address, token, name).await
    }

    /// The token that lets whoever asks into this room.
    pub async fn pass(&self, token: &str, room: RoomId) -> String {
        pass(self.address, token, room).await
    }
}

pub(super) async fn demo(address: SocketAddr, number: u8) -> (String, UserId) {
    let login = format!("demo{number}@parlor.example");
    let body = json!({"login": login, "password": "parlor-demo", "device": "test"});
    let (status, grant) = rest::post(address, "/v1/auth/login", None, &body).await.expect("up");
    assert_eq!(status, 200, "{grant}");
    let user = grant["user"]["id"].as_i64().and_then(UserId::new).expect("a user");
    (grant["access_token"].as_str().expect("a token").to_owned(), user)
}

pub(super) async fn made(address: SocketAddr, token: &str, name: &str) -> RoomId {
    let (status, card) = rest::post(address, "/v1/rooms", Some(token), &json!({"name": name})).await.expect("up");
    assert_eq!(status, 201, "{card}");
    card["id"].as_i64().and_then(RoomId::new).expect("a room")
}

pub(super) async fn pass(address: SocketAddr, token: &str, room: RoomId) -> String {
    let path = format!("/v1/rooms/{room}/token");
    let (status, answer) = rest::post(address, &path, Some(token), &json!({})).await.expect("up");
    assert_eq!(status, 200, "{answer}");
    answer["token"].as_str().expect("a token").to_owned()
}
