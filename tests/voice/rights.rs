//! The rights at LiveKit follow the seats: within a second, over a kill of the server, and over an outage of LiveKit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::Method;
use parlor_protocol::{RoomId, UserId};
use serde_json::{Value, json};

use super::livekit::Fake;
use super::{KEY, SECRET};
use crate::support::client::Client;
use crate::support::time::{moment, until};
use crate::support::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// A room of which the first user is the owner, with a LiveKit of its own. All are in it, each by a socket.
struct Scene {
    world: World,
    fake: Arc<Fake>,
    room: RoomId,
    users: Vec<UserId>,
    /// Their tokens for REST.
    tokens: Vec<String>,
    sockets: Vec<Client>,
}

impl Scene {
    async fn of(people: usize) -> Self {
        let (fake, url) = Fake::start().await;
        fake.has_a_clock.store(true, Ordering::Relaxed);
        let world = World::serve()
            .roomy()
            .lease(1_000)
            .set("PARLOR__VOICE__PROVIDER", "livekit")
            .set("PARLOR__VOICE__LIVEKIT__ADDRESS", url.replacen("http", "ws", 1))
            .set("PARLOR__VOICE__LIVEKIT__API_KEY", KEY)
            .set("PARLOR__VOICE__LIVEKIT__API_SECRET", SECRET)
            .await;
        let mut users = Vec::new();
        for _ in 0..people {
            users.push(world.person("user").await);
        }
        let room = world.room(users[0]).await;
        let (mut tokens, mut sockets) = (Vec::new(), Vec::new());
        for user in &users {
            tokens.push(world.token(*user).await);
            sockets.push(world.in_room(*user, room).await);
        }
        Self { world, fake, room, users, tokens, sockets }
    }

    /// What user `number` is answered by REST.
    async fn rest(&self, number: usize, method: Method, what: &str, body: Option<Value>) -> Value {
        let path = format!("/v1/rooms/{}/{what}", self.room);
        let (status, answer) = self.world.call(method.clone(), &path, &self.tokens[number], body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// User `number` takes this seat.
    async fn sits(&self, number: usize, seat: u8) {
        self.rest(number, Method::PUT, "seat", Some(json!({"seat": seat}))).await;
    }

    /// A token of user `number`.
    async fn token(&self, number: usize) -> String {
        let pass = self.rest(number, Method::POST, "voice", None).await;
        pass["token"].as_str().expect("a token").to_owned()
    }

    /// User `number` connects to LiveKit, and may speak there or not.
    async fn connects(&self, number: usize, speaks: bool) -> String {
        let token = self.token(number).await;
        self.fake.join(&token).expect("a token that holds now");
        assert_eq!(self.speaks(number), Some(speaks));
        token
    }

    fn speaks(&self, number: usize) -> Option<bool> {
        self.fake.speaks(self.room, self.users[number])
    }

    /// Waits until user `number` has this right, and returns after which time that was.
    async fn becomes(&self, number: usize, speaks: Option<bool>) -> Duration {
        let since = Instant::now();
        let awaited = format!("user {number} has the right {speaks:?}");
        until(&awaited, Duration::from_secs(10), async || (self.speaks(number) == speaks).then_some(())).await;
        since.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_loses_seat_or_microphone_loses_the_right_within_a_second_and_gets_it_back() {
    let scene = Scene::of(2).await;
    let (put, delete) = (Method::PUT, Method::DELETE);
    let guest = scene.users[1];
    scene.sits(1, 7).await;
    scene.connects(1, true).await;
    // Each act takes the right away, the second one gives it back.
    type Step<'a> = (usize, &'a Method, String, Option<Value>);
    let sit = || (1, &put, "seat".to_owned(), Some(json!({"seat": 7})));
    let steps: Vec<(Step<'_>, Vec<Step<'_>>)> = vec![
        ((1, &put, "seat/mute".to_owned(), None), vec![(1, &delete, "seat/mute".to_owned(), None)]),
        ((0, &put, "seats/7/mute".to_owned(), None), vec![(0, &delete, "seats/7/mute".to_owned(), None)]),
        ((1, &delete, "seat".to_owned(), None), vec![sit()]),
        ((0, &delete, format!("participants/{guest}/seat"), None), vec![sit()]),
        ((0, &put, "seats/7/lock".to_owned(), None), vec![(0, &delete, "seats/7/lock".to_owned(), None), sit()]),
        ((0, &put, "seats/lock".to_owned(), None), vec![(0, &delete, "seats/lock".to_owned(), None), sit()]),
        (
            (0, &put, "seats/layout".to_owned(), Some(json!({"seats": 5}))),
            vec![(0, &put, "seats/layout".to_owned(), Some(json!({"seats": 10}))), sit()],
        ),
    ];
    for ((by, method, what, body), back) in steps {
        scene.rest(by, method.clone(), &what, body).await;
        let took = scene.becomes(1, Some(false)).await;
        assert!(took < SECOND, "{method} {what}: gone after {took:?}");
        for (by, method, what, body) in back {
            scene.rest(by, method.clone(), &what, body).await;
        }
        let took = scene.becomes(1, Some(true)).await;
        assert!(took < SECOND, "{method} {what}: back after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_device_that_only_listens_does_not_hide_that_the_seat_was_lost() {
    let scene = Scene::of(2).await;
    scene.sits(1, 7).await;
    scene.connects(1, true).await;
    let tablet = scene.world.token(scene.users[1]).await;
    let path = format!("/v1/rooms/{}/voice", scene.room);
    let (status, pass) = scene.world.call(Method::POST, &path, &tablet, None).await;
    assert_eq!((status, &pass["may_speak"]), (200, &json!(false)), "{pass}");
    moment(600..700).await;
    assert_eq!(scene.speaks(1), Some(true), "a listener's token takes nothing away");
    scene.rest(1, Method::DELETE, "seat", None).await;
    let took = scene.becomes(1, Some(false)).await;
    assert!(took < SECOND, "gone after {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_or_is_put_out_is_put_out_of_livekit_and_no_old_token_lets_them_stay() {
    let mut scene = Scene::of(4).await;
    let mut tokens = Vec::new();
    for number in 1..4 {
        scene.sits(number, u8::try_from(number).expect("small")).await;
        tokens.push(scene.connects(number, true).await);
    }
    let (kicked, banned) = (scene.users[1], scene.users[2]);
    let room = scene.room;
    scene.rest(0, Method::POST, "kicks", Some(json!({"user": kicked}))).await;
    scene.rest(0, Method::POST, "bans", Some(json!({"user": banned}))).await;
    scene.sockets[3].leave(room).await.expect("they are in it");
    for (number, token) in (1..4).zip(&tokens) {
        let took = scene.becomes(number, None).await;
        assert!(took < SECOND, "user {number}: {took:?}");
        // This LiveKit knows nothing of revoked tokens, so they come in; and are put out once more.
        scene.fake.join(token).expect("the token has not ended");
        let took = scene.becomes(number, None).await;
        assert!(took < SECOND, "user {number} with an old token: {took:?}");
    }
    scene.fake.revokes.store(true, Ordering::Relaxed);
    assert_eq!(scene.fake.join(&tokens[0]), Err("revoked"));
    // Who has left comes back at once.
    let (left, pass) = (scene.users[3], scene.world.room_token(scene.users[3], room));
    scene.sockets[3].join(room, &pass).await.expect("may come in");
    let token = scene.token(3).await;
    scene.fake.join(&token).expect("a new token");
    moment(1_500..1_600).await;
    assert_eq!(scene.fake.speaks(room, left), Some(false), "nobody puts out who has a new token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_late_with_a_token_that_let_them_speak_loses_the_right_within_a_second() {
    let scene = Scene::of(2).await;
    scene.sits(1, 3).await;
    let old = scene.token(1).await;
    scene.rest(1, Method::DELETE, "seat", None).await;
    // LiveKit knows nobody to take a right from.
    moment(1_200..2_500).await;
    assert_eq!(scene.speaks(1), None);
    for _ in 0..2 {
        scene.fake.join(&old).expect("the token has not ended");
        assert_eq!(scene.speaks(1), Some(true), "LiveKit gives what the token says");
        let took = scene.becomes(1, Some(false)).await;
        assert!(took < SECOND, "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_got_a_seat_while_they_connected_with_a_listeners_token_may_speak() {
    let scene = Scene::of(2).await;
    let listens = scene.token(1).await;
    scene.sits(1, 3).await;
    moment(300..600).await;
    scene.fake.join(&listens).expect("the token has not ended");
    assert!(scene.becomes(1, Some(true)).await < SECOND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_was_lost_just_before_a_kill_is_gone_after_the_restart_though_nobody_comes_back() {
    let mut scene = Scene::of(4).await;
    for number in 1..4 {
        scene.sits(number, u8::try_from(number).expect("small")).await;
        scene.connects(number, true).await;
    }
    let checkpoint = "select count(*) from room_checkpoints where jsonb_array_length(state -> 'seats') = 3";
    until("the seats are in a checkpoint", SECOND * 5, async || {
        (scene.world.count(checkpoint).await == 1).then_some(())
    })
    .await;
    // Nothing reaches LiveKit between the acts and the death.
    scene.fake.set_away(true);
    scene.rest(0, Method::PUT, "seats/1/mute", None).await;
    let kicked = scene.users[2];
    scene.rest(0, Method::POST, "kicks", Some(json!({"user": kicked}))).await;
    scene.world.kill().await;
    scene.sockets.clear();
    assert_eq!([scene.speaks(1), scene.speaks(2), scene.speaks(3)], [Some(true); 3]);
    scene.fake.set_away(false);
    scene.world.start_again().await;
    let since = Instant::now();
    scene.becomes(1, Some(false)).await;
    scene.becomes(2, None).await;
    assert!(since.elapsed() < SECOND, "{:?} after the start", since.elapsed());
    assert_eq!(scene.speaks(3), Some(true), "they keep their seat through the grace period");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_server_had_not_told_is_found_when_the_room_wakes() {
    let mut scene = Scene::of(2).await;
    scene.sits(1, 1).await;
    scene.connects(1, true).await;
    let checkpoint = "select count(*) from room_checkpoints where state::text like '%\"seats\": [[1%'";
    until("the seat is in a checkpoint", SECOND * 5, async || (scene.world.count(checkpoint).await == 1).then_some(()))
        .await;
    scene.world.kill().await;
    scene.sockets.clear();
    // As if the seat had been left, and the process killed, before anything but the checkpoint was written.
    scene.world.superuser("update room_checkpoints set state = jsonb_set(state, '{seats}', '[]')").await;
    scene.world.start_again().await;
    scene.becomes(1, Some(false)).await;
    // Nobody comes back: after the grace period they are out.
    until("they are put out", Duration::from_secs(45), async || scene.speaks(1).is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_thirty_seconds_of_an_outage_the_newest_state_of_each_is_there_within_a_second() {
    let scene = Scene::of(4).await;
    for number in 1..4 {
        scene.sits(number, u8::try_from(number).expect("small")).await;
        scene.connects(number, true).await;
    }
    scene.fake.set_away(true);
    let since = Instant::now();
    while since.elapsed() < SECOND * 30 {
        scene.rest(1, Method::PUT, "seat/mute", None).await;
        scene.rest(0, Method::PUT, "seats/2/mute", None).await;
        moment(500..1_500).await;
        scene.rest(1, Method::DELETE, "seat/mute", None).await;
        scene.rest(0, Method::DELETE, "seats/2/mute", None).await;
    }
    scene.rest(0, Method::PUT, "seats/2/mute", None).await;
    scene.rest(3, Method::DELETE, "seat", None).await;
    moment(1..800).await;
    scene.fake.set_away(false);
    let since = Instant::now();
    scene.becomes(2, Some(false)).await;
    scene.becomes(3, Some(false)).await;
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
    assert_eq!(scene.speaks(1), Some(true));
    moment(1_000..1_200).await;
    assert_eq!([scene.speaks(1), scene.speaks(2), scene.speaks(3)], [Some(true), Some(false), Some(false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_in_a_row_the_newest_is_told_last_and_no_two_at_once() {
    let scene = Scene::of(2).await;
    scene.sits(1, 3).await;
    scene.connects(1, true).await;
    scene.fake.is_slow.store(true, Ordering::Relaxed);
    for round in 0..12 {
        let muted = round % 3 != 2;
        // By the owner and by oneself in turn: hard acts and soft ones.
        if round % 2 == 0 {
            scene.rest(0, if muted { Method::PUT } else { Method::DELETE }, "seats/3/mute", None).await;
        } else {
            scene.rest(1, if muted { Method::PUT } else { Method::DELETE }, "seat/mute", None).await;
        }
        moment(0..120).await;
    }
    scene.rest(0, Method::DELETE, "seats/3/mute", None).await;
    scene.rest(1, Method::PUT, "seat/mute", None).await;
    scene.rest(1, Method::DELETE, "seat/mute", None).await;
    scene.becomes(1, Some(true)).await;
    let done = "select count(*) from jobs where kind = 'voice.tell' and state in ('waiting', 'running')";
    until("the jobs are done", Duration::from_secs(200), async || (scene.world.count(done).await == 0).then_some(()))
        .await;
    assert_eq!(scene.speaks(1), Some(true), "no older call has come last");
    let failed = "select count(*) from jobs where kind = 'voice.tell' and last_error like '%500%'";
    assert_eq!(scene.world.count(failed).await, 0, "LiveKit had two calls at once about one participant");
}
