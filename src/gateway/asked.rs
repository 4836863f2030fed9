//! What one socket has asked of rooms and not been told yet. A room's answer goes straight from its actor into the
//! socket's shard, behind the event that it names; the socket's own task is not woken for it. Whoever takes the
//! command out of the list, the room or the socket whose patience has ended, is the one who answers it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::time::Instant;

use super::dispatch::answer_frame;
use crate::delivery::Connection;
use crate::room::{Answer, Asker};

/// One command, until it is answered.
struct Entry {
    id: u64,
    /// A client may use an id again: what comes too late for the first command is not taken for the second one's.
    serial: u64,
    /// When its room has taken too long.
    ends: Instant,
}

#[derive(Default)]
struct List {
    entries: Vec<Entry>,
    serials: u64,
}

/// The commands of one socket that rooms have to answer.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<List>>);

impl Asked {
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are, and whether one has this id.
    pub(super) fn look(&self, id: u64) -> (usize, bool) {
        let list = self.list();
        (list.entries.len(), list.entries.iter().any(|entry| entry.id == id))
    }

    /// One more, to be answered until then.
    pub(super) fn begin(&self, id: u64, ends: Instant, connection: Connection) -> Box<Question> {
        let mut list = self.list();
        list.serials += 1;
        let serial = list.serials;
        list.entries.push(Entry { id, serial, ends });
        Box::new(Question { asked: self.clone(), id, serial, connection })
    }

    fn take(&self, serial: u64) -> bool {
        let mut list = self.list();
        let at = list.entries.iter().position(|entry| entry.serial == serial);
        at.map(|at| list.entries.remove(at)).is_some()
    }

    /// The ids of those whose time is over, and when the next one's is.
    pub(super) fn overdue(&self, now: Instant) -> (Vec<u64>, Option<Instant>) {
        let mut list = self.list();
        // They were asked one after the other, and all have the same time.
        let over = list.entries.iter().take_while(|entry| entry.ends <= now).count();
        let ids = list.entries.drain(..over).map(|entry| entry.id).collect();
        (ids, list.entries.first().map(|entry| entry.ends))
    }
}

/// A command that a room has been asked for: the answer goes to the socket. A room that goes without one is paused.
pub(super) struct Question {
    asked: Asked,
    id: u64,
    serial: u64,
    connection: Connection,
}

impl Question {
    fn tell(&self, answer: Result<Answer, ErrorBody>) {
        if self.asked.take(self.serial) {
            self.connection.send_soon(answer_frame(self.id, answer));
        }
    }
}

impl Asker for Question {
    fn answer(self: Box<Self>, answer: Result<Answer, ErrorBody>) {
        self.tell(answer);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // Nothing is left of one that was answered.
        self.tell(Err(ErrorCode::RoomPaused.into()));
    }
}
