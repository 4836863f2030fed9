//! Roles and seats over the wire: by socket and REST, and over a kill of the server.

use std::time::Duration;

use hyper::Method;
use parlor_protocol::command::{InRoom, OfferSeat, OnMap, OnUser, RaiseHand, Recipients, SendGift};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::reply::{Done, GiftReceipt, Joined};
use parlor_protocol::room::{OwnershipCause, RoomRole, SeatCause};
use parlor_protocol::seating::{HandOutcome, SeatMode, SettledHand};
use parlor_protocol::{Command, ErrorCode, Event, GiftId, RoomId, UserId};
use serde_json::{Value, json};

use crate::support::client::{Client, op};
use crate::support::program::{parlor, run};
use crate::support::time::until;
use crate::support::world::World;

/// A room of user 1, in which the others are too, each by a socket.
struct Scene {
    world: World,
    room: RoomId,
    users: Vec<UserId>,
    sockets: Vec<Client>,
}

impl Scene {
    async fn of(people: usize) -> Self {
        let world = World::new().await;
        let mut users = Vec::new();
        for _ in 0..people {
            users.push(world.person("user").await);
        }
        let room = world.room(users[0]).await;
        let mut sockets = Vec::new();
        for user in &users {
            sockets.push(world.in_room(*user, room).await);
        }
        Self { world, room, users, sockets }
    }

    /// What user `number` is answered by REST.
    async fn rest(&self, number: usize, method: Method, what: &str, body: Option<Value>) -> Result<Value, String> {
        let token = self.world.token(self.users[number - 1]).await;
        let (status, answer) = self.world.call(method, &format!("/v1/rooms/{}/{what}", self.room), &token, body).await;
        if status == 200 { Ok(answer) } else { Err(answer["code"].as_str().unwrap_or_default().to_owned()) }
    }

    /// What user `number` is answered on their socket.
    async fn ask(&mut self, number: usize, command: Command) -> Result<Done, ErrorCode> {
        self.sockets[number - 1].ask_as(op(), &command).await.map_err(|error| error.code)
    }

    /// A new socket of user `number`, and what it is told of the room.
    async fn back(&self, number: usize) -> (Client, Joined) {
        let user = self.users[number - 1];
        let mut client = Client::connected(self.world.address, &self.world.token(user).await, "another").await;
        let joined = client.join(self.room, &self.world.room_token(user, self.room)).await.expect("may come in");
        (client, joined)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_decides_about_others_and_is_one_after_a_kill() {
    let mut scene = Scene::of(3).await;
    let (room, admin, listener) = (scene.room, scene.users[1], scene.users[2]);
    let path = format!("admins/{admin}");
    assert_eq!(scene.rest(3, Method::PUT, &path, None).await, Err("forbidden".into()));
    scene.rest(1, Method::PUT, &path, None).await.expect("the owner may");
    let admins = |event: &EventFrame| match &event.event {
        Event::AdminsChanged { admins, .. } => Some(admins.clone()),
        _ => None,
    };
    assert_eq!(scene.sockets[2].event_where("an admin", admins).await, [admin]);
    scene.rest(2, Method::PUT, "seats/3/lock", None).await.expect("an admin may");
    let promote = |user| Command::AdminPromote(OnUser { room, user });
    assert_eq!(scene.ask(2, promote(listener)).await, Err(ErrorCode::Forbidden));
    scene.world.kill().await;
    scene.world.start_again().await;
    let (mut socket, joined) = scene.back(2).await;
    let snapshot = joined.snapshot.expect("a new epoch begins with a snapshot");
    assert_eq!((snapshot.own.role, snapshot.admins), (RoomRole::Admin, vec![admin]));
    let step_down = Command::AdminDemote(OnUser { room, user: admin });
    let _: Done = socket.ask_as(op(), &step_down).await.expect("an admin may step down");
    assert!(socket.event_where("no admin", admins).await.is_empty());
    assert_eq!(scene.rest(2, Method::PUT, "seats/4/lock", None).await, Err("forbidden".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_admins_at_one_hand_exactly_one_settles_it_and_the_other_is_told_whose_it_was() {
    let mut scene = Scene::of(4).await;
    let (room, asks) = (scene.room, scene.users[3]);
    let mut admins = Vec::new();
    for number in [2, 3] {
        let path = format!("admins/{}", scene.users[number - 1]);
        scene.rest(1, Method::PUT, &path, None).await.expect("the owner may");
        admins.push((scene.users[number - 1], scene.world.token(scene.users[number - 1]).await));
    }
    for _ in 0..20 {
        let raise = RaiseHand { room, seat: Some(3), version: None };
        scene.ask(4, Command::HandRaise(raise)).await.expect("may ask");
        let settle = async |(_, token): &(UserId, String), what: &str| {
            let path = format!("/v1/rooms/{room}/hands/{asks}/{what}");
            scene.world.call(Method::POST, &path, token, Some(json!({}))).await
        };
        let (first, second) = tokio::join!(settle(&admins[0], "approval"), settle(&admins[1], "approval"));
        let (winner, (status, refusal)) = match (first.0, second.0) {
            (200, _) => (admins[0].0, second),
            _ => (admins[1].0, first),
        };
        assert_eq!((status, &refusal["code"]), (409, &json!("hand_settled")));
        assert_eq!(refusal["settled"], json!({"outcome": "approved", "by": winner}));
        let seated = |event: &EventFrame| match &event.event {
            Event::SeatsChanged { seats, cause: SeatCause::Approved, by, .. } => Some((seats[0].no, *by)),
            _ => None,
        };
        assert_eq!(scene.sockets[3].event_where("a seat", seated).await, (3, Some(winner)));
        let leave = Command::SeatLeave(OnMap { room, version: None });
        scene.ask(4, leave).await.expect("sits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutes_the_mode_the_layout_and_hands_outlive_a_kill() {
    let mut scene = Scene::of(3).await;
    let (room, speaker, asks) = (scene.room, scene.users[1], scene.users[2]);
    scene.rest(2, Method::PUT, "seat", Some(json!({"seat": 7}))).await.expect("free");
    scene.rest(1, Method::PUT, "seats/2/mute", None).await.expect("the owner may");
    scene.rest(1, Method::PUT, "seats/mode", Some(json!({"mode": "apply"}))).await.expect("the owner may");
    assert_eq!(scene.rest(3, Method::PUT, "seat", Some(json!({"seat": 2}))).await, Err("not_permitted".into()));
    assert_eq!(scene.rest(2, Method::PUT, "seats/layout", Some(json!({"seats": 5}))).await, Err("forbidden".into()));
    assert_eq!(scene.rest(1, Method::PUT, "seats/layout", Some(json!({"seats": 7}))).await, Err("bad_request".into()));
    scene.rest(1, Method::PUT, "seats/layout", Some(json!({"seats": 5}))).await.expect("the owner may");
    let laid_out = |event: &EventFrame| match &event.event {
        Event::LayoutChanged { seats, .. } => Some((seats.len(), seats.iter().all(|seat| seat.user.is_none()))),
        _ => None,
    };
    assert_eq!(scene.sockets[1].event_where("a layout", laid_out).await, (5, true), "who sat beyond it is evicted");
    let offer = OfferSeat { room, user: speaker, seat: Some(2), version: None };
    scene.ask(1, Command::InvitationSend(offer)).await.expect("the owner may");
    scene.ask(2, Command::InvitationAccept(OnMap { room, version: None })).await.expect("invited");
    scene.ask(2, Command::MicMute(OnMap { room, version: None })).await.expect("sits");
    scene.ask(3, Command::HandRaise(RaiseHand { room, seat: Some(4), version: None })).await.expect("may ask");
    // The seats and hands are soft: wait until they are in the checkpoint.
    let written = "select count(*) from room_checkpoints
                    where jsonb_array_length(state -> 'hands' -> 'raised') = 1 and state -> 'self_muted' = '[2]'";
    until("a checkpoint", Duration::from_secs(10), async || (scene.world.count(written).await == 1).then_some(()))
        .await;
    scene.world.kill().await;
    scene.world.start_again().await;
    let (mut owner, joined) = scene.back(1).await;
    let snapshot = joined.snapshot.expect("a new epoch begins with a snapshot");
    assert_eq!((snapshot.seats.len(), snapshot.room.seats, snapshot.seat_mode), (5, 5, Some(SeatMode::Apply)));
    let seat = &snapshot.seats[2];
    assert_eq!((seat.user.as_ref().map(|user| user.id), seat.muted, seat.self_muted), (Some(speaker), true, true));
    assert_eq!(snapshot.hands.iter().map(|hand| (hand.user.id, hand.seat)).collect::<Vec<_>>(), [(asks, Some(4))]);
    scene.rest(1, Method::DELETE, &format!("participants/{speaker}/seat"), None).await.expect("the owner may");
    let left = |event: &EventFrame| match &event.event {
        Event::SeatsChanged { seats, cause: SeatCause::Removed, .. } => Some((seats[0].muted, seats[0].self_muted)),
        _ => None,
    };
    assert_eq!(owner.event_where("a free seat", left).await, (true, false), "the seat stays muted");
    scene.rest(1, Method::POST, &format!("hands/{asks}/refusal"), Some(json!({}))).await.expect("the owner may");
    let settled = |event: &EventFrame| match &event.event {
        Event::HandSettled { user, settled } => Some((*user, *settled)),
        _ => None,
    };
    let outcome = SettledHand { outcome: HandOutcome::Refused, by: Some(scene.users[0]) };
    assert_eq!(owner.event_where("a settled hand", settled).await, (asks, outcome));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_handed_over_with_the_owners_share_and_the_books_know_who_owned_it_when() {
    let world = World::dev().roomy().await;
    let people = [world.demo(1).await, world.demo(2).await, world.demo(3).await];
    let room = world.made(&people[0].0, "Majlis").await;
    let mut sockets = Vec::new();
    for (token, _) in &people {
        let mut socket = Client::connected(world.address, token, "phone").await;
        socket.join(room, &world.pass(token, room).await).await.expect("may come in");
        sockets.push(socket);
    }
    let diamonds = async || {
        let mut all = Vec::new();
        for (token, _) in &people[..2] {
            let (_, wallet) = world.get("/v1/wallet", token).await;
            all.push(wallet["balances"][1]["amount"].as_i64().expect("a balance"));
        }
        all
    };
    let gift = GiftId::new(1).expect("in range");
    let give = Command::GiftSend(SendGift { room, gift, count: 10, to: Recipients::Users(vec![people[2].1]) });
    let _: GiftReceipt = sockets[1].ask_as(op(), &give).await.expect("paid");
    let before = diamonds().await;
    assert!(before[0] > 0 && before[1] == 0, "the first owner's share: {before:?}");
    let offer = Command::OwnershipOffer(OnUser { room, user: people[1].1 });
    let _: Done = sockets[0].ask_as(op(), &offer).await.expect("the owner may");
    let _: Done = sockets[1].ask_as(op(), &Command::OwnershipAccept(InRoom { room })).await.expect("it is to them");
    let accepted = |event: &EventFrame| match &event.event {
        Event::OwnershipChanged { owner, cause: OwnershipCause::Accepted, .. } => Some(owner.id),
        _ => None,
    };
    assert_eq!(sockets[2].event_where("another owner", accepted).await, people[1].1);
    let (_, card) = world.get(&format!("/v1/rooms/{room}"), &people[2].0).await;
    assert_eq!(card["owner"]["id"], json!(people[1].1));
    let _: GiftReceipt = sockets[0].ask_as(op(), &give).await.expect("paid");
    let after = diamonds().await;
    assert!(after[0] == before[0] && after[1] > 0, "the second owner's share: {after:?}");
    let audit =
        tokio::task::block_in_place(|| run(parlor(&["ledger", "audit"]).env("DATABASE_URL", world.database.app_url())));
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}
