//! Kicks and bans in the whole server: what whoever is put out is told, what they may do afterwards, and that it is so
//! after a restart and in a race.

use std::time::Duration;

use hyper::Method;
use parlor_protocol::command::{Ban, Kick, MuteChat, OnUser, SetChatRules};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::{Done, JoinResult};
use parlor_protocol::{Command, ErrorBody, ErrorCode, Event, RoomId, UserFrame, UserId};
use serde_json::{Value, json};

use crate::support::client::{Client, Incoming};
use crate::support::time::moment;
use crate::support::world::World;

fn ban(room: RoomId, user: UserId, duration_ms: Option<u64>) -> Command {
    Command::RoomBan(Ban { room, user, duration_ms, reason: "spam".into() })
}

fn unban(room: RoomId, user: UserId) -> Command {
    Command::RoomUnban(OnUser { room, user })
}

/// The acts in the audit log, oldest first, each with its actor and its reason.
async fn audit(world: &World) -> Vec<(String, i64, String)> {
    let rows = "select act, actor_id, reason from audit_log where act like 'room.%' order by id";
    sqlx::query_as(rows).fetch_all(&world.database.app).await.expect("it can be read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_user_is_told_why_first_and_is_kept_out_of_the_room_over_a_kill() {
    let mut world = World::new().await;
    let ((owner, owners), (guest, guests)) = (world.entered("user").await, world.entered("user").await);
    let room = world.room(owner).await;
    let mut host = world.in_room(owner, room).await;
    let mut listener = world.in_room(guest, room).await;
    let bans = format!("/v1/rooms/{room}/bans");
    let call = async |world: &World, token: &str, method: Method, path: &str, body: Option<Value>| {
        world.call(method, path, token, body).await
    };
    let seated: Done = listener
        .ask(Command::SeatTake(parlor_protocol::command::TakeSeat { room, seat: Some(2), version: None }))
        .await
        .expect("free");
    let body = json!({"user": guest, "duration_ms": 600_000, "reason": "spam"});
    let (status, done) = call(&world, &owners, Method::POST, &bans, Some(body)).await;
    assert_eq!(status, 200, "{done}");
    // Nothing of the ban reaches the one who is put out but the reason.
    let why = loop {
        match listener.next().await {
            Incoming::User(frame) => break frame,
            Incoming::Event(event) => assert!(event.seq <= seated.seq || is_of_people(&event), "{event:?}"),
            _ => {}
        }
    };
    let UserFrame::RoomRemoved { cause, until, reason, .. } = why else { panic!("removed: {why:?}") };
    assert_eq!((cause, until.is_some(), reason.as_str()), (RemovalCause::Banned, true, "spam"));
    let banned = |event: &EventFrame| match &event.event {
        Event::ParticipantBanned { user, by, reason, .. } => Some((*user, *by, reason.clone())),
        _ => None,
    };
    assert_eq!(host.event_where("the ban", banned).await, (guest, owner, "spam".to_owned()));
    assert_eq!(listener.chat(room, "let me in").await.expect_err("banned").code, ErrorCode::Banned);

    for round in 0..2 {
        let (status, refused) =
            call(&world, &guests, Method::POST, &format!("/v1/rooms/{room}/token"), Some(json!({}))).await;
        assert_eq!(
            (status, &refused["code"], &refused["reason"]),
            (403, &json!("banned"), &json!("spam")),
            "{refused}"
        );
        assert!(refused["until"].is_i64());
        // Asleep or awake, and whatever is asked.
        let (_, refused) = call(&world, &guests, Method::GET, &format!("/v1/rooms/{room}/seats"), None).await;
        assert_eq!(refused["code"], "banned", "{round}");
        let mut late = Client::connected(world.address, &guests, "another phone").await;
        let error = late.join(room, &world.room_token(guest, room)).await.expect_err("banned");
        assert_eq!((error.code, error.until.is_some()), (ErrorCode::Banned, true));
        let (_, page) = call(&world, &owners, Method::GET, &bans, None).await;
        assert_eq!((&page["items"][0]["user"]["id"], &page["items"][0]["by"]["id"]), (&json!(guest), &json!(owner)));
        assert_eq!((&page["items"][0]["reason"], page["items"].as_array().map(Vec::len)), (&json!("spam"), Some(1)));
        if round == 0 {
            world.kill().await;
            world.start_again().await;
        }
    }

    let lifted = format!("{bans}/{guest}");
    assert_eq!(call(&world, &owners, Method::DELETE, &lifted, None).await.0, 200);
    world.in_room(guest, room).await;
    assert_eq!(call(&world, &owners, Method::GET, &bans, None).await.1["items"], json!([]));
    assert_eq!(call(&world, &owners, Method::DELETE, &lifted, None).await.0, 200, "nothing is left to do");
    let expected =
        [("room.banned", "spam"), ("room.unbanned", "")].map(|(act, why)| (act.into(), owner.number(), why.into()));
    assert_eq!(audit(&world).await, expected);
}

/// Whether the event only says who has come or left.
fn is_of_people(event: &EventFrame) -> bool {
    matches!(event.event, Event::ParticipantsChanged { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_of_nobody_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    let owner = world.person("user").await;
    let room = world.room(owner).await;
    let mut host = world.in_room(owner, room).await;
    let nobody = UserId::new(999_999_999).expect("in range");
    let op = crate::support::client::op();
    let error = host.ask_as::<Done>(op, &ban(room, nobody, None)).await.expect_err("nobody");
    assert_eq!(error.code, ErrorCode::UserNotFound);
    let again = host.ask_as::<Done>(op, &ban(room, nobody, None)).await.expect_err("nobody");
    assert_eq!((again.code, again.replayed), (ErrorCode::UserNotFound, true));
    host.ask::<Done>(unban(room, nobody)).await.expect("nothing is left to do");
    let error = host.ask::<Done>(ban(room, owner, None)).await.expect_err("the owner");
    assert_eq!(error.code, ErrorCode::Forbidden);
    let (status, problem) = world
        .post(&format!("/v1/rooms/{room}/bans"), &world.token(owner).await, json!({"user": 1, "duration_ms": 999}))
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad_request")), "{problem}");
    assert_eq!(world.count("select count(*) from room_facts where fact->>'type' = 'banned'").await, 0);
    assert_eq!(world.count("select count(*) from room_bans").await, 0);
    assert_eq!(audit(&world).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kick_has_its_own_time_and_the_owner_s_is_in_the_audit_log() {
    let world = World::new().await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let (mut host, _guest) = (world.in_room(owner, room).await, world.in_room(guest, room).await);
    let kick = Kick { room, user: guest, duration_ms: Some(1_000), reason: "noise".into() };
    host.ask::<Done>(Command::RoomKick(kick)).await.expect("the owner may");
    let mut late = Client::connected(world.address, &world.token(guest).await, "phone").await;
    let error = late.join(room, &world.room_token(guest, room)).await.expect_err("kicked");
    assert_eq!(error.code, ErrorCode::Kicked);
    crate::support::time::until("the end of the kick", Duration::from_secs(5), async || {
        late.join(room, &world.room_token(guest, room)).await.ok()
    })
    .await;
    assert_eq!(audit(&world).await, [("room.kicked".into(), owner.number(), "noise".into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_in_a_room_sees_its_admins_and_a_ban_takes_one_from_them_over_a_kill() {
    let mut world = World::new().await;
    let (owner, owners) = world.entered("user").await;
    let mut admins = vec![world.person("user").await, world.person("user").await];
    let (outsider, _) = world.entered("user").await;
    let room = world.room(owner).await;
    let _host = world.in_room(owner, room).await;
    let path = format!("/v1/rooms/{room}/admins");
    let mut sockets = Vec::new();
    for admin in &admins {
        sockets.push(world.in_room(*admin, room).await);
        assert_eq!(world.put(&format!("{path}/{admin}"), &owners).await, 200);
    }
    admins.sort_unstable();
    let ids = |page: &Value| -> Vec<i64> {
        page["items"].as_array().expect("items").iter().filter_map(|person| person["id"].as_i64()).collect()
    };
    let numbers: Vec<i64> = admins.iter().map(|admin| admin.number()).collect();
    let (_, first) = world.get(&format!("{path}?limit=1"), &world.token(admins[1]).await).await;
    assert_eq!(ids(&first), numbers[..1]);
    let next = first["next"].as_str().expect("there is more").to_owned();
    let (_, second) = world.get(&format!("{path}?limit=1&cursor={next}"), &owners).await;
    assert_eq!((ids(&second), &second["next"]), (numbers[1..].to_vec(), &json!(null)));
    assert_eq!(world.get(&path, &world.token(outsider).await).await.1["code"], "not_in_room");

    let body = json!({"user": admins[0]});
    assert_eq!(world.post(&format!("/v1/rooms/{room}/bans"), &owners, body).await.0, 200);
    for round in 0..2 {
        assert_eq!(ids(&world.get(&path, &owners).await.1), numbers[1..], "{round}");
        if round == 0 {
            world.kill().await;
            world.start_again().await;
        }
    }
    assert_eq!(world.delete(&format!("/v1/rooms/{room}/bans/{}", admins[0]), &owners).await, 200);
    assert_eq!(ids(&world.get(&path, &owners).await.1), numbers[1..], "the end of a ban makes nobody an admin");
}

/// The races of a ban against everything that the banned user does from other sockets.
const RACES: usize = 50;

/// Says something until it is refused, and returns the numbers of the lines that were posted, and the refusal.
async fn speak(client: &mut Client, room: RoomId) -> (Vec<u64>, ErrorBody) {
    let mut posted = Vec::new();
    loop {
        match client.chat(room, "still here").await {
            Ok(done) => posted.push(done.seq),
            Err(error) => return (posted, error),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_against_join_resume_and_publish_from_other_sockets_is_exact() {
    let world = World::new().await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let pass = world.room_token(guest, room);
    let token = world.token(guest).await;
    let mut host = world.in_room(owner, room).await;
    for race in 0..RACES {
        let mut speaker = Client::connected(world.address, &token, "speaks").await;
        speaker.join(room, &pass).await.expect("not banned");
        let mut lost = Client::connected(world.address, &token, "resumes").await;
        lost.join(room, &pass).await.expect("not banned");
        let positions = lost.cut();
        let mut comer = Client::connected(world.address, &token, "joins").await;
        let mut back = Client::open(world.address).await;
        back.stand_where(positions);

        let banning = async {
            moment(0..6).await;
            host.ask::<Done>(ban(room, guest, None)).await.expect("the owner may");
            host.event_where("the ban", |event| {
                matches!(event.event, Event::ParticipantBanned { .. }).then_some(event.seq)
            })
            .await
        };
        let joining = async {
            moment(0..6).await;
            comer.join(room, &pass).await
        };
        let resuming = async {
            moment(0..6).await;
            let joins = vec![back.join_of(room, &pass)];
            let connected = back.connect_and_join(&token, "resumes", joins).await.expect("may connect");
            connected.joins.into_iter().next().expect("one join")
        };
        let (banned_at, (posted, refusal), joined, resumed) =
            tokio::join!(banning, speak(&mut speaker, room), joining, resuming);

        // What was posted stands before the ban; what came later was refused as banned.
        assert!(posted.iter().all(|seq| *seq < banned_at), "{race}: {posted:?} and the ban at {banned_at}");
        assert_eq!(refusal.code, ErrorCode::Banned, "{race}");
        // Whoever came in was put out again and told why; whoever did not was refused as banned.
        let mut sockets = vec![(&mut speaker, Ok(()))];
        sockets.push((&mut comer, joined.map(drop)));
        let resumed = match resumed {
            JoinResult::Data(_) => Ok(()),
            JoinResult::Error(error) => Err(*error),
        };
        sockets.push((&mut back, resumed));
        for (socket, came_in) in sockets {
            match came_in {
                Ok(()) => {
                    let UserFrame::RoomRemoved { cause, reason, .. } = socket.user_frame().await else {
                        panic!("{race}: removed")
                    };
                    assert_eq!((cause, reason.as_str()), (RemovalCause::Banned, "spam"), "{race}");
                }
                Err(error) => assert_eq!(error.code, ErrorCode::Banned, "{race}"),
            }
            // That is told to a socket that was never in the room too.
            assert_eq!(socket.chat(room, "again").await.expect_err("banned").code, ErrorCode::Banned, "{race}");
            assert_eq!(socket.join(room, &pass).await.expect_err("banned").code, ErrorCode::Banned, "{race}");
        }
        // The room has nobody but the owner, and says nothing of the user until the ban is lifted.
        host.ask::<Done>(unban(room, guest)).await.expect("the owner may");
        let mut after = Vec::new();
        host.event_where("the end of the ban", |event| match &event.event {
            Event::ParticipantUnbanned { .. } => Some(()),
            other => {
                after.push(other.clone());
                None
            }
        })
        .await;
        let is_silent = after.iter().all(|event| match event {
            Event::ParticipantsChanged { joined, .. } => joined.iter().all(|person| person.id != guest),
            _ => false,
        });
        assert!(is_silent, "{race}: {after:?}");
        for socket in [speaker, comer, back] {
            socket.cut();
        }
    }
    assert_eq!(audit(&world).await.len(), 2 * RACES);
    assert_eq!(world.count("select count(*) from room_bans").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutes_and_slow_mode_bind_everybody_but_the_owner_over_a_kill() {
    let mut world = World::new().await;
    let ((owner, owners), guest) = (world.entered("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let mut host = world.in_room(owner, room).await;
    host.ask::<Done>(Command::ChatMute(MuteChat { room, user: guest, duration_ms: None })).await.expect("may");
    let mutes = format!("/v1/rooms/{room}/mutes");
    for round in 0..2 {
        let mut host = world.in_room(owner, room).await;
        let mut listener = world.in_room(guest, room).await;
        let error = listener.chat(room, "hello").await.expect_err("muted");
        assert_eq!((error.code, error.until), (ErrorCode::Muted, None), "{round}");
        host.chat(room, "good evening").await.expect("the owner may");
        let (_, page) = world.get(&mutes, &owners).await;
        assert_eq!(page["items"][0]["user"]["id"], json!(guest), "{page}");
        if round == 0 {
            world.kill().await;
            world.start_again().await;
        }
    }
    assert_eq!(world.call(Method::DELETE, &format!("{mutes}/{guest}"), &owners, None).await.0, 200);
    let slow = json!({"slow_mode_s": 3_600});
    assert_eq!(world.call(Method::PATCH, &format!("/v1/rooms/{room}/chat"), &owners, Some(slow)).await.0, 200);
    let mut listener = world.in_room(guest, room).await;
    listener.chat(room, "hello").await.expect("the first line");
    let error = listener.chat(room, "hello again").await.expect_err("slow");
    assert_eq!(error.code, ErrorCode::SlowMode);
    assert!(error.retry_after_ms.is_some_and(|ms| ms > 3_500_000 && ms <= 3_600_000), "{error:?}");
    world.kill().await;
    world.start_again().await;
    let mut host = world.in_room(owner, room).await;
    let mut late = Client::connected(world.address, &world.token(guest).await, "phone").await;
    let joined = late.join(room, &world.room_token(guest, room)).await.expect("may come in");
    assert_eq!(joined.snapshot.expect("a new epoch").chat_rules.map(|rules| rules.slow_mode_s), Some(3_600));
    let all = SetChatRules { room, muted: Some(true), slow_mode_s: Some(0) };
    host.ask::<Done>(Command::ChatRules(all)).await.expect("the owner may");
    assert_eq!(late.chat(room, "hello").await.expect_err("muted").code, ErrorCode::Muted);
    let acts: Vec<String> = audit(&world).await.into_iter().map(|(act, ..)| act).collect();
    assert_eq!(acts, ["room.muted", "room.unmuted", "room.chat_rules_set", "room.chat_rules_set"]);
}
