//! A client over a real socket, as an app would have it: it numbers its commands, makes operations,
//! sorts what comes, and remembers where it stands in each room. Every wait has an end, and every frame
//! that comes keeps the published schema.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parlor_protocol::command::{Connect, InRoom, Join, Nothing, SendChat};
use parlor_protocol::envelope::{self, EventFrame};
use parlor_protocol::event::Notice;
use parlor_protocol::reply::{Connected, Done, Empty, JoinResult, Joined};
use parlor_protocol::room::Position;
use parlor_protocol::{Command, ErrorBody, Event, Op, RoomId, SUBPROTOCOL, Signal, UserFrame};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use super::schema::assert_published;

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A new operation: one for each tap.
pub fn op() -> Op {
    Op(Uuid::now_v7())
}

/// Waits for this, and fails the test when it does not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// What came over the socket.
#[derive(Clone, PartialEq, Debug)]
pub enum Incoming {
    /// The reply to a command, or with no number what is said of an unreadable frame.
    Reply(Option<u64>, Result<Value, ErrorBody>),
    /// A sequenced event.
    Event(EventFrame),
    /// What may be missed.
    Signal(RoomId, Signal),
    /// What concerns the user.
    User(UserFrame),
    /// What the server says of the socket.
    Notice(Notice),
    /// The socket was closed with this code; `None`: it ended without a word.
    Closed(Option<u16>),
}

/// A client.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    next_id: u64,
    /// What has come and was not asked for yet, in order.
    inbox: VecDeque<Incoming>,
    positions: HashMap<RoomId, Position>,
    /// Which command had each number.
    asked: HashMap<u64, &'static str>,
    /// Answer the server's pings. On, until a test wants silence.
    pub answers_pings: bool,
}

impl Client {
    /// A socket with the subprotocol of this form of the wire. Nothing has been said on it.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, &[("sec-websocket-protocol", SUBPROTOCOL)]).await.expect("a good handshake")
    }

    /// A socket opened with these headers beside the usual ones.
    pub async fn open_with(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<tungstenite::Error>> {
        let mut request = format!("ws://{address}/v1/socket").into_client_request().expect("a good address");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a good header"));
        }
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a living socket");
        let (socket, _) = soon("the handshake", client_async(request, stream)).await?;
        let (inbox, positions, asked) = (VecDeque::new(), HashMap::new(), HashMap::new());
        Ok(Self { socket, next_id: 1, inbox, positions, asked, answers_pings: true })
    }

    /// A socket that has connected as the token's user.
    pub async fn connected(address: SocketAddr, token: &str, device: &str) -> Self {
        let mut client = Self::open(address).await;
        client.connect(token, device).await.expect("the token is good");
        client
    }

    /// Says who one is.
    pub async fn connect(&mut self, token: &str, device: &str) -> Result<Connected, ErrorBody> {
        self.connect_and_join(token, device, Vec::new()).await
    }

    /// Says who one is and comes into these rooms, or back with the positions they name, in one round trip.
    pub async fn connect_and_join(
        &mut self,
        token: &str,
        device: &str,
        joins: Vec<Join>,
    ) -> Result<Connected, ErrorBody> {
        let (token, device) = (token.to_owned(), device.to_owned());
        let connected: Connected = self.ask(Command::Connect(Connect { token, device, client: None, joins })).await?;
        for join in &connected.joins {
            if let JoinResult::Data(joined) = join {
                self.stand(joined);
            }
        }
        Ok(connected)
    }

    /// Comes into a room for the first time, or back from where this client stands.
    pub async fn join(&mut self, room: RoomId, token: &str) -> Result<Joined, ErrorBody> {
        let join = self.join_of(room, token);
        let joined: Joined = self.ask(Command::RoomJoin(join)).await?;
        self.stand(&joined);
        Ok(joined)
    }

    /// The join that brings this client back to where it stands.
    pub fn join_of(&self, room: RoomId, token: &str) -> Join {
        Join { room, token: token.to_owned(), position: self.position(room) }
    }

    /// Goes on from where another client of the same app stood.
    pub fn stand_where(&mut self, positions: HashMap<RoomId, Position>) {
        self.positions = positions;
    }

    /// Where this client stands in each room.
    pub fn positions(&self) -> HashMap<RoomId, Position> {
        self.positions.clone()
    }

    /// Where this client stands in a room.
    pub fn position(&self, room: RoomId) -> Option<Position> {
        self.positions.get(&room).copied()
    }

    /// Leaves a room.
    pub async fn leave(&mut self, room: RoomId) -> Result<Value, ErrorBody> {
        self.ask(Command::RoomLeave(InRoom { room })).await
    }

    /// Says something to a room.
    pub async fn chat(&mut self, room: RoomId, text: &str) -> Result<Done, ErrorBody> {
        self.ask(Command::ChatSend(SendChat::of(room, text.to_owned()))).await
    }

    /// Waits until the server has answered everything sent before.
    pub async fn ping(&mut self) {
        self.ask::<Empty>(Command::Ping(Nothing {})).await.expect("a ping is always answered");
    }

    /// Sends a command with a new operation where it needs one, and says its number.
    pub async fn send(&mut self, command: Command) -> u64 {
        let op = command.needs_op().then(op);
        self.send_as(op, &command).await
    }

    /// Sends a command under a number that was used before.
    pub async fn send_again(&mut self, id: u64, command: Command) {
        self.asked.insert(id, command.kind());
        self.text(&envelope::command(id, command.needs_op().then(op), &command)).await;
    }

    /// Sends a command with this operation, and says its number.
    pub async fn send_as(&mut self, op: Option<Op>, command: &Command) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.asked.insert(id, command.kind());
        self.text(&envelope::command(id, op, command)).await;
        id
    }

    /// Sends a command and waits for its reply.
    pub async fn ask<T: DeserializeOwned>(&mut self, command: Command) -> Result<T, ErrorBody> {
        let id = self.send(command).await;
        self.reply(id).await
    }

    /// Sends a command with this operation and waits for its reply: a retry, when it is an old one.
    pub async fn ask_as<T: DeserializeOwned>(&mut self, op: Op, command: &Command) -> Result<T, ErrorBody> {
        let id = self.send_as(Some(op), command).await;
        self.reply(id).await
    }

    /// Waits for the reply of this number. What comes before it is kept.
    pub async fn reply<T: DeserializeOwned>(&mut self, id: u64) -> Result<T, ErrorBody> {
        let what = format!("the reply to command {id}");
        let incoming = self.find(&what, |incoming| matches!(incoming, Incoming::Reply(of, _) if *of == Some(id))).await;
        let Incoming::Reply(_, result) = incoming else { unreachable!("a reply was looked for") };
        result.map(|data| serde_json::from_value(data).expect("the reply has the command's form"))
    }

    /// Waits for what is said of an unreadable frame.
    pub async fn complaint(&mut self) -> ErrorBody {
        let incoming = self.find("a complaint", |incoming| matches!(incoming, Incoming::Reply(None, Err(_)))).await;
        let Incoming::Reply(_, Err(error)) = incoming else { unreachable!("a complaint was looked for") };
        error
    }

    /// Waits for the next event.
    pub async fn event(&mut self) -> EventFrame {
        let incoming = self.find("an event", |incoming| matches!(incoming, Incoming::Event(_))).await;
        let Incoming::Event(event) = incoming else { unreachable!("an event was looked for") };
        event
    }

    /// Waits for the next event that this takes something from; those before it are dropped.
    pub async fn event_where<T>(&mut self, what: &str, mut take: impl FnMut(&EventFrame) -> Option<T>) -> T {
        soon(what, async {
            loop {
                let event = self.event().await;
                if let Some(taken) = take(&event) {
                    return taken;
                }
            }
        })
        .await
    }

    /// Waits for the next signal.
    pub async fn signal(&mut self) -> (RoomId, Signal) {
        let incoming = self.find("a signal", |incoming| matches!(incoming, Incoming::Signal(..))).await;
        let Incoming::Signal(room, signal) = incoming else { unreachable!("a signal was looked for") };
        (room, signal)
    }

    /// Waits for the next user frame.
    pub async fn user_frame(&mut self) -> UserFrame {
        let incoming = self.find("a user frame", |incoming| matches!(incoming, Incoming::User(_))).await;
        let Incoming::User(frame) = incoming else { unreachable!("a user frame was looked for") };
        frame
    }

    /// Waits for the next notice.
    pub async fn notice(&mut self) -> Notice {
        let incoming = self.find("a notice", |incoming| matches!(incoming, Incoming::Notice(_))).await;
        let Incoming::Notice(notice) = incoming else { unreachable!("a notice was looked for") };
        notice
    }

    /// Waits until the server closes, and says with which code; what came before it is kept.
    pub async fn closed(&mut self) -> Option<u16> {
        let incoming = self.find("the end", |incoming| matches!(incoming, Incoming::Closed(_))).await;
        let Incoming::Closed(code) = incoming else { unreachable!("the end was looked for") };
        code
    }

    /// All that has come and was not asked for, in order.
    pub fn inbox(&self) -> impl Iterator<Item = &Incoming> {
        self.inbox.iter()
    }

    /// Events that have come and were not asked for.
    pub fn events(&mut self) -> Vec<EventFrame> {
        let (events, rest) = self.inbox.drain(..).partition::<Vec<_>, _>(|it| matches!(it, Incoming::Event(_)));
        self.inbox = rest.into();
        events.into_iter().filter_map(|it| if let Incoming::Event(event) = it { Some(event) } else { None }).collect()
    }

    /// The next thing of any kind.
    pub async fn next(&mut self) -> Incoming {
        self.find("a frame", |_| true).await
    }

    /// Reads whatever comes, and answers the server's pings, until the socket is closed.
    pub async fn stay(mut self) {
        while let Some(Ok(message)) = self.socket.next().await {
            let is_ping = message.to_text().is_ok_and(|text| text == r#"{"type":"ping"}"#);
            if is_ping && self.socket.send(Message::text(r#"{"type":"pong"}"#)).await.is_err() {
                return;
            }
        }
    }

    /// Sends this text as it is.
    pub async fn text(&mut self, text: &str) {
        self.message(Message::text(text)).await;
    }

    /// Sends this message of the WebSocket layer.
    pub async fn message(&mut self, message: Message) {
        soon("room to send", self.socket.send(message)).await.expect("the socket is open");
    }

    /// Closes on purpose, with this code.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        soon("room to close", self.socket.close(Some(frame))).await.expect("the socket is open");
        while soon("the echo", self.socket.next()).await.is_some_and(|message| message.is_ok()) {}
    }

    /// Cuts the connection: no close frame, as when a train goes into a tunnel and the system gives up.
    pub fn cut(self) -> HashMap<RoomId, Position> {
        // What has come and was not read makes the system reset the connection, as a cut would.
        drop(self.socket);
        self.positions
    }

    /// Waits for the first thing that fits, and keeps what comes before it.
    async fn find(&mut self, what: &str, fits: impl Fn(&Incoming) -> bool) -> Incoming {
        if let Some(at) = self.inbox.iter().position(&fits) {
            return self.inbox.remove(at).expect("it was just found");
        }
        soon(what, async {
            loop {
                let incoming = self.read().await;
                if fits(&incoming) {
                    return incoming;
                }
                assert!(!matches!(incoming, Incoming::Closed(_)), "{what} was awaited, but {incoming:?} came");
                self.inbox.push_back(incoming);
            }
        })
        .await
    }

    async fn read(&mut self) -> Incoming {
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => return Incoming::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Incoming::Closed(None),
            };
            assert_published(&text, |id| self.asked.get(&id).copied());
            let incoming = sort(&text);
            match &incoming {
                Incoming::Event(event) => self.follow(event),
                Incoming::Notice(Notice::Ping) if self.answers_pings => {
                    // A server that closes meanwhile shows at the next read.
                    let _ = self.socket.send(Message::text(r#"{"type":"pong"}"#)).await;
                }
                _ => {}
            }
            return incoming;
        }
    }

    fn stand(&mut self, joined: &Joined) {
        self.positions.insert(joined.room, joined.position);
    }

    fn follow(&mut self, event: &EventFrame) {
        let position = self.positions.entry(event.room).or_default();
        (position.epoch, position.seq) = (event.epoch, event.seq);
        if let Event::GiftsSent { gifts, .. } = &event.event {
            let highest = gifts.iter().map(|gift| gift.gift_no).max();
            position.gift_no = position.gift_no.max(highest);
        }
    }
}

/// What a frame of the server is.
fn sort(text: &str) -> Incoming {
    let mut frame: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("the server sends JSON: {text}"));
    let object = frame.as_object_mut().expect("a frame is an object");
    if let Some(id) = object.get("id").cloned() {
        let result = match object.remove("error") {
            Some(error) => Err(serde_json::from_value(error).expect("an error of the protocol")),
            None => Ok(object.remove("data").expect("a reply has data or an error")),
        };
        return Incoming::Reply(id.as_u64(), result);
    }
    let form = "a frame of the protocol";
    if object.contains_key("seq") {
        Incoming::Event(serde_json::from_str(text).expect(form))
    } else if object.contains_key("room") {
        let room = serde_json::from_value(object["room"].clone()).expect(form);
        Incoming::Signal(room, serde_json::from_value(frame).expect(form))
    } else if object.contains_key("user") {
        Incoming::User(serde_json::from_value(frame).expect(form))
    } else {
        Incoming::Notice(serde_json::from_value(frame).expect(form))
    }
}
