//! Faults within a running server: an engine task fails, and a room panics. The tests cause both in a server of their own
//! process, because nothing that comes over the network can cause them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use parlor::kit::rate::Rate;
use parlor::kit::supervise::Fault;
use parlor_loadtests::rest::post;
use parlor_protocol::command::{Recipients, SendGift, TakeSeat};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::event::{Notice, RemovalCause};
use parlor_protocol::reply::{Done, GiftReceipt, Joined};
use parlor_protocol::room::GiftLine;
use parlor_protocol::{CloseCode, Command, ErrorBody, ErrorCode, Event, GiftId, Retry, RoomId, UserFrame};
use serde_json::json;
use tokio::task::block_in_place;

use crate::support::client::{Client, Incoming, op};
use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor, run};
use crate::support::time::{moment, until};
use crate::support::world::{Ground, Inside};

const LIVE: &str = "select count(*) from nodes where lease_until > clock_timestamp()";

/// A server that can be made to fail, whose rooms may be asked as often as one likes.
async fn started(ground: &Ground) -> Inside {
    Inside::start(ground, |settings| {
        settings.server.stop_within_ms = 6_000;
        settings.server.drain_spread_ms = 0;
        settings.delivery.shards = 1;
        settings.gateway.chat = Rate { count: 1_000, per_ms: 1_000 };
        settings.gateway.join = Rate { count: 1_000, per_ms: 1_000 };
    })
    .await
}

/// A connection that asks for `/readyz`, as a load balancer does.
struct Asking(BufReader<TcpStream>);

impl Asking {
    fn of(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        Self(BufReader::new(stream))
    }

    fn status(&mut self) -> u16 {
        block_in_place(|| {
            self.0.get_mut().write_all(b"GET /readyz HTTP/1.1\r\nhost: parlor\r\n\r\n").expect("it reads");
            let (mut status, mut length) = (0, 0);
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).expect("it answers");
                let line = line.trim().to_ascii_lowercase();
                if let Some(found) = line.strip_prefix("http/1.1 ") {
                    status = found[..3].parse().expect("a status");
                }
                if let Some(found) = line.strip_prefix("content-length: ") {
                    length = found.parse().expect("a length");
                }
                if line.is_empty() {
                    break;
                }
            }
            std::io::Read::read_exact(&mut self.0, &mut vec![0; length]).expect("the body");
            status
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_task_that_the_server_lives_with_and_that_fails_stops_it_in_order() {
    let ground = Ground::fresh().await;
    let first = started(&ground).await;
    let engines: BTreeSet<_> = first.supervisor.engines().into_iter().collect();
    assert!(engines.len() >= 12, "the tasks of a whole server: {engines:?}");
    first.stop.begin();
    first.ended().await.expect("it was asked to stop");
    // Whatever is started as an engine task is among them, so that a new one is covered by itself.
    for (at, engine) in engines.into_iter().enumerate() {
        let fault = if at % 2 == 0 { Fault::Panic } else { Fault::End };
        let server = started(&ground).await;
        let (mut owner, ..) = server.owner_of_a_room(1).await;
        let mut asking = Asking::of(server.address);
        assert_eq!(asking.status(), 200, "{engine}");
        assert!(server.supervisor.fail(engine, fault), "{engine} runs");
        let since = Instant::now();
        while asking.status() != 503 {
            assert!(since.elapsed() < Duration::from_secs(5), "{engine}: /readyz says no");
        }
        assert!(!server.stop.soft.is_cancelled(), "{engine}: /readyz says no before the stop begins");
        let notice = loop {
            match owner.next().await {
                Incoming::Notice(Notice::Closing { code, after_ms, .. }) => break (code, after_ms.is_some()),
                Incoming::Closed(code) => panic!("{engine}: the socket is told before it ends, not just {code:?}"),
                _ => {}
            }
        };
        assert_eq!(notice, (CloseCode::Draining.number(), true), "{engine}");
        assert_eq!(owner.closed().await, Some(CloseCode::Draining.number()), "{engine}");
        let error = server.ended().await.expect_err("nobody asked it to stop").to_string();
        let how = if fault == Fault::Panic { "panicked" } else { "ended by itself" };
        assert!(error.starts_with(&format!("the task `{engine}` has {how}")), "{error}");
        assert!(error.contains("start it again"), "{error}");
        assert_eq!(ground.count(LIVE).await, 0, "{engine}: the lease is given back, and the next start need not wait");
    }
}

/// The first task of the real program: it is the process that says no, tells its sockets, ends, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_program_ends_in_order_with_exit_code_2_and_a_sentence_when_such_a_task_fails() {
    let database = Database::fresh().await;
    let (app, owner) = (database.app_url(), database.owner_url());
    let seeded = run(parlor(&["seed", "--demo"]).env("DATABASE_URL", &app).env("DATABASE_OWNER_URL", owner));
    assert!(seeded.status.success(), "{}", complaint(&seeded));
    for engine in ["ledger writer", "lease renewal"] {
        let mut command = parlor(&["serve"]);
        command
            .env("DATABASE_URL", &app)
            .env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0")
            .env("PARLOR__SERVER__DRAIN_SPREAD_MS", "0")
            .env("PARLOR_TEST_FAULT", engine);
        let mut program = block_in_place(|| Program::start(&mut command));
        let login = json!({"login": "demo1@parlor.example", "password": "parlor-demo", "device": "test"});
        let (status, welcome) = post(program.address, "/v1/auth/login", None, &login).await.expect("up");
        assert_eq!(status, 200, "{welcome}");
        let token = welcome["access_token"].as_str().expect("a token");
        let mut client = Client::connected(program.address, token, "phone").await;
        let mut asking = Asking::of(program.address);
        assert_eq!(asking.status(), 200, "{engine}");
        program.signal(Signal::SIGUSR1);
        let since = Instant::now();
        while asking.status() != 503 {
            assert!(since.elapsed() < Duration::from_secs(5), "{engine}: /readyz says no");
        }
        let notice = loop {
            match client.next().await {
                Incoming::Notice(Notice::Closing { code, .. }) => break code,
                Incoming::Closed(code) => panic!("{engine}: the socket is told before it ends, not just {code:?}"),
                _ => {}
            }
        };
        assert_eq!(notice, CloseCode::Draining.number(), "{engine}");
        assert_eq!(client.closed().await, Some(CloseCode::Draining.number()), "{engine}");
        let ended = block_in_place(|| program.ended(Duration::from_secs(20)));
        let said = program.said();
        assert_eq!(ended.code(), Some(2), "{engine}: {said}");
        let last = said.lines().rfind(|line| line.starts_with("parlor: ")).expect("a sentence");
        assert!(last.starts_with(&format!("parlor: the task `{engine}` has panicked")), "{last}");
        assert!(last.contains("start it again"), "{last}");
        let leases: i64 = sqlx::query_scalar(LIVE).fetch_one(&database.app).await.expect("a number");
        assert_eq!(leases, 0, "{engine}: the next start need not wait");
    }
}

/// Comes back into the room on the same socket, when the room says that it may be asked again.
async fn come_back(client: &mut Client, room: RoomId, pass: &str) -> Joined {
    loop {
        let error = match client.join(room, pass).await {
            Ok(joined) => return joined,
            Err(error) => error,
        };
        assert_eq!((error.code, error.retry), (ErrorCode::RoomPaused, Retry::Later));
        let told = error.retry_after_ms.expect("later");
        moment(told..told + 1).await;
    }
}

/// The gifts that somebody has been shown, by the client's rule: nothing at or below the last one's number.
#[derive(Default)]
struct Shown(Vec<(i64, i64)>);

impl Shown {
    fn show(&mut self, gifts: &[GiftLine]) {
        for gift in gifts {
            if self.0.last().is_none_or(|(last, _)| gift.gift_no > *last) {
                self.0.push((gift.gift_no, gift.receipt));
            }
        }
    }

    fn hear(&mut self, event: &EventFrame) {
        if let Event::GiftsSent { gifts, .. } = &event.event {
            self.show(gifts);
        }
    }
}

/// Waits on this socket for the frame that tells it to join the room again.
async fn resynced(client: &mut Client, room: RoomId) {
    let removed = loop {
        let frame = client.user_frame().await;
        // What somebody was paid is told meanwhile, in whichever order.
        if !matches!(frame, UserFrame::BalanceChanged { .. }) {
            break frame;
        }
    };
    let expected = UserFrame::RoomRemoved { room, cause: RemovalCause::Resync, until: None, reason: String::new() };
    assert_eq!(removed, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_panics_starts_anew_from_its_checkpoint_and_nobody_else_notices() {
    let ground = Ground::fresh().await;
    let server = started(&ground).await;
    let (mut owner, bad, owners_pass) = server.owner_of_a_room(1).await;
    let (mut guest, guests_pass) = server.guest_of(2, bad).await;
    let (mut other, good, _) = server.owner_of_a_room(3).await;
    let seat = |seat| Command::SeatTake(TakeSeat { room: bad, seat: Some(seat), version: None });
    let _: Done = owner.ask(seat(3)).await.expect("free");
    let checkpointed = "select count(*) from room_checkpoints where state::text like '%[[3,%'";
    until("the seat is in the checkpoint", Duration::from_secs(10), async || {
        let found = sqlx::query_scalar::<_, i64>(checkpointed).fetch_one(&ground.database.app).await.expect("a number");
        (found > 0).then_some(())
    })
    .await;
    let chatting = tokio::spawn(async move {
        for line in 0..60 {
            let asked = Instant::now();
            other.chat(good, &format!("line {line}")).await.expect("this room knows of nothing");
            assert!(asked.elapsed() < Duration::from_secs(2), "line {line} took {:?}", asked.elapsed());
            moment(5..15).await;
        }
        let places: Vec<_> = other.events().into_iter().map(|event| (event.epoch, event.seq)).collect();
        assert!(places.windows(2).all(|two| two[1] == (two[0].0, two[0].1 + 1)), "no gap in {places:?}");
        assert!(
            places.len() >= 60
                && other.inbox().all(|incoming| !matches!(incoming, Incoming::User(UserFrame::RoomRemoved { .. })))
        );
        other
    });

    let gift = Command::GiftSend(SendGift {
        room: bad,
        gift: GiftId::new(1).expect("the Rose"),
        count: 1,
        to: Recipients::AllSeats,
    });
    let mut epoch = owner.position(bad).expect("it is in").epoch;
    let (mut receipts, mut owner_saw, mut guest_saw) = (Vec::new(), Shown::default(), Shown::default());
    // At first the ledger has not the gift yet when the room panics, then it has.
    for fault in ["before", "after"] {
        server.supervisor.arm(format!("{fault} a gift in {}", bad.number()));
        let operation = op();
        let paused: Result<GiftReceipt, ErrorBody> = guest.ask_as(operation, &gift).await;
        let paused = paused.expect_err("the room is gone, whatever became of the gift");
        assert_eq!((paused.code, paused.retry), (ErrorCode::RoomPaused, Retry::Later), "{fault}");
        let mut latest = epoch;
        for (client, pass, saw) in
            [(&mut owner, &owners_pass, &mut owner_saw), (&mut guest, &guests_pass, &mut guest_saw)]
        {
            resynced(client, bad).await;
            client.events().iter().for_each(|event| saw.hear(event));
            // A room rests behind its second panic; who asks meanwhile is told when to ask again.
            let joined = come_back(client, bad, pass).await;
            assert!(joined.position.epoch > epoch, "{fault}: another life");
            let seats = joined.snapshot.expect("another epoch").seats;
            assert!(seats[3].user.is_some(), "{fault}: the seat of the checkpoint");
            saw.show(&joined.gifts);
            latest = joined.position.epoch;
        }
        epoch = latest;
        let receipt: GiftReceipt = guest.ask_as(operation, &gift).await.expect("paid once");
        assert_eq!(receipt.replayed, fault == "after", "whether it was paid before the room's end");
        receipts.push((receipt.gift_no, receipt.receipt));
    }
    // Each gift is shown once on the same sockets, whether it was committed before the room's end or behind it.
    for (client, saw) in [(&mut owner, &mut owner_saw), (&mut guest, &mut guest_saw)] {
        client.events().iter().for_each(|event| saw.hear(event));
        while saw.0.len() < receipts.len() {
            saw.hear(&client.event().await);
        }
        client.ping().await;
        client.events().iter().for_each(|event| saw.hear(event));
        assert_eq!(saw.0, receipts, "by number and receipt");
    }
    chatting.await.expect("the other room went on");
    assert_eq!(server.supervisor.failure(), None, "the process goes on");
    server.stop.begin();
    server.ended().await.expect("it was asked to stop");
}
