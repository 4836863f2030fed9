//! Tests of the tick of a hot room. The test gives the shard its messages and the time; the sockets are real, over
//! loopback.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use futures_util::FutureExt;
use parlor_protocol::CloseCode;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::super::listeners::{Listeners, Registry};
use super::super::message::{Entry, Message};
use super::super::relief::Waiting;
use super::super::shard::Shard;
use super::super::{ConnectionId, Frame, Settings};
use super::{Bench, hot, room, shards};
use crate::cluster::{Lease, Proof};
use crate::kit::clock::BootClock;

const TICK: Duration = Duration::from_millis(20);
const MOMENT: Duration = Duration::from_millis(1);
/// The length of the lease: longer than any test takes.
const LEASE: Duration = Duration::from_secs(3_600);

struct Stand {
    shard: Shard,
    clock: BootClock,
    proof: Proof,
    now: Instant,
    seq: u64,
    sockets: u64,
    listeners: Arc<Listeners>,
    _registry: Arc<Registry>,
}

struct Far {
    id: ConnectionId,
    stream: TcpStream,
}

impl Far {
    fn expect(&mut self, texts: &[&str]) {
        let wanted = texts.iter().flat_map(|text| Frame::text(text).0.to_vec()).collect::<Vec<u8>>();
        let mut came = vec![0; wanted.len()];
        self.stream.read_exact(&mut came).expect("all of it");
        assert_eq!(String::from_utf8_lossy(&came), String::from_utf8_lossy(&wanted));
        self.expect_nothing();
    }

    fn expect_nothing(&self) {
        self.stream.set_nonblocking(true).expect("a living socket");
        let came = self.stream.peek(&mut [0; 100]);
        self.stream.set_nonblocking(false).expect("a living socket");
        assert_eq!(came.expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    }
}

impl Stand {
    /// A shard for which two events at the same time make a room hot.
    fn new(settings: Settings) -> Self {
        let registry = Arc::default();
        let waiting = Waiting::new(usize::MAX, Arc::default());
        let clock = BootClock::of_runtime();
        let (proof, lease) = Lease::proved_until(clock.clone(), clock.now().plus(LEASE));
        Self {
            clock,
            proof,
            shard: Shard::new(&Settings { hot_events_per_s: 1, ..settings }, lease, waiting),
            now: Instant::now(),
            seq: 0,
            sockets: 0,
            listeners: Listeners::of(room(1), &registry, 1),
            _registry: registry,
        }
    }

    /// A shard with a hot room that has this many members and nothing gathered.
    async fn hot(members: usize) -> (Self, Vec<Far>) {
        let mut stand = Self::new(shards(1));
        let mut peers = Vec::new();
        for _ in 0..members {
            peers.push(stand.member().await);
        }
        stand.events(&["one", "two"]);
        stand.flush().await;
        peers.iter_mut().for_each(|peer| peer.expect(&["one", "two"]));
        (stand, peers)
    }

    async fn peer(&mut self) -> Far {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a living socket");
        let (near, _) = listener.accept().expect("just connected");
        near.set_nonblocking(true).expect("a living socket");
        let near = tokio::net::TcpStream::from_std(near).expect("within the runtime");
        near.writable().await.expect("a living socket");
        self.sockets += 1;
        let id = ConnectionId(self.sockets);
        self.tell(Message::Attach { id, stream: Arc::new(near), closed: CancellationToken::new() });
        Far { id, stream }
    }

    fn subscribe(&mut self, peer: &Far) {
        let ticket = self.listeners.ticket(0);
        self.tell(Message::Subscribe { id: peer.id, room: room(1), ticket });
    }

    fn join(&mut self, peer: &Far, seq: u64) {
        let entries = vec![Entry { room: room(1), epoch: 1, seq }];
        self.tell(Message::Joined { id: peer.id, entries, reply: Frame::text("joined") });
    }

    async fn member(&mut self) -> Far {
        let mut peer = self.peer().await;
        self.subscribe(&peer);
        self.join(&peer, self.seq);
        self.flush().await;
        peer.expect(&["joined"]);
        peer
    }

    fn tell(&mut self, message: Message) {
        self.shard.take(message, self.now);
    }

    fn events(&mut self, texts: &[&str]) {
        for text in texts {
            self.seq += 1;
            self.tell(Message::Event { room: room(1), epoch: 1, seq: self.seq, frame: Frame::text(text) });
        }
    }

    async fn flush(&mut self) {
        self.shard.flush(self.now).await;
    }

    async fn pass(&mut self, time: Duration) {
        self.now += time;
        self.flush().await;
    }
}

#[tokio::test]
async fn a_hot_rooms_events_are_written_a_tick_after_the_first_and_a_quiet_rooms_at_once() {
    let mut stand = Stand::new(shards(1));
    let mut peer = stand.member().await;
    for text in ["a", "b", "c"] {
        stand.now += Duration::from_secs(1);
        stand.events(&[text]);
        stand.flush().await;
        peer.expect(&[text]);
    }
    stand.events(&["and at once"]);
    stand.flush().await;
    peer.expect_nothing();
    stand.pass(TICK - MOMENT).await;
    stand.events(&["just before the end"]);
    stand.flush().await;
    peer.expect_nothing();
    stand.pass(MOMENT).await;
    peer.expect(&["and at once", "just before the end"]);
    assert_eq!(stand.shard.agenda.next(), None);
    // The next tick begins with the next event.
    stand.pass(TICK * 2).await;
    stand.events(&["next"]);
    stand.pass(TICK - MOMENT).await;
    peer.expect_nothing();
    stand.pass(MOMENT).await;
    peer.expect(&["next"]);
    stand.pass(Duration::from_millis(500)).await;
    stand.events(&["after quiet"]);
    stand.flush().await;
    peer.expect(&["after quiet"]);
}

#[tokio::test]
async fn a_tick_waits_for_the_event_that_is_expected_and_no_longer_than_it_may() {
    let (mut stand, mut peers) = Stand::hot(1).await;
    let gap = TICK / 2;
    // Events come regularly, until their average is known and nothing is gathered.
    let mut said = 0;
    while said < 30 || stand.shard.agenda.next().is_some() {
        assert!(said < 40, "the timer of a tick that was written is gone");
        stand.now += gap;
        stand.events(&["."]);
        stand.flush().await;
        said += 1;
    }
    stand.now += gap;
    let mut bytes = vec![0; 1_024];
    let _ = peers[0].stream.read(&mut bytes).expect("what has been said");
    peers[0].expect_nothing();
    // The tick waits for the fourth event, which is expected, and is written with it at once.
    for text in ["a", "b", "c"] {
        stand.events(&[text]);
        stand.flush().await;
        stand.pass(gap).await;
        peers[0].expect_nothing();
    }
    stand.events(&["d"]);
    stand.flush().await;
    peers[0].expect(&["a", "b", "c", "d"]);
    // If the expected event does not come, the tick is prolonged by its bound only.
    stand.now += gap;
    for text in ["e", "f", "g"] {
        stand.events(&[text]);
        stand.flush().await;
        stand.pass(gap).await;
    }
    peers[0].expect_nothing();
    stand.pass(TICK / 8 - MOMENT).await;
    peers[0].expect_nothing();
    stand.pass(MOMENT).await;
    peers[0].expect(&["e", "f", "g"]);
    assert_eq!(stand.shard.agenda.next(), None);
    // The tick of a room whose events come further apart is not prolonged.
    stand.pass(TICK * 5).await;
    stand.events(&["h"]);
    stand.pass(TICK).await;
    peers[0].expect(&["h"]);
    // Nor is that of a room that has gathered enough events.
    stand.now += gap;
    let texts = ["1", "2", "3", "4", "5", "6", "7", "8"];
    stand.events(&texts);
    stand.pass(TICK).await;
    peers[0].expect(&texts);
}

#[tokio::test]
async fn without_a_tick_every_turn_leaves_at_once() {
    let mut stand = Stand::new(Settings { tick_ms: 0, ..shards(1) });
    let mut peer = stand.member().await;
    for _ in 0..100 {
        stand.events(&["event"]);
        stand.flush().await;
        peer.expect(&["event"]);
    }
}

#[tokio::test]
async fn a_reply_brings_the_gathered_events_before_it_and_nothing_comes_twice() {
    let (mut stand, mut peers) = Stand::hot(2).await;
    let [speaker, other] = &mut peers[..] else { unreachable!("two") };
    stand.events(&["event 3", "event 4"]);
    stand.tell(Message::Send { id: speaker.id, frame: Frame::text("reply to 4") });
    stand.flush().await;
    speaker.expect(&["event 3", "event 4", "reply to 4"]);
    other.expect_nothing();
    stand.now += MOMENT;
    stand.events(&["event 5"]);
    stand.tell(Message::Send { id: speaker.id, frame: Frame::text("reply to 5") });
    stand.events(&["event 6"]);
    stand.flush().await;
    speaker.expect(&["event 5", "reply to 5"]);
    stand.pass(TICK - MOMENT).await;
    speaker.expect(&["event 6"]);
    other.expect(&["event 3", "event 4", "event 5", "event 6"]);
}

#[tokio::test]
async fn signals_are_written_at_the_end_of_the_tick_after_its_events() {
    let (mut stand, mut peers) = Stand::hot(1).await;
    stand.tell(Message::Signal { room: room(1), frame: Frame::text("signal") });
    stand.pass(MOMENT).await;
    peers[0].expect_nothing();
    stand.events(&["event"]);
    stand.pass(TICK - MOMENT).await;
    peers[0].expect(&["event", "signal"]);
}

#[tokio::test]
async fn a_join_in_the_middle_of_a_tick_waits_for_nothing_and_sees_each_event_once() {
    let (mut stand, mut peers) = Stand::hot(1).await;
    let mut peer = stand.peer().await;
    stand.events(&["event 3"]);
    stand.subscribe(&peer);
    stand.events(&["event 4", "event 5"]);
    stand.pass(MOMENT).await;
    peer.expect_nothing();
    // The room has decided about the join between events 4 and 5.
    stand.join(&peer, 4);
    stand.flush().await;
    peer.expect(&["joined", "event 5"]);
    stand.events(&["event 6"]);
    // The reply to another join overtakes the events that it includes.
    let mut ahead = stand.peer().await;
    stand.subscribe(&ahead);
    stand.join(&ahead, 7);
    stand.flush().await;
    ahead.expect(&["joined"]);
    stand.events(&["event 7", "event 8"]);
    stand.pass(TICK - MOMENT).await;
    peers[0].expect(&["event 3", "event 4", "event 5", "event 6", "event 7", "event 8"]);
    peer.expect(&["event 6", "event 7", "event 8"]);
    ahead.expect(&["event 8"]);
}

#[tokio::test]
async fn events_gathered_when_the_lease_ends_are_written_only_after_it_is_proved_again_and_once() {
    let (mut stand, mut peers) = Stand::hot(2).await;
    stand.events(&["event 3", "event 4"]);
    stand.tell(Message::Send { id: peers[0].id, frame: Frame::text("reply to 4") });
    stand.events(&["event 5"]);
    stand.flush().await;
    peers[0].expect(&["event 3", "event 4", "reply to 4"]);
    stand.clock.sleep(LEASE);
    stand.shard.look_at_lease();
    // This event was decided before the machine slept, and is taken from the queue after it.
    stand.events(&["event 6"]);
    stand.tell(Message::Signal { room: room(1), frame: Frame::text("signal") });
    stand.tell(Message::Send { id: peers[1].id, frame: Frame::text("the room is paused") });
    stand.pass(TICK).await;
    peers[0].expect(&["signal"]);
    peers[1].expect(&["the room is paused", "signal"]);
    // When the lease is proved again, the room fills the gap that the next event shows.
    stand.proof.renew(stand.clock.now().plus(LEASE));
    stand.shard.look_at_lease();
    stand.events(&["event 7"]);
    stand.pass(TICK).await;
    peers.iter().for_each(Far::expect_nothing);
    let frames = ["event 3", "event 4", "event 5", "event 6"].map(Frame::text).to_vec();
    stand.tell(Message::Missed { room: room(1), epoch: 1, first: 3, frames });
    stand.pass(TICK * 2).await;
    peers[0].expect(&["event 5", "event 6", "event 7"]);
    peers[1].expect(&["event 3", "event 4", "event 5", "event 6", "event 7"]);
}

#[tokio::test]
async fn a_socket_that_leaves_in_the_middle_of_a_tick_gets_earlier_events_at_once_and_no_later_ones() {
    let (mut stand, mut peers) = Stand::hot(5).await;
    let [kicked, leaving, closed, gone, stays] = &mut peers[..] else { unreachable!("five") };
    stand.events(&["event 3"]);
    stand.tell(Message::Remove { room: room(1), connections: vec![kicked.id], frame: Frame::text("out") });
    stand.tell(Message::Unsubscribe { id: leaving.id, room: room(1) });
    stand.tell(Message::Close { id: closed.id, code: CloseCode::Normal, after_ms: None });
    stand.tell(Message::Detach { id: gone.id });
    stand.events(&["event 4"]);
    stand.flush().await;
    kicked.expect(&["event 3", "out"]);
    leaving.expect(&["event 3"]);
    let mut rest = Vec::new();
    closed.stream.read_to_end(&mut rest).expect("a clean end");
    assert_eq!(rest, [&Frame::text("event 3").0[..], &parlor_protocol::frame::close(CloseCode::Normal)].concat());
    stays.expect_nothing();
    stand.pass(TICK).await;
    stays.expect(&["event 3", "event 4"]);
    kicked.expect_nothing();
    leaving.expect_nothing();
}

#[tokio::test]
async fn a_drain_in_the_middle_of_a_tick_writes_all_events_before_the_notice() {
    let (mut stand, peers) = Stand::hot(3).await;
    stand.events(&["event 3"]);
    stand.tell(Message::CloseAll { code: CloseCode::Draining, spread_ms: 0 });
    stand.flush().await;
    for mut peer in peers {
        let mut rest = Vec::new();
        peer.stream.read_to_end(&mut rest).expect("a clean end");
        let notice = Frame::text(r#"{"type":"closing","data":{"code":4001,"reason":"draining","after_ms":0}}"#);
        let close = parlor_protocol::frame::close(CloseCode::Draining);
        let wanted = [&Frame::text("event 3").0[..], &notice.0, &close].concat();
        assert_eq!(String::from_utf8_lossy(&rest), String::from_utf8_lossy(&wanted));
    }
    stand.pass(TICK).await;
}

#[tokio::test]
async fn a_room_that_empties_and_fills_within_a_tick_keeps_no_old_tick() {
    let (mut stand, peers) = Stand::hot(1).await;
    stand.events(&["event 3"]);
    stand.tell(Message::Detach { id: peers[0].id });
    stand.pass(MOMENT).await;
    let mut peer = stand.member().await;
    stand.events(&["event 4", "event 5"]);
    stand.flush().await;
    peer.expect(&["event 4", "event 5"]);
    stand.pass(MOMENT).await;
    stand.events(&["event 6"]);
    // At this moment the old tick would end.
    stand.pass(TICK - MOMENT * 2).await;
    peer.expect_nothing();
    stand.pass(MOMENT * 2).await;
    peer.expect(&["event 6"]);
}

#[tokio::test]
async fn events_that_a_repair_brings_are_gathered_in_order() {
    let (mut stand, mut peers) = Stand::hot(1).await;
    stand.events(&["event 3"]);
    stand.seq = 5;
    stand.events(&["event 6"]);
    stand.pass(MOMENT).await;
    assert_eq!(stand.listeners.behind().now_or_never(), Some((0, (1, 3))));
    let frames = ["event 4", "event 5"].map(Frame::text).to_vec();
    stand.tell(Message::Missed { room: room(1), epoch: 1, first: 4, frames });
    // Gathered events count as given.
    stand.tell(Message::Digest { room: room(1), epoch: 1, seq: 6 });
    assert_eq!(stand.listeners.behind().now_or_never(), None);
    stand.pass(TICK - MOMENT).await;
    peers[0].expect(&["event 3", "event 4", "event 5", "event 6"]);
}

#[tokio::test]
async fn many_bytes_are_written_before_the_tick_ends_and_the_next_tick_is_a_whole_one() {
    let (mut stand, mut peers) = Stand::hot(1).await;
    let text = "x".repeat(4_000);
    for _ in 0..4 {
        stand.events(&[&text]);
        stand.pass(MOMENT).await;
        peers[0].expect_nothing();
    }
    stand.events(&[&text]);
    stand.flush().await;
    peers[0].expect(&[text.as_str(); 5]);
    stand.events(&["event"]);
    stand.pass(TICK - MOMENT).await;
    peers[0].expect_nothing();
    stand.pass(MOMENT).await;
    peers[0].expect(&["event"]);
}

#[tokio::test]
async fn gathered_events_are_written_when_the_shard_ends() {
    let bench = Bench::new(hot(3_600_000)).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peer = bench.member(room(1)).await;
    topic.publish(1, 1, &Frame::text("one"));
    peer.expect(&["joined", "one"]).await;
    topic.publish(1, 2, &Frame::text("two"));
    let mut other = bench.member(room(2)).await;
    other.expect(&["joined"]).await;
    bench.end().await;
    assert_eq!(peer.rest().await, Frame::text("two").0);
}

#[tokio::test]
async fn the_timer_ends_a_tick_when_nothing_else_happens() {
    let bench = Bench::new(hot(5)).await;
    let mut topics = [bench.delivery.topic(room(1)), bench.delivery.topic(room(2))];
    let mut peers = [bench.member(room(1)).await, bench.member(room(2)).await];
    for (topic, peer) in topics.iter_mut().zip(&mut peers) {
        topic.publish(1, 1, &Frame::text("one"));
        peer.expect(&["joined", "one"]).await;
    }
    for seq in 2..8 {
        for (topic, peer) in topics.iter_mut().zip(&mut peers) {
            topic.publish(1, seq, &Frame::text("next"));
            peer.expect(&["next"]).await;
        }
    }
    bench.end().await;
}
