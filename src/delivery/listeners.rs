//! Which shards have listeners of a room, so that a publication is one message for each of those only.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use dashmap::DashMap;
use parlor_protocol::RoomId;
use tokio::sync::Notify;

use super::Frame;
use super::audience::Place;

/// The rooms that have a topic or a listener. An entry ends with the last of both.
pub(super) type Registry = DashMap<RoomId, Weak<Listeners>>;

/// How many sockets of each shard listen to a room, those that are just coming in included.
pub(super) struct Listeners {
    room: RoomId,
    counts: Box<[AtomicU32]>,
    /// Of each shard that has missed events: up to where it has them all.
    behind: Mutex<Vec<(usize, Place)>>,
    asked: Notify,
    /// The last signal, if a shard went without it.
    left_out: Mutex<Option<Frame>>,
    registry: Weak<Registry>,
}

impl Listeners {
    /// The listeners of this room, shared by everybody who asks.
    pub(super) fn of(room: RoomId, registry: &Arc<Registry>, shards: usize) -> Arc<Self> {
        let mut entry = registry.entry(room).or_default();
        if let Some(listeners) = entry.upgrade() {
            return listeners;
        }
        let listeners = Arc::new(Self {
            room,
            counts: (0..shards).map(|_| AtomicU32::new(0)).collect(),
            behind: Mutex::default(),
            asked: Notify::new(),
            left_out: Mutex::default(),
            registry: Arc::downgrade(registry),
        });
        *entry = Arc::downgrade(&listeners);
        listeners
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Whether this shard has a listener.
    pub(super) fn has_shard(&self, shard: usize) -> bool {
        self.counts[shard].load(Ordering::Acquire) > 0
    }

    /// The shards with a listener. Whoever asked to listen before the room decided is among them.
    pub(super) fn shards(&self) -> impl Iterator<Item = usize> {
        (0..self.counts.len()).filter(|shard| self.has_shard(*shard))
    }

    /// This shard has missed what came behind this place. The latest word of a shard counts.
    pub(super) fn ask(&self, shard: usize, place: Place) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.retain(|(other, _)| *other != shard);
        behind.push((shard, place));
        drop(behind);
        self.asked.notify_one();
    }

    /// Keeps the signal that a shard went without, in place of the last one, which is returned: a later one stands for
    /// those before it. There is one kind of them so far, the count of people, which stays true until the next.
    pub(super) fn left_out(&self, signal: Option<Frame>) -> Option<Frame> {
        std::mem::replace(&mut *self.left_out.lock().unwrap_or_else(PoisonError::into_inner), signal)
    }

    /// Waits for a shard that has missed something.
    pub(super) async fn behind(&self) -> (usize, Place) {
        loop {
            let asked = self.asked.notified();
            if let Some(next) = self.behind.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                return next;
            }
            asked.await;
        }
    }

    /// Counts one more listener of this shard until the ticket is dropped.
    pub(super) fn ticket(self: &Arc<Self>, shard: u32) -> Ticket {
        self.counts[shard as usize].fetch_add(1, Ordering::AcqRel);
        Ticket { listeners: self.clone(), shard }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.remove_if(&self.room, |_, listeners| listeners.strong_count() == 0);
        }
    }
}

/// One listener's place in the count. Dropping it, wherever that happens, gives the place back.
pub(super) struct Ticket {
    listeners: Arc<Listeners>,
    shard: u32,
}

impl Ticket {
    /// The room's listeners, and which shard this one is of.
    pub(super) fn owner(&self) -> (Arc<Listeners>, usize) {
        (self.listeners.clone(), self.shard as usize)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.listeners.counts[self.shard as usize].fetch_sub(1, Ordering::AcqRel);
    }
}
