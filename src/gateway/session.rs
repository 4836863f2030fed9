//! The session of one socket: its user, and the commands that have not been answered.

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
use super::door::{Inside, Permit, Undecided};
use crate::delivery::{Connection, Frame};
use crate::kit::clock::Timestamp;
use crate::presence::{Place, Presence};
use crate::room::port::PortFuture;
use crate::telemetry::metric;

/// The replies that are awaited, each with the number of its command.
pub(super) type Replies = FuturesUnordered<PortFuture<(u64, Frame)>>;

/// What has to be done after a message.
pub(super) enum Step {
    /// Nothing: there is no reply, or a room was asked that replies directly.
    Nothing,
    /// This reply is to be sent at once.
    Reply(Frame),
    /// A reply is to be sent when it is known. The next command does not wait for it.
    Wait(PortFuture<(u64, Frame)>),
    /// The next command must wait until this is done.
    Block(PortFuture<(u64, Change)>),
    /// This reply is to be sent, then the socket is closed.
    Refuse(Frame, CloseCode),
}

/// How a blocking command has changed the session. Its reply has been sent already.
pub(super) enum Change {
    Nothing,
    Connected(Box<Me>),
    Refreshed(Validity),
    CameIn(Place, Option<RoomId>),
    Left(RoomId),
    Close(CloseCode),
}

/// The user of a connected socket.
pub(super) struct Me {
    pub person: Person,
    /// The session whose token was used.
    pub session: Uuid,
    /// The socket's places in rooms.
    pub places: Vec<Place>,
    pub validity: Validity,
    pub presence: Presence,
    /// The socket's place among the people who are in, until the socket is closed.
    inside: Option<Inside>,
}

/// The validity of the socket's token.
pub(super) struct Validity {
    /// When the token ends, and the socket with it.
    pub ends: Instant,
    /// When the client is asked for a new token; `None` after it was asked.
    asks: Option<Instant>,
    expires_at: Timestamp,
}

impl Validity {
    pub(super) fn until(expires_at: Timestamp, now: Timestamp) -> Self {
        let ms = u64::try_from(expires_at.ms_since(now)).unwrap_or(0);
        let after = |ms| Instant::now() + Duration::from_millis(ms);
        // A token that holds for a minute is asked for at its half, not again as soon as it has come.
        let asks = after(ms.saturating_sub(limit::EXPIRING_MS).max(ms / 2));
        Self { ends: after(ms), asks: Some(asks), expires_at }
    }

    /// When the next thing is due: asking for a new token, or the end.
    pub(super) fn next(&self) -> Instant {
        self.asks.unwrap_or(self.ends)
    }

    /// The notice that asks the client for a new token, once, when it is time.
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
    /// The token that the handshake brought, until the socket is connected.
    pub(super) bearer: Option<Box<str>>,
    /// The socket's place among the strangers, until it is connected.
    pub(super) stranger: Option<Permit>,
    /// Set until the socket is connected, if it may still be refused because the node is overloaded.
    pub(super) undecided: Option<Undecided>,
    /// The replies that are not known yet; `None` if there are none.
    pub(super) waiting: Option<Box<Replies>>,
    /// The command that the next one must wait for.
    pub(super) blocked: Option<PortFuture<(u64, Change)>>,
    /// The numbers of the commands in `waiting` and `blocked`.
    unanswered: Vec<u64>,
    /// The commands that rooms answer directly, including some that are answered already.
    pub(super) asked: Vec<Arc<Question>>,
    /// The number of unreadable frames in a row.
    unreadable: u32,
}

/// The capacity of the buffer that a reply is written into; most replies fit.
const REPLY_BYTES: usize = 128;

/// The reply to the command of this number.
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
        stranger: Permit,
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
            stranger: Some(stranger),
            undecided,
            waiting,
            blocked,
            unanswered,
            asked,
            unreadable,
        }
    }

    /// Handles one text message.
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
            // It is a `pong`, which has had its effect by being read.
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
                .message("the id of a command must be unique while it is unanswered")
                .field("id", "a command with this id has not been answered yet"));
        }
        if self.asked.len() + self.unanswered.len() >= self.gateway.settings.unanswered_commands {
            return Err(
                ErrorBody::new(ErrorCode::Busy).message("too many commands of this socket wait for their answers")
            );
        }
        let mut command = Command::parse(&frame.kind, frame.data())?;
        let span = self.span(frame, &command);
        let _in_command = span.enter();
        if self.me.is_none() && !matches!(command, Command::Connect(_)) {
            return Err(ErrorBody::new(ErrorCode::NotConnected).message("the first command must be connect"));
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
        tracing::debug!("a command was accepted");
        Ok(match step {
            Step::Wait(answer) => Step::Wait(Box::pin(answer.instrument(span.clone()))),
            Step::Block(change) => Step::Block(Box::pin(change.instrument(span.clone()))),
            other => other,
        })
    }

    /// The span of a command, within that of its socket.
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

    /// Notes that a command is about to be answered, so that its id may be used again.
    pub(super) fn answered(&mut self, id: u64) {
        self.unanswered.retain(|unanswered| *unanswered != id);
        if self.unanswered.is_empty() {
            self.unanswered = Vec::new();
        }
    }

    /// Applies the change that a blocking command has made. Returns a code if the socket is to be closed.
    pub(super) fn apply(&mut self, change: Change) -> Option<CloseCode> {
        match change {
            Change::Nothing => {}
            Change::Connected(me) => {
                Span::current().record("user.id", me.person.id.number());
                (self.me, self.bearer, self.stranger, self.undecided) = (Some(me), None, None, None);
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

    /// Leaves all rooms, because the client has closed the socket on purpose; but not those that another socket of the
    /// user is in. A socket that is merely lost keeps its places through the grace period.
    pub(super) fn leave_rooms(&mut self) {
        let Some(me) = &mut self.me else { return };
        for place in std::mem::take(&mut me.places) {
            if !self.gateway.users.elsewhere(me.person.id, self.connection.id(), place.room) {
                self.gateway.users.left(me.person.id, place.room);
                place.leave();
            }
        }
    }

    /// The socket's place, for what is done with its connection after the session.
    pub(super) fn give_place(&mut self) -> (Option<Permit>, Option<Inside>) {
        (self.stranger.take(), self.me.as_mut().and_then(|me| me.inside.take()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // However the socket's task ends, the shard must forget the socket.
        self.connection.detach_soon();
    }
}

impl Me {
    /// A user who is in no room yet on this socket.
    pub(super) fn new(person: Person, session: Uuid, validity: Validity, presence: Presence, inside: Inside) -> Self {
        Self { person, session, places: Vec::new(), validity, presence, inside: Some(inside) }
    }

    /// Adds a place. In the room that was left for it, the socket has none any more.
    pub(super) fn came_in(&mut self, place: Place, former: Option<RoomId>) {
        self.release(place.room);
        former.into_iter().for_each(|former| self.release(former));
        self.places.reserve_exact(1);
        self.places.push(place);
    }

    /// Gives up the place in this room without telling the room.
    fn release(&mut self, room: RoomId) {
        if let Some(at) = self.places.iter().position(|place| place.room == room) {
            self.places.swap_remove(at).release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_is_asked_for_a_minute_before_the_end_or_at_half_of_the_time() {
        for (ms, asks_ms) in [(900_000, 840_000), (120_000, 60_000), (60_000, 30_000), (1_000, 500), (0, 0)] {
            let before = Instant::now();
            let validity = Validity::until(Timestamp(ms), Timestamp(0));
            let asks = validity.next().duration_since(before);
            let wanted = Duration::from_millis(asks_ms);
            assert!(asks >= wanted && asks < wanted + Duration::from_secs(5), "{ms} ms: {asks:?}");
        }
    }
}
