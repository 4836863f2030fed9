//! Whose socket it is, and what it has asked and not been answered.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use parlor_protocol::envelope::{self, CommandFrame};
use parlor_protocol::event::Notice;
use parlor_protocol::room::Person;
use parlor_protocol::{CloseCode, Command, ErrorBody, ErrorCode, RoomId, limit};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::GatewayState;
use super::asked::Question;
use super::door::Undecided;
use crate::delivery::{Connection, Frame};
use crate::kit::clock::Timestamp;
use crate::presence::{Place, Presence};
use crate::room::port::PortFuture;
use crate::telemetry::metric;

/// Replies that are under way, each with the number of its command.
pub(super) type Replies = FuturesUnordered<PortFuture<(u64, Frame)>>;

/// What a message leads to.
pub(super) enum Step {
    /// Nothing more: there is no reply, or a room has been asked and replies by itself.
    Nothing,
    /// This reply at once.
    Reply(Frame),
    /// A reply when it is known; the next command does not wait for it.
    Wait(PortFuture<(u64, Frame)>),
    /// The next command waits until this is done.
    Block(PortFuture<(u64, Change)>),
    /// This reply, then the socket is closed.
    Refuse(Frame, CloseCode),
}

/// What a blocking command made of the session. Its reply has been sent.
pub(super) enum Change {
    Nothing,
    Connected(Box<Me>),
    Refreshed(Validity),
    CameIn(Place, Option<RoomId>),
    Left(RoomId),
    Close(CloseCode),
}

/// Who the socket belongs to, once it has said so.
pub(super) struct Me {
    pub person: Person,
    /// By which sign-in.
    pub session: Uuid,
    pub places: Vec<Place>,
    pub validity: Validity,
    _presence: Presence,
}

/// How long the token holds.
pub(super) struct Validity {
    /// When it ends, and the socket with it.
    pub ends: Instant,
    /// When the client is asked for the next one; `None` once it has been.
    asks: Option<Instant>,
    expires_at: Timestamp,
}

impl Validity {
    pub(super) fn until(expires_at: Timestamp, now: Timestamp) -> Self {
        let ms = u64::try_from(expires_at.ms_since(now)).unwrap_or(0);
        let after = |ms| Instant::now() + Duration::from_millis(ms);
        Self { ends: after(ms), asks: Some(after(ms.saturating_sub(limit::EXPIRING_MS))), expires_at }
    }

    /// When something is due.
    pub(super) fn next(&self) -> Instant {
        self.asks.unwrap_or(self.ends)
    }

    /// Asks the client for a new token, once, when it is time.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Frame> {
        self.asks.take_if(|asks| now >= *asks)?;
        Some(Frame::text(&envelope::notice(&Notice::SessionExpiring { expires_at: self.expires_at.0 })))
    }
}

/// One socket's session.
pub(super) struct Session {
    pub(super) gateway: GatewayState,
    pub(super) connection: Connection,
    pub(super) stream: Arc<TcpStream>,
    pub(super) closed: CancellationToken,
    pub(super) me: Option<Box<Me>>,
    /// The token that the handshake brought, until it is known whose it is.
    pub(super) bearer: Option<Box<str>>,
    /// Until it is known whose it is, it may be refused for the load.
    pub(super) undecided: Option<Undecided>,
    /// Replies that are not known yet. There only while there are any.
    pub(super) waiting: Option<Box<Replies>>,
    /// The command that the next one waits for.
    pub(super) blocked: Option<PortFuture<(u64, Change)>>,
    unanswered: Vec<u64>,
    /// What rooms answer by themselves, and some of what they have answered.
    pub(super) asked: Vec<Arc<Question>>,
    unreadable: u32,
}

/// Bytes that most replies take.
const REPLY_BYTES: usize = 128;

/// The reply of this number.
pub(super) fn reply<T: Serialize>(id: u64, result: Result<&T, &ErrorBody>) -> Frame {
    match result {
        Ok(data) => Frame::written(REPLY_BYTES, |out| envelope::write_reply(id, data, out)),
        Err(error) => Frame::text(&envelope::error(Some(id), error)),
    }
}

impl Session {
    pub(super) fn new(
        gateway: GatewayState,
        connection: Connection,
        (stream, closed): (Arc<TcpStream>, CancellationToken),
        bearer: Option<Box<str>>,
        undecided: Option<Undecided>,
    ) -> Self {
        let (me, waiting, blocked, unanswered) = (None, None, None, Vec::new());
        let (asked, unreadable) = (Vec::new(), 0);
        Self {
            gateway,
            connection,
            stream,
            closed,
            me,
            bearer,
            undecided,
            waiting,
            blocked,
            unanswered,
            asked,
            unreadable,
        }
    }

    /// Takes one text message.
    pub(super) fn message(&mut self, text: &str, now: Instant) -> Step {
        let frame = match CommandFrame::parse(text) {
            Ok(frame) => frame,
            Err(error) => {
                metric::COMMANDS.add_of("unreadable", 1);
                self.unreadable += 1;
                let error = Frame::text(&envelope::error(None, &error));
                return if self.unreadable < limit::UNREADABLE_FRAMES {
                    Step::Reply(error)
                } else {
                    Step::Refuse(error, CloseCode::BadFrames)
                };
            }
        };
        self.unreadable = 0;
        let Some(id) = frame.id else {
            // A `pong` has been heard by being read.
            return Step::Nothing;
        };
        match self.command(id, &frame, now) {
            Ok(step) => {
                metric::COMMANDS.add_of("taken", 1);
                if matches!(step, Step::Wait(_) | Step::Block(_)) {
                    self.unanswered.push(id);
                }
                step
            }
            Err(error) => {
                metric::COMMANDS.add_of("refused", 1);
                Step::Reply(reply::<()>(id, Err(&error)))
            }
        }
    }

    fn command(&mut self, id: u64, frame: &CommandFrame<'_>, now: Instant) -> Result<Step, ErrorBody> {
        self.asked.retain(|question| question.is_open());
        if self.unanswered.contains(&id) || self.asked.iter().any(|question| question.id() == id) {
            return Err(ErrorBody::new(ErrorCode::BadRequest)
                .message("the id is unique while unanswered")
                .field("id", "a command of this id has not been answered yet"));
        }
        if self.asked.len() + self.unanswered.len() >= self.gateway.settings.unanswered_commands {
            return Err(ErrorBody::new(ErrorCode::Busy).message("too many commands wait for their answer"));
        }
        let command = Command::parse(&frame.kind, frame.data())?;
        let span = self.span(frame, &command);
        let _in_command = span.enter();
        if self.me.is_none() && !matches!(command, Command::Connect(_)) {
            return Err(ErrorBody::new(ErrorCode::NotConnected).message("the first command is connect"));
        }
        command.validate()?;
        let op = frame.op()?;
        if command.needs_op() && op.is_none() {
            return Err(ErrorBody::new(ErrorCode::OperationRequired).field("op", "a UUID, made once for each tap"));
        }
        let step = self.dispatch(id, op, command, now)?;
        if span.is_disabled() {
            return Ok(step);
        }
        tracing::debug!("a command is taken");
        Ok(match step {
            Step::Wait(answer) => Step::Wait(Box::pin(answer.instrument(span.clone()))),
            Step::Block(change) => Step::Block(Box::pin(change.instrument(span.clone()))),
            other => other,
        })
    }

    /// The span of a command, in its socket's.
    fn span(&self, frame: &CommandFrame<'_>, command: &Command) -> Span {
        tracing::debug_span!(
            "command",
            kind = command.kind(),
            connection.id = self.connection.id().0,
            user.id = self.me.as_ref().map(|me| me.person.id.number()),
            room.id = command.room().map(RoomId::number),
            op = frame.op().ok().flatten().map(tracing::field::display),
        )
    }

    /// A command is about to be answered: its id may be used again.
    pub(super) fn answered(&mut self, id: u64) {
        self.unanswered.retain(|unanswered| *unanswered != id);
        if self.unanswered.is_empty() {
            self.unanswered = Vec::new();
        }
    }

    /// Draws the consequence of a blocking command.
    pub(super) fn apply(&mut self, change: Change) -> Option<CloseCode> {
        match change {
            Change::Nothing => {}
            Change::Connected(me) => {
                Span::current().record("user.id", me.person.id.number());
                (self.me, self.bearer, self.undecided) = (Some(me), None, None);
            }
            Change::Refreshed(validity) => {
                if let Some(me) = &mut self.me {
                    me.validity = validity;
                }
            }
            Change::CameIn(place, former) => {
                if let Some(me) = &mut self.me {
                    me.came_in(place, former);
                }
            }
            Change::Left(room) => self.me.iter_mut().for_each(|me| me.release(room)),
            Change::Close(code) => return Some(code),
        }
        None
    }

    /// The client has closed the socket on purpose: its user leaves at once, unless another of their
    /// sockets is in the room. A socket that is merely lost keeps its place through the grace period.
    pub(super) fn leave_rooms(&mut self) {
        let Some(me) = &mut self.me else { return };
        for place in std::mem::take(&mut me.places) {
            if !self.gateway.users.elsewhere(me.person.id, self.connection.id(), place.room) {
                self.gateway.users.left(me.person.id, place.room);
                place.leave();
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // However the socket's task ends, its shard forgets it.
        self.connection.detach_soon();
    }
}

impl Me {
    /// In no room yet.
    pub(super) fn new(person: Person, session: Uuid, validity: Validity, presence: Presence) -> Self {
        Self { person, session, places: Vec::new(), validity, _presence: presence }
    }

    /// This is a place of the socket's now; in the room that was left for it, it has none.
    pub(super) fn came_in(&mut self, place: Place, former: Option<RoomId>) {
        self.release(place.room);
        former.into_iter().for_each(|former| self.release(former));
        self.places.reserve_exact(1);
        self.places.push(place);
    }

    /// The place in this room is no longer this socket's to give up.
    fn release(&mut self, room: RoomId) {
        if let Some(at) = self.places.iter().position(|place| place.room == room) {
            self.places.swap_remove(at).release();
        }
    }
}
