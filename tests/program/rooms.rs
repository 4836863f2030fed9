//! Rooms over REST: the same effects as over the socket, with the same operations.

use std::ops::Deref;

use hyper::Method;
use parlor_protocol::command::{MoveSeat, Recipients, SendGift, TakeSeat};
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::{Done, GiftReceipt};
use parlor_protocol::room::SeatCause;
use parlor_protocol::{Command, ErrorCode, Event, GiftId, Op, RoomId, UserFrame, UserId};
use serde_json::{Value, json};

use crate::support::client::{Client, op};
use crate::support::world::World;

/// A server with a room of user 1, who is not in it, and user 2, who is by a socket. Each with a token.
struct Scene {
    world: World,
    room: RoomId,
    people: [(String, UserId); 3],
    /// User 2's.
    socket: Client,
}

impl Deref for Scene {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Scene {
    async fn new() -> Self {
        let world = World::dev().await;
        let people = [world.demo(1).await, world.demo(2).await, world.demo(3).await];
        let room = world.made(&people[0].0, "A room").await;
        let mut socket = Client::connected(world.address, &people[1].0, "phone").await;
        socket.join(room, &world.pass(&people[1].0, room).await).await.expect("may come in");
        Self { world, room, people, socket }
    }

    /// What user `number` is answered, under the operation if one is named.
    async fn ask(
        &self,
        number: usize,
        op: Option<Op>,
        method: Method,
        what: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let path = format!("/v1/rooms/{}/{what}", self.room);
        self.call_as(op, method, &path, &self.people[number - 1].0, body).await
    }

    fn id(&self, number: usize) -> UserId {
        self.people[number - 1].1
    }
}

#[track_caller]
fn refused((status, problem): (u16, Value), code: ErrorCode) {
    assert_eq!((status, &problem["code"]), (code.status(), &code.name().into()), "{problem}");
}

fn granted((status, body): (u16, Value)) -> Value {
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_operation_by_rest_and_by_socket_takes_effect_once() {
    let mut scene = Scene::new().await;
    let (op, seat) = (op(), json!({"seat": 2}));
    let done = granted(scene.ask(2, Some(op), Method::PUT, "seat", Some(seat.clone())).await);
    let done: Done = serde_json::from_value(done).expect("an answer");
    let taken = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::SeatsChanged { seats, .. } => Some((event.seq, seats[0].no)),
        _ => None,
    };
    assert_eq!(scene.socket.event_where("a seat", taken).await, (done.seq, 2));
    let take = Command::SeatTake(TakeSeat { room: scene.room, seat: Some(2), version: None });
    let again: Done = scene.socket.ask_as(op, &take).await.expect("known");
    assert_eq!(again, Done { replayed: true, ..done });
    assert_eq!(granted(scene.ask(2, Some(op), Method::PUT, "seat", Some(seat)).await)["replayed"], true);
    refused(scene.ask(2, Some(op), Method::PUT, "seat", Some(json!({}))).await, ErrorCode::OperationConflict);
    // The rate is the user's, whichever way they ask: that was four of five.
    refused(scene.ask(2, None, Method::PUT, "seat", Some(json!({}))).await, ErrorCode::AlreadySeated);
    let (status, limited) = scene.ask(2, None, Method::DELETE, "seat", None).await;
    assert_eq!((status, limited["retry_after_ms"].is_u64()), (429, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_by_rest_and_by_socket_is_one_event_that_frees_the_old_seat() {
    let mut scene = Scene::new().await;
    refused(scene.ask(2, None, Method::PATCH, "seat", Some(json!({"seat": 3}))).await, ErrorCode::NotSeated);
    granted(scene.ask(2, None, Method::PUT, "seat", Some(json!({"seat": 2}))).await);
    let op = op();
    let done = granted(scene.ask(2, Some(op), Method::PATCH, "seat", Some(json!({"seat": 3}))).await);
    let done: Done = serde_json::from_value(done).expect("an answer");
    let moved = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::SeatsChanged { seats, cause: SeatCause::Moved, .. } => {
            Some((event.seq, seats.iter().map(|seat| (seat.no, seat.user.is_some())).collect::<Vec<_>>()))
        }
        _ => None,
    };
    assert_eq!(scene.socket.event_where("a move", moved).await, (done.seq, vec![(2, false), (3, true)]));
    let again = Command::SeatMove(MoveSeat { room: scene.room, seat: 3, version: None });
    let again: Done = scene.socket.ask_as(op, &again).await.expect("known");
    assert_eq!(again, Done { replayed: true, ..done });
    let back = Command::SeatMove(MoveSeat { room: scene.room, seat: 2, version: None });
    let back: Done = scene.socket.ask_as(self::op(), &back).await.expect("free again");
    assert_eq!(scene.socket.event_where("a move", moved).await, (back.seq, vec![(3, false), (2, true)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_seats_are_locked_and_unlocked_by_one_event_each() {
    let mut scene = Scene::new().await;
    let two = scene.id(2);
    refused(scene.ask(2, None, Method::PUT, "seats/lock", None).await, ErrorCode::Forbidden);
    granted(scene.ask(2, None, Method::PUT, "seat", Some(json!({"seat": 2}))).await);
    let op = op();
    let first = granted(scene.ask(1, Some(op), Method::PUT, "seats/lock", None).await);
    let changed = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::SeatsChanged { seats, cause: SeatCause::Locked | SeatCause::Unlocked, .. } => Some(
            seats.iter().map(|seat| (seat.no, seat.locked, seat.user.as_ref().map(|user| user.id))).collect::<Vec<_>>(),
        ),
        _ => None,
    };
    let all = |locked| (1..8).map(|no| (no, locked, None)).collect::<Vec<(u8, bool, Option<UserId>)>>();
    assert_eq!(scene.socket.event_where("locks", changed).await, all(true));
    let again = granted(scene.ask(1, Some(op), Method::PUT, "seats/lock", None).await);
    assert_eq!((&again["seq"], &again["replayed"]), (&first["seq"], &json!(true)));
    let stale = scene.ask(1, None, Method::DELETE, "seats/lock?version=0", None).await;
    refused(stale, ErrorCode::SeatsChanged);
    refused(scene.ask(2, None, Method::PUT, "seat", Some(json!({"seat": 2}))).await, ErrorCode::SeatLocked);
    granted(scene.ask(1, None, Method::DELETE, "seats/lock", None).await);
    assert_eq!(scene.socket.event_where("no locks", changed).await, all(false));
    granted(scene.ask(2, None, Method::PUT, "seat", Some(json!({"seat": 2}))).await);
    let map = granted(scene.ask(2, None, Method::GET, "seats", None).await);
    assert_eq!(map["seats"][2]["user"]["id"], json!(two));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gift_by_rest_names_its_operation_and_is_paid_once() {
    let mut scene = Scene::new().await;
    let owner = scene.id(1);
    let gift = json!({"gift": 1, "count": 10, "to": {"users": [owner]}});
    refused(scene.ask(2, None, Method::POST, "gifts", Some(gift.clone())).await, ErrorCode::OperationRequired);
    // The owner is not there.
    refused(scene.ask(2, Some(op()), Method::POST, "gifts", Some(gift)).await, ErrorCode::UserNotFound);
    let owners_token = &scene.people[0].0;
    let mut owners = Client::connected(scene.address, owners_token, "phone").await;
    owners.join(scene.room, &scene.pass(owners_token, scene.room).await).await.expect("may come in");
    let (op, gift) = (op(), json!({"gift": 1, "count": 10, "to": {"users": [owner]}}));
    let receipt = granted(scene.ask(2, Some(op), Method::POST, "gifts", Some(gift.clone())).await);
    let receipt: GiftReceipt = serde_json::from_value(receipt).expect("a receipt");
    let send = Command::GiftSend(SendGift {
        room: scene.room,
        gift: GiftId::new(1).expect("in range"),
        count: 10,
        to: Recipients::Users(vec![owner]),
    });
    let again: GiftReceipt = scene.socket.ask_as(op, &send).await.expect("known");
    assert_eq!(again, GiftReceipt { replayed: true, ..receipt.clone() });
    let other = json!({"gift": 1, "count": 66, "to": {"users": [owner]}});
    refused(scene.ask(2, Some(op), Method::POST, "gifts", Some(other)).await, ErrorCode::OperationConflict);
    let shown = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::GiftsSent { gifts, .. } => Some(gifts[0].receipt),
        _ => None,
    };
    assert_eq!(owners.event_where("a gift", shown).await, receipt.receipt);
    granted(scene.ask(2, Some(self::op()), Method::POST, "gifts", Some(gift)).await);
    let page = granted(scene.ask(2, None, Method::GET, "gifts?limit=1", None).await);
    assert_eq!((page["items"][0]["gift_no"].as_i64(), page["items"].as_array().map(Vec::len)), (Some(1), Some(1)));
    let next = format!("gifts?cursor={}", page["next"].as_str().expect("there is another one"));
    let page = granted(scene.ask(2, None, Method::GET, &next, None).await);
    assert_eq!((page["items"][0]["gift_no"].as_i64(), &page["next"]), (Some(2), &Value::Null));
    assert_eq!(granted(scene.ask(2, None, Method::GET, "gifts?after=1", None).await)["items"], page["items"]);
    refused(scene.ask(3, None, Method::GET, "gifts", None).await, ErrorCode::NotInRoom);
    let (_, wallet) = scene.get("/v1/wallet", &scene.people[1].0).await;
    assert_eq!(wallet["balances"][0]["amount"], 9_980);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_decides_from_outside_and_nobody_else_does() {
    let mut scene = Scene::new().await;
    let two = scene.id(2);
    refused(scene.ask(3, None, Method::PUT, "seats/1/lock", None).await, ErrorCode::NotInRoom);
    refused(scene.ask(2, None, Method::PUT, "seats/1/lock", None).await, ErrorCode::Forbidden);
    let before = granted(scene.ask(1, None, Method::GET, "seats", None).await)["version"].as_u64().expect("a number");
    granted(scene.ask(1, None, Method::PUT, &format!("seats/1/lock?version={before}"), None).await);
    let unlock = format!("seats/1/lock?version={before}");
    refused(scene.ask(1, None, Method::DELETE, &unlock, None).await, ErrorCode::SeatsChanged);
    let map = granted(scene.ask(1, None, Method::GET, "seats", None).await);
    assert_eq!((&map["seats"][1]["locked"], &map["version"]), (&true.into(), &(before + 1).into()));
    refused(scene.ask(1, None, Method::PUT, "seats/99/lock", None).await, ErrorCode::SeatNotFound);
    refused(scene.ask(1, None, Method::PUT, "seats/x/lock", None).await, ErrorCode::NotFound);
    let said = json!({"text": "good evening"});
    granted(scene.ask(2, None, Method::POST, "messages", Some(said.clone())).await);
    refused(scene.ask(3, None, Method::POST, "messages", Some(said)).await, ErrorCode::NotInRoom);
    let people = granted(scene.ask(1, None, Method::GET, "participants?limit=1", None).await);
    assert_eq!((&people["items"][0]["id"], &people["count"]), (&two.number().into(), &1.into()));
    let (op, kick) = (op(), json!({"user": two, "reason": "spam"}));
    granted(scene.ask(1, Some(op), Method::POST, "kicks", Some(kick.clone())).await);
    let UserFrame::RoomRemoved { cause, reason, .. } = scene.socket.user_frame().await else { panic!("removed") };
    assert_eq!((cause, reason.as_str()), (RemovalCause::Kicked, "spam"));
    assert_eq!(granted(scene.ask(1, Some(op), Method::POST, "kicks", Some(kick)).await)["replayed"], true);
    refused(scene.ask(2, None, Method::GET, "seats", None).await, ErrorCode::NotInRoom);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_sleeps_is_woken_by_its_owner_alone() {
    let scene = Scene::new().await;
    let asleep = scene.made(&scene.people[0].0, "Asleep").await;
    let lock = format!("/v1/rooms/{asleep}/seats/2/lock");
    let ask = async |number: usize, path: &str| scene.call(Method::PUT, path, &scene.people[number - 1].0, None).await;
    refused(ask(2, &lock).await, ErrorCode::NotInRoom);
    granted(ask(1, &lock).await);
    refused(ask(1, "/v1/rooms/999999999999/seats/2/lock").await, ErrorCode::RoomNotFound);
}
