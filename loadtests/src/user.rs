//! One simulated user with one device: connects, joins with its position, and repeats a command until it is answered.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parlor_protocol::command::{Connect, Join, ListGifts, Nothing};
use parlor_protocol::envelope::{self, EventFrame};
use parlor_protocol::reply::{GiftPage, Joined};
use parlor_protocol::{Command, ErrorBody, Op, Retry, RoomId, SUBPROTOCOL};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::rest::{self, Away};
use crate::screen::Screen;

/// How long a user waits for a frame before the connection counts as lost.
const ANSWER: Duration = Duration::from_secs(8);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A user with an account, a device, and a screen that shows one room.
#[derive(Debug)]
pub struct User {
    address: SocketAddr,
    /// The address to which the socket is opened; the server's own, unless a proxy is between.
    socket_address: SocketAddr,
    name: String,
    device: String,
    access: String,
    /// The user's id.
    pub id: i64,
    /// What the user sees of the room.
    pub screen: Screen,
    /// Each balance and its version, by the currency's name.
    pub balances: HashMap<String, (i64, i64)>,
    socket: Option<Stream>,
    next_id: u64,
    /// Replies that arrived while the user waited for another one.
    replies: HashMap<u64, Result<Value, ErrorBody>>,
}

impl User {
    /// Registers with an e-mail address made from `name`, or signs in if that account exists.
    ///
    /// # Errors
    /// `Away`, also if the answer has no token.
    pub async fn enter(address: SocketAddr, name: &str, room: RoomId) -> Result<Self, Away> {
        let email = format!("{name}@load.parlor.example");
        let body = json!({"email": email, "password": "a long enough secret", "name": name, "device": name});
        let (status, mut answer) = rest::post(address, "/v1/auth/register", None, &body).await?;
        if status == 409 {
            let body = json!({"login": email, "password": "a long enough secret", "device": name});
            answer = rest::post(address, "/v1/auth/login", None, &body).await?.1;
        }
        let access = answer["access_token"].as_str().ok_or_else(|| Away(format!("no token in {answer}")))?.to_owned();
        let id = answer["user"]["id"].as_i64().ok_or_else(|| Away(format!("no user in {answer}")))?;
        let name = name.to_owned();
        Ok(Self {
            address,
            socket_address: address,
            device: name.clone(),
            name,
            access,
            id,
            balances: HashMap::new(),
            screen: Screen::new(room),
            socket: None,
            next_id: 0,
            replies: HashMap::new(),
        })
    }

    /// The same user on another device, with a screen of its own.
    #[must_use]
    pub fn on_device(&self, device: &str) -> Self {
        Self {
            address: self.address,
            socket_address: self.socket_address,
            name: self.name.clone(),
            device: device.to_owned(),
            access: self.access.clone(),
            id: self.id,
            screen: Screen::new(self.screen.room),
            balances: HashMap::new(),
            socket: None,
            next_id: 0,
            replies: HashMap::new(),
        }
    }

    /// Opens sockets at this address from now on, which is that of a proxy.
    #[must_use]
    pub fn through(mut self, socket_address: SocketAddr) -> Self {
        self.socket_address = socket_address;
        self
    }

    /// The access token for REST.
    pub fn access(&self) -> &str {
        &self.access
    }

    /// Opens the socket and joins the room with the position so far.
    ///
    /// # Errors
    /// `Away`, or a refusal in words.
    pub async fn arrive(&mut self) -> Result<(), Away> {
        self.socket = None;
        self.replies.clear();
        let path = format!("/v1/rooms/{}/token", self.screen.room);
        let (_, answer) = rest::post(self.address, &path, Some(&self.access), &json!({})).await?;
        let token = answer["token"].as_str().ok_or_else(|| Away(format!("no room token in {answer}")))?.to_owned();

        let mut request = format!("ws://{}/v1/socket", self.socket_address)
            .into_client_request()
            .map_err(|error| Away(error.to_string()))?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", SUBPROTOCOL.parse().expect("the subprotocol is a header value"));
        let opened = timeout(ANSWER, connect_async(request)).await.map_err(|_| Away("no handshake".into()))?;
        self.socket = Some(opened.map_err(|error| Away(error.to_string()))?.0);

        let connect =
            Connect { token: self.access.clone(), device: self.device.clone(), client: None, joins: Vec::new() };
        let connected = self.ask(None, &Command::Connect(connect)).await?.map_err(|error| Away(error.to_string()))?;
        for balance in connected["balances"].as_array().into_iter().flatten() {
            self.balance(balance);
        }
        let join = Join { room: self.screen.room, token, position: self.screen.position };
        let id = self.say(None, &Command::RoomJoin(join)).await?;
        loop {
            // The reply comes before the room's first event, so it is applied before any event.
            self.hear().await?;
            if let Some(reply) = self.replies.remove(&id) {
                let joined = reply.map_err(|error| Away(error.to_string()))?;
                let joined: Joined = serde_json::from_value(joined).map_err(|error| Away(error.to_string()))?;
                let mut more = self.screen.joined(&joined);
                while more {
                    let list = ListGifts { room: self.screen.room, after: self.screen.gift_no() };
                    let page = self.ask(None, &Command::GiftList(list)).await?;
                    let page = page.map_err(|error| Away(error.to_string()))?;
                    let page: GiftPage = serde_json::from_value(page).map_err(|error| Away(error.to_string()))?;
                    more = self.screen.page(&page);
                }
                return Ok(());
            }
        }
    }

    /// Drops the connection without a close frame, as a phone in a tunnel does.
    pub fn vanish(&mut self) {
        self.socket = None;
    }

    /// If the socket is lost, joins again, and repeats that until it succeeds.
    pub async fn come_back(&mut self) {
        while self.socket.is_none() {
            if self.arrive().await.is_err() {
                self.socket = None;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Sends a command with one operation until the answer is final, through lost connections, restarts and overload.
    /// Gives up after `patience`.
    ///
    /// # Errors
    /// The final refusal, or that there was no final answer in time.
    pub async fn insist(&mut self, op: Op, command: &Command, patience: Duration) -> Result<Value, String> {
        let tries = async {
            loop {
                if self.socket.is_none() && self.arrive().await.is_err() {
                    self.socket = None;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                match self.ask(Some(op), command).await {
                    Ok(Ok(data)) => return Ok(data),
                    Ok(Err(error)) if matches!(error.retry, Retry::Now | Retry::Later) => {
                        tokio::time::sleep(Duration::from_millis(error.retry_after_ms.unwrap_or(10))).await;
                    }
                    Ok(Err(error)) => return Err(error.to_string()),
                    Err(_) => self.socket = None,
                }
            }
        };
        timeout(patience, tries).await.unwrap_or_else(|_| Err(format!("no final answer within {patience:?}")))
    }

    /// Listens until the screen has shown the gift of this number; joins again whenever the socket is lost.
    ///
    /// # Errors
    /// If the screen has not shown it within `patience`.
    pub async fn watch_until(&mut self, gift_no: i64, patience: Duration) -> Result<(), String> {
        self.watch(|screen| screen.gift_no() >= gift_no, patience).await
    }

    /// Listens until `shows` is true of the screen; joins again whenever the socket is lost.
    ///
    /// # Errors
    /// If it is not true within `patience`.
    pub async fn watch(&mut self, shows: impl Fn(&Screen) -> bool, patience: Duration) -> Result<(), String> {
        let watching = async {
            while !shows(&self.screen) {
                if self.socket.is_none() && self.arrive().await.is_err() {
                    self.socket = None;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                } else if !shows(&self.screen) && self.hear().await.is_err() {
                    self.socket = None;
                }
            }
        };
        let done = timeout(patience, watching).await.is_ok();
        if done { Ok(()) } else { Err(format!("{} has seen only {:?}", self.name, self.screen.position)) }
    }

    /// Sends a command once and waits for its reply.
    ///
    /// # Errors
    /// `Away` when the socket is lost before the reply.
    pub async fn ask(&mut self, op: Option<Op>, command: &Command) -> Result<Result<Value, ErrorBody>, Away> {
        let id = self.say(op, command).await?;
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return Ok(reply);
            }
            self.hear().await?;
        }
    }

    /// Takes a balance unless it is older than the known one.
    fn balance(&mut self, balance: &Value) {
        let currency = balance["currency"].as_str().unwrap_or_default().to_owned();
        let known = self.balances.entry(currency).or_default();
        let version = balance["version"].as_i64().unwrap_or(0);
        if version >= known.1 {
            *known = (balance["amount"].as_i64().unwrap_or(0), version);
        }
    }

    /// Joins again if the socket is lost, and then reads everything that the server sent before this moment.
    ///
    /// # Errors
    /// `Away` when the socket is lost again.
    pub async fn catch_up(&mut self) -> Result<(), Away> {
        if self.socket.is_none() {
            self.arrive().await?;
        }
        let heard = self.ask(None, &Command::Ping(Nothing {})).await;
        if heard.is_err() {
            self.socket = None;
        }
        heard.map(drop)
    }

    async fn say(&mut self, op: Option<Op>, command: &Command) -> Result<u64, Away> {
        self.next_id += 1;
        let text = envelope::command(self.next_id, op, command);
        let socket = self.socket.as_mut().ok_or_else(|| Away("no socket".into()))?;
        socket.send(Message::text(text)).await.map_err(|error| Away(error.to_string()))?;
        Ok(self.next_id)
    }

    /// Reads one frame and does what an app does with it.
    ///
    /// # Errors
    /// `Away` when the socket is lost or silent for too long.
    pub async fn hear(&mut self) -> Result<(), Away> {
        let socket = self.socket.as_mut().ok_or_else(|| Away("no socket".into()))?;
        let message = timeout(ANSWER, socket.next()).await.map_err(|_| Away("silent".into()))?;
        let message = message.ok_or_else(|| Away("ended".into()))?.map_err(|error| Away(error.to_string()))?;
        let Message::Text(text) = message else { return Ok(()) };
        let frame: Value = serde_json::from_str(&text).map_err(|error| Away(error.to_string()))?;
        if let Some(id) = frame.get("id").and_then(Value::as_u64) {
            let reply = match frame.get("error") {
                Some(error) => Err(serde_json::from_value(error.clone()).map_err(|error| Away(error.to_string()))?),
                None => Ok(frame["data"].clone()),
            };
            self.replies.insert(id, reply);
        } else if frame.get("seq").is_some() {
            let event: EventFrame = serde_json::from_str(&text).map_err(|error| Away(error.to_string()))?;
            self.screen.event(&event);
        } else if frame["type"] == "ping" {
            socket.send(Message::text(r#"{"type":"pong"}"#)).await.map_err(|error| Away(error.to_string()))?;
        } else if frame["type"] == "balance.changed" {
            self.balance(&frame["data"]);
        } else if frame["type"] == "room.removed" {
            // The user is out of the room, whatever the cause: the next join brings the position.
            self.socket = None;
        }
        Ok(())
    }
}
