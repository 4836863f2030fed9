//! Tests of events that are lost between a room and a shard, seen from real sockets in real time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::delivery::{self, Connection, Delivery, Topic};
use crate::kit::supervise::Supervisor;
use crate::room::handle::Asker;
use crate::room::request::Caller;
use parlor_protocol::event::RemovalCause;

/// A room with one socket. Publications on the way from one to the other can be lost.
struct Line {
    handle: RoomHandle,
    lost: Arc<AtomicUsize>,
    connection: Connection,
    stream: TcpStream,
    frames: VecDeque<serde_json::Value>,
    stop: CancellationToken,
}

impl Line {
    async fn open(settings: Settings) -> Self {
        Self::through(&delivery::Settings::default(), settings).await
    }

    async fn through(shards: &delivery::Settings, settings: Settings) -> Self {
        let supervisor = Supervisor::default();
        let (delivery, stop) = (Delivery::start(shards, Lease::endless(), &supervisor), supervisor.stop().clone());
        let (stream, connection) = socket(&delivery).await;
        let (handle, mut mailbox, board) = RoomHandle::pair(say::room_id(), settings.mailbox);
        let topic = delivery.topic(say::room_id());
        let lost = topic.lost();
        let mut actor = actor(topic, settings, board);
        let stopped = stop.clone();
        tokio::spawn(async move { actor.run(&mut mailbox, &stopped).await });
        Self { handle, lost, connection, stream, frames: VecDeque::new(), stop }
    }

    async fn join(&mut self) -> u64 {
        self.connection.subscribe(say::room_id()).await;
        let caller = Caller { user: say::person(1), connection: self.connection.id(), session: uuid::Uuid::nil() };
        let answer = self.handle.call(Request::Join { caller, position: None }).await;
        let Ok(Answer::Joined(joined)) = answer else { panic!("not joined: {answer:?}") };
        let Position { epoch, seq, .. } = joined.position;
        let reply = crate::delivery::Frame::text(r#"{"reply":true}"#);
        self.connection.joined(say::room_id(), epoch, seq, reply).await;
        assert_eq!(self.next().await["reply"], true);
        seq
    }

    async fn chat(&self, op: u128) {
        let answer = self.handle.call(say::request(1, op, say::say(&format!("line {op}")))).await;
        assert!(matches!(answer, Ok(Answer::Done(_))), "{answer:?}");
    }

    async fn next(&mut self) -> serde_json::Value {
        let mut bytes = vec![0; 65_536];
        while self.frames.is_empty() {
            let read = timeout(Duration::from_secs(10), self.stream.read(&mut bytes)).await;
            let read = read.expect("in time").expect("open");
            assert!(read > 0, "the socket ended");
            let mut rest = &bytes[..read];
            while let [0x81, length, behind @ ..] = rest {
                let (length, text) = match length {
                    126 => (usize::from(u16::from_be_bytes([behind[0], behind[1]])), &behind[2..]),
                    short => (usize::from(*short), behind),
                };
                self.frames.push_back(serde_json::from_slice(&text[..length]).expect("JSON"));
                rest = &text[length..];
            }
            assert!(rest.is_empty(), "no frame is read in parts, because all are small");
        }
        self.frames.pop_front().expect("not empty")
    }

    async fn seqs(&mut self, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            seqs.push(self.next().await["seq"].as_u64().expect("an event"));
        }
        seqs
    }
}

/// The two ends of a socket: the client's and that of delivery.
async fn socket(delivery: &Delivery) -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stream, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let accepted = Arc::new(accepted.expect("a connection").0);
    (stream.expect("a connection"), delivery.attach(accepted, CancellationToken::new()).await)
}

fn actor(topic: Topic, settings: Settings, board: Arc<Board>) -> RoomActor {
    let (unused, _) = mpsc::unbounded_channel();
    let store = Store::answering(unused);
    let (orders, _) = mpsc::unbounded_channel();
    RoomActor::new(Parts {
        state: RoomState::wake(say::woken(), settings.clone(), Timestamp(1_000_000)),
        settings: settings.into(),
        audience: Audience::Topic(topic),
        gifts: Arc::new(Ledger { orders, table: Mutex::default() }),
        facts: Arc::new(store),
        board,
        words: tokio::sync::watch::channel(None).1,
        timeline: crate::room::timeline::Recorder::none(),
        voice: crate::voice::Voice::off(),
        lease: Lease::endless(),
        now: Timestamp(1_000_000),
    })
}

fn quick() -> Settings {
    // Who came is announced at once, so that no later event about it disturbs the numbers.
    Settings { digest_ms: 20, presence_ms: 1, ..Settings::default() }
}

/// Writes answers to its socket, as the gateway does.
struct Writer(Connection);

impl Asker for Writer {
    fn answer(&self, answer: Result<Answer, ErrorBody>) {
        let Ok(Answer::Done(done)) = answer else { panic!("not said: {answer:?}") };
        self.0.send_soon(crate::delivery::Frame::text(&format!(r#"{{"answers":{}}}"#, done.seq)));
    }
}

/// Notes that it has been answered.
#[derive(Default)]
struct Noted(std::sync::atomic::AtomicBool);

impl Asker for Noted {
    fn answer(&self, answer: Result<Answer, ErrorBody>) {
        assert!(matches!(answer, Ok(Answer::Done(_))), "{answer:?}");
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_command_is_not_answered_while_its_event_waits_for_a_shard() {
    let supervisor = Supervisor::default();
    let shards = delivery::Settings { shards: 1, shard_queue: 2, ..delivery::Settings::default() };
    let delivery = Delivery::start(&shards, Lease::endless(), &supervisor);
    let (_peer, connection) = socket(&delivery).await;
    let mut actor = actor(delivery.topic(say::room_id()), quick(), Arc::default());
    let caller = Caller { user: say::person(1), connection: connection.id(), session: uuid::Uuid::nil() };
    actor.open(Mail::Request(Box::new(Request::Join { caller, position: None }), None));
    // The shard takes what it has. From here on nothing yields, so it does not run.
    tokio::task::yield_now().await;
    connection.subscribe(say::room_id()).await;
    let asked = [(1, true), (2, false)].map(|(op, at_once)| {
        let noted = Arc::new(Noted::default());
        let request = Box::new(say::request(1, op, say::say("line")));
        actor.open(Mail::Request(request, Some(Reply::asker(noted.clone()))));
        assert_eq!((noted.0.load(Ordering::Relaxed), actor.audience.is_behind()), (at_once, !at_once));
        noted
    });
    actor.catch_up().await;
    assert!(asked.iter().all(|noted| noted.0.load(Ordering::Relaxed)));
    supervisor.stop().cancel();
}

/// It runs on two threads, so that a place in the queue may become free between an event and its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_after_its_event_however_full_the_shard_is() {
    let shards = delivery::Settings { shards: 1, shard_queue: 1, ..delivery::Settings::default() };
    let mut line = Line::through(&shards, Settings { digest_ms: 3_600_000, ..quick() }).await;
    let seq = line.join().await;
    for op in 1..=200 {
        let request = Box::new(say::request(1, op, say::say(&format!("line {op}"))));
        let asker = Arc::new(Writer(line.connection.clone()));
        line.handle.ask(request, || Reply::asker(asker)).expect("the mailbox has room");
    }
    let (mut said, mut answered) = (seq, Vec::new());
    while answered.len() < 200 || said < seq + 200 {
        let frame = line.next().await;
        if let Some(event) = frame["seq"].as_u64() {
            assert_eq!(event, said + 1);
            said = event;
        } else {
            let answers = frame["answers"].as_u64().expect("an answer");
            assert!(answers <= said, "event {answers} is answered, {said} is the last one seen");
            answered.push(answers);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, (seq + 1..=seq + 200).collect::<Vec<_>>());
    line.stop.cancel();
}

#[tokio::test]
async fn a_lost_event_is_found_by_the_gap_and_delivered_in_order() {
    let mut line = Line::open(Settings { digest_ms: 3_600_000, ..quick() }).await;
    let seq = line.join().await;
    line.chat(1).await;
    line.lost.store(2, Ordering::Relaxed);
    for op in 2..=6 {
        line.chat(op).await;
    }
    assert_eq!(line.seqs(6).await, (seq + 1..=seq + 6).collect::<Vec<_>>());
    line.stop.cancel();
}

#[tokio::test]
async fn a_lost_last_event_is_found_by_the_digest() {
    let mut line = Line::open(quick()).await;
    let seq = line.join().await;
    line.chat(1).await;
    line.lost.store(1, Ordering::Relaxed);
    line.chat(2).await;
    assert_eq!(line.seqs(2).await, [seq + 1, seq + 2]);
    line.stop.cancel();
}

#[tokio::test]
async fn sockets_join_again_if_the_ring_no_longer_has_what_they_missed() {
    let mut line = Line::open(Settings { resume_events: 2, digest_ms: 3_600_000, ..quick() }).await;
    let seq = line.join().await;
    line.chat(1).await;
    line.lost.store(4, Ordering::Relaxed);
    for op in 2..=6 {
        line.chat(op).await;
    }
    assert_eq!(line.seqs(1).await, [seq + 1]);
    let removed = line.next().await;
    assert_eq!((&removed["type"], &removed["data"]["cause"]), (&"room.removed".into(), &"resync".into()));
    assert_eq!(serde_json::to_value(RemovalCause::Resync).expect("a word"), "resync");
    // The same socket joins again, and has no gap from then on.
    let seq = line.join().await;
    line.chat(7).await;
    assert_eq!(line.seqs(1).await, [seq + 1]);
    line.stop.cancel();
}
