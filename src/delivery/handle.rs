//! The handles of delivery: [`Delivery`] as a whole, a [`Connection`] for one socket, and a [`Topic`] for one room.

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

/// Up to this many sockets of a room are kept on one shard. With more, the next ones are spread over all shards.
const TOGETHER: u32 = 64;

/// The capacity that a topic's line keeps when it is empty again.
const LINE: usize = 64;

struct Inner {
    shards: Box<[mpsc::Sender<Message>]>,
    next: AtomicU64,
    topics: Arc<Registry>,
    crew: Crew,
    load: Load,
    /// How many bytes wait for the sockets of each shard, and how many may wait for all sockets together.
    waiting: Box<[Arc<AtomicUsize>]>,
    most_waiting: usize,
}

impl Inner {
    /// The id of the next socket, on this shard, or on the next one in turn. The id modulo the number of shards is the
    /// shard's number.
    fn next_id(&self, shard: Option<usize>) -> ConnectionId {
        let (number, shards) = (self.next.fetch_add(1, Ordering::Relaxed), self.shards.len() as u64);
        ConnectionId(number * shards + shard.map_or(number % shards, |shard| shard as u64))
    }

    /// The shard on which the sockets of this room are kept together; `None` if they are too many for that.
    fn home_of(&self, room: RoomId) -> Option<usize> {
        let listeners = self.topics.get(&room).and_then(|listeners| listeners.upgrade());
        let few = listeners.is_none_or(|listeners| listeners.count() < TOGETHER);
        few.then(|| (room.number().unsigned_abs() % self.shards.len() as u64) as usize)
    }

    fn shard_of(&self, id: ConnectionId) -> usize {
        usize::try_from(id.0 % self.shards.len() as u64).expect("below the number of shards")
    }

    /// Sends a message to a shard. If the shard's queue is full the sender waits, which is never for long: a shard only
    /// needs the processor and waits for nobody. If the shard has stopped the message is dropped, and a socket that was
    /// to be attached ends.
    async fn tell(&self, shard: usize, message: Message) {
        let unheard = match self.shards[shard].try_send(message) {
            Ok(()) => return,
            // It is boxed because it is rare: otherwise every socket's task would be larger by it.
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

    /// Sends a signal to a shard, unless the shard's queue is more than half full or load is being shed. Returns
    /// whether it was left out. Signals may be missed, so the sender never waits.
    fn sheds(&self, shard: usize, signal: Message) -> bool {
        let queue = &self.shards[shard];
        self.load.is_shedding() || queue.capacity() < queue.max_capacity() / 2 || queue.try_send(signal).is_err()
    }
}

/// Writes to the sockets of this process. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
}

impl Delivery {
    /// Starts the shards. They write no numbered event of a room while `lease` does not hold. They end when the
    /// supervisor stops, and every socket with them.
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

    /// The load of this node. While it is too high, delivery leaves signals out; the gateway asks it too. It counts as
    /// normal until [`Load::start_watch`] is called.
    pub fn load(&self) -> &Load {
        &self.inner.load
    }

    /// Gives the write side of a socket to a shard, to each in turn. `closed` is cancelled when the shard has given the
    /// socket up.
    pub async fn attach(&self, stream: Arc<TcpStream>, closed: CancellationToken) -> Connection {
        let id = self.inner.next_id(None);
        let connection = Connection { id, inner: self.inner.clone() };
        connection.tell(Message::Attach { id, stream, closed }).await;
        connection
    }

    /// The topic into which the room's actor publishes.
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

    /// The number of messages that wait for each shard.
    pub fn queued(&self) -> impl Iterator<Item = usize> {
        self.inner.shards.iter().map(|queue| queue.max_capacity() - queue.capacity())
    }

    /// How full the fullest shard's queue is, from 0 to 1.
    pub fn fullest(&self) -> f64 {
        let full = |queue: &mpsc::Sender<Message>| 1.0 - queue.capacity() as f64 / queue.max_capacity() as f64;
        self.inner.shards.iter().map(full).fold(0.0, f64::max)
    }

    /// How many bytes wait for sockets that read too slowly, and how many may wait at most.
    pub fn waiting(&self) -> (usize, usize) {
        let told = self.inner.waiting.iter().map(|told| told.load(Ordering::Relaxed));
        (told.sum(), self.inner.most_waiting)
    }

    /// Closes every socket after everything that waits for it. Each is told to reconnect after a time of its own within
    /// `spread`. Sockets that are attached later are closed too.
    pub async fn close_all(&self, code: CloseCode, spread: Duration) {
        let spread_ms = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
        for shard in 0..self.inner.shards.len() {
            self.inner.tell(shard, Message::CloseAll { code, spread_ms }).await;
        }
    }
}

/// The handle for writing to one socket. Everything reaches the socket in the order in which it was called for. Cheap
/// to clone.
#[derive(Clone)]
pub struct Connection {
    id: ConnectionId,
    inner: Arc<Inner>,
}

impl Connection {
    /// Moves the socket to the shard that has the other sockets of this room, and returns its new handle. A publication
    /// in a small room is then one message, and wakes one task. `None` if the socket is there already, if the room is
    /// large (the sockets of large rooms are spread over all shards), or if a shard's queue is full. It must be called
    /// before the socket is in any room. What was sent by the old handle is written before the old shard lets go of the
    /// socket.
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

    /// The socket's id.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    fn tell(&self, message: Message) -> impl Future<Output = ()> + Send {
        self.inner.tell(self.inner.shard_of(self.id), message)
    }

    /// Sends a frame to this socket alone: a reply, a user frame or a notice. Of several pongs of the WebSocket layer
    /// that wait, only the last one is sent, as RFC 6455, section 5.5.3, allows; so a peer that pings and does not read
    /// costs no memory.
    pub fn send(&self, frame: Frame) -> impl Future<Output = ()> + Send {
        self.tell(Message::Send { id: self.id, frame })
    }

    /// Subscribes this socket to the room; until [`joined`](Self::joined) the room's events are held back for it. It
    /// must be called before the room is asked to let the user join, so that no event between the room's decision and
    /// the reply is missed.
    pub async fn subscribe(&self, room: RoomId) {
        let listeners = Listeners::of(room, &self.inner.topics, self.inner.shards.len());
        let shard = u32::try_from(self.inner.shard_of(self.id)).expect("shards are few");
        self.tell(Message::Subscribe { id: self.id, room, ticket: listeners.ticket(shard) }).await;
    }

    /// Sends the reply to a join, then the events that were held above `(epoch, seq)`. From then on the socket gets the
    /// room's events as they come.
    pub async fn joined(&self, room: RoomId, epoch: i64, seq: u64, reply: Frame) {
        self.joined_all([(room, epoch, seq)], reply).await;
    }

    /// Like [`joined`](Self::joined), for several rooms (with epoch and `seq`) that one reply answers.
    pub async fn joined_all(&self, rooms: impl IntoIterator<Item = (RoomId, i64, u64)>, reply: Frame) {
        let entries = rooms.into_iter().map(|(room, epoch, seq)| Entry { room, epoch, seq }).collect();
        self.tell(Message::Joined { id: self.id, entries, reply }).await;
    }

    /// Ends the subscription to this room.
    pub async fn unsubscribe(&self, room: RoomId) {
        self.tell(Message::Unsubscribe { id: self.id, room }).await;
    }

    /// Closes the socket after everything that waits for it, with a `closing` notice and a close frame. `after_ms`
    /// tells the client after what time it may reconnect.
    pub fn close(&self, code: CloseCode, after_ms: Option<u64>) -> impl Future<Output = ()> + Send {
        self.tell(Message::Close { id: self.id, code, after_ms })
    }

    /// Tells the shard that the socket is gone and can be forgotten.
    pub async fn detach(&self) {
        self.tell(Message::Detach { id: self.id }).await;
    }

    /// Like [`detach`](Self::detach), for code that cannot wait.
    pub fn detach_soon(&self) {
        self.tell_soon(Message::Detach { id: self.id });
    }

    /// Like [`send`](Self::send), for code that cannot wait. If the shard's queue is full, the frame may come after
    /// frames that are sent later.
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

/// Where one room publishes; its actor holds it. Publishing never waits: messages that a shard's full queue does not
/// take are kept in a line, and the actor waits by [`caught_up`](Self::caught_up) before it publishes more.
pub struct Topic {
    room: RoomId,
    listeners: Arc<Listeners>,
    inner: Arc<Inner>,
    /// The messages that full queues have not taken, with the shard that each is for.
    line: VecDeque<(usize, Message)>,
    /// How many of the next publications a test loses.
    #[cfg(test)]
    lost: Arc<AtomicUsize>,
}

impl Topic {
    /// Publishes a sequenced event to every socket in the room, by one message to each shard with listeners.
    pub fn publish(&mut self, epoch: i64, seq: u64, frame: &Frame) {
        #[cfg(test)]
        if self.lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lost| lost.checked_sub(1)).is_ok() {
            return;
        }
        let room = self.room;
        self.tell_listening(|| Message::Event { room, epoch, seq, frame: frame.clone() });
    }

    /// Tells the shards the room's last event, so that a shard which has missed one asks for it. If load is not being
    /// shed, the last signal that was left out is sent now.
    pub fn digest(&mut self, epoch: i64, seq: u64) {
        if !self.inner.load.is_shedding()
            && let Some(signal) = self.listeners.left_out(None)
        {
            self.signal(signal);
        }
        let room = self.room;
        self.tell_listening(|| Message::Digest { room, epoch, seq });
    }

    /// Waits for a shard that has missed events. Returns its number, and the `(epoch, seq)` up to which it has all. The
    /// shard holds later events back until the gap is filled by [`repair`](Self::repair) or its sockets are removed.
    pub fn behind(&self) -> impl Future<Output = (usize, (i64, u64))> + Send + use<> {
        let listeners = self.listeners.clone();
        async move { listeners.behind().await }
    }

    /// Gives one shard the events from `first` on.
    pub fn repair(&mut self, shard: usize, epoch: i64, first: u64, frames: Vec<Frame>) {
        self.tell(shard, Message::Missed { room: self.room, epoch, first, frames });
    }

    /// Sends a signal to every socket that is not behind. It is left out while load is shed (see [`crate::load`]) and
    /// for shards whose queues are more than half full.
    pub fn signal(&self, frame: Frame) {
        let left_out = self.hint(&frame);
        self.listeners.left_out((left_out > 0).then_some(frame));
    }

    /// Like [`signal`](Self::signal), but what is left out is not sent later. Returns for how many shards it was left out.
    pub fn hint(&self, frame: &Frame) -> usize {
        let signal = || Message::Signal { room: self.room, frame: frame.clone() };
        let left_out = |shard: &usize| !self.line.is_empty() || self.inner.sheds(*shard, signal());
        let left_out = self.listeners.shards().filter(left_out).count();
        if left_out > 0 {
            metric::SIGNALS_SHED.add(left_out as u64);
        }
        left_out
    }

    /// Ends the subscriptions of these sockets, after what was published before, and sends each this frame. A socket
    /// that is not subscribed is sent nothing.
    pub fn remove(&mut self, connections: &[ConnectionId], frame: &Frame) {
        for shard in 0..self.inner.shards.len() {
            self.remove_on(shard, connections, frame);
        }
    }

    /// Like [`remove`](Self::remove), for those of the sockets that one shard has.
    pub fn remove_on(&mut self, shard: usize, connections: &[ConnectionId], frame: &Frame) {
        let own = connections.iter().copied().filter(|id| self.inner.shard_of(*id) == shard);
        let connections: Vec<_> = own.collect();
        if !connections.is_empty() {
            self.tell(shard, Message::Remove { room: self.room, connections, frame: frame.clone() });
        }
    }

    /// Whether messages wait in the line because a shard's queue was full.
    pub fn is_behind(&self) -> bool {
        !self.line.is_empty()
    }

    /// Waits until the shards have taken every message of the line.
    pub async fn caught_up(&mut self) {
        while let Some((shard, _)) = self.line.front() {
            // If the shard has stopped, the message is dropped.
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
    /// The number of the next publications that are lost, for a test to set.
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
