//! Agora is told of kicks and bans, and of nothing else; and the right to speak ends by itself there.

use std::time::Duration;

use hyper::Method;
use parlor_protocol::command::InRoom;
use parlor_protocol::reply::VoicePass;
use parlor_protocol::{Command, UserFrame};
use serde_json::json;

use super::agora::{Fake, Rule};
use super::{APP, CERTIFICATE};
use crate::support::client::Client;
use crate::support::time::{moment, until};
use crate::support::world::{Plan, World};

/// A server with Agora, whose tokens let speak for half a minute, and what they let do for a minute.
fn plan(url: &str) -> Plan {
    World::serve()
        .roomy()
        .lease(1_000)
        .set("PARLOR__VOICE__PROVIDER", "agora")
        .set("PARLOR__VOICE__AGORA__APP_ID", APP)
        .set("PARLOR__VOICE__AGORA__CERTIFICATE", CERTIFICATE)
        .set("PARLOR__VOICE__AGORA__CUSTOMER_ID", "customer")
        .set("PARLOR__VOICE__AGORA__CUSTOMER_SECRET", "secret")
        .set("PARLOR__VOICE__AGORA__API", url)
        .set("PARLOR__VOICE__AGORA__SPEAK_SECONDS", 30)
}

async fn pass(client: &mut Client, room: parlor_protocol::RoomId) -> VoicePass {
    client.ask(Command::VoiceToken(InRoom { room })).await.expect("they are in the room")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_kicked_or_banned_is_put_out_once_and_the_rule_ends_with_the_ban_over_a_kill_and_an_outage() {
    let (fake, url) = Fake::start().await;
    let mut world = plan(&url).await;
    let (owner, kicked, banned) = (world.person("user").await, world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let token = world.token(owner).await;
    let rest = async |world: &World, method, what: &str, body| {
        let (status, answer) = world.call(method, &format!("/v1/rooms/{room}/{what}"), &token, body).await;
        assert_eq!(status, 200, "{what}: {answer}");
    };
    let _owner = world.in_room(owner, room).await;
    let (mut first, mut second) = (world.in_room(kicked, room).await, world.in_room(banned, room).await);
    pass(&mut first, room).await;
    pass(&mut second, room).await;
    let left = world.person("user").await;
    let mut third = world.in_room(left, room).await;
    pass(&mut third, room).await;
    third.leave(room).await.expect("they are in it");

    *fake.is_away.lock().expect("nobody panicked") = true;
    rest(&world, Method::POST, "kicks", Some(json!({"user": kicked, "duration_ms": 120_000}))).await;
    rest(&world, Method::POST, "bans", Some(json!({"user": banned}))).await;
    world.kill().await;
    assert_eq!(fake.rules(), []);
    *fake.is_away.lock().expect("nobody panicked") = false;
    world.start_again().await;
    let of = |user: parlor_protocol::UserId| u64::try_from(user.number()).expect("above 0");
    let there = async || {
        let rules = fake.rules();
        (rules.len() == 2).then_some(rules)
    };
    let rules = until("both rules", Duration::from_secs(10), there).await;
    let rule = |user| rules.iter().find(|rule| rule.uid == of(user)).expect("a rule");
    assert_eq!(*rule(banned), Rule { channel: room.to_string(), uid: of(banned), seconds: 86_400 });
    assert!((100..=120).contains(&rule(kicked).seconds), "{rules:?}");

    // The soft notice of the departure makes no second rule; who has left has none.
    moment(700..1_000).await;
    assert_eq!(fake.rules(), rules);
    rest(&world, Method::DELETE, &format!("bans/{banned}"), None).await;
    let lifted = async || fake.rules().iter().all(|rule| rule.uid != of(banned)).then_some(());
    until("the rule is gone", Duration::from_secs(5), lifted).await;
    assert_eq!(fake.rules().len(), 1, "the kick holds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agora_is_asked_ten_times_a_second_at_most_and_not_when_rights_change() {
    let (fake, url) = Fake::start().await;
    let world = plan(&url).await;
    let owner = world.person("user").await;
    let room = world.room(owner).await;
    let token = world.token(owner).await;
    let _owner = world.in_room(owner, room).await;
    let mut guests = Vec::new();
    for _ in 0..25 {
        let user = world.person("user").await;
        let mut socket = world.in_room(user, room).await;
        pass(&mut socket, room).await;
        guests.push((user, socket));
    }
    let mute = format!("/v1/rooms/{room}/seats/3/mute");
    let seat = format!("/v1/rooms/{room}/seat");
    let seated = world.token(guests[0].0).await;
    assert_eq!(world.call(Method::PUT, &seat, &seated, Some(json!({"seat": 3}))).await.0, 200);
    assert_eq!(world.call(Method::PUT, &mute, &token, None).await.0, 200);
    moment(300..400).await;
    assert_eq!(fake.calls(), 0, "rights end with the token");
    for (user, _) in &guests {
        let kick = json!({"user": user});
        assert_eq!(world.call(Method::POST, &format!("/v1/rooms/{room}/kicks"), &token, Some(kick)).await.0, 200);
    }
    until("all are out", Duration::from_secs(20), async || (fake.rules().len() == 25).then_some(())).await;
    assert!(fake.most_in_a_second() <= 11, "{} in a second", fake.most_in_a_second());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_to_speak_is_renewed_while_one_sits_and_ends_within_its_time_when_the_seat_is_lost() {
    let (_fake, url) = Fake::start().await;
    let world = plan(&url).await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let token = world.token(owner).await;
    let mut socket = world.in_room(guest, room).await;
    let _owner = world.in_room(owner, room).await;
    let listens = pass(&mut socket, room).await;
    assert!(!listens.may_speak);

    // As soon as they sit they are sent a token that lets them speak.
    let sit = Command::SeatTake(parlor_protocol::command::TakeSeat { room, seat: Some(3), version: None });
    let _: parlor_protocol::reply::Done = socket.ask_as(crate::support::client::op(), &sit).await.expect("a free seat");
    let renewed = async |socket: &mut Client| loop {
        if let UserFrame::VoiceRenewed { room: of, pass } = socket.user_frame().await {
            assert_eq!(of, room);
            return pass;
        }
    };
    let speaks = renewed(&mut socket).await;
    assert!(speaks.may_speak);
    let ends = |pass: &VoicePass| pass.expires_at - crate::support::now().0;
    assert!(ends(&speaks) <= 30_000, "{}", ends(&speaks));
    assert_eq!(world.call(Method::PUT, &format!("/v1/rooms/{room}/seats/3/mute"), &token, None).await.0, 200);

    // At three quarters of its time the next one comes, in which the right is no more.
    let mut waits = async || loop {
        tokio::select! {
            pass = renewed(&mut socket) => return pass,
            () = moment(5_000..5_001) => {}
        }
    };
    let pass = tokio::time::timeout(Duration::from_secs(40), waits()).await.expect("it is renewed");
    assert!(!pass.may_speak, "{pass:?}");
    assert!(ends(&speaks) > 0, "before the old one has ended");
}
