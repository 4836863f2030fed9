//! What sockets have asked of rooms and not been told yet. A room's answer goes straight from its actor into the
//! socket's shard, behind the event that it names; the socket's own task is not woken for it, nor by a timer. Whoever
//! closes the question, the room or the patience that has ended, is the one who answers it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};

use super::dispatch::answer_frame;
use crate::delivery::Connection;
use crate::room::{Answer, Asker};

/// Between two looks at questions whose time is over, at least.
const PAUSE: Duration = Duration::from_millis(10);

/// A command that a room has been asked for.
pub(super) struct Question {
    id: u64,
    connection: Connection,
    /// When its room has taken too long.
    ends: Instant,
    open: AtomicBool,
}

impl Question {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// It has not been answered.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}

impl Asker for Question {
    fn answer(&self, answer: Result<Answer, ErrorBody>) {
        if self.open.swap(false, Ordering::AcqRel) {
            self.connection.send_soon(answer_frame(self.id, answer));
        }
    }
}

/// Every question of this process, until its time is over: all have the same, so that the oldest ends first. One task
/// looks after all of them, and only when the oldest that is open may have ended.
#[derive(Default)]
pub(super) struct Patience {
    questions: Mutex<VecDeque<Arc<Question>>>,
    asked: Notify,
}

impl Patience {
    fn questions(&self) -> MutexGuard<'_, VecDeque<Arc<Question>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, to be answered until then.
    pub(super) fn ask(&self, id: u64, connection: Connection, ends: Instant) -> Arc<Question> {
        let question = Arc::new(Question { id, connection, ends, open: AtomicBool::new(true) });
        let mut questions = self.questions();
        questions.push_back(question.clone());
        if questions.len() == 1 {
            self.asked.notify_one();
        }
        question
    }

    /// Answers, for ever, what rooms have taken too long for.
    pub(super) async fn keep(&self) {
        loop {
            match self.look(Instant::now()) {
                Some(next) => sleep_until(next.max(Instant::now() + PAUSE)).await,
                None => self.asked.notified().await,
            }
        }
    }

    /// Answers what is over by now, and says when to look again.
    fn look(&self, now: Instant) -> Option<Instant> {
        let mut questions = self.questions();
        while let Some(first) = questions.front() {
            if first.is_open() {
                if first.ends > now {
                    return Some(first.ends);
                }
                first.answer(Err(ErrorCode::Timeout.into()));
            }
            questions.pop_front();
        }
        // What a busy time took is given back.
        questions.shrink_to(1_024);
        None
    }
}
