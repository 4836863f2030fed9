//! Single lines of chat in the whole server: recalls, after which nothing of a line is left anywhere; images; mentions and
//! replies; and the signals of reactions, of who types and of who speaks.

use std::time::Duration;

use hyper::Method;
use parlor::kit::supervise::Supervisor;
use parlor::media::{Media, Settings};
use parlor_protocol::chat::{LineNumber, Reaction, Speaker};
use parlor_protocol::command::{InRoom, OnUser, React, RecallLine, SendChat, SendImage, Speak, TakeSeat};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::reply::{Done, Empty, Joined};
use parlor_protocol::{Command, ErrorCode, Event, RoomId, Signal, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::agreement::uploads;
use crate::support::client::{Client, Incoming, op};
use crate::support::edge;
use crate::support::time::{moment, until};
use crate::support::world::World;

fn recall(room: RoomId, line: Done) -> Command {
    Command::ChatRecall(RecallLine { room, epoch: line.epoch, seq: line.seq })
}

fn path(room: RoomId, line: Done) -> String {
    format!("/v1/rooms/{room}/lines/{}/{}", line.epoch, line.seq)
}

/// Waits for the next recall: the `seq` of the line, and by whom.
async fn recalled(client: &mut Client) -> (u64, UserId) {
    let take = |event: &EventFrame| match event.event {
        Event::ChatRecalled { seq, by, .. } => Some((seq, by)),
        _ => None,
    };
    client.event_where("a recall", take).await
}

/// Waits for the event of this `seq`.
async fn event_of(client: &mut Client, seq: u64) -> Event {
    client.event_where("a line", |event| (event.seq == seq).then(|| event.event.clone())).await
}

/// The columns of the database in which this word stands, in text, JSON or bytes.
async fn found(world: &World, word: &str) -> Vec<String> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text, t.typname::text
           from pg_attribute a
           join pg_class c on c.oid = a.attrelid
           join pg_type t on t.oid = a.atttypid
          where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and a.attnum > 0
            and not a.attisdropped
            and t.typname in ('text', 'varchar', 'bpchar', 'json', 'jsonb', 'bytea', '_text', '_bytea')",
    )
    .fetch_all(&world.database.superuser)
    .await
    .expect("the catalogue is read");
    assert!(columns.len() > 50, "{columns:?}");
    let mut found = Vec::new();
    for (table, column, kind) in columns {
        let holds = match kind.as_str() {
            "bytea" => format!(r#"position(convert_to($1, 'UTF8') in "{column}") > 0"#),
            "_bytea" => format!(
                r#"exists (select from unnest("{column}") as b where position(convert_to($1, 'UTF8') in b) > 0)"#
            ),
            _ => format!(r#"position($1 in "{column}"::text) > 0"#),
        };
        let asked = format!(r#"select count(*) from "{table}" where {holds}"#);
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(asked))
            .bind(word)
            .fetch_one(&world.database.superuser)
            .await
            .expect("the table is read");
        if rows > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recalled_line_is_found_nowhere_afterwards() {
    let mut world = World::new().await;
    let ((owner, _), (guest, guests)) = (world.entered("user").await, world.entered("user").await);
    let room = world.room(owner).await;
    let (mut host, mut author) = (world.in_room(owner, room).await, world.in_room(guest, room).await);
    let before = author.chat(room, "behind this").await.expect("may chat");
    event_of(&mut host, before.seq).await;
    let (gone, positions) = (owner, host.positions());
    let text = "xylophonist at midnight";
    let (line, kept) = (
        author.chat(room, text).await.expect("may chat"),
        author.chat(room, "quetzal at noon").await.expect("may chat"),
    );
    event_of(&mut host, kept.seq).await;
    host.cut();
    // Another listener must not, and the answer to the author's retry is the first one.
    let (other, others) = world.entered("user").await;
    let mut listener = world.in_room(other, room).await;
    let (status, problem) = world.call(Method::DELETE, &path(room, line), &others, None).await;
    assert_eq!((status, &problem["code"]), (403, &json!("not_permitted")), "{problem}");
    let ahead = Done { seq: line.seq + 1_000, ..line };
    let (status, problem) = world.call(Method::DELETE, &path(room, ahead), &others, None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{problem}");
    let tap = op();
    let first: Done = author.ask_as(tap, &recall(room, line)).await.expect("their own");
    let again: Done = author.ask_as(tap, &recall(room, line)).await.expect("their own");
    assert_eq!((again.seq, again.replayed), (first.seq, true));
    assert_eq!(recalled(&mut listener).await, (line.seq, guest));
    let (status, done) = world.call(Method::DELETE, &path(room, line), &guests, None).await;
    assert_eq!(status, 200, "again, by REST: {done}");
    // A client that comes back has every number, and the line without its text.
    let mut back = Client::connected(world.address, &world.token(gone).await, "device").await;
    let mut join = back.join_of(room, &world.room_token(gone, room));
    join.position = positions.get(&room).copied();
    let joined: Joined = back.ask(Command::RoomJoin(join)).await.expect("may come back");
    assert!(joined.recovered);
    let events: Vec<EventFrame> =
        joined.events.iter().map(|event| serde_json::from_str(event.get()).expect("an event")).collect();
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (before.seq + 1..=joined.position.seq).collect::<Vec<_>>(), "without a gap");
    let emptied = events.iter().find(|event| event.seq == line.seq).expect("it is among them");
    assert!(
        matches!(&emptied.event, Event::ChatPosted { text, recalled: true, from, .. } if text.is_empty() && from.id == guest),
        "{emptied:?}"
    );
    let all = serde_json::to_string(&joined).expect("JSON");
    assert!(!all.contains("xylophonist") && all.contains("quetzal"), "{all}");
    // Nor does a snapshot have it.
    let newcomer = world.person("user").await;
    let mut late = Client::connected(world.address, &world.token(newcomer).await, "device").await;
    let snapshot =
        late.join(room, &world.room_token(newcomer, room)).await.expect("may come in").snapshot.expect("new");
    let shown: Vec<_> = snapshot.chat.iter().map(|line| (line.seq, &*line.text, line.recalled)).collect();
    assert_eq!(
        shown,
        [
            (Some(before.seq), "behind this", false),
            (Some(line.seq), "", true),
            (Some(kept.seq), "quetzal at noon", false)
        ]
    );
    // The timeline is written behind the room, and the line emptied in it. Its stretches are packed, so it is read as staff does.
    // The line was recalled twice, so there is a second job, which is due later and finds nothing to do.
    let emptied = "select count(*) from jobs where kind = 'room.empty_line' and state = 'done'";
    let done = async || (world.count(emptied).await > 0).then_some(());
    until("the timeline is emptied", Duration::from_secs(60), done).await;
    let (_, admins) = world.entered("admin").await;
    let (status, timeline) = world.get(&format!("/v1/staff/rooms/{room}/timeline"), &admins).await;
    let timeline = timeline.to_string();
    assert!(status == 200 && timeline.contains("quetzal") && !timeline.contains("xylophonist"), "{timeline}");
    // The last checkpoint is written with the end.
    world.stop().await;
    assert_eq!(found(&world, "xylophonist").await, Vec::<String>::new());
    assert!(!world.program.said().contains("xylophonist"));
    let name = world.count("select count(*) from rooms where name is not null").await;
    assert!(
        name > 0 && found(&world, "line_recalled").await.contains(&"room_facts.fact".to_owned()),
        "the search finds"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_author_recalls_in_time_over_a_restart_and_not_too_late() {
    let mut world = World::dev().roomy().lease(1_000).set("PARLOR__ROOM__RECALL_MS", 20_000).await;
    let (owner, (guest, _)) = (world.person("user").await, world.entered("user").await);
    let room = world.room(owner).await;
    let mut author = world.in_room(guest, room).await;
    let line = author.chat(room, "said before the restart").await.expect("may chat");
    world.stop().await;
    world.start_again().await;
    let mut host = world.in_room(owner, room).await;
    let mut author = world.in_room(guest, room).await;
    author.ask::<Done>(recall(room, line)).await.expect("the room knows who said it");
    let told = host.event_where("the recall", |event| match event.event {
        Event::ChatRecalled { epoch, seq, by } => Some((epoch, seq, by)),
        _ => None,
    });
    assert_eq!(told.await, (line.epoch, line.seq, guest));
    world.stop().await;
    let mut world = World::dev().roomy().set("PARLOR__ROOM__RECALL_MS", 1).await;
    let (owner, (guest, guests)) = (world.person("user").await, world.entered("user").await);
    let room = world.room(owner).await;
    let mut author = world.in_room(guest, room).await;
    let line = author.chat(room, "too late").await.expect("may chat");
    moment(5..10).await;
    assert_eq!(author.ask::<Done>(recall(room, line)).await.expect_err("too late").code, ErrorCode::TooLate);
    let (status, problem) = world.call(Method::DELETE, &path(room, line), &guests, None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too_late")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owner_admins_and_staff_recall_any_line_and_the_log_says_so() {
    let world = World::new().await;
    let ((owner, owners), guest, admin) =
        (world.entered("user").await, world.person("user").await, world.person("user").await);
    let ((_, moderators), (_, supporters)) = (world.entered("moderator").await, world.entered("support").await);
    let room = world.room(owner).await;
    let mut host = world.in_room(owner, room).await;
    let (mut author, mut second) = (world.in_room(guest, room).await, world.in_room(admin, room).await);
    host.ask::<Done>(Command::AdminPromote(OnUser { room, user: admin })).await.expect("the owner may");
    let mut lines = Vec::new();
    for text in ["one", "two", "three", "four"] {
        lines.push(author.chat(room, text).await.expect("may chat"));
    }
    second.ask::<Done>(recall(room, lines[0])).await.expect("an admin may");
    assert_eq!(recalled(&mut host).await, (lines[0].seq, admin));
    host.leave(room).await.expect("may leave");
    let (status, done) = world.call(Method::DELETE, &path(room, lines[1]), &owners, None).await;
    assert_eq!(status, 200, "the owner, from outside: {done}");
    let of_staff = format!("/v1/staff{}", path(room, lines[2]).trim_start_matches("/v1"));
    assert_eq!(world.call(Method::DELETE, &of_staff, &supporters, None).await.0, 403);
    assert_eq!(world.call(Method::DELETE, &of_staff, &owners, None).await.0, 403);
    let (status, done) = world.call(Method::DELETE, &of_staff, &moderators, None).await;
    assert_eq!(status, 200, "{done}");
    author.ask::<Done>(recall(room, lines[3])).await.expect("their own");
    let rows = "select user_id, detail from audit_log where act = 'room.line_recalled' order by id";
    let log: Vec<(Option<i64>, Value)> =
        sqlx::query_as(rows).fetch_all(&world.database.app).await.expect("it can be read");
    let log: Vec<_> = log.iter().map(|(user, detail)| (*user, detail["seq"].as_u64())).collect();
    let seq = |line: usize| Some(lines[line].seq);
    assert_eq!(
        log,
        [(Some(guest.number()), seq(0)), (Some(guest.number()), seq(1)), (Some(guest.number()), seq(2))],
        "not one's own"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_mentions_who_is_there_and_replies_to_a_line() {
    let world = World::new().await;
    let ((owner, owners), guest, away) =
        (world.entered("user").await, world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let (mut host, mut listener) = (world.in_room(owner, room).await, world.in_room(guest, room).await);
    let first = listener.chat(room, "who has a poem?").await.expect("may chat");
    let number = LineNumber { epoch: first.epoch, seq: first.seq };
    let chat =
        SendChat { mentions: vec![guest, away, guest], reply_to: Some(number), ..SendChat::of(room, "I".into()) };
    let second: Done = host.ask(Command::ChatSend(chat)).await.expect("may chat");
    let Event::ChatPosted { mentions, reply_to, .. } = event_of(&mut listener, second.seq).await else {
        panic!("a line")
    };
    assert_eq!(mentions, [guest]);
    let quote = reply_to.expect("a reply");
    assert_eq!((quote.epoch, quote.seq, quote.user), (first.epoch, first.seq, Some(guest)));
    let messages = format!("/v1/rooms/{room}/messages");
    let body = json!({"text": "and I", "mentions": [guest], "reply_to": {"epoch": first.epoch, "seq": first.seq}});
    let (status, done) = world.post(&messages, &owners, body).await;
    assert_eq!(status, 200, "{done}");
    let third = event_of(&mut listener, done["seq"].as_u64().expect("a number")).await;
    assert!(matches!(third, Event::ChatPosted { ref mentions, reply_to: Some(_), .. } if *mentions == [guest]));
    for (body, field) in [
        (json!({"text": "x", "mentions": vec![guest; 11]}), "mentions"),
        (json!({"text": "x", "reply_to": {"epoch": first.epoch, "seq": 9_000}}), "reply_to"),
        (json!({"text": "x", "reply_to": {"epoch": first.epoch, "seq": 0}}), "reply_to.seq"),
    ] {
        let (status, problem) = world.post(&messages, &owners, body).await;
        assert_eq!((status, &problem["fields"][0]["field"]), (400, &json!(field)), "{problem}");
    }
}

/// Waits for the next signal that this takes something from.
async fn signal_where<T>(client: &mut Client, mut take: impl FnMut(&Signal) -> Option<T>) -> T {
    loop {
        let (_, signal) = client.signal().await;
        if let Some(taken) = take(&signal) {
            return taken;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_typing_and_speaking_are_merged_into_signals_without_a_number() {
    let world = World::new().await;
    let ((owner, _), (guest, guests)) = (world.entered("user").await, world.entered("user").await);
    let room = world.room(owner).await;
    let (mut host, mut listener) = (world.in_room(owner, room).await, world.in_room(guest, room).await);
    let line = host.chat(room, "good evening").await.expect("may chat");
    let react =
        |reaction, on| Command::ChatReact(React { room, epoch: line.epoch, seq: line.seq, reaction, on: Some(on) });
    listener.ask::<Empty>(react(Reaction::Like, true)).await.expect("may");
    listener.ask::<Empty>(react(Reaction::Fire, true)).await.expect("may");
    host.ask::<Empty>(react(Reaction::Fire, true)).await.expect("may");
    let rose = format!("{}/reactions/rose", path(room, line));
    assert_eq!(world.put(&rose, &guests).await, 204);
    assert_eq!(world.delete(&rose, &guests).await, 204);
    listener.ask::<Empty>(react(Reaction::Like, false)).await.expect("may");
    let settled = signal_where(&mut host, |signal| match signal {
        Signal::ChatReactions { lines } => {
            let counts: Vec<_> = lines[0].counts.iter().map(|count| (count.reaction, count.count)).collect();
            (lines[0].seq == line.seq && counts == [(Reaction::Fire, 2)]).then_some(())
        }
        _ => None,
    });
    settled.await;
    let newcomer = world.person("user").await;
    let mut late = Client::connected(world.address, &world.token(newcomer).await, "device").await;
    let joined = late.join(room, &world.room_token(newcomer, room)).await.expect("may come in");
    let shown = &joined.snapshot.expect("new").chat[0].reactions;
    assert_eq!(shown.iter().map(|count| (count.reaction, count.count)).collect::<Vec<_>>(), [(Reaction::Fire, 2)]);

    listener.ask::<Empty>(Command::ChatTyping(InRoom { room })).await.expect("may chat");
    let typing = |users: &[UserId]| {
        let users = users.to_vec();
        move |signal: &Signal| matches!(signal, Signal::ChatTyping { users: told } if *told == users).then_some(())
    };
    signal_where(&mut host, typing(&[guest])).await;
    signal_where(&mut host, typing(&[])).await;
    let speaking = || Command::MicSpeaking(Speak { room, level: Some(60) });
    assert_eq!(listener.ask::<Empty>(speaking()).await.expect_err("no seat").code, ErrorCode::NotSeated);
    let seat = TakeSeat { room, seat: Some(1), version: None };
    let seated: Done = listener.ask(Command::SeatTake(seat)).await.expect("free");
    listener.ask::<Empty>(speaking()).await.expect("sits");
    let loud = vec![Speaker { user: guest, level: Some(60) }];
    let is = |expected: Vec<Speaker>| {
        move |signal: &Signal| matches!(signal, Signal::MicSpeaking { users } if *users == expected).then_some(())
    };
    signal_where(&mut host, is(loud)).await;
    signal_where(&mut host, is(Vec::new())).await;
    let next = host.chat(room, "no number was taken").await.expect("may chat");
    // The newcomer is named by one event, and nothing else has a number.
    assert!(next.seq <= seated.seq + 2, "{next:?} after {seated:?}");
    assert!(host.inbox().all(|incoming| !matches!(incoming, Incoming::Closed(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_an_upload_of_ones_own_and_goes_with_its_line() {
    let folder = uploads::folder();
    let world = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let ((owner, owners), (guest, guests)) = (world.entered("user").await, world.entered("user").await);
    let room = world.room(owner).await;
    let (mut host, mut author) = (world.in_room(owner, room).await, world.in_room(guest, room).await);
    let own: Uuid = uploads::ready(&world, &guests, "room_image").await.parse().expect("an id");
    let second: Uuid = uploads::ready(&world, &guests, "room_image").await.parse().expect("an id");
    let foreign: Uuid = uploads::ready(&world, &owners, "room_image").await.parse().expect("an id");
    let avatar: Uuid = uploads::ready(&world, &guests, "avatar").await.parse().expect("an id");
    let show = |image: Uuid, text: &str| {
        let (mentions, reply_to) = (Vec::new(), None);
        Command::ChatImage(SendImage { room, image, text: text.to_owned(), mentions, reply_to })
    };
    for image in [foreign, avatar, Uuid::nil()] {
        let error = author.ask::<Done>(show(image, "")).await.expect_err("not their own image");
        assert_eq!((error.code, &*error.fields[0].field), (ErrorCode::BadRequest, "image"));
    }
    let tap = op();
    author.ask_as::<Done>(tap, &show(own, "zygomorphic flowers")).await.expect("their own");
    let again: Done = author.ask_as(tap, &show(own, "zygomorphic flowers")).await.expect("a retry");
    assert!(again.replayed);
    let with_image = |event: &EventFrame| match &event.event {
        Event::ChatPosted { image: Some(image), text, .. } => {
            let line = Done { epoch: event.epoch, seq: event.seq, replayed: false };
            Some((line, *image, text.clone()))
        }
        _ => None,
    };
    let (line, image, text) = host.event_where("the image", with_image).await;
    assert_eq!((image, &*text), (own, "zygomorphic flowers"));
    let error = author.ask::<Done>(show(own, "")).await.expect_err("it is shown already");
    assert_eq!((error.code, &*error.fields[0].field), (ErrorCode::BadRequest, "image"));
    let address = format!("/v1/rooms/{room}/images/{own}");
    let look = || tokio::task::block_in_place(|| world.program.ask("GET", &address, &[]));
    let (status, head, _) = look();
    assert!(status == 302 && head.to_lowercase().contains("location: /media/public/room_image/"), "{head}");
    // By REST, without a text.
    let body = json!({"image": second});
    let (status, done) = world.post(&format!("/v1/rooms/{room}/images"), &guests, body).await;
    assert_eq!(status, 200, "{done}");
    let (other, image, text) = host.event_where("the image", with_image).await;
    assert_eq!((image, &*text), (second, ""));
    let state = |image: Uuid| {
        let pool = world.database.superuser.clone();
        async move {
            let row = sqlx::query_as::<_, (bool, bool)>("select attached, withdrawn from uploads where id = $1");
            row.bind(image).fetch_one(&pool).await.expect("it is there")
        }
    };
    assert_eq!(state(own).await, (true, false), "the clean-up leaves it alone");
    author.ask::<Done>(recall(room, line)).await.expect("their own");
    assert_eq!((state(own).await, state(second).await), ((false, true), (true, false)));
    assert_eq!(look().0, 404);
    let error = author.ask::<Done>(show(own, "")).await.expect_err("it was taken back");
    assert_eq!(error.code, ErrorCode::BadRequest);
    assert_eq!(world.call(Method::DELETE, &path(room, other), &owners, None).await.0, 200);
    assert_eq!(world.count("select count(*) from room_images").await, 0);
    assert_eq!(found(&world, "zygomorphic").await, Vec::<String>::new());
    // What is withdrawn goes at the next clean-up, however young it is.
    let settings = Settings { folder: Some(folder.clone()), ..Settings::default() };
    let supervisor = Supervisor::default();
    supervisor.stop().cancel(); // by hand here
    let edge = edge(&world.database.app);
    let media = Media::start(&edge, &settings, None, &supervisor).expect("a folder");
    assert_eq!(media.clean_up(&edge).await.expect("cleaned"), 2);
    assert_eq!(world.count("select count(*) from uploads where withdrawn").await, 0);
    let record = json!({"version": 1, "may_post_images": "admins"});
    let (status, card) = world.call(Method::PATCH, &format!("/v1/rooms/{room}"), &owners, Some(record)).await;
    assert_eq!(status, 200, "{card}");
    let third: Uuid = uploads::ready(&world, &guests, "room_image").await.parse().expect("an id");
    assert_eq!(author.ask::<Done>(show(third, "")).await.expect_err("admins only").code, ErrorCode::NotPermitted);
    host.ask::<Done>(show(foreign, "")).await.expect("the owner may, with an upload of their own");
    assert!(!world.program.said().contains("ERROR"));
    std::fs::remove_dir_all(&folder).expect("it is there");
}
