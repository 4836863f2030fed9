//! The handles of delivery: the whole, one socket of it, one room's topic.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parlor_protocol::{CloseCode, RoomId};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::listeners::{Listeners, Registry};
use super::message::{Entry, Message};
use super::relief::Waiting;
use super::shard::Shard;
use super::{ConnectionId, Frame, Settings};
use crate::cluster::Lease;
use crate::kit::supervise::{Crew, Supervisor};
use crate::load::Load;
use crate::telemetry::metric;

/// Sockets of a room that are kept on one shard; with more of them the next ones are spread.
const TOGETHER: u32 = 64;

/// Messages that a room's line keeps room for.
const LINE: usize = 64;

struct Inner {
    shards: Box<[mpsc::Sender<Message>]>,
    next: AtomicU64,
    topics: Arc<Registry>,
    crew: Crew,
    load: Load,
    /// How many bytes wait for the sockets of each shard, and how many may.
    waiting: Box<[Arc<AtomicUsize>]>,
    most_waiting: usize,
}

impl Inner {
    /// The next socket's id, on this shard or on the next in turn.
    fn next_id(&self, shard: Option<usize>) -> ConnectionId {
        let (number, shards) = (self.next.fetch_add(1, Ordering::Relaxed), self.shards.len() as u64);
        ConnectionId(number * shards + shard.map_or(number % shards, |shard| shard as u64))
    }

    /// Where the sockets of this room are together, while they are few.
    fn home_of(&self, room: RoomId) -> Option<usize> {
        let listeners = self.topics.get(&room).and_then(|listeners| listeners.upgrade());
        let few = listeners.is_none_or(|listeners| listeners.count() < TOGETHER);
        few.then(|| (room.number().unsigned_abs() % self.shards.len() as u64) as usize)
    }

    fn shard_of(&self, id: ConnectionId) -> usize {
        usize::try_from(id.0 % self.shards.len() as u64).expect("below the number of shards")
    }

    /// A full queue makes the sender wait: a shard is bound by the processor and waits for nobody.
    /// A shard that has stopped needs no word any more; a socket that it was to have ends.
    async fn tell(&self, shard: usize, message: Message) {
        let unheard = match self.shards[shard].try_send(message) {
            Ok(()) => return,
            // Boxed: the wait is rare, and every socket's task would have room for it.
            Err(mpsc::error::TrySendError::Full(message)) => match Box::pin(self.shards[shard].send(message)).await {
                Ok(()) => return,
                Err(mpsc::error::SendError(message)) => message,
            },
            Err(mpsc::error::TrySendError::Closed(message)) => message,
        };
        if let Message::Attach { closed, .. } = unheard {
            closed.cancel();
        }
    }

    /// What may be missed waits for nobody: a shard that has half a queue of other things goes without, and so does
    /// every shard while load is shed. Says whether it was left out.
    fn sheds(&self, shard: usize, signal: Message) -> bool {
        let queue = &self.shards[shard];
        self.load.is_shedding() || queue.capacity() < queue.max_capacity() / 2 || queue.try_send(signal).is_err()
    }
}

/// The way out of this process.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
}

impl Delivery {
    /// Starts the shards, which let out nothing that a room has numbered while `lease` does not hold. They end when
    /// the supervisor stops, and every socket with them.
    pub fn start(settings: &Settings, lease: Lease, supervisor: &Supervisor) -> Self {
        let most = settings.outbox_share();
        let waiting: Box<[Arc<AtomicUsize>]> = (0..settings.shards.max(1)).map(|_| Arc::default()).collect();
        let shard = |told: &Arc<AtomicUsize>| {
            let (sender, queue) = mpsc::channel(settings.shard_queue);
            let shard = Shard::new(settings, lease.clone(), Waiting::new(most, told.clone()));
            supervisor.engine("delivery shard", supervisor.stop(), shard.run(queue, supervisor.stop().clone()));
            sender
        };
        let inner = Inner {
            shards: waiting.iter().map(shard).collect(),
            next: AtomicU64::new(1),
            topics: Arc::default(),
            crew: supervisor.crew().clone(),
            load: Load::default(),
            most_waiting: most * waiting.len(),
            waiting,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The load of this node: what may be missed is left out by it, and the gateway asks it too. It is normal until
    /// somebody watches it.
    pub fn load(&self) -> &Load {
        &self.inner.load
    }

    /// Gives a socket's write side to a shard, one after the other. `closed` is cancelled when the shard gives the
    /// socket up.
    pub async fn attach(&self, stream: Arc<TcpStream>, closed: CancellationToken) -> Connection {
        let id = self.inner.next_id(None);
        let connection = Connection { id, inner: self.inner.clone() };
        connection.tell(Message::Attach { id, stream, closed }).await;
        connection
    }

    /// Where a room says what happens in it.
    pub fn topic(&self, room: RoomId) -> Topic {
        let listeners = Listeners::of(room, &self.inner.topics, self.inner.shards.len());
        Topic {
            room,
            listeners,
            inner: self.inner.clone(),
            line: VecDeque::new(),
            #[cfg(test)]
            lost: Arc::default(),
        }
    }

    /// How many messages wait for each shard.
    pub fn queued(&self) -> impl Iterator<Item = usize> {
        self.inner.shards.iter().map(|queue| queue.max_capacity() - queue.capacity())
    }

    /// How full the fullest shard's queue is, from 0 to 1.
    pub fn fullest(&self) -> f64 {
        let full = |queue: &mpsc::Sender<Message>| 1.0 - queue.capacity() as f64 / queue.max_capacity() as f64;
        self.inner.shards.iter().map(full).fold(0.0, f64::max)
    }

    /// How many bytes wait for sockets that read too slowly, and how many may.
    pub fn waiting(&self) -> (usize, usize) {
        let told = self.inner.waiting.iter().map(|told| told.load(Ordering::Relaxed));
        (told.sum(), self.inner.most_waiting)
    }

    /// Closes every socket, behind all that waits for it; each is told to come back after a time of
    /// its own within `spread`.
    pub async fn close_all(&self, code: CloseCode, spread: Duration) {
        let spread_ms = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
        for shard in 0..self.inner.shards.len() {
            self.inner.tell(shard, Message::CloseAll { code, spread_ms }).await;
        }
    }
}

/// One socket's way out. Everything said here reaches the socket in the order in which it was said.
#[derive(Clone)]
pub struct Connection {
    id: ConnectionId,
    inner: Arc<Inner>,
}

impl Connection {
    /// The same socket on the shard where others of this room are: what a small room says is then one message, and
    /// wakes one task. `None` where it is there, where the room is large (those are spread over all shards) or where
    /// there is no room in the queues. To be asked before the socket is in any room. What was said by the old handle
    /// is written before it is forgotten there.
    pub fn beside(&self, room: RoomId, stream: &Arc<TcpStream>, closed: &CancellationToken) -> Option<Self> {
        let (from, to) = (self.inner.shard_of(self.id), self.inner.home_of(room)?);
        if from == to {
            return None;
        }
        let (old, new) = (self.inner.shards[from].try_reserve().ok()?, self.inner.shards[to].try_reserve().ok()?);
        let id = self.inner.next_id(Some(to));
        old.send(Message::Part { id: self.id });
        new.send(Message::Attach { id, stream: stream.clone(), closed: closed.clone() });
        Some(Self { id, inner: self.inner.clone() })
    }

    /// Which socket.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    fn tell(&self, message: Message) -> impl Future<Output = ()> + Send {
        self.inner.tell(self.inner.shard_of(self.id), message)
    }

    /// A frame for this socket alone: a reply, a user frame, a notice. Of pongs of the WebSocket layer that wait only
    /// the last one leaves, as RFC 6455, section 5.5.3, allows: so pings of a socket that does not read cost no memory.
    pub fn send(&self, frame: Frame) -> impl Future<Output = ()> + Send {
        self.tell(Message::Send { id: self.id, frame })
    }

    /// Holds the room's events back for this socket from now on. Said before the join is asked, so that
    /// no event between its decision and its reply is missed.
    pub async fn subscribe(&self, room: RoomId) {
        let listeners = Listeners::of(room, &self.inner.topics, self.inner.shards.len());
        let shard = u32::try_from(self.inner.shard_of(self.id)).expect("shards are few");
        self.tell(Message::Subscribe { id: self.id, room, ticket: listeners.ticket(shard) }).await;
    }

    /// The join's reply, then what was held above (epoch, seq), then what comes.
    pub async fn joined(&self, room: RoomId, epoch: i64, seq: u64, reply: Frame) {
        self.joined_all([(room, epoch, seq)], reply).await;
    }

    /// The same for several rooms that one reply answers.
    pub async fn joined_all(&self, rooms: impl IntoIterator<Item = (RoomId, i64, u64)>, reply: Frame) {
        let entries = rooms.into_iter().map(|(room, epoch, seq)| Entry { room, epoch, seq }).collect();
        self.tell(Message::Joined { id: self.id, entries, reply }).await;
    }

    /// No more of this room.
    pub async fn unsubscribe(&self, room: RoomId) {
        self.tell(Message::Unsubscribe { id: self.id, room }).await;
    }

    /// A `closing` notice and the close frame behind all that waits, then the socket ends.
    pub fn close(&self, code: CloseCode, after_ms: Option<u64>) -> impl Future<Output = ()> + Send {
        self.tell(Message::Close { id: self.id, code, after_ms })
    }

    /// The socket is gone: the shard forgets it.
    pub async fn detach(&self) {
        self.tell(Message::Detach { id: self.id }).await;
    }

    /// The same from where nobody can wait.
    pub fn detach_soon(&self) {
        self.tell_soon(Message::Detach { id: self.id });
    }

    /// `send` from where nobody can wait: where the shard's queue is full, the frame stands behind what is said meanwhile.
    pub fn send_soon(&self, frame: Frame) {
        self.tell_soon(Message::Send { id: self.id, frame });
    }

    fn tell_soon(&self, message: Message) {
        let queue = &self.inner.shards[self.inner.shard_of(self.id)];
        if let Err(mpsc::error::TrySendError::Full(message)) = queue.try_send(message) {
            let connection = self.clone();
            self.inner.crew.work("late frame", async move { connection.tell(message).await });
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.id.0).finish()
    }
}

/// Where one room says what happens in it; held by its actor. Nothing here waits: what a shard's full queue does not
/// take stands in line, and who speaks waits by `caught_up` before it says more.
pub struct Topic {
    room: RoomId,
    listeners: Arc<Listeners>,
    inner: Arc<Inner>,
    /// What full queues have not taken, and to which shard it goes.
    line: VecDeque<(usize, Message)>,
    /// Publications that a test has lost on their way.
    #[cfg(test)]
    lost: Arc<AtomicUsize>,
}

impl Topic {
    /// A sequenced event, for every socket that is in the room: one message for each shard with listeners.
    pub fn publish(&mut self, epoch: i64, seq: u64, frame: &Frame) {
        #[cfg(test)]
        if self.lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lost| lost.checked_sub(1)).is_ok() {
            return;
        }
        let room = self.room;
        self.tell_listening(|| Message::Event { room, epoch, seq, frame: frame.clone() });
    }

    /// Says where the room stands: a shard that has missed something asks for it. A signal that was left out for the
    /// load is told now if there is none.
    pub fn digest(&mut self, epoch: i64, seq: u64) {
        if !self.inner.load.is_shedding()
            && let Some(signal) = self.listeners.left_out(None)
        {
            self.signal(signal);
        }
        let room = self.room;
        self.tell_listening(|| Message::Digest { room, epoch, seq });
    }

    /// Waits for a shard that has missed events: which, and up to which place (epoch, seq) it has all. It
    /// holds back what comes behind the hole until it is repaired, or its sockets are removed.
    pub fn behind(&self) -> impl Future<Output = (usize, (i64, u64))> + Send + use<> {
        let listeners = self.listeners.clone();
        async move { listeners.behind().await }
    }

    /// Gives one shard the events from `first` on.
    pub fn repair(&mut self, shard: usize, epoch: i64, first: u64, frames: Vec<Frame>) {
        self.tell(shard, Message::Missed { room: self.room, epoch, first, frames });
    }

    /// What may be missed, for every socket that is not behind, unless there is too much to do: see [`crate::load`].
    pub fn signal(&self, frame: Frame) {
        let signal = || Message::Signal { room: self.room, frame: frame.clone() };
        let left_out = |shard: &usize| !self.line.is_empty() || self.inner.sheds(*shard, signal());
        let left_out = self.listeners.shards().filter(left_out).count();
        if left_out > 0 {
            metric::SIGNALS_SHED.add(left_out as u64);
        }
        self.listeners.left_out((left_out > 0).then_some(frame));
    }

    /// Ends these sockets' subscription, behind what was published before, and tells each with this
    /// frame. One that is not subscribed (any more) is told nothing.
    pub fn remove(&mut self, connections: &[ConnectionId], frame: &Frame) {
        for shard in 0..self.inner.shards.len() {
            self.remove_on(shard, connections, frame);
        }
    }

    /// The same for those of one shard.
    pub fn remove_on(&mut self, shard: usize, connections: &[ConnectionId], frame: &Frame) {
        let own = connections.iter().copied().filter(|id| self.inner.shard_of(*id) == shard);
        let connections: Vec<_> = own.collect();
        if !connections.is_empty() {
            self.tell(shard, Message::Remove { room: self.room, connections, frame: frame.clone() });
        }
    }

    /// Something stands in line.
    pub fn is_behind(&self) -> bool {
        !self.line.is_empty()
    }

    /// Waits until the shards have taken all that stands in line.
    pub async fn caught_up(&mut self) {
        while let Some((shard, _)) = self.line.front() {
            // A shard that has stopped needs no word any more.
            let place = self.inner.shards[*shard].reserve().await;
            if let (Some((_, message)), Ok(place)) = (self.line.pop_front(), place) {
                place.send(message);
            }
        }
        self.line.shrink_to(LINE);
    }

    fn tell_listening(&mut self, message: impl Fn() -> Message) {
        for shard in 0..self.inner.shards.len() {
            if self.listeners.has_shard(shard) {
                self.tell(shard, message());
            }
        }
    }

    fn tell(&mut self, shard: usize, message: Message) {
        if !self.line.is_empty() {
            return self.line.push_back((shard, message));
        }
        if let Err(mpsc::error::TrySendError::Full(message)) = self.inner.shards[shard].try_send(message) {
            self.line.push_back((shard, message));
        }
    }
}

#[cfg(test)]
impl Topic {
    /// How many of the next publications are lost.
    pub(crate) fn lost(&self) -> Arc<AtomicUsize> {
        self.lost.clone()
    }

    pub(super) fn listening_shards(&self) -> usize {
        self.listeners.shards().count()
    }
}

#[cfg(test)]
impl Delivery {
    pub(super) fn topics(&self) -> usize {
        self.inner.topics.len()
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Topic").field(&self.room).finish()
    }
}
