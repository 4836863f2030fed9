//! The commands that sockets have given to rooms and that are not answered yet. A room's answer goes from its actor
//! directly to the socket's shard, after the event that it names; the socket's own task is not woken for it. A question
//! is answered by whoever closes it first: the room, or [`Patience`] when its time is over.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};

use super::dispatch::answer_frame;
use crate::delivery::Connection;
use crate::room::{Answer, Asker};

/// The least time between two looks for questions whose time is over.
const PAUSE: Duration = Duration::from_millis(10);

/// A command that a room is to answer.
pub(super) struct Question {
    id: u64,
    connection: Connection,
    /// When the time for the answer is over.
    ends: Instant,
    open: AtomicBool,
}

impl Question {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether it has not been answered.
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

/// All open questions of this process. All have the same time for their answer, so the oldest one ends first. One task
/// watches all of them, and wakes only when the time of the oldest open one may be over.
#[derive(Default)]
pub(super) struct Patience {
    questions: Mutex<VecDeque<Arc<Question>>>,
    asked: Notify,
}

impl Patience {
    fn questions(&self) -> MutexGuard<'_, VecDeque<Arc<Question>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a question, which must be answered within this time from now.
    pub(super) fn ask(&self, id: u64, connection: Connection, within: Duration) -> Arc<Question> {
        let mut questions = self.questions();
        // Answered questions are removed here, so that their number does not grow with the rate of commands.
        while questions.front().is_some_and(|first| !first.is_open()) {
            questions.pop_front();
        }
        // The end is computed under the lock, so that the questions stand in the order of their ends.
        let ends = Instant::now() + within;
        let question = Arc::new(Question { id, connection, ends, open: AtomicBool::new(true) });
        questions.push_back(question.clone());
        if questions.len() == 1 {
            self.asked.notify_one();
        }
        question
    }

    /// Runs without end, and answers `timeout` to each question whose time is over.
    pub(super) async fn keep(&self) {
        loop {
            match self.look(Instant::now()) {
                Some(next) => sleep_until(next.max(Instant::now() + PAUSE)).await,
                None => self.asked.notified().await,
            }
        }
    }

    /// Answers the questions whose time is over by now. Returns when to look again; `None` if no question is left.
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
        // The memory of a busy time is given back.
        questions.shrink_to(1_024);
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::cluster::Lease;
    use crate::delivery::{self, Delivery};
    use crate::kit::supervise::Supervisor;

    #[tokio::test]
    async fn answered_questions_are_removed_and_one_that_takes_too_long_is_answered_once() {
        let supervisor = Supervisor::default();
        let delivery = Delivery::start(&delivery::Settings::default(), Lease::endless(), &supervisor);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let stream = Arc::new(accepted.expect("it connects").0);
        let connection = delivery.attach(stream, CancellationToken::new()).await;
        let patience = Patience::default();
        let ask = |id, seconds| patience.ask(id, connection.clone(), Duration::from_secs(seconds));

        for id in 0..1_000 {
            ask(id, 5).answer(Ok(Answer::Nothing));
        }
        assert_eq!(patience.questions().len(), 1, "only the last, after which no other was added");
        let (slow, later) = (ask(1_000, 5), ask(1_001, 6));
        ask(1_002, 7).answer(Ok(Answer::Nothing));
        let asked = later.ends - Duration::from_secs(6);
        assert_eq!(patience.look(asked), Some(slow.ends));
        assert_eq!(patience.look(asked + Duration::from_millis(5_500)), Some(later.ends));
        slow.answer(Ok(Answer::Nothing));
        later.answer(Ok(Answer::Nothing));
        assert_eq!(patience.look(asked), None);
        assert_eq!(patience.questions().len(), 0);

        connection.close(parlor_protocol::CloseCode::Normal, None).await;
        let mut said = Vec::new();
        peer.expect("it connects").read_to_end(&mut said).await.expect("a clean end");
        let said = String::from_utf8_lossy(&said);
        for id in 0..1_003 {
            let replies = said.matches(&format!(r#"{{"id":{id},"#)).count();
            assert_eq!(replies, 1, "to {id}");
        }
        assert_eq!(said.matches("timeout").count(), 1, "{said}");
        assert!(said.contains(r#"{"id":1000,"error":{"code":"timeout""#));
        supervisor.stop().cancel();
    }
}
