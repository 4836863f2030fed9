//! Waking, sleeping, starting anew: the directory with real rooms in a real ground.database.

use std::sync::Arc;
use std::time::Duration;

use parlor::cluster::{self, Node};
use parlor::delivery::{self, ConnectionId, Delivery};
use parlor::kit::clock::BootClock;
use parlor::kit::operation::Operation;
use parlor::kit::supervise::Supervisor;
use parlor::room::port::{CommittedGifts, GiftOrder, Gifts, PortFuture};
use parlor::room::{Answer, Caller, Directory, JoinAnswer, Request, Returned, RoomHandle, Settings};
use parlor::voice::Voice;
use parlor_protocol::command::{Kick, OnSeat, Recipients, SendChat, SendGift, TakeSeat};
use parlor_protocol::reply::{Done, GiftReceipt};
use parlor_protocol::room::{GiftLine, RoomCard};
use parlor_protocol::{Coins, Command, ErrorBody, ErrorCode, GiftId, Op, Retry, RoomId};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{now, open, person, room, user};
use crate::ledger::proxy::{Cut, Proxy};
use crate::support::edge;
use crate::support::time::{moment, until};

/// A ledger whose table has three gifts, all new; it panics at a gift for 1,314.
struct ThreeGifts;

impl Gifts for ThreeGifts {
    fn submit(&self, order: GiftOrder, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>) {
        assert_ne!(order.count, 1_314, "a fault on purpose: the test needs a room that panics");
        let _ = reply.send(Err(ErrorCode::GiftNotFound.into()));
    }

    fn above(&self, _room: RoomId, after: i64, _limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
        let line = |gift_no| GiftLine {
            gift_no,
            receipt: gift_no,
            at: now().0,
            from: person(1),
            to: vec![person(2)],
            gift: GiftId::new(1).expect("in range"),
            count: 1,
            total: Coins(1),
            banner: None,
        };
        let gifts = (after + 1..=3).map(line).collect();
        Box::pin(async move { Ok(CommittedGifts { gifts, coins: Coins(3) }) })
    }
}

/// The lease of a server that loses its database.
const LEASE: Duration = Duration::from_millis(1_200);

pub(super) struct Server {
    pub(super) directory: Directory,
    pub(super) node: Node,
    returned: mpsc::Receiver<Returned>,
    pub(super) supervisor: Supervisor,
}

impl Server {
    pub(super) async fn start(pool: &PgPool, settings: Settings) -> Self {
        Self::start_on(pool, settings, &cluster::Settings::default()).await
    }

    pub(super) async fn start_on(pool: &PgPool, settings: Settings, cluster: &cluster::Settings) -> Self {
        let gifts = Arc::new(ThreeGifts);
        let supervisor = Supervisor::default();
        let node = Node::start(pool.clone(), BootClock::system(), cluster, &supervisor).await.expect("the only one");
        let delivery = Delivery::start(&delivery::Settings::default(), node.lease(), &supervisor);
        let (directory, returned) =
            Directory::new(edge(pool), node.clone(), gifts, delivery, settings, Voice::off(), &supervisor);
        Self { directory, node, returned, supervisor }
    }

    pub(super) async fn end(self) {
        self.directory.stop().await;
        self.node.release().await.expect("released");
        self.supervisor.finish().await;
    }
}

pub(super) fn caller(number: i64) -> Caller {
    Caller { user: person(number), connection: ConnectionId(number.unsigned_abs()), session: Uuid::nil() }
}

pub(super) async fn join(handle: &RoomHandle, number: i64) -> Result<JoinAnswer, ErrorBody> {
    match handle.call(Request::Join { caller: caller(number), position: None }).await? {
        Answer::Joined(joined) => Ok(*joined),
        other => panic!("not joined: {other:?}"),
    }
}

pub(super) async fn command(handle: &RoomHandle, number: i64, op: u128, command: Command) -> Result<Done, ErrorBody> {
    let operation = Operation::of_command(Op(Uuid::from_u128(op)), user(number), &command);
    match handle.call(Request::Command { caller: caller(number), operation, command }).await? {
        Answer::Done(done) => Ok(done),
        other => panic!("not done: {other:?}"),
    }
}

pub(super) fn take(card: &RoomCard, seat: u8) -> Command {
    Command::SeatTake(TakeSeat { room: card.id, seat: Some(seat), version: None })
}

fn lock(card: &RoomCard, seat: u8) -> Command {
    Command::SeatLock(OnSeat { room: card.id, seat, version: None })
}

fn kick(card: &RoomCard, number: i64) -> Command {
    Command::RoomKick(Kick { room: card.id, user: user(number), duration_ms: None, reason: String::new() })
}

#[tokio::test]
async fn many_who_wake_a_room_at_once_wake_it_once() {
    let (ground, card) = room().await;
    let server = Server::start(&ground.database.app, Settings::default()).await;
    let wakes: Vec<_> = (0..50)
        .map(|_| {
            let (directory, room) = (server.directory.clone(), card.id);
            tokio::spawn(async move { directory.wake(room).await.expect("wakes") })
        })
        .collect();
    let mut epochs = Vec::new();
    for wake in wakes {
        let handle = wake.await.expect("no panic");
        epochs.push(join(&handle, 2).await.expect("joined").position.epoch);
    }
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]));
    let unknown = RoomId::new(999_999_999).expect("in range");
    assert_eq!(server.directory.wake(unknown).await.expect_err("nowhere").code(), ErrorCode::RoomNotFound);
    assert!(server.directory.awake(unknown).is_none());
    server.end().await;
}

#[tokio::test]
async fn seats_locks_kicks_and_memory_last_over_a_restart() {
    let (ground, card) = room().await;
    let server = Server::start(&ground.database.app, Settings::default()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    let mut epoch = 0;
    for number in 1..=3 {
        epoch = join(&handle, number).await.expect("joined").position.epoch;
    }
    let seated = command(&handle, 2, 1, take(&card, 4)).await.expect("free");
    command(&handle, 1, 2, lock(&card, 5)).await.expect("the owner may");
    let kicked = command(&handle, 1, 3, kick(&card, 3)).await.expect("the owner may");
    server.end().await;
    assert_eq!(handle.call(Request::Leave { user: user(2) }).await.expect_err("stopped").code, ErrorCode::RoomPaused);

    let mut server = Server::start(&ground.database.app, Settings::default()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    assert_eq!(server.returned.recv().await, Some(Returned { user: user(2), room: card.id }));
    let joined = join(&handle, 2).await.expect("joined");
    assert!(joined.position.epoch > epoch);
    let snapshot = joined.snapshot.expect("another epoch").read();
    assert_eq!(snapshot.own.seat, Some(4));
    assert!(snapshot.seats[5].locked);
    assert_eq!(join(&handle, 3).await.expect_err("still out").code, ErrorCode::Kicked);
    let again = command(&handle, 2, 1, take(&card, 4)).await.expect("remembered");
    assert_eq!(again, Done { replayed: true, ..seated });
    join(&handle, 1).await.expect("joined");
    let again = command(&handle, 1, 3, kick(&card, 3)).await.expect("remembered");
    assert_eq!(again, Done { replayed: true, ..kicked });
    assert_eq!(ground.count("select count(*) from room_facts").await, 2);
    server.end().await;
}

#[tokio::test]
async fn an_idle_room_sleeps_and_wakes_with_a_higher_epoch() {
    let (ground, card) = room().await;
    let settings = Settings { idle_ms: 20, ..Settings::default() };
    let server = Server::start(&ground.database.app, settings).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    let first = join(&handle, 2).await.expect("joined").position.epoch;
    // Another room, that nobody is in: when it has gone to sleep, this one has had the time for it too.
    let empty = open(&ground, "b", 500_000_001).await.id;
    drop(server.directory.wake(empty).await.expect("wakes"));
    while server.directory.awake(empty).is_some() {
        tokio::task::yield_now().await;
    }
    assert!(server.directory.awake(card.id).is_some(), "somebody is there");
    handle.call(Request::Leave { user: user(2) }).await.expect("never refused");
    drop(handle);
    while server.directory.awake(card.id).is_some() {
        tokio::task::yield_now().await;
    }
    let mut last = first;
    for _ in 0..20 {
        let handle = server.directory.wake(card.id).await.expect("wakes");
        let epoch = join(&handle, 2).await.expect("a handle that was just given is good").position.epoch;
        assert!(epoch >= last);
        last = epoch;
        handle.call(Request::Leave { user: user(2) }).await.expect("never refused");
        drop(handle);
        // It is woken before, while and after it goes to sleep.
        moment(18..25).await;
    }
    assert!(last > first);
    server.end().await;
}

#[tokio::test]
async fn the_sweep_finds_gifts_whose_hint_was_lost() {
    let (ground, card) = room().await;
    let server = Server::start(&ground.database.app, Settings { sweep_ms: 20, ..Settings::default() }).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    assert_eq!(join(&handle, 2).await.expect("joined").position.gift_no, Some(0));
    sqlx::query("update room_totals set gift_no = 3, coins = 3").execute(&ground.database.app).await.expect("updated");
    let snapshot = loop {
        let joined = join(&handle, 2).await.expect("joined");
        if joined.position.gift_no == Some(3)
            && joined.snapshot.as_ref().is_some_and(|room| room.read().coins == Coins(3))
        {
            break joined.snapshot;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(snapshot.expect("nothing brought").read().count, 1);
    server.end().await;
}

#[tokio::test]
async fn a_room_whose_actor_panics_starts_anew_from_its_checkpoint() {
    let (ground, card) = room().await;
    let server = Server::start(&ground.database.app, Settings { checkpoint_ms: 1, ..Settings::default() }).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    let before = join(&handle, 2).await.expect("joined").position;
    command(&handle, 2, 1, take(&card, 4)).await.expect("free");
    while ground.count("select count(*) from room_checkpoints where state::text like '%[[4,%'").await == 0 {
        tokio::task::yield_now().await;
    }
    let gift =
        SendGift { room: card.id, gift: GiftId::new(1).expect("in range"), count: 1_314, to: Recipients::AllSeats };
    let error = command(&handle, 2, 2, Command::GiftSend(gift)).await.expect_err("the actor is gone");
    assert_eq!(error.code, ErrorCode::RoomPaused);
    let joined = loop {
        let handle = server.directory.wake(card.id).await.expect("wakes");
        match join(&handle, 2).await {
            Ok(joined) => break joined,
            Err(error) => assert_eq!(error.code, ErrorCode::RoomPaused, "the old one is still on its way out"),
        }
    };
    assert!(joined.position.epoch > before.epoch);
    assert_eq!(joined.snapshot.expect("another epoch").read().own.seat, Some(4));
    server.end().await;
}

/// A checkpoint whose seats have the highest version that there is, so that the next one cannot be counted: a panic,
/// because the tests check for overflows.
const UNCOUNTABLE: &str = "insert into room_checkpoints (room_id, epoch, seq, gift_no, state)
    select id, 1, 1, 0, '{\"seats\": [], \"seat_version\": 18446744073709551615, \"coins\": 0}' from rooms";

#[tokio::test]
async fn regression_a_room_that_panics_as_it_wakes_is_not_woken_again_and_again() {
    let (ground, card) = room().await;
    ground.superuser(UNCOUNTABLE).await;
    let server = Server::start(&ground.database.app, Settings::default()).await;
    let rest_of = async || {
        let body = server.directory.wake(card.id).await.expect_err("it panics").body;
        assert_eq!((body.code, body.retry), (ErrorCode::RoomPaused, Retry::Later));
        body.retry_after_ms.expect("later")
    };
    rest_of().await;
    // At once again, and from then on it rests.
    assert_eq!(rest_of().await, 1_000);
    // Each waking claims the room first.
    let claims = ground.count("select epoch from room_owners").await;
    assert!((1..=1_000).contains(&rest_of().await));
    assert_eq!(
        ground.count("select epoch from room_owners").await,
        claims,
        "the third was told to wait, and woke nobody"
    );
    assert_eq!(server.supervisor.failure(), None);
    let healthy = open(&ground, "b", 500_000_001).await.id;
    server.directory.wake(healthy).await.expect("another room knows of nothing");
    server.end().await;
}

pub(super) fn say(card: &RoomCard, text: &str) -> Command {
    Command::ChatSend(SendChat::of(card.id, text.into()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_server_that_cannot_prove_its_lease_decides_nothing_until_it_can() {
    let (ground, card) = room().await;
    let proxy = Proxy::start();
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(proxy.through(ground.database.options("parlor_app")));
    let settings = Settings { write_timeout_ms: 200, ..Settings::default() };
    let lease = cluster::Settings { lease_ms: LEASE.as_millis() as u64, renew_ms: 100, ..Default::default() };
    let server = Server::start_on(&pool, settings, &lease).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    let before = join(&handle, 2).await.expect("joined").position;
    let seated = command(&handle, 2, 1, take(&card, 4)).await.expect("free");

    proxy.cut(Cut::Silence);
    let mut op = 100;
    let refused = until("the server refuses before another one may have the room", LEASE, async || {
        op += 1;
        match command(&handle, 2, op, say(&card, "still there?")).await {
            Ok(done) => {
                assert_eq!(done.epoch, before.epoch);
                None
            }
            Err(error) => Some(error),
        }
    })
    .await;
    assert_eq!((refused.code, refused.retry), (ErrorCode::RoomPaused, Retry::Later));
    assert_eq!(join(&handle, 3).await.expect_err("nothing is decided").code, ErrorCode::RoomPaused);
    assert_eq!(
        server.directory.wake(open(&ground, "b", 500_000_001).await.id).await.expect_err("nor claimed").code(),
        ErrorCode::RoomPaused
    );
    assert!(!server.node.lost().is_cancelled(), "nobody has taken its place");
    let over = "select count(*) from nodes where lease_until < clock_timestamp()";
    let is_over = async || (ground.count(over).await == 1).then_some(());
    until("the lease has run out in the database too", Duration::from_secs(10), is_over).await;

    proxy.cut(Cut::Nothing);
    let again = async || match command(&handle, 2, 999, say(&card, "there again")).await {
        Ok(done) => Some(done),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::RoomPaused);
            None
        }
    };
    let done = until("it goes on when the lease is renewed", Duration::from_secs(20), again).await;
    assert_eq!(done.epoch, before.epoch, "the same owner with the same state");
    let again = command(&handle, 2, 1, take(&card, 4)).await.expect("remembered");
    assert_eq!(again, Done { replayed: true, ..seated });
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_server_whose_place_is_taken_hears_of_it_and_never_goes_on() {
    let (ground, card) = room().await;
    let proxy = Proxy::start();
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(proxy.through(ground.database.options("parlor_app")));
    let lease = cluster::Settings { lease_ms: 1_000, renew_ms: 100, ..Default::default() };
    let server = Server::start_on(&pool, Settings::default(), &lease).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    join(&handle, 2).await.expect("joined");
    proxy.cut(Cut::Silence);
    // Another node of another name: it waits for the lease, and serves.
    let other = cluster::Settings { node_id: "other".into(), ..lease.clone() };
    let next = Server::start_on(&ground.database.app, Settings::default(), &other).await;
    let error = command(&handle, 2, 1, say(&card, "who speaks?")).await.expect_err("it has been replaced");
    assert_eq!(error.code, ErrorCode::RoomPaused);
    let taken = next.directory.wake(card.id).await.expect("its lease has run out");
    join(&taken, 2).await.expect("joined");
    proxy.cut(Cut::Nothing);
    tokio::time::timeout(Duration::from_secs(10), server.node.lost().cancelled()).await.expect("it hears of it");
    assert!(command(&handle, 2, 2, say(&card, "who speaks?")).await.is_err());
    command(&taken, 2, 3, say(&card, "I do")).await.expect("the owner");
    next.end().await;
    server.supervisor.finish().await;
}
