//! Which shards have listeners of a room, so that a publication is sent to those shards only.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use dashmap::DashMap;
use parlor_protocol::RoomId;
use tokio::sync::Notify;

use super::Frame;
use super::audience::Place;

/// The rooms that have a topic or a listener. An entry is removed with the last of them.
pub(super) type Registry = DashMap<RoomId, Weak<Listeners>>;

/// The number of sockets on each shard that listen to a room, including those whose join is pending.
pub(super) struct Listeners {
    room: RoomId,
    counts: Box<[AtomicU32]>,
    /// The shards that have missed events, each with the place up to which it has them all.
    behind: Mutex<Vec<(usize, Place)>>,
    asked: Notify,
    /// The last signal, if it was left out for some shard.
    left_out: Mutex<Option<Frame>>,
    registry: Weak<Registry>,
}

impl Listeners {
    /// The listeners of this room, which all callers share.
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

    /// The number of listeners on all shards.
    pub(super) fn count(&self) -> u32 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Whether this shard has a listener.
    pub(super) fn has_shard(&self, shard: usize) -> bool {
        self.counts[shard].load(Ordering::Acquire) > 0
    }

    /// The shards with a listener, including any that subscribed before the room decided what is published.
    pub(super) fn shards(&self) -> impl Iterator<Item = usize> {
        (0..self.counts.len()).filter(|shard| self.has_shard(*shard))
    }

    /// Notes that this shard has missed the events after this place. A later note of the same shard replaces it.
    pub(super) fn ask(&self, shard: usize, place: Place) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.retain(|(other, _)| *other != shard);
        behind.push((shard, place));
        drop(behind);
        self.asked.notify_one();
    }

    /// Replaces the signal that was left out for some shard, and returns the former one. Only the last one is kept,
    /// because a later signal replaces earlier ones. There is only one kind that is kept, the count of people, which holds
    /// until the next.
    pub(super) fn left_out(&self, signal: Option<Frame>) -> Option<Frame> {
        std::mem::replace(&mut *self.left_out.lock().unwrap_or_else(PoisonError::into_inner), signal)
    }

    /// Waits for a shard that has missed events. Returns its number, and the place up to which it has them all.
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

/// One listener in the count. Dropping it removes the listener, wherever that happens.
pub(super) struct Ticket {
    listeners: Arc<Listeners>,
    shard: u32,
}

impl Ticket {
    /// The room's listeners, and the number of the shard that this one is on.
    pub(super) fn owner(&self) -> (Arc<Listeners>, usize) {
        (self.listeners.clone(), self.shard as usize)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.listeners.counts[self.shard as usize].fetch_sub(1, Ordering::AcqRel);
    }
}
