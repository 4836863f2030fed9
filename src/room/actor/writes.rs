//! Hard commands on their way to the store: one at a time and in order. Before the next one begins, it is known whether
//! the one before was written.

use std::collections::VecDeque;

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::time::{Duration, Instant, sleep};

use super::{RoomActor, answer};
use crate::room::facts::{HardWrite, WriteError, Written};
use crate::room::handle::Reply;
use crate::room::port::PortFuture;
use crate::room::request::Request;
use crate::room::settings::Settings;
use crate::room::state::{Decision, Outcome};

/// The longest that a caller waits while an answer of the store is lost, its own or that of a command before it. Then
/// it is answered `store_unavailable`, while the room goes on asking what became of the command that it had begun.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first and the longest wait before the store is asked again about an operation; it doubles in between.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The store's answer to a write: the fact, or `None` if a refused operation is not stored.
pub(super) type Answered = Result<Option<Written>, WriteError>;

/// A hard command that is not decided yet. That is done when its turn comes, on the room as it then is.
struct Waiting {
    request: Request,
    reply: Option<Reply>,
    since: Instant,
}

/// The write whose answer is awaited.
struct Current {
    write: HardWrite,
    reply: Option<Reply>,
    since: Instant,
    attempts: u32,
}

/// The queue of hard commands, and the one write in flight. The queue is bounded: when it is full, a command is
/// answered `busy`.
pub(super) struct Writes {
    waiting: VecDeque<Waiting>,
    limit: usize,
    current: Option<Current>,
    pub(super) flight: Option<PortFuture<Answered>>,
}

impl Writes {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { waiting: VecDeque::new(), limit: settings.write_queue, current: None, flight: None }
    }

    pub(super) fn are_done(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    /// Answers the commands that have waited for [`PATIENCE`], because none begins while an answer is lost.
    fn refuse_impatient(&mut self) {
        while self.waiting.front().is_some_and(|waiting| waiting.since.elapsed() >= PATIENCE)
            && let Some(waiting) = self.waiting.pop_front()
        {
            answer(waiting.reply, Err(ErrorCode::StoreUnavailable.into()));
        }
    }

    /// Answers every waiting command `room_paused`: none of them begins here any more.
    pub(super) fn refuse_waiting(&mut self) {
        for waiting in self.waiting.drain(..) {
            answer(waiting.reply, Err(ErrorCode::RoomPaused.into()));
        }
    }
}

impl RoomActor {
    pub(super) fn queue_write(&mut self, request: Request, reply: Option<Reply>) {
        if self.writes.waiting.len() >= self.writes.limit {
            return answer(reply, Err(ErrorCode::Busy.into()));
        }
        self.writes.waiting.push_back(Waiting { request, reply, since: Instant::now() });
        self.next_write();
    }

    fn next_write(&mut self) {
        while self.writes.current.is_none()
            && let Some(Waiting { request, reply, .. }) = self.writes.waiting.pop_front()
        {
            let now = self.clock.now();
            match self.state.decide(&request, now) {
                Ok(Decision { outcome: Outcome::Write(mut write), .. }) => {
                    self.foresee(&mut write);
                    self.writes.flight = Some(self.facts.write(write.clone()));
                    self.writes.current = Some(Current { write, reply, since: Instant::now(), attempts: 1 });
                }
                Ok(decision) => self.carry_out(decision, now, reply),
                Err(error) => self.answer(reply, Err(error)),
            }
        }
    }

    pub(super) fn written(&mut self, answered: Answered) {
        let Some(answered) = self.unless_paused(answered) else { return };
        let Some(mut current) = self.writes.current.take() else { return };
        let now = self.clock.now();
        let operation = current.write.operation;
        match (answered, &current.write.verdict) {
            (Ok(Some(written)), _) => {
                let decision = self.state.decide_fact(&operation, &written);
                self.carry_out(decision, now, current.reply);
                self.confirm_voices(&current.write.voice, now);
            }
            (Ok(None), Err(refusal)) => {
                let decision = self.state.decide_refused(&operation, refusal.clone());
                self.carry_out(decision, now, current.reply);
            }
            (Err(WriteError::NoSuchUser), _) => {
                let decision = self.state.decide_refused(&operation, ErrorCode::UserNotFound.into());
                self.carry_out(decision, now, current.reply);
            }
            (Err(WriteError::Unknown(why)), _) => {
                // It may have been written. Nothing else is written before that is known.
                if current.attempts == 1 {
                    tracing::warn!(
                        room.id = current.write.room.number(),
                        why,
                        "the store's answer to a hard command is lost; the store is asked again"
                    );
                }
                if current.since.elapsed() >= PATIENCE {
                    answer(current.reply.take(), Err(ErrorCode::StoreUnavailable.into()));
                }
                let again = self.facts.write(current.write.clone());
                let pause = (BACKOFF.0 * 2_u32.saturating_pow(current.attempts.min(8) - 1)).min(BACKOFF.1);
                self.writes.flight = Some(Box::pin(async move {
                    sleep(pause).await;
                    again.await
                }));
                current.attempts += 1;
                self.writes.refuse_impatient();
                self.writes.current = Some(current);
                return;
            }
            (Err(WriteError::Fenced), _) => {
                self.fenced = true;
                self.writes.refuse_waiting();
                answer(current.reply, Err(ErrorCode::RoomPaused.into()));
            }
            (Err(WriteError::Refused(refusal)), _) => {
                let decision = self.state.decide_refused(&operation, *refusal);
                self.carry_out(decision, now, current.reply);
            }
            (Err(WriteError::Conflict), _) => answer(current.reply, Err(ErrorCode::OperationConflict.into())),
            (Err(WriteError::Failed(why)), _) => failed(current, &why),
            (Ok(None), Ok(_)) => failed(current, "a fact was neither written nor found"),
        }
        self.next_write();
    }
}

fn failed(current: Current, why: &str) {
    tracing::error!(room.id = current.write.room.number(), why, "a hard command failed");
    answer(current.reply, Err(ErrorBody::new(ErrorCode::Internal)));
}
