//! Tests of overload: signals are left out, and the sockets for which most waits are closed.

use std::time::Duration;

use parlor_protocol::CloseCode;

use super::super::{Frame, Settings};
use super::{Bench, room, shards};
use crate::load::Sources;

fn closing() -> Vec<u8> {
    let notice = Frame::text(r#"{"type":"closing","data":{"code":4000,"reason":"slow_consumer"}}"#);
    [notice.0.to_vec(), parlor_protocol::frame::close(CloseCode::SlowConsumer)].concat()
}

#[tokio::test]
async fn a_shard_whose_queue_is_half_full_gets_every_event_and_no_signals() {
    let bench = Bench::new(Settings { shard_queue: 8, ..shards(1) }).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peer = bench.member(room(1)).await;
    peer.expect(&["joined"]).await;
    // Nothing here lets the shard run before its queue is full.
    for seq in 1..=5 {
        topic.publish(1, seq, &Frame::text(&format!("event {seq}")));
        topic.signal(Frame::text(&format!("signal {seq}")));
    }
    assert!(bench.delivery.fullest() > 0.5, "{}", bench.delivery.fullest());
    peer.connection.send(Frame::text("end")).await;
    peer.expect(&["event 1", "event 2", "event 3", "event 4", "event 5", "end", "signal 1", "signal 2"]).await;
    peer.connection.send(Frame::text("nothing more")).await;
    peer.expect(&["nothing more"]).await;
    bench.end().await;
}

#[tokio::test]
async fn events_that_a_full_queue_does_not_take_wait_in_line_and_signals_are_left_out() {
    let bench = Bench::new(Settings { shard_queue: 4, ..shards(1) }).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peer = bench.member(room(1)).await;
    peer.expect(&["joined"]).await;
    for seq in 1..=6 {
        topic.publish(1, seq, &Frame::text(&format!("event {seq}")));
    }
    assert!(topic.is_behind());
    topic.signal(Frame::text("a signal"));
    topic.remove(&[peer.connection.id()], &Frame::text("out"));
    topic.caught_up().await;
    assert!(!topic.is_behind());
    peer.expect(&["event 1", "event 2", "event 3", "event 4", "event 5", "event 6", "out"]).await;
    // Nobody waits for a shard that has stopped.
    bench.end().await;
    topic.remove(&[peer.connection.id()], &Frame::text("out"));
    topic.caught_up().await;
    assert!(!topic.is_behind());
}

#[tokio::test]
async fn the_last_signal_that_was_left_out_comes_with_the_next_digest() {
    let bench = Bench::new(Settings { shard_queue: 4, ..shards(1) }).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peer = bench.member(room(1)).await;
    peer.expect(&["joined"]).await;
    for seq in 1..=3 {
        topic.publish(1, seq, &Frame::text("event"));
    }
    topic.signal(Frame::text("two people"));
    topic.signal(Frame::text("three people"));
    peer.expect(&["event", "event", "event"]).await;
    topic.digest(1, 3);
    peer.expect(&["three people"]).await;
    // It is sent once, and a later signal replaces it.
    topic.digest(1, 3);
    topic.signal(Frame::text("four people"));
    peer.expect(&["four people"]).await;
    bench.end().await;
}

/// A process that uses 90 % of the memory that it may use.
struct Scarce;

impl Sources for Scarce {
    fn memory_bytes(&self) -> Option<u64> {
        Some(100)
    }

    fn resident_bytes(&self) -> Option<u64> {
        Some(90)
    }

    fn fullest_queue(&self) -> f64 {
        0.0
    }
}

#[tokio::test]
async fn a_node_with_too_much_load_leaves_out_signals_and_no_event() {
    let bench = Bench::new(shards(2)).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peers = [bench.member(room(1)).await, bench.member(room(1)).await];
    topic.signal(Frame::text("before"));
    let load = bench.delivery.load().clone();
    load.start_watch(Scarce, &bench.supervisor);
    tokio::time::timeout(Duration::from_secs(10), async {
        while !load.is_shedding() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is read at once");
    topic.signal(Frame::text("left out"));
    topic.digest(1, 0);
    topic.publish(1, 1, &Frame::text("event"));
    for peer in &mut peers {
        peer.expect(&["joined", "before", "event"]).await;
    }
    assert!(!load.is_full());
    bench.end().await;
}

#[tokio::test]
async fn if_too_much_waits_for_all_sockets_only_the_worst_is_closed() {
    let settings = Settings { outbox_total_bytes: Some(64 * 1024), ..shards(1) };
    assert!(settings.problems().is_empty(), "{:?}", settings.problems());
    let bench = Bench::new(settings).await;
    let mut topic = bench.delivery.topic(room(1));
    let (mut worst, mut slow) = (bench.member(room(1)).await, bench.member(room(1)).await);
    let mut quick = bench.member(room(1)).await;
    quick.expect(&["joined"]).await;
    let frame = Frame::text(&"x".repeat(1_000));
    // None of the sockets is over its own bound.
    for _ in 0..60 {
        worst.connection.send(frame.clone()).await;
    }
    for _ in 0..45 {
        slow.connection.send(frame.clone()).await;
    }
    topic.publish(1, 1, &Frame::text("and an event"));
    quick.expect(&["and an event"]).await;
    let bytes = worst.rest().await;
    assert!(bytes.len() < 60 * frame.0.len() && bytes.ends_with(&closing()), "{} bytes", bytes.len());
    // The other slow socket gets everything when it reads, and stays.
    let wanted = [Frame::text("joined").0, frame.0.repeat(45).into(), Frame::text("and an event").0].concat();
    assert!(slow.bytes(wanted.len()).await == wanted);
    topic.publish(1, 2, &Frame::text("for both"));
    slow.expect(&["for both"]).await;
    quick.expect(&["for both"]).await;
    assert!(!slow.closed.is_cancelled() && !quick.closed.is_cancelled());
    // When nothing waits any more, as much may wait as before.
    tokio::time::timeout(Duration::from_secs(10), async {
        while bench.delivery.waiting().0 > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("nothing waits");
    for _ in 0..60 {
        slow.connection.send(frame.clone()).await;
    }
    assert!(slow.bytes(60 * frame.0.len()).await == frame.0.repeat(60));
    bench.end().await;
}

#[tokio::test]
async fn a_crowd_of_slow_readers_never_takes_more_than_the_bound() {
    let most = 256 * 1024;
    let bench = Bench::new(Settings { outbox_total_bytes: Some(most), ..shards(1) }).await;
    let mut topic = bench.delivery.topic(room(1));
    let mut peers = Vec::new();
    for _ in 0..40 {
        peers.push(bench.member(room(1)).await);
    }
    let mut quick = peers.pop().expect("one");
    quick.expect(&["joined"]).await;
    let frame = Frame::text(&"y".repeat(1_000));
    for seq in 1..=50 {
        topic.publish(1, seq, &frame);
        assert!(quick.bytes(frame.0.len()).await == frame.0, "the quick one has each");
        assert!(bench.delivery.waiting().0 <= most, "{:?}", bench.delivery.waiting());
    }
    let mut given_up = 0;
    for mut peer in peers {
        let whole = Frame::text("joined").0.len() + 50 * frame.0.len();
        peer.connection.close(CloseCode::Draining, None).await;
        let bytes = peer.rest().await;
        let is_given_up = bytes.ends_with(&closing());
        given_up += usize::from(is_given_up);
        assert!(
            is_given_up || bytes.len() > whole,
            "{} bytes of {whole}: it gets everything or the reason",
            bytes.len()
        );
    }
    assert!(given_up > 0 && given_up < 39, "{given_up} were closed");
    bench.end().await;
}
