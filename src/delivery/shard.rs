//! A shard: one task that owns the write side of its sockets. In each turn it takes the messages of its queue, gathers
//! their frames by room and by socket, and then writes once to each socket that has something. For a hot room it writes
//! once a tick instead of once a turn.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parlor_protocol::event::Notice;
use parlor_protocol::{CloseCode, RoomId, envelope, frame};
use slab::Slab;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::agenda::Agenda;
use super::audience::Audience;
use super::message::Message;
use super::relief::Waiting;
use super::socket::{Batch, Socket, Written};
use super::tally::Tally;
use super::{ConnectionId, Frame, Settings};
use crate::cluster::Lease;
use crate::telemetry::metric;

/// The most messages that one turn takes.
const TURN_MESSAGES: usize = 512;

/// The greatest capacity that a room's list of events keeps after it was written.
const KEPT_EVENTS: usize = 8;

/// The longest that a full socket which is closing may take for its last frames.
const CLOSING_WAIT: Duration = Duration::from_secs(5);

/// The milliseconds over which the sockets of a shard that has failed are told to reconnect.
const COME_BACK_SPREAD_MS: u64 = 5_000;

/// The outcome of a wait for a socket.
enum Wake {
    /// The socket can be written to again.
    Writable(ConnectionId),
    /// The time for the socket's last frames is over.
    Expired(ConnectionId),
}

type Waits = FuturesUnordered<Pin<Box<dyn Future<Output = Option<Wake>> + Send>>>;

pub(super) struct Shard {
    lease: Lease,
    /// Whether the lease held when it was last looked at, which is once a turn, before the writes.
    pub(super) is_proved: bool,
    pub(super) outbox_bytes: usize,
    yield_every: usize,
    pub(super) sockets: Slab<Socket>,
    keys: HashMap<ConnectionId, u32>,
    pub(super) rooms: HashMap<RoomId, Audience>,
    /// When the frames that are gathered for rooms are written.
    pub(super) agenda: Agenda,
    /// Sockets that have frames of their own to be written in this turn.
    pub(super) dirty: Vec<u32>,
    /// The frames for sockets that were removed from a room while their join was pending. The join's reply goes first.
    pub(super) removals: HashMap<(ConnectionId, RoomId), Frame>,
    /// What was handed to sockets in this turn, for the metrics.
    pub(super) tally: Tally,
    /// How many bytes wait for the sockets.
    pub(super) waiting: Waiting,
    waits: Waits,
    /// Set when all sockets were closed: the code and the spread in milliseconds, for sockets that come later.
    closes_all: Option<(CloseCode, u64)>,
}

impl Shard {
    pub(super) fn new(settings: &Settings, lease: Lease, waiting: Waiting) -> Self {
        Self {
            is_proved: lease.holds(),
            lease,
            outbox_bytes: settings.outbox_bytes,
            yield_every: settings.yield_every.max(1),
            sockets: Slab::new(),
            keys: HashMap::new(),
            rooms: HashMap::new(),
            agenda: Agenda::new(settings),
            dirty: Vec::new(),
            removals: HashMap::new(),
            tally: Tally::default(),
            waiting,
            waits: FuturesUnordered::new(),
            closes_all: None,
        }
    }

    /// Serves the queue until `stop`, or until nothing is left that could send.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Message>, stop: CancellationToken) {
        let mut turn = Vec::with_capacity(TURN_MESSAGES);
        let tick = sleep_until(Instant::now());
        tokio::pin!(tick);
        loop {
            if let Some(at) = self.agenda.next().filter(|at| *at != tick.deadline()) {
                tick.as_mut().reset(at);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(wake) = self.waits.next(), if !self.waits.is_empty() => self.wake(wake),
                // The queue comes before the tick, so that what is in it is written with the tick: every turn also
                // ends the ticks whose time has come.
                taken = queue.recv_many(&mut turn, TURN_MESSAGES) => {
                    if taken == 0 {
                        break;
                    }
                }
                () = &mut tick, if self.agenda.next().is_some() => {}
            }
            let now = Instant::now();
            self.look_at_lease();
            for message in turn.drain(..) {
                self.take(message, now);
            }
            self.flush(now).await;
            self.tally.tell();
            self.waiting.tell();
        }
        // Everything that was gathered is written, even if its tick is not over.
        self.look_at_lease();
        self.flush(self.agenda.last(Instant::now())).await;
        self.tally.tell();
        for socket in self.sockets.drain() {
            socket.end();
        }
    }

    /// Looks whether the lease holds. While it does not, no numbered event of a room is written, because the room may
    /// have another owner by now, who numbers anew. Gathered events are dropped, and so are those that come meanwhile.
    /// When the lease is proved again, the room's next event or digest shows the gap, and the room fills it from its
    /// ring if it is still the owner. Signals and the sockets' own frames are written all the time.
    pub(super) fn look_at_lease(&mut self) {
        let holds = self.lease.holds();
        if self.is_proved && !holds {
            self.rooms.values_mut().for_each(Audience::take_back);
        }
        self.is_proved = holds;
    }

    pub(super) fn take(&mut self, message: Message, now: Instant) {
        match message {
            Message::Attach { id, stream, closed } => self.attach(id, stream, closed),
            Message::Send { id, frame } if frame.is_pong() => self.with(id, |shard, key| shard.pong(key, frame.0)),
            Message::Send { id, frame } => self.with(id, |shard, key| shard.own(key, frame.0)),
            Message::Subscribe { id, room, ticket } => self.with(id, |shard, key| shard.subscribe(key, room, ticket)),
            Message::Joined { id, entries, reply } => self.with(id, |shard, key| shard.joined(key, &entries, reply)),
            Message::Unsubscribe { id, room } => self.with(id, |shard, key| shard.unsubscribe(key, room)),
            Message::Close { id, code, after_ms } => self.with(id, |shard, key| shard.close(key, code, after_ms)),
            Message::CloseAll { code, spread_ms } => self.close_all(code, spread_ms),
            Message::Detach { id } => self.with(id, Self::forget),
            Message::Part { id } => self.with(id, Self::part),
            Message::Event { room, epoch, seq, frame } => self.event(room, (epoch, seq), frame.0, now),
            Message::Missed { room, epoch, first, frames } => self.missed(room, epoch, first, frames, now),
            Message::Digest { room, epoch, seq } => self.digest(room, (epoch, seq)),
            Message::Signal { room, frame } => self.signal(room, frame.0, now),
            Message::Remove { room, connections, frame } => {
                for id in connections {
                    self.with(id, |shard, key| shard.remove(key, room, frame.clone()));
                }
            }
        }
    }

    /// Calls `act` with the socket's key, unless the socket has been given up.
    fn with(&mut self, id: ConnectionId, act: impl FnOnce(&mut Self, u32)) {
        if let Some(key) = self.keys.get(&id).copied() {
            act(self, key);
        }
    }

    pub(super) fn socket(&mut self, key: u32) -> &mut Socket {
        &mut self.sockets[key as usize]
    }

    fn attach(&mut self, id: ConnectionId, stream: Arc<TcpStream>, closed: CancellationToken) {
        let socket = Socket::new(id, stream, closed);
        let key = u32::try_from(self.sockets.insert(socket)).expect("a process has fewer than 2^32 sockets");
        self.keys.insert(id, key);
        if let Some((code, spread_ms)) = self.closes_all {
            self.close(key, code, Some(spread_ms / 2));
        }
    }

    /// Adds a frame for this socket alone, after everything that came before.
    pub(super) fn own(&mut self, key: u32, frame: Bytes) {
        if self.socket(key).closing {
            return;
        }
        self.pull(key);
        self.tally.own.add(1, frame.len());
        self.socket(key).outbox.push(frame);
        self.dirty.push(key);
    }

    fn pong(&mut self, key: u32, frame: Bytes) {
        let socket = self.socket(key);
        if !socket.closing && socket.pong.replace(Box::new(frame)).is_none() {
            self.dirty.push(key);
        }
    }

    /// Writes the frames of the rooms that are due, and the frames of the sockets' own.
    pub(super) async fn flush(&mut self, now: Instant) {
        let mut written = 0;
        let mut troubled = Vec::new();
        let mut due = self.agenda.take_due(&mut self.rooms, now);
        for room in due.drain(..) {
            let Self { sockets, rooms, tally, .. } = self;
            let Some(audience) = rooms.get_mut(&room) else { continue };
            let mut events = std::mem::take(&mut audience.events);
            let signals = std::mem::take(&mut audience.signals);
            (audience.gathered_bytes, audience.due) = (0, None);
            let batch = Batch::gather(&events, &signals);
            for member in &mut audience.live {
                let cursor = std::mem::take(&mut member.cursor) as usize;
                let start = batch.starts[cursor];
                let socket = &mut sockets[member.socket as usize];
                if socket.behind {
                    tally.signals_dropped += signals.len() as u64;
                    tally.room.add(events.len() - cursor, batch.signals_at - start);
                } else if start < batch.whole.len() {
                    tally.room.add(events.len() - cursor + signals.len(), batch.whole.len() - start);
                    tally.room_writes += 1;
                }
                let outcome = socket.deliver(&batch, start, self.outbox_bytes);
                if outcome != Written::Fine {
                    troubled.push((member.socket, outcome));
                }
                written += 1;
                if written % self.yield_every == 0 {
                    tokio::task::yield_now().await;
                }
            }
            if events.capacity() <= KEPT_EVENTS {
                events.clear();
                audience.events = events;
            }
            for (key, outcome) in troubled.drain(..) {
                self.settle(key, outcome, "room");
            }
        }
        self.agenda.give_back(due);
        let mut dirty = std::mem::take(&mut self.dirty);
        for key in dirty.drain(..) {
            let limit = self.outbox_bytes;
            let Some(socket) = self.sockets.get_mut(key as usize) else { continue };
            let outcome = if !socket.behind {
                socket.flush(limit)
            } else if socket.outbox.bytes() > limit && !socket.closing {
                Written::Slow
            } else {
                Written::Queued
            };
            self.settle(key, outcome, "own");
            written += 1;
            if written % self.yield_every == 0 {
                tokio::task::yield_now().await;
            }
        }
        // Sockets that became dirty meanwhile are written to in the next turn.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
        self.relieve();
    }

    /// Acts on the outcome of a write. `class` names the kind of frames in the metric.
    fn settle(&mut self, key: u32, outcome: Written, class: &'static str) {
        self.count(key);
        let socket = self.socket(key);
        match outcome {
            Written::Fine if socket.closing && socket.outbox.is_empty() => self.end(key),
            Written::Fine | Written::Queued => {}
            Written::Full => self.wait(key),
            Written::Slow if socket.closing => self.wait(key),
            Written::Slow => {
                metric::OVERFLOWS.add_of(class, 1);
                self.give_up(key);
            }
            Written::Gone => self.end(key),
        }
    }

    fn wait(&mut self, key: u32) {
        let socket = self.socket(key);
        if std::mem::replace(&mut socket.waiting, true) {
            return;
        }
        let (id, stream, closed) = (socket.id, socket.stream.clone(), socket.closed.clone());
        self.waits.push(Box::pin(async move {
            // The wait ends when the socket is given up, so that it does not keep the stream open. An error of the
            // stream shows at the next write.
            closed.run_until_cancelled(stream.writable()).await.map(|_| Wake::Writable(id))
        }));
    }

    fn wake(&mut self, wake: Option<Wake>) {
        match wake {
            None => {}
            Some(Wake::Expired(id)) => self.with(id, Self::end),
            Some(Wake::Writable(id)) => self.with(id, |shard, key| {
                let limit = shard.outbox_bytes;
                shard.socket(key).waiting = false;
                let outcome = shard.socket(key).flush(limit);
                shard.settle(key, outcome, "room");
            }),
        }
    }

    /// Closes a socket after everything that waits for it.
    pub(super) fn close(&mut self, key: u32, code: CloseCode, after_ms: Option<u64>) {
        if self.socket(key).closing {
            return;
        }
        self.leave_all(key);
        metric::SOCKETS_CLOSED.add_of(cause(code), 1);
        let socket = self.socket(key);
        socket.pong = None;
        if code != CloseCode::Normal {
            let reason = code.reason().to_owned();
            let notice = envelope::notice(&Notice::Closing { code: code.number(), reason, after_ms });
            socket.outbox.push(Frame::text(&notice).0);
        }
        socket.outbox.push(Bytes::from(frame::close(code)));
        socket.closing = true;
        let (id, closed) = (socket.id, socket.closed.clone());
        self.waits.push(Box::pin(async move {
            closed.run_until_cancelled(sleep(CLOSING_WAIT)).await.map(|()| Wake::Expired(id))
        }));
        self.dirty.push(key);
    }

    /// Closes a socket that cannot keep up. What waits for it is dropped; the client reconnects and resumes.
    pub(super) fn give_up(&mut self, key: u32) {
        self.leave_all(key);
        let socket = self.socket(key);
        socket.outbox.keep_frame_in_flight();
        socket.behind = true;
        self.close(key, CloseCode::SlowConsumer, None);
        self.count(key);
        self.wait(key);
    }

    fn close_all(&mut self, code: CloseCode, spread_ms: u64) {
        let keys: Vec<u32> = self.keys.values().copied().collect();
        let count = keys.len().max(1) as u64;
        self.closes_all = Some((code, spread_ms));
        for (at, key) in keys.into_iter().enumerate() {
            self.close(key, code, Some(spread_ms.saturating_mul(at as u64) / count));
        }
    }

    /// Ends a socket whose last frame has been written, or never will be.
    pub(super) fn end(&mut self, key: u32) {
        self.socket(key).end();
        self.forget(key);
    }

    /// Lets go of a socket that another shard has now, after writing what waits for it. If that cannot be written at
    /// once the socket is ended: it is in no room yet, so its peer does not read.
    fn part(&mut self, key: u32) {
        let limit = self.outbox_bytes;
        let socket = self.socket(key);
        if socket.flush(limit) == Written::Fine && !socket.closing {
            self.remove_socket(key);
        } else {
            self.end(key);
        }
    }

    fn forget(&mut self, key: u32) {
        self.leave_all(key);
        self.remove_socket(key).closed.cancel();
    }

    fn remove_socket(&mut self, key: u32) -> Socket {
        let socket = self.sockets.remove(key as usize);
        self.waiting.forget(socket.counted);
        self.keys.remove(&socket.id);
        socket
    }
}

impl Drop for Shard {
    /// If the shard has panicked, no other task can write to its sockets. So each is told to reconnect, unless a frame
    /// is written in part, and ended.
    fn drop(&mut self) {
        let count = self.sockets.len().max(1) as u64;
        for (at, mut socket) in (0..).zip(self.sockets.drain()) {
            let code = CloseCode::Draining;
            let (reason, after_ms) = (code.reason().to_owned(), Some(COME_BACK_SPREAD_MS * at / count));
            let notice = envelope::notice(&Notice::Closing { code: code.number(), reason, after_ms });
            socket.last_words(&[Frame::text(&notice).0, Bytes::from(frame::close(code))]);
            socket.end();
        }
    }
}

/// The label of the metric for the reason why a socket is closed.
const fn cause(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Normal => "peer",
        CloseCode::SlowConsumer => "slow_consumer",
        CloseCode::Silent => "silent",
        CloseCode::Draining => "draining",
        CloseCode::Replaced => "replaced",
        CloseCode::Busy => "busy",
        CloseCode::Flooding => "flooding",
        CloseCode::ConnectTimeout
        | CloseCode::Unauthenticated
        | CloseCode::SignedOut
        | CloseCode::Suspended
        | CloseCode::TokenReused => "session",
        _ => "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_has_a_label_that_the_metric_declares() {
        let declared = crate::telemetry::Figure::metric(&metric::SOCKETS_CLOSED).label.1;
        for code in CloseCode::ALL {
            assert!(declared.contains(&cause(*code)), "{code:?}");
        }
        assert_eq!((cause(CloseCode::SlowConsumer), cause(CloseCode::BadFrames)), ("slow_consumer", "broken"));
    }
}
