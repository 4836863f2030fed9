//! Tests of the actor, under paused time, with a store and a ledger whose answers the test gives.

mod pausing;
mod recalling;
mod repairing;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use parlor_protocol::command::Recipients;
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::{Done, GiftReceipt};
use parlor_protocol::room::GiftLine;
use parlor_protocol::{Coins, Command, RoomId, UserFrame};
use tokio::task::JoinHandle;

use super::*;
use crate::kit::clock::BootClock;
use crate::room::audience::Told;
use crate::room::facts::{CheckpointRow, Fact, HardWrite, WriteError, Written};
use crate::room::handle::RoomHandle;
use crate::room::state::tests as say;

type Write = (HardWrite, oneshot::Sender<Result<Option<Written>, WriteError>>);

/// A store that hands every write to the test, which answers it, and keeps every checkpoint.
struct Store {
    writes: mpsc::UnboundedSender<Write>,
    checkpoints: Mutex<Vec<CheckpointRow>>,
    fenced: Mutex<bool>,
    /// What the store says of all rooms of the node.
    checkpoints_a_second: AtomicU32,
}

impl Store {
    /// A store that hands its writes to `writes`.
    fn answering(writes: mpsc::UnboundedSender<Write>) -> Self {
        Self {
            writes,
            checkpoints: Mutex::default(),
            fenced: Mutex::default(),
            checkpoints_a_second: AtomicU32::default(),
        }
    }
}

impl Facts for Store {
    fn write(&self, write: HardWrite) -> PortFuture<Result<Option<Written>, WriteError>> {
        let (answer, answered) = oneshot::channel();
        let writes = self.writes.clone();
        Box::pin(async move {
            let _ = writes.send((write, answer));
            answered.await.unwrap_or_else(|_| Err(WriteError::Unknown("cut".into())))
        })
    }

    fn checkpoint(&self, row: CheckpointRow) -> PortFuture<Result<(), WriteError>> {
        let fenced = *self.fenced.lock().expect("no panic");
        if !fenced {
            self.checkpoints.lock().expect("no panic").push(row);
        }
        Box::pin(async move { if fenced { Err(WriteError::Fenced) } else { Ok(()) } })
    }

    fn checkpoints_a_second(&self) -> u32 {
        self.checkpoints_a_second.load(Ordering::Relaxed)
    }

    fn release(&self, _room: RoomId, _epoch: i64) -> PortFuture<()> {
        Box::pin(async {})
    }
}

/// A ledger that hands every order to the test; its table of gifts is what the test has put there.
struct Ledger {
    orders: mpsc::UnboundedSender<(GiftOrder, oneshot::Sender<Result<GiftReceipt, ErrorBody>>)>,
    table: Mutex<Vec<GiftLine>>,
}

impl Gifts for Ledger {
    fn submit(&self, order: GiftOrder, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>) {
        let _ = self.orders.send((order, reply));
    }

    fn above(&self, _room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
        let table = self.table.lock().expect("no panic");
        let gifts: Vec<GiftLine> = table.iter().filter(|gift| gift.gift_no > after).take(limit).cloned().collect();
        let coins = Coins(gifts.last().map_or(0, |gift| gift.gift_no * 5));
        Box::pin(async move { Ok(CommittedGifts { gifts, coins }) })
    }
}

struct Room {
    handle: RoomHandle,
    told: mpsc::UnboundedReceiver<Told>,
    writes: mpsc::UnboundedReceiver<Write>,
    orders: mpsc::UnboundedReceiver<(GiftOrder, oneshot::Sender<Result<GiftReceipt, ErrorBody>>)>,
    store: Arc<Store>,
    ledger: Arc<Ledger>,
    clock: BootClock,
    proof: crate::cluster::Proof,
    stop: CancellationToken,
    task: JoinHandle<(RoomActor, Ended)>,
}

impl Room {
    async fn with_people(numbers: &[i64]) -> Self {
        let room = Self::open(Settings::default());
        for number in numbers {
            room.join(*number, None).await;
        }
        room
    }

    fn open(settings: Settings) -> Self {
        let (audience, told) = mpsc::unbounded_channel();
        let (written, writes) = mpsc::unbounded_channel();
        let (ordered, orders) = mpsc::unbounded_channel();
        let store = Arc::new(Store::answering(written));
        let ledger = Arc::new(Ledger { orders: ordered, table: Mutex::default() });
        let (handle, mut mailbox, board) = RoomHandle::pair(say::room_id(), settings.mailbox);
        let (clock, now) = (BootClock::of_runtime(), Timestamp(1_000_000));
        let (proof, lease) = Lease::proved_until(clock.clone(), clock.now().plus(Duration::from_secs(86_400)));
        let mut actor = RoomActor::new(Parts {
            state: RoomState::wake(say::woken(), settings.clone(), now),
            settings: settings.into(),
            audience: Audience::Record(audience),
            gifts: ledger.clone(),
            facts: store.clone(),
            board,
            words: tokio::sync::watch::channel(None).1,
            timeline: Recorder::none(),
            voice: crate::voice::Voice::off(),
            lease,
            now,
        });
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let ended = actor.run(&mut mailbox, &stopped).await;
            if ended == Ended::Stopped {
                actor.finish(&mut mailbox).await;
            } else {
                actor.resync().await;
            }
            (actor, ended)
        });
        Self { handle, told, writes, orders, store, ledger, clock, proof, stop, task }
    }

    async fn join(&self, number: i64, position: Option<Position>) -> JoinAnswer {
        let request = Request::Join { caller: say::caller(number), position };
        match self.handle.call(request).await {
            Ok(Answer::Joined(joined)) => *joined,
            other => panic!("not joined: {other:?}"),
        }
    }

    fn ask(&self, number: i64, op: u128, command: Command) -> oneshot::Receiver<Result<Answer, ErrorBody>> {
        self.handle.send(say::request(number, op, command)).expect("the mailbox has room")
    }

    async fn done(&self, number: i64, op: u128, command: Command) -> Done {
        match self.ask(number, op, command).await.expect("answered") {
            Ok(Answer::Done(done)) => done,
            other => panic!("not done: {other:?}"),
        }
    }

    /// The events that were published so far, without those about who came and left.
    fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Ok(told) = self.told.try_recv() {
            match told {
                Told::Event(frame) if !matches!(frame.event, Event::ParticipantsChanged { .. }) => {
                    events.push(frame.event);
                }
                _ => {}
            }
        }
        events
    }

    /// Lets everything happen that can happen without time passing.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn announced(&mut self) -> Vec<i64> {
        self.settle().await;
        let numbers = |event| match event {
            Event::GiftsSent { gifts, .. } => gifts.into_iter().map(|gift| gift.gift_no).collect(),
            _ => Vec::new(),
        };
        self.events().into_iter().flat_map(numbers).collect()
    }
}

fn stored(id: i64, write: &HardWrite) -> Result<Option<Written>, WriteError> {
    let fact = write.verdict.clone().expect("allowed");
    let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
    Ok(Some(Written { id, fact, done, replayed: false }))
}

#[tokio::test(start_paused = true)]
async fn hard_writes_go_one_at_a_time_and_in_order() {
    let mut room = Room::with_people(&[1]).await;
    let first = room.ask(1, 1, say::lock(1));
    let second = room.ask(1, 2, say::lock(2));
    room.settle().await;
    let (write, answer) = room.writes.recv().await.expect("written");
    assert_eq!(write.verdict, Ok(Fact::SeatLocked { seat: 1 }));
    room.settle().await;
    assert!(room.writes.try_recv().is_err(), "the second waits for the first");
    // Soft commands do not wait.
    room.done(1, 3, say::say("hello")).await;
    answer.send(stored(1, &write)).expect("awaited");
    assert!(matches!(first.await, Ok(Ok(Answer::Done(_)))));
    let (write, answer) = room.writes.recv().await.expect("written");
    assert_eq!(write.verdict, Ok(Fact::SeatLocked { seat: 2 }));
    answer.send(stored(2, &write)).expect("awaited");
    assert!(matches!(second.await, Ok(Ok(Answer::Done(_)))));
    assert_eq!(room.events().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_up_before_the_next_write() {
    let mut room = Room::with_people(&[1]).await;
    let first = room.ask(1, 1, say::lock(1));
    let second = room.ask(1, 2, say::lock(2));
    let (lost, answer) = room.writes.recv().await.expect("written");
    drop(answer);
    let (again, answer) = room.writes.recv().await.expect("asked again");
    assert_eq!(again, lost);
    assert!(room.events().is_empty(), "nothing is announced before the store's answer is known");
    let written = Written { replayed: true, ..stored(1, &again).expect("stored").expect("a fact") };
    answer.send(Ok(Some(written))).expect("awaited");
    assert!(matches!(first.await, Ok(Ok(Answer::Done(done))) if !done.replayed));
    let (write, answer) = room.writes.recv().await.expect("written");
    assert_eq!(write.verdict, Ok(Fact::SeatLocked { seat: 2 }));
    answer.send(stored(2, &write)).expect("awaited");
    second.await.expect("answered").expect("done");
    assert_eq!(room.events().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_of_the_store_callers_are_told_and_the_lost_answer_is_still_looked_up() {
    let mut room = Room::with_people(&[1]).await;
    let mut first = room.ask(1, 1, say::lock(1));
    let mut second = room.ask(1, 2, say::lock(2));
    let error = loop {
        tokio::select! {
            answer = &mut first => break answer.expect("answered").expect_err("not known"),
            Some((_, answer)) = room.writes.recv() => drop(answer),
        }
    };
    assert_eq!(error.code, ErrorCode::StoreUnavailable);
    let error = loop {
        tokio::select! {
            answer = &mut second => break answer.expect("answered").expect_err("not begun"),
            Some((_, answer)) = room.writes.recv() => drop(answer),
        }
    };
    assert_eq!(error.code, ErrorCode::StoreUnavailable);
    let (write, answer) = room.writes.recv().await.expect("asked on");
    answer.send(stored(1, &write)).expect("awaited");
    room.settle().await;
    assert_eq!(room.events().len(), 1, "a fact is announced even if its caller no longer waits");
    assert!(room.done(1, 1, say::lock(1)).await.replayed);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_only_when_the_store_knows_no_such_operation() {
    let mut room = Room::with_people(&[1]).await;
    let refused = room.ask(1, 1, say::kick(5));
    let (write, answer) = room.writes.recv().await.expect("looked up");
    assert_eq!(write.verdict.expect_err("nobody there").code, ErrorCode::UserNotFound);
    answer.send(Ok(None)).expect("awaited");
    assert_eq!(refused.await.expect("answered").expect_err("refused").code, ErrorCode::UserNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_fenced_room_stops_and_tells_everybody_to_join_again() {
    let mut room = Room::with_people(&[1, 2]).await;
    let command = room.ask(1, 1, say::lock(1));
    let (_, answer) = room.writes.recv().await.expect("written");
    answer.send(Err(WriteError::Fenced)).expect("awaited");
    assert_eq!(command.await.expect("answered").expect_err("fenced").code, ErrorCode::RoomPaused);
    let (_, ended) = room.task.await.expect("no panic");
    assert_eq!(ended, Ended::Fenced);
    let mut removed = Vec::new();
    while let Some(told) = room.told.recv().await {
        if let Told::Removed(removal) = told {
            let UserFrame::RoomRemoved { cause, .. } = removal.frame else { panic!("removed") };
            assert_eq!(cause, RemovalCause::Resync);
            removed.push(removal.user);
        }
    }
    assert_eq!(removed, [say::user(1), say::user(2)]);
    assert_eq!(
        room.handle.call(Request::Leave { user: say::user(1) }).await.expect_err("gone").code,
        ErrorCode::RoomPaused
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_is_kicked_is_told_why_before_anything_is_told_of_the_kick() {
    let mut room = Room::with_people(&[1, 2]).await;
    let kick = room.ask(1, 1, say::kick(2));
    let (write, answer) = room.writes.recv().await.expect("written");
    answer.send(stored(1, &write)).expect("awaited");
    let Ok(Ok(Answer::Done(done))) = kick.await else { panic!("done") };
    let mut told = Vec::new();
    while let Ok(one) = room.told.try_recv() {
        told.push(one);
    }
    let kicked = told.iter().position(|told| matches!(told, Told::Event(frame) if frame.seq > done.seq));
    let removed = told.iter().position(|told| matches!(told, Told::Removed(removal) if removal.user == say::user(2)));
    assert!(removed.expect("told") < kicked.expect("told"), "the removal first");
}

#[tokio::test(start_paused = true)]
async fn each_gift_is_announced_once_and_in_order_even_if_hints_are_lost_or_disordered() {
    let mut room = Room::with_people(&[1]).await;
    let at = 1_000_000;
    let table = say::gifts(1..=450, at).gifts;
    room.handle.hint(say::gifts(1..=2, at));
    room.handle.hint(say::gifts(1..=2, at));
    assert_eq!(room.announced().await, [1, 2]);
    // The hint of gift 3 is lost, and that of 5 comes before that of 4.
    room.ledger.table.lock().expect("no panic").extend_from_slice(&table[..5]);
    room.handle.hint(say::gifts(5..=5, at));
    room.handle.hint(say::gifts(4..=4, at));
    assert_eq!(room.announced().await, [3, 4, 5]);
    // All hints are lost, and the sweep finds more than a page of gifts.
    *room.ledger.table.lock().expect("no panic") = table;
    room.handle.committed(450);
    assert_eq!(room.announced().await, (6..=450).collect::<Vec<_>>());
    assert_eq!(room.handle.announced(), 450);
    // The sweep announces a gift that is not in the table. The table is not read again and again for it.
    room.handle.committed(451);
    assert!(room.announced().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_room_serves_others_while_the_ledger_decides_about_a_gift() {
    let mut room = Room::with_people(&[1, 2]).await;
    let gift = room.ask(1, 1, say::give(Recipients::Users(vec![say::user(2)])));
    let (order, reply) = room.orders.recv().await.expect("ordered");
    assert_eq!(order.receivers, Ok(vec![say::person(2)]));
    room.done(2, 1, say::say("hello")).await;
    reply.send(Err(ErrorBody::insufficient_funds(1, 4))).expect("awaited");
    assert_eq!(gift.await.expect("answered").expect_err("refused").code, ErrorCode::InsufficientFunds);
    // A refusal by the room goes through the ledger as well.
    let gift = room.ask(1, 2, say::give(Recipients::AllSeats));
    let (order, reply) = room.orders.recv().await.expect("ordered");
    assert_eq!(order.receivers.expect_err("nobody sits").code, ErrorCode::NoReceivers);
    drop(reply);
    assert_eq!(gift.await.expect("answered").expect_err("lost").code, ErrorCode::StoreUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_gets_every_missed_event_or_a_snapshot() {
    let room = Room::with_people(&[1, 2]).await;
    room.settle().await;
    let here = room.join(2, None).await.position;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = room.join(2, Some(here)).await;
    assert!(left.snapshot.is_none());
    for op in 0..5 {
        room.done(1, op, say::say("hello")).await;
    }
    let back = room.join(2, Some(left.position)).await;
    let missed = back.missed.expect("recovered");
    assert_eq!(missed.len(), 5);
    let first: EventFrame = serde_json::from_str(missed[0].payload()).expect("an event");
    assert_eq!((first.epoch, first.seq), (7, left.position.seq + 1));
    for wrong in [Position { epoch: 6, ..left.position }, Position { seq: back.position.seq + 1, ..left.position }] {
        let answer = room.join(2, Some(wrong)).await;
        assert!(answer.missed.is_none() && answer.snapshot.is_some_and(|snapshot| snapshot.read().chat.len() == 5));
    }
}

#[tokio::test(start_paused = true)]
async fn checkpoints_are_written_at_most_twice_a_second_and_once_more_at_the_end() {
    let room = Room::with_people(&[1]).await;
    let kept = || room.store.checkpoints.lock().expect("no panic").len();
    for op in 0..20 {
        room.done(1, op, if op % 2 == 0 { say::take(Some(2)) } else { say::leave_seat() }).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((2..=4).contains(&kept()), "{} in a second", kept());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = kept();
    for op in 20..50 {
        room.done(1, op, say::say("hello")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let lines = kept() - before;
    assert!((2..=4).contains(&lines), "{lines} checkpoints of lines in three seconds: little is remembered");
    tokio::time::sleep(Duration::from_secs(4)).await;
    room.store.checkpoints_a_second.store(250, Ordering::Relaxed);
    let before = kept();
    room.done(1, 50, say::say("hello")).await;
    tokio::time::sleep(Duration::from_millis(3_900)).await;
    assert_eq!(kept(), before, "where many rooms write checkpoints, lines of chat alone wait longer");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(kept(), before + 1);
    room.store.checkpoints_a_second.store(0, Ordering::Relaxed);
    for op in 1_000..1_200 {
        room.done(1, op, say::say("hello")).await;
    }
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    let before = kept();
    room.done(1, 1_200, say::say("hello")).await;
    tokio::time::sleep(Duration::from_millis(3_900)).await;
    assert_eq!(kept(), before, "where much is remembered, lines of chat alone wait longer");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(kept(), before + 1);
    room.done(1, 100, say::take(Some(2))).await;
    let stopped = Instant::now();
    room.stop.cancel();
    let (actor, ended) = room.task.await.expect("no panic");
    assert_eq!((ended, stopped.elapsed()), (Ended::Stopped, Duration::ZERO), "nothing is waited for");
    let rows = room.store.checkpoints.lock().expect("no panic");
    let last = rows.last().expect("kept");
    assert_eq!((last.seq, last.epoch), (actor.state.seq(), 7));
    assert_eq!(last.state, actor.state.checkpoint(actor.clock.now()));
    assert_eq!(last.state.seats, [(2, say::person(1))]);
}

#[tokio::test(start_paused = true)]
async fn a_fenced_checkpoint_stops_the_room() {
    let room = Room::open(Settings::default());
    *room.store.fenced.lock().expect("no panic") = true;
    room.join(1, None).await;
    assert_eq!(room.task.await.expect("no panic").1, Ended::Fenced);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_nobody_is_in_is_idle_after_a_while() {
    let room = Room::with_people(&[1]).await;
    room.handle.call(Request::Leave { user: say::user(1) }).await.expect("never refused");
    let left = Instant::now();
    assert_eq!(room.task.await.expect("no panic").1, Ended::Idle);
    assert_eq!(left.elapsed(), Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_busy() {
    let room = Room::open(Settings { mailbox: 1, ..Settings::default() });
    let request = || Request::Join { caller: say::caller(1), position: None };
    let first = room.handle.send(request()).expect("room for one");
    assert_eq!(room.handle.send(request()).expect_err("full").code, ErrorCode::Busy);
    first.await.expect("answered").expect("joined");
}
