//! Tests of shards with real sockets over loopback.

mod home;
mod load;
mod tick;

use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::CloseCode;
use parlor_protocol::RoomId;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Connection, Delivery, Frame, Settings};
use crate::cluster::Lease;
use crate::kit::supervise::Supervisor;

struct Peer {
    connection: Connection,
    stream: TcpStream,
    closed: CancellationToken,
}

struct Bench {
    delivery: Delivery,
    listener: TcpListener,
    supervisor: Supervisor,
}

impl Bench {
    async fn new(settings: Settings) -> Self {
        let supervisor = Supervisor::default();
        let delivery = Delivery::start(&settings, Lease::endless(), &supervisor);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { delivery, listener, supervisor }
    }

    /// A socket whose buffers in the kernel are small, so that it is full soon.
    async fn peer(&self) -> Peer {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a size");
        let address = self.listener.local_addr().expect("bound");
        let (stream, accepted) = tokio::join!(socket.connect(address), self.listener.accept());
        let accepted = accepted.expect("a connection").0;
        SockRef::from(&accepted).set_send_buffer_size(4_096).expect("a size");
        let closed = CancellationToken::new();
        let connection = self.delivery.attach(Arc::new(accepted), closed.clone()).await;
        Peer { connection, stream: stream.expect("a connection"), closed }
    }

    async fn member(&self, room: RoomId) -> Peer {
        let peer = self.peer().await;
        peer.connection.subscribe(room).await;
        peer.connection.joined(room, 1, 0, Frame::text("joined")).await;
        peer
    }

    async fn end(self) {
        self.supervisor.finish().await;
    }
}

impl Peer {
    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_exact(&mut bytes)).await;
        read.expect("in time").expect("all of it");
        bytes
    }

    async fn expect(&mut self, texts: &[&str]) {
        let wanted = texts.iter().flat_map(|text| Frame::text(text).0.to_vec()).collect::<Vec<u8>>();
        let came = self.bytes(wanted.len()).await;
        assert_eq!(String::from_utf8_lossy(&came), String::from_utf8_lossy(&wanted));
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_to_end(&mut bytes)).await;
        read.expect("in time").expect("a clean end");
        bytes
    }
}

fn room(number: i64) -> RoomId {
    RoomId::new(number).expect("in range")
}

fn shards(shards: usize) -> Settings {
    Settings { shards, outbox_bytes: 64 * 1024, ..Settings::default() }
}

/// Settings with which a room is hot from its second event on.
fn hot(tick_ms: u64) -> Settings {
    Settings { tick_ms, hot_events_per_s: 1, ..shards(1) }
}

#[tokio::test]
async fn a_join_brings_its_reply_then_the_held_events_then_those_that_come() {
    let bench = Bench::new(shards(1)).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut first = bench.member(room(1)).await;
    let mut peer = bench.peer().await;
    topic.publish(1, 1, &Frame::text("before"));
    peer.connection.subscribe(room(1)).await;
    topic.publish(1, 2, &Frame::text("seen by the join"));
    topic.publish(1, 3, &Frame::text("held"));
    topic.signal(Frame::text("not held"));
    first.expect(&["joined", "before", "seen by the join", "held", "not held"]).await;
    peer.connection.joined(room(1), 1, 2, Frame::text("reply")).await;
    topic.publish(1, 4, &Frame::text("live"));
    topic.signal(Frame::text("signal"));
    peer.expect(&["reply", "held", "live", "signal"]).await;
    bench.end().await;
}

#[tokio::test]
async fn events_up_to_the_joined_position_are_skipped_and_old_epochs_dropped() {
    let bench = Bench::new(shards(1)).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut old = bench.member(room(1)).await;
    let mut peer = bench.peer().await;
    peer.connection.subscribe(room(1)).await;
    // The join's reply overtakes the events that it contains.
    peer.connection.joined(room(1), 1, 2, Frame::text("reply")).await;
    for (epoch, seq, text) in [(1, 1, "one"), (1, 2, "two"), (1, 3, "three"), (2, 1, "new owner"), (1, 4, "stale")] {
        topic.publish(epoch, seq, &Frame::text(text));
    }
    topic.publish(2, 1, &Frame::text("twice"));
    topic.publish(2, 2, &Frame::text("end"));
    peer.expect(&["reply", "three", "new owner", "end"]).await;
    old.expect(&["joined", "one", "two", "three", "new owner", "end"]).await;
    bench.end().await;
}

#[tokio::test]
async fn replies_come_after_the_events_published_before_them_and_removal_ends_a_subscription() {
    let bench = Bench::new(shards(1)).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peer = bench.member(room(1)).await;
    let mut pending = bench.peer().await;
    pending.connection.subscribe(room(1)).await;
    for seq in 1..=3 {
        topic.publish(1, seq, &Frame::text(&format!("event {seq}")));
        peer.connection.send(Frame::text(&format!("reply {seq}"))).await;
    }
    topic.remove(&[peer.connection.id(), pending.connection.id()], &Frame::text("out"));
    topic.publish(1, 4, &Frame::text("not for you"));
    peer.connection.send(Frame::text("still open")).await;
    peer.expect(&["joined", "event 1", "reply 1", "event 2", "reply 2", "event 3", "reply 3", "out", "still open"])
        .await;
    // A socket that was removed before its join was answered gets the join's reply first.
    pending.connection.joined(room(1), 1, 3, Frame::text("joined")).await;
    pending.connection.send(Frame::text("still open")).await;
    pending.expect(&["joined", "event 4 was held"][..1]).await;
    let rest = Frame::text("not for you").0.len() + Frame::text("out").0.len() + Frame::text("still open").0.len();
    let rest = pending.bytes(rest).await;
    assert!(rest.ends_with(&[Frame::text("out").0, Frame::text("still open").0].concat()));
    // A second removal sends nothing.
    topic.remove(&[peer.connection.id()], &Frame::text("out"));
    peer.connection.unsubscribe(room(1)).await;
    peer.connection.send(Frame::text("last")).await;
    peer.expect(&["last"]).await;
    bench.end().await;
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_get_everything() {
    slow_reader_among_others(Settings { tick_ms: 0, ..shards(1) }).await;
    slow_reader_among_others(hot(2)).await;
}

async fn slow_reader_among_others(settings: Settings) {
    let bench = Bench::new(settings).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut slow = bench.member(room(1)).await;
    let mut quick = bench.member(room(1)).await;
    quick.expect(&["joined"]).await;
    let text = "x".repeat(3_000);
    let frame = Frame::text(&text);
    for seq in 1..=200 {
        topic.publish(1, seq, &frame);
        topic.signal(Frame::text("signal"));
        let came = quick.bytes(frame.0.len() + Frame::text("signal").0.len()).await;
        assert!(came.starts_with(&frame.0));
    }
    // The slow reader is given up. When it reads at last it finds whole frames, then the reason.
    let bytes = slow.rest().await;
    assert!(slow.closed.is_cancelled());
    assert!(bytes.len() < 200 * frame.0.len());
    let mut at = Frame::text("joined").0.len();
    let (mut events, mut ended) = (0, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(&frame.0) {
            (events, at) = (events + 1, at + frame.0.len());
        } else if rest.starts_with(&Frame::text("signal").0) {
            at += Frame::text("signal").0.len();
        } else {
            let notice = Frame::text(r#"{"type":"closing","data":{"code":4000,"reason":"slow_consumer"}}"#);
            let close = parlor_protocol::frame::close(CloseCode::SlowConsumer);
            assert_eq!(rest, [notice.0.to_vec(), close].concat());
            ended = true;
            break;
        }
    }
    assert!(ended && events > 0, "{events} events, then no close frame");
    bench.end().await;
}

#[tokio::test]
async fn a_socket_that_was_full_gets_every_byte_in_order_when_it_reads() {
    let bench = Bench::new(Settings { outbox_bytes: 1024 * 1024, ..shards(1) }).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peer = bench.member(room(1)).await;
    let mut wanted = Frame::text("joined").0.to_vec();
    for seq in 1..=300_u64 {
        let frame = Frame::text(&format!("{seq} {}", "y".repeat((seq * 7 % 1_500) as usize)));
        wanted.extend(&frame.0[..]);
        topic.publish(1, seq, &frame);
        if seq % 50 == 0 {
            let reply = Frame::text(&format!("reply {seq}"));
            wanted.extend(&reply.0[..]);
            peer.connection.send(reply).await;
        }
    }
    let came = peer.bytes(wanted.len()).await;
    assert!(came == wanted);
    peer.connection.close(CloseCode::Draining, Some(50)).await;
    let end = peer.rest().await;
    assert!(String::from_utf8_lossy(&end).contains(r#""reason":"draining","after_ms":50"#));
    bench.end().await;
}

#[tokio::test]
async fn two_hundred_sockets_on_three_shards_get_identical_bytes() {
    let bench = Bench::new(Settings { yield_every: 16, ..shards(3) }).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut elsewhere = bench.delivery.topic(room(2));
    let mut peers = Vec::new();
    for _ in 0..200 {
        peers.push(bench.member(room(1)).await);
    }
    let mut wanted = Frame::text("joined").0.to_vec();
    for seq in 1..=20 {
        let frame = Frame::text(&format!("event {seq}"));
        wanted.extend(&frame.0[..]);
        topic.publish(1, seq, &frame);
        elsewhere.publish(1, seq, &Frame::text("of another room"));
    }
    for peer in &mut peers {
        assert_eq!(peer.bytes(wanted.len()).await, wanted);
    }
    // Half of them leave, in different ways; the others stay.
    for (at, peer) in peers.iter().enumerate().take(100) {
        if at % 2 == 0 { peer.connection.detach().await } else { peer.connection.unsubscribe(room(1)).await }
    }
    topic.publish(1, 21, &Frame::text("for the rest"));
    for (at, peer) in peers.iter_mut().enumerate() {
        if at >= 100 {
            peer.expect(&["for the rest"]).await;
        } else if at % 2 == 1 {
            peer.connection.send(Frame::text("alone")).await;
            peer.expect(&["alone"]).await;
        } else {
            assert!(peer.rest().await.is_empty());
        }
    }
    bench.end().await;
}

/// The state of one peer in one room, in the model.
#[derive(Clone, Copy, PartialEq)]
enum Stand {
    Out,
    Asked { at: u64 },
    In { from: u64 },
}

#[tokio::test]
async fn in_any_order_of_joins_leaves_events_and_replies_each_socket_gets_exactly_its_frames() {
    // Without ticks; with short ticks; with ticks so long that only many bytes, or a socket that leaves, end them.
    for settings in [Settings { tick_ms: 0, ..shards(1) }, hot(1), hot(5), hot(3_600_000)] {
        coming_going_and_speaking(settings).await;
    }
}

async fn coming_going_and_speaking(settings: Settings) {
    let bench = Bench::new(Settings { outbox_bytes: 16 * 1024 * 1024, yield_every: 3, ..settings }).await;
    let mut topics = [bench.delivery.topic(room(1)), bench.delivery.topic(room(2))];
    let mut peers = Vec::new();
    for _ in 0..12 {
        peers.push((bench.peer().await, [Stand::Out; 2], [Vec::new(), Vec::new()]));
    }
    let mut chance = 0x2545_F491_4F6C_DD1D_u64;
    let mut draw = |below: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let mut seqs = [0_u64; 2];
    let event = |at: usize, seq: u64| Frame::text(&format!("{at} event {seq} {}", "z".repeat((seq % 90) as usize)));
    for _ in 0..6_000 {
        let at = draw(2) as usize;
        if draw(3) == 0 {
            seqs[at] += 1;
            let frame = event(at, seqs[at]);
            for (_, stands, wanted) in &mut peers {
                if matches!(stands[at], Stand::In { from } if seqs[at] > from) {
                    wanted[at].push(frame.payload().to_owned());
                }
            }
            topics[at].publish(1, seqs[at], &frame);
            continue;
        }
        let who = draw(12) as usize;
        let (peer, stands, wanted) = &mut peers[who];
        match stands[at] {
            Stand::Out => {
                peer.connection.subscribe(room(at as i64 + 1)).await;
                // The room may have decided up to three events more than the shard has got.
                stands[at] = Stand::Asked { at: seqs[at] + draw(4) };
            }
            Stand::Asked { at: from } => {
                let reply = Frame::text(&format!("{at} joined at {from}"));
                wanted[at].push(reply.payload().to_owned());
                for seq in from + 1..=seqs[at] {
                    wanted[at].push(event(at, seq).payload().to_owned());
                }
                peer.connection.joined(room(at as i64 + 1), 1, from, reply).await;
                stands[at] = Stand::In { from };
            }
            Stand::In { .. } if draw(6) == 0 => {
                let out = Frame::text(&format!("{at} out"));
                if draw(2) == 0 {
                    wanted[at].push(out.payload().to_owned());
                    topics[at].remove(&[peer.connection.id()], &out);
                } else {
                    peer.connection.unsubscribe(room(at as i64 + 1)).await;
                }
                stands[at] = Stand::Out;
            }
            Stand::In { .. } => {
                let reply = Frame::text(&format!("{at} reply {}", seqs[at]));
                wanted[at].push(reply.payload().to_owned());
                peer.connection.send(reply).await;
            }
        }
    }
    for (peer, _, wanted) in &mut peers {
        peer.connection.close(CloseCode::Normal, None).await;
        let bytes = peer.rest().await;
        let close = parlor_protocol::frame::close(CloseCode::Normal);
        let mut rest = bytes.strip_suffix(&close[..]).expect("closed at the end");
        let mut came = [Vec::new(), Vec::new()];
        while let [0x81, length @ 0..=125, ..] = rest {
            let (text, behind) = rest[2..].split_at(usize::from(*length));
            came[usize::from(text[0] - b'0')].push(String::from_utf8(text.to_vec()).expect("text"));
            rest = behind;
        }
        assert!(rest.is_empty());
        // Only the order within each room is promised, and none between the two rooms.
        assert_eq!(came, *wanted);
    }
    bench.end().await;
}

#[tokio::test]
async fn only_shards_with_listeners_are_told_and_a_room_without_any_is_forgotten() {
    let bench = Bench::new(shards(4)).await;
    let topic = bench.delivery.topic(room(1));
    assert_eq!(topic.listening_shards(), 0);
    let mut peer = bench.member(room(1)).await;
    assert_eq!(topic.listening_shards(), 1);
    peer.connection.subscribe(room(1)).await;
    peer.connection.unsubscribe(room(1)).await;
    peer.connection.subscribe(room(2)).await;
    peer.connection.send(Frame::text("done")).await;
    peer.expect(&["joined", "done"]).await;
    assert_eq!(topic.listening_shards(), 0);
    drop(topic);
    assert_eq!(bench.delivery.topics(), 1);
    peer.connection.detach().await;
    peer.closed.cancelled().await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while bench.delivery.topics() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("nothing is left of the room");
    bench.end().await;
}

#[test]
fn a_socket_takes_at_most_192_bytes_in_its_shard() {
    let socket = std::mem::size_of::<super::socket::Socket>();
    let subscription = std::mem::size_of::<super::socket::Subscription>();
    let member = std::mem::size_of::<super::audience::Member>();
    println!("socket {socket}, subscription {subscription}, member {member}");
    assert!(socket + subscription + member <= 192);
}
