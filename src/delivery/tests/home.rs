//! Tests of where sockets are kept: those of a small room on one shard, those of a large room on all.

use super::*;

impl Bench {
    /// A member that moves to the room's own shard, as a session does that connects with a join.
    async fn neighbour(&self, room: RoomId) -> Peer {
        let address = self.listener.local_addr().expect("bound");
        let (stream, accepted) = tokio::join!(TcpStream::connect(address), self.listener.accept());
        let (accepted, closed) = (Arc::new(accepted.expect("a connection").0), CancellationToken::new());
        let first = self.delivery.attach(accepted.clone(), closed.clone()).await;
        first.send(Frame::text("said before")).await;
        let connection = first.beside(room, &accepted, &closed).unwrap_or(first);
        connection.subscribe(room).await;
        connection.joined(room, 1, 0, Frame::text("joined")).await;
        let mut peer = Peer { connection, stream: stream.expect("a connection"), closed };
        // Two shards may write the two in either order.
        let both = [Frame::text("said before").0, Frame::text("joined").0];
        let came = peer.bytes(both.concat().len()).await;
        assert!(came == both.concat() || came == [&both[1][..], &both[0]].concat(), "{came:?}");
        peer
    }
}

#[tokio::test]
async fn a_small_rooms_sockets_are_on_one_shard_and_a_large_ones_on_all() {
    let bench = Bench::new(shards(3)).await;
    let mut topic = bench.delivery.topic(room(7));
    let mut peers = Vec::new();
    for _ in 0..64 {
        peers.push(bench.neighbour(room(7)).await);
    }
    assert_eq!(topic.listening_shards(), 1);
    for _ in 0..6 {
        peers.push(bench.neighbour(room(7)).await);
    }
    assert_eq!(topic.listening_shards(), 3);
    for seq in 1..=20 {
        topic.publish(1, seq, &Frame::text(&format!("event {seq:02}")));
    }
    let texts: Vec<String> = (1..=20).map(|seq| format!("event {seq:02}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for peer in &mut peers {
        peer.expect(&texts).await;
    }
    bench.end().await;
}

#[tokio::test]
async fn a_socket_that_comes_after_all_were_closed_is_closed_too() {
    let bench = Bench::new(shards(2)).await;
    bench.delivery.close_all(CloseCode::Draining, Duration::from_secs(2)).await;
    let mut late = bench.peer().await;
    let said = late.rest().await;
    assert!(said.ends_with(CloseCode::Draining.reason().as_bytes()));
    late.closed.cancelled().await;
    bench.end().await;
}
