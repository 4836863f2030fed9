//! What is done in rooms by REST: the same as by the socket, and one operation with it.

use hyper::{Method, StatusCode};
use parlor_loadtests::rest::{Answer, call_as};
use parlor_protocol::command::{Recipients, SendGift, TakeSeat};
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::{Done, GiftReceipt};
use parlor_protocol::{Command, ErrorCode, Event, GiftId, Op, RoomId, UserFrame, UserId};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::rest::signed_in_as;
use crate::support::client::{Client, op};
use crate::support::postgres::Database;
use crate::support::program::Program;

/// A server with a room of user 1, who is not in it, and user 2, who is by a socket. Each with a token.
struct World {
    program: Program,
    room: RoomId,
    tokens: [String; 3],
    /// User 2's.
    socket: Client,
    _database: Database,
}

impl World {
    async fn new() -> Self {
        let database = Database::fresh().await;
        let program = block_in_place(|| Program::dev_on(&database));
        let address = program.address;
        let mut tokens = [const { String::new() }; 3];
        for (number, token) in (1..).zip(&mut tokens) {
            *token = signed_in_as(address, number).await;
        }
        let (_, made) = post(&program, &tokens[0], "/v1/rooms", json!({"name": "A room"})).await;
        let room = RoomId::new(made["id"].as_i64().expect("an id")).expect("in range");
        let (_, pass) = post(&program, &tokens[1], &format!("/v1/rooms/{room}/token"), json!({})).await;
        let mut socket = Client::connected(address, &tokens[1], "phone").await;
        socket.join(room, pass["token"].as_str().expect("a token")).await.expect("may come in");
        Self { program, room, tokens, socket, _database: database }
    }

    /// What user `number` is answered, under the operation if one is named.
    async fn ask(&self, number: usize, op: Option<Op>, method: Method, what: &str, body: Option<Value>) -> Answer {
        let path = format!("/v1/rooms/{}/{what}", self.room);
        let token = Some(self.tokens[number - 1].as_str());
        call_as(op, self.program.address, method, &path, token, body.as_ref()).await.expect("up")
    }

    async fn id(&self, number: usize) -> UserId {
        let token = Some(self.tokens[number - 1].as_str());
        let (_, me) = call_as(None, self.program.address, Method::GET, "/v1/me", token, None).await.expect("up");
        UserId::new(me["id"].as_i64().expect("an id")).expect("in range")
    }
}

async fn post(program: &Program, token: &str, path: &str, body: Value) -> Answer {
    call_as(None, program.address, Method::POST, path, Some(token), Some(&body)).await.expect("up")
}

#[track_caller]
fn refused((status, problem): Answer, code: ErrorCode) {
    assert_eq!((status.as_u16(), &problem["code"]), (code.status(), &code.name().into()), "{problem}");
}

fn granted((status, body): Answer) -> Value {
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_operation_by_rest_and_by_socket_takes_effect_once() {
    let mut world = World::new().await;
    let (op, seat) = (op(), json!({"seat": 2}));
    let done = granted(world.ask(2, Some(op), Method::PUT, "seat", Some(seat.clone())).await);
    let done: Done = serde_json::from_value(done).expect("an answer");
    let taken = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::SeatsChanged { seats, .. } => Some((event.seq, seats[0].no)),
        _ => None,
    };
    assert_eq!(world.socket.event_where("a seat", taken).await, (done.seq, 2));
    let take = Command::SeatTake(TakeSeat { room: world.room, seat: Some(2), version: None });
    let again: Done = world.socket.ask_as(op, &take).await.expect("known");
    assert_eq!(again, Done { replayed: true, ..done });
    assert_eq!(granted(world.ask(2, Some(op), Method::PUT, "seat", Some(seat)).await)["replayed"], true);
    refused(world.ask(2, Some(op), Method::PUT, "seat", Some(json!({}))).await, ErrorCode::OperationConflict);
    // The rate is the user's, whichever way they ask: that was four of five.
    refused(world.ask(2, None, Method::PUT, "seat", Some(json!({}))).await, ErrorCode::AlreadySeated);
    let (status, limited) = world.ask(2, None, Method::DELETE, "seat", None).await;
    assert_eq!((status.as_u16(), limited["retry_after_ms"].is_u64()), (429, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gift_by_rest_names_its_operation_and_is_paid_once() {
    let mut world = World::new().await;
    let owner = world.id(1).await;
    let gift = json!({"gift": 1, "count": 10, "to": {"users": [owner]}});
    refused(world.ask(2, None, Method::POST, "gifts", Some(gift.clone())).await, ErrorCode::OperationRequired);
    // The owner is not there.
    refused(world.ask(2, Some(op()), Method::POST, "gifts", Some(gift)).await, ErrorCode::UserNotFound);
    let (_, pass) = post(&world.program, &world.tokens[0], &format!("/v1/rooms/{}/token", world.room), json!({})).await;
    let mut owners = Client::connected(world.program.address, &world.tokens[0], "phone").await;
    owners.join(world.room, pass["token"].as_str().expect("a token")).await.expect("may come in");
    let (op, gift) = (op(), json!({"gift": 1, "count": 10, "to": {"users": [owner]}}));
    let receipt = granted(world.ask(2, Some(op), Method::POST, "gifts", Some(gift.clone())).await);
    let receipt: GiftReceipt = serde_json::from_value(receipt).expect("a receipt");
    let send = Command::GiftSend(SendGift {
        room: world.room,
        gift: GiftId::new(1).expect("in range"),
        count: 10,
        to: Recipients::Users(vec![owner]),
    });
    let again: GiftReceipt = world.socket.ask_as(op, &send).await.expect("known");
    assert_eq!(again, GiftReceipt { replayed: true, ..receipt.clone() });
    let other = json!({"gift": 1, "count": 66, "to": {"users": [owner]}});
    refused(world.ask(2, Some(op), Method::POST, "gifts", Some(other)).await, ErrorCode::OperationConflict);
    let shown = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::GiftsSent { gifts, .. } => Some(gifts[0].receipt),
        _ => None,
    };
    assert_eq!(owners.event_where("a gift", shown).await, receipt.receipt);
    granted(world.ask(2, Some(self::op()), Method::POST, "gifts", Some(gift)).await);
    let page = granted(world.ask(2, None, Method::GET, "gifts?limit=1", None).await);
    assert_eq!((page["items"][0]["gift_no"].as_i64(), page["items"].as_array().map(Vec::len)), (Some(1), Some(1)));
    let next = format!("gifts?cursor={}", page["next"].as_str().expect("there is another one"));
    let page = granted(world.ask(2, None, Method::GET, &next, None).await);
    assert_eq!((page["items"][0]["gift_no"].as_i64(), &page["next"]), (Some(2), &Value::Null));
    assert_eq!(granted(world.ask(2, None, Method::GET, "gifts?after=1", None).await)["items"], page["items"]);
    refused(world.ask(3, None, Method::GET, "gifts", None).await, ErrorCode::NotInRoom);
    let token = Some(world.tokens[1].as_str());
    let (_, wallet) = call_as(None, world.program.address, Method::GET, "/v1/wallet", token, None).await.expect("up");
    assert_eq!(wallet["balances"][0]["amount"], 9_980);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_decides_from_outside_and_nobody_else_does() {
    let mut world = World::new().await;
    let two = world.id(2).await;
    refused(world.ask(3, None, Method::PUT, "seats/1/lock", None).await, ErrorCode::NotInRoom);
    refused(world.ask(2, None, Method::PUT, "seats/1/lock", None).await, ErrorCode::Forbidden);
    let before = granted(world.ask(1, None, Method::GET, "seats", None).await)["version"].as_u64().expect("a number");
    granted(world.ask(1, None, Method::PUT, &format!("seats/1/lock?version={before}"), None).await);
    let unlock = format!("seats/1/lock?version={before}");
    refused(world.ask(1, None, Method::DELETE, &unlock, None).await, ErrorCode::SeatsChanged);
    let map = granted(world.ask(1, None, Method::GET, "seats", None).await);
    assert_eq!((&map["seats"][1]["locked"], &map["version"]), (&true.into(), &(before + 1).into()));
    refused(world.ask(1, None, Method::PUT, "seats/99/lock", None).await, ErrorCode::SeatNotFound);
    refused(world.ask(1, None, Method::PUT, "seats/x/lock", None).await, ErrorCode::NotFound);
    let said = json!({"text": "good evening"});
    granted(world.ask(2, None, Method::POST, "messages", Some(said.clone())).await);
    refused(world.ask(3, None, Method::POST, "messages", Some(said)).await, ErrorCode::NotInRoom);
    let people = granted(world.ask(1, None, Method::GET, "participants?limit=1", None).await);
    assert_eq!((&people["items"][0]["id"], &people["count"]), (&two.number().into(), &1.into()));
    let (op, kick) = (op(), json!({"user": two, "reason": "spam"}));
    granted(world.ask(1, Some(op), Method::POST, "kicks", Some(kick.clone())).await);
    let UserFrame::RoomRemoved { cause, reason, .. } = world.socket.user_frame().await else { panic!("removed") };
    assert_eq!((cause, reason.as_str()), (RemovalCause::Kicked, "spam"));
    assert_eq!(granted(world.ask(1, Some(op), Method::POST, "kicks", Some(kick)).await)["replayed"], true);
    refused(world.ask(2, None, Method::GET, "seats", None).await, ErrorCode::NotInRoom);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_sleeps_is_woken_by_its_owner_alone() {
    let world = World::new().await;
    let (_, made) = post(&world.program, &world.tokens[0], "/v1/rooms", json!({"name": "Asleep"})).await;
    let lock = format!("/v1/rooms/{}/seats/2/lock", made["id"]);
    let ask = async |number: usize, path: &str| {
        let token = Some(world.tokens[number - 1].as_str());
        call_as(None, world.program.address, Method::PUT, path, token, None).await.expect("up")
    };
    refused(ask(2, &lock).await, ErrorCode::NotInRoom);
    granted(ask(1, &lock).await);
    refused(ask(1, "/v1/rooms/999999999999/seats/2/lock").await, ErrorCode::RoomNotFound);
}
