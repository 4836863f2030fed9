//! Measures one event to a room of a thousand sockets on loopback, from its publication until the last socket has it. The
//! other sockets are read outside of the measured time.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use parlor::cluster::Lease;
use parlor::delivery::{Delivery, Frame, Settings, Topic};
use parlor::kit::supervise::Supervisor;
use parlor_protocol::RoomId;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::wire::chat_event;

const SOCKETS: usize = 1_000;

/// A room, and the clients' ends of its sockets in the order in which the server writes to them.
struct Crowd {
    runtime: Runtime,
    topic: Topic,
    peers: Vec<TcpStream>,
    seq: u64,
}

impl Crowd {
    fn gathered() -> Self {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("up to the hard limit anybody may go");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread");
        let room = RoomId::new(104_233_871).expect("in range");
        let (topic, peers) = runtime.block_on(async {
            // Without a tick, because at this rate the room would be hot and its frames would wait for one.
            let settings = Settings { shards: 1, tick_ms: 0, ..Settings::default() };
            let delivery = Delivery::start(&settings, Lease::endless(), &Supervisor::default());
            let topic = delivery.topic(room);
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = listener.local_addr().expect("bound");
            let mut peers = Vec::with_capacity(SOCKETS);
            let reply = Frame::text("{}");
            for _ in 0..SOCKETS {
                let mut peer = TcpStream::connect(address).expect("it listens");
                let (near, _) = listener.accept().expect("just connected");
                near.set_nonblocking(true).expect("a living socket");
                near.set_nodelay(true).expect("a living socket");
                let near = tokio::net::TcpStream::from_std(near).expect("within the runtime");
                let connection = delivery.attach(Arc::new(near), CancellationToken::new()).await;
                connection.subscribe(room).await;
                connection.joined(room, 7, 0, reply.clone()).await;
                tokio::task::block_in_place(|| read(&mut peer, reply.bytes().len()));
                peers.push(peer);
            }
            (topic, peers)
        });
        Self { runtime, topic, peers, seq: 0 }
    }

    /// Publishes one event; returns the time until the last socket has it.
    fn tell(&mut self) -> Duration {
        self.seq += 1;
        let frame = Frame::text(&chat_event(self.seq).encode());
        let bytes = frame.bytes().len();
        let began = Instant::now();
        self.topic.publish(7, self.seq, &frame);
        self.runtime.block_on(self.topic.caught_up());
        let (last, others) = self.peers.split_last_mut().expect("a thousand");
        read(last, bytes);
        let took = began.elapsed();
        others.iter_mut().for_each(|peer| read(peer, bytes));
        took
    }
}

fn read(peer: &mut TcpStream, bytes: usize) {
    let mut buffer = [0; 4_096];
    peer.read_exact(&mut buffer[..bytes]).expect("the shard writes");
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("delivery");
    group.throughput(Throughput::Elements(SOCKETS as u64)).sample_size(20);
    let mut crowd = None;
    group.bench_function("fan out to 1,000 sockets", |bencher| {
        let crowd = crowd.get_or_insert_with(Crowd::gathered);
        bencher.iter_custom(|times| (0..times).map(|_| crowd.tell()).sum());
    });
    group.finish();
}
