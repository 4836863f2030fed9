//! The pause of a room whose node cannot prove its lease. The room keeps its state and its sockets; it decides nothing
//! and publishes no numbered event until the lease is proved again and the store confirms that the room is still this
//! node's.

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

/// The wait before the store is asked again whether the room is still this node's.
const AGAIN: Duration = Duration::from_millis(500);

/// Whether the room is paused, and what it has to do when it goes on.
pub(super) struct Pause {
    lease: Lease,
    pub(super) paused: bool,
    /// The question to the store whether the room's epoch still holds.
    confirmation: Option<PortFuture<Result<(), WriteError>>>,
    /// The requests by which users have left meanwhile or have another name, to be decided when the room goes on. Each
    /// user has at most one of a kind.
    noted: Vec<Request>,
    /// The store's answer to a hard command, if it came meanwhile.
    written: Option<Box<Answered>>,
    /// Whether the table of gifts has to be read.
    reads_gifts: bool,
}

impl Pause {
    pub(super) fn new(lease: Lease) -> Self {
        Self { lease, paused: false, confirmation: None, noted: Vec::new(), written: None, reads_gifts: false }
    }

    /// Waits for the next step towards the end of a pause; for ever if the room is not paused.
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

/// A step towards the end of a pause.
pub(super) enum Ending {
    /// The lease is proved again.
    Lease,
    /// The store has said whether the room is still this node's.
    Confirmation(Result<(), WriteError>),
}

impl RoomActor {
    /// Whether nothing may be decided now. The first call after the lease's end begins the pause.
    pub(super) fn is_paused(&mut self) -> bool {
        if !self.pause.paused && !self.pause.lease.holds() {
            self.pause.paused = true;
            self.writes.refuse_waiting();
            tracing::debug!(
                room.id = self.state.card().id.number(),
                "the room pauses because its node cannot prove its lease"
            );
        }
        self.pause.paused
    }

    /// Asks the store whether the room is still this node's, now that the lease is proved again: another node may have
    /// claimed it meanwhile. The question is a checkpoint, which is written only if the room's epoch still holds; and
    /// from then on no node can claim the room from one that has its lease.
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
        // Users whose sockets were lost could not come back during the pause, so their grace period begins anew.
        let decision = self.state.decide_resumed();
        self.apply(decision, now);
        for request in std::mem::take(&mut self.pause.noted) {
            self.open(Mail::Request(Box::new(request), None));
        }
        if let Some(written) = self.pause.written.take() {
            self.written(*written);
        }
        if std::mem::take(&mut self.pause.reads_gifts) {
            self.read_gifts();
        }
    }

    /// Handles mail during a pause: users who leave or have another name are noted, and every other request is answered
    /// `room_paused`.
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
                if !self.pause.noted.contains(&request) {
                    self.pause.noted.push(request);
                }
                answer(reply, Ok(Answer::Nothing));
            }
            Request::Changed { ref person } => {
                // The last one counts, even if the user takes a name again that was noted before.
                self.pause.noted.retain(|noted| match noted {
                    Request::Changed { person: former } => former.id != person.id,
                    _ => true,
                });
                self.pause.noted.push(request);
                answer(reply, Ok(Answer::Nothing));
            }
            Request::Dropped { .. } => {
                let now = self.clock.now();
                // This starts the grace period and publishes nothing, so it may be decided during a pause.
                if let Ok(decision) = self.state.decide(&request, now) {
                    self.carry_out(decision, now, reply);
                }
            }
            Request::GiftsCommitted(_) => self.pause.reads_gifts = true,
            _ => answer(reply, Err(paused())),
        }
    }

    /// The store's answer, if it may be handled now. If it would be announced during a pause it is kept until the room
    /// goes on, and this is `None`.
    pub(super) fn unless_paused(&mut self, answered: Answered) -> Option<Answered> {
        let is_told = !matches!(answered, Err(WriteError::Unknown(_) | WriteError::Fenced));
        if is_told && self.is_paused() {
            self.pause.written = Some(Box::new(answered));
            return None;
        }
        Some(answered)
    }

    /// Notes that the table of gifts is to be read again when the room goes on.
    pub(super) fn read_gifts_later(&mut self) {
        self.pause.reads_gifts = true;
    }
}

fn paused() -> ErrorBody {
    ErrorBody::new(ErrorCode::RoomPaused).message("the room is paused until the server reaches its database again")
}
