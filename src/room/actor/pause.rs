//! A room whose node cannot prove its lease: it keeps its state and its sockets, decides nothing and
//! tells nothing that has a number, until the lease is proved again and the room is still its own.

use std::future::pending;

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::time::{Duration, sleep};

use super::writes::Answered;
use super::{RoomActor, answer, landed};
use crate::cluster::Lease;
use crate::room::facts::WriteError;
use crate::room::handle::Mail;
use crate::room::port::PortFuture;
use crate::room::request::{Answer, Request};

/// The pause before the store is asked again whether the room is still this node's.
const AGAIN: Duration = Duration::from_millis(500);

/// How the room stands to its node's lease, and what has come while it was paused.
pub(super) struct Pause {
    lease: Lease,
    pub(super) paused: bool,
    /// Asks the store whether the room's epoch still holds.
    confirmation: Option<PortFuture<Result<(), WriteError>>>,
    /// Who has left meanwhile, here or for another room.
    left: Vec<Request>,
    /// The store's answer to a hard command.
    written: Option<Answered>,
    /// The table of gifts has to be read.
    reads_gifts: bool,
}

impl Pause {
    pub(super) fn new(lease: Lease) -> Self {
        Self { lease, paused: false, confirmation: None, left: Vec::new(), written: None, reads_gifts: false }
    }

    /// Waits for the next step to the end of a pause; for ever where there is none.
    pub(super) async fn ending(&mut self) -> Ending {
        if !self.paused {
            return pending().await;
        }
        if self.confirmation.is_some() {
            return Ending::Confirmation(landed(&mut self.confirmation).await);
        }
        self.lease.held().await;
        Ending::Lease
    }
}

/// A step to the end of a pause.
pub(super) enum Ending {
    /// The lease is proved again.
    Lease,
    /// The store has said whether the room is still this node's.
    Confirmation(Result<(), WriteError>),
}

impl RoomActor {
    /// Whether nothing may be decided now. A pause begins with the first look after the lease's end.
    pub(super) fn is_paused(&mut self) -> bool {
        if !self.pause.paused && !self.pause.lease.holds() {
            self.pause.paused = true;
            self.writes.refuse_waiting();
            tracing::debug!(
                room.id = self.state.card().id.number(),
                "the room pauses: its node has no proof of its lease"
            );
        }
        self.pause.paused
    }

    /// The lease is proved again. Somebody may have had the room meanwhile: its checkpoint is written
    /// only under its own epoch, and nobody takes the room from a node that has its lease.
    pub(super) fn confirm(&mut self) {
        self.pause.confirmation = Some(self.facts.checkpoint(self.row()));
    }

    pub(super) fn confirmed(&mut self, kept: Result<(), WriteError>) {
        match kept {
            Ok(()) if self.pause.lease.holds() => self.go_on(),
            Ok(()) => {}
            Err(WriteError::Fenced) => self.fenced = true,
            Err(error) => {
                tracing::debug!(room.id = self.state.card().id.number(), %error, "the room stays paused");
                let again = self.facts.checkpoint(self.row());
                self.pause.confirmation = Some(Box::pin(async move {
                    sleep(AGAIN).await;
                    again.await
                }));
            }
        }
    }

    fn go_on(&mut self) {
        tracing::debug!(room.id = self.state.card().id.number(), "the room goes on");
        self.pause.paused = false;
        let now = self.clock.now();
        // Who lost their socket could not come back meanwhile.
        let decision = self.state.decide_resumed();
        self.apply(decision, now);
        for request in std::mem::take(&mut self.pause.left) {
            self.open(Mail::Request(Box::new(request), None));
        }
        if let Some(written) = self.pause.written.take() {
            self.written(written);
        }
        if std::mem::take(&mut self.pause.reads_gifts) {
            self.read_gifts();
        }
    }

    /// What a paused room does with its mail: sockets that end are noted, all else is to be asked again.
    pub(super) fn put_off(&mut self, mail: Mail) {
        let (request, reply) = match mail {
            Mail::Request(request, reply) => (*request, reply),
            Mail::Committed(_) => {
                self.pause.reads_gifts = true;
                return;
            }
        };
        match request {
            Request::Leave { .. } | Request::Elsewhere { .. } => {
                if !self.pause.left.contains(&request) {
                    self.pause.left.push(request);
                }
                answer(reply, Ok(Answer::Nothing));
            }
            Request::Dropped { .. } => {
                let now = self.clock.now();
                // It changes nothing that is told.
                if let Ok(decision) = self.state.decide(&request, now) {
                    self.carry_out(decision, now, reply);
                }
            }
            Request::GiftsCommitted(_) => self.pause.reads_gifts = true,
            _ => answer(reply, Err(paused())),
        }
    }

    /// An answer of the store that would be told. `None`: it is kept until the room goes on.
    pub(super) fn unless_paused(&mut self, answered: Answered) -> Option<Answered> {
        let is_told = !matches!(answered, Err(WriteError::Unknown(_) | WriteError::Fenced));
        if is_told && self.is_paused() {
            self.pause.written = Some(answered);
            return None;
        }
        Some(answered)
    }

    /// What was read of the table of gifts has to be read again.
    pub(super) fn read_gifts_later(&mut self) {
        self.pause.reads_gifts = true;
    }
}

fn paused() -> ErrorBody {
    ErrorBody::new(ErrorCode::RoomPaused).message("the room waits for its store")
}
