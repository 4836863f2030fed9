//! The room's listeners. Each event and signal is encoded once and handed to delivery.

use parlor_protocol::envelope::{self, EventFrame};
use parlor_protocol::{RoomId, Signal};

use super::state::Removal;
use crate::delivery::{Frame, Topic};
use crate::telemetry::metric;

/// The capacity of the buffer that an event is encoded into; most events fit.
const EVENT_BYTES: usize = 256;

/// Where a room publishes: its topic, or in tests a record of what was published.
pub(super) enum Audience {
    Topic(Topic),
    #[cfg(test)]
    Record(tokio::sync::mpsc::UnboundedSender<Told>),
}

/// One entry of that record.
#[cfg(test)]
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Told {
    Event(EventFrame),
    Signal(Signal),
    Removed(Removal),
    Digest(i64, u64),
}

impl Audience {
    /// Publishes an event, and returns its frame for the ring.
    pub(super) fn publish(&mut self, event: EventFrame) -> Frame {
        let frame = Frame::written(EVENT_BYTES, |out| event.write(out));
        metric::EVENTS.add(1);
        match self {
            Self::Topic(topic) => topic.publish(event.epoch, event.seq, &frame),
            #[cfg(test)]
            Self::Record(record) => record.send(Told::Event(event)).unwrap_or_default(),
        }
        frame
    }

    pub(super) fn signal(&self, room: RoomId, signal: Signal) {
        metric::SIGNALS.add(1);
        match self {
            Self::Topic(topic) => topic.signal(Frame::text(&envelope::signal(room, &signal))),
            #[cfg(test)]
            Self::Record(record) => record.send(Told::Signal(signal)).unwrap_or_default(),
        }
    }

    /// Sends a signal of which nobody must have the latest: where it cannot be sent at once it is dropped.
    pub(super) fn hint(&self, room: RoomId, signal: Signal) {
        metric::SIGNALS.add(1);
        match self {
            Self::Topic(topic) => drop(topic.hint(&Frame::text(&envelope::signal(room, &signal)))),
            #[cfg(test)]
            Self::Record(record) => record.send(Told::Signal(signal)).unwrap_or_default(),
        }
    }

    /// Tells the shards the room's epoch and last `seq`, so that one which has missed events notices.
    pub(super) fn digest(&mut self, epoch: i64, seq: u64) {
        match self {
            Self::Topic(topic) => topic.digest(epoch, seq),
            #[cfg(test)]
            Self::Record(record) => record.send(Told::Digest(epoch, seq)).unwrap_or_default(),
        }
    }

    /// Waits for a shard that has missed events. Returns its number, and the epoch and `seq` up to which it has all.
    pub(super) fn behind(&self) -> impl Future<Output = (usize, (i64, u64))> + Send + use<> {
        let behind = match self {
            Self::Topic(topic) => Some(topic.behind()),
            #[cfg(test)]
            Self::Record(_) => None,
        };
        async move {
            match behind {
                Some(behind) => behind.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Whether some shard's queue was full and has not taken everything yet.
    pub(super) fn is_behind(&self) -> bool {
        match self {
            Self::Topic(topic) => topic.is_behind(),
            #[cfg(test)]
            Self::Record(_) => false,
        }
    }

    /// Waits until every shard has taken everything.
    pub(super) async fn caught_up(&mut self) {
        match self {
            Self::Topic(topic) => topic.caught_up().await,
            #[cfg(test)]
            Self::Record(_) => {}
        }
    }

    /// Gives one shard the events from `first` on, in order.
    pub(super) fn repair(&mut self, shard: usize, epoch: i64, first: u64, frames: Vec<Frame>) {
        match self {
            Self::Topic(topic) => topic.repair(shard, epoch, first, frames),
            #[cfg(test)]
            Self::Record(_) => {}
        }
    }

    /// Ends the subscriptions of those sockets that one shard has, each with a frame that says why.
    pub(super) fn remove_on(&mut self, shard: usize, removal: Removal) {
        match self {
            Self::Topic(topic) => {
                let frame = Frame::text(&envelope::user(removal.user, &removal.frame));
                topic.remove_on(shard, &removal.connections, &frame);
            }
            #[cfg(test)]
            Self::Record(record) => record.send(Told::Removed(removal)).unwrap_or_default(),
        }
    }

    /// Ends the subscriptions of these sockets, each with a frame that says why.
    pub(super) fn remove(&mut self, removal: Removal) {
        match self {
            Self::Topic(topic) => {
                let frame = Frame::text(&envelope::user(removal.user, &removal.frame));
                topic.remove(&removal.connections, &frame);
            }
            #[cfg(test)]
            Self::Record(record) => record.send(Told::Removed(removal)).unwrap_or_default(),
        }
    }
}
