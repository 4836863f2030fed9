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

/// Every open question of this process: all have the same time, so that the oldest ends first. One task
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

    /// One more, to be answered in so long from now.
    pub(super) fn ask(&self, id: u64, connection: Connection, within: Duration) -> Arc<Question> {
        let mut questions = self.questions();
        // Whoever adds one takes away what has been answered meanwhile: so what is kept does not grow with the rate.
        while questions.front().is_some_and(|first| !first.is_open()) {
            questions.pop_front();
        }
        // Under the lock, so that they stand in the order of their ends.
        let ends = Instant::now() + within;
        let question = Arc::new(Question { id, connection, ends, open: AtomicBool::new(true) });
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
    async fn what_is_answered_is_not_kept_and_what_takes_too_long_is_answered_once() {
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
        assert_eq!(patience.questions().len(), 1, "the last, which nobody has come behind");
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
