//! The two commands that identify the user of a socket: `connect`, which may also join rooms, and `session.refresh`.

use std::time::Duration;

use parlor_protocol::command::{Connect, RefreshSession};
use parlor_protocol::envelope::{self, JoinedText};
use parlor_protocol::reply::{Connected, Limits, SessionRefreshed};
use parlor_protocol::{CloseCode, ErrorBody, ErrorCode, RateClass, RoomId, UserId, limit};
use tokio::time::Instant;
use uuid::Uuid;

use super::GatewayState;
use super::join::{self, CameIn, Joined};
use super::session::{Change, Me, Validity, reply};
use crate::delivery::{Connection, Frame};

/// The capacity for the reply to `connect` without its joins.
const CONNECTED_BYTES: usize = 768;

/// Signs a socket in and joins the rooms that it names, one after the other. One reply answers all of that.
pub(super) async fn connect(
    gateway: GatewayState,
    connection: Connection,
    id: u64,
    connect: Connect,
    rate: Option<RateClass>,
    undecided: bool,
) -> (u64, Change) {
    let deadline = Duration::from_millis(gateway.settings.answer_ms);
    let known = async {
        // The rate is counted before any query is made.
        let named = gateway.ports.named(&connect.token).await?;
        rate.map_or(Ok(()), |rate| gateway.admit(named.user, rate, Instant::now()))?;
        let inside = gateway.door.connect(undecided, gateway.users.room(named.user).is_some())?;
        Ok((gateway.ports.sign_in(named).await?, inside))
    };
    let (signed_in, inside) = match join::within(deadline, known).await {
        Ok(known) => known,
        Err(error) => {
            connection.send(reply::<()>(id, Err(&error))).await;
            let change = match error.code {
                ErrorCode::Unauthenticated | ErrorCode::TokenExpired => Change::Close(CloseCode::Unauthenticated),
                ErrorCode::Suspended => Change::Close(CloseCode::Suspended),
                ErrorCode::Busy => Change::Close(CloseCode::Busy),
                _ => Change::Nothing,
            };
            return (id, change);
        }
    };
    let now = gateway.ports.now();
    let person = signed_in.user;
    let (presence, replaced) =
        gateway.users.enter(&person, &connect.device, signed_in.session, &connection, Instant::now());
    if let Some(replaced) = replaced {
        replaced.close(CloseCode::Replaced, None).await;
    }
    let (session, expires_at) = (signed_in.session, signed_in.expires_at);
    let validity = Validity::until(expires_at, now);
    let mut me = Box::new(Me::new(person, session, validity, presence, inside));

    let mut joins = Vec::with_capacity(connect.joins.len());
    for asked in connect.joins {
        // Each join counts like a `room.join`.
        let came_in = match gateway.admit(me.person.id, RateClass::Join, Instant::now()) {
            Ok(()) => join::come_in(&gateway, &connection, &me.person, me.session, asked).await,
            Err(error) => Err(error),
        };
        let join = match came_in {
            Ok(CameIn { place, former, joined }) => {
                me.came_in(place, former);
                if let Some(former) = former {
                    leave_out(&mut joins, former);
                }
                Ok(joined)
            }
            Err(error) => Err(error),
        };
        joins.push(join);
    }
    let entries: Vec<_> = joins.iter().flatten().map(Joined::place).collect();
    let settings = &gateway.settings;
    let connected = Connected {
        session,
        user: me.person.clone(),
        expires_at: expires_at.0,
        time: now.0,
        ping_ms: settings.ping_ms,
        limits: Limits {
            message_bytes: settings.message_bytes,
            text_chars: limit::TEXT_CHARS,
            unanswered_commands: settings.unanswered_commands,
            outbox_bytes: gateway.announced.outbox_bytes,
            grace_ms: gateway.announced.grace_ms,
        },
        balances: signed_in.balances,
        joins: Vec::new(),
    };
    connection.joined_all(entries, connected_frame(id, &connected, &joins)).await;
    (id, Change::Connected(me))
}

/// The reply to `connect`, with the answers to its joins.
fn connected_frame(id: u64, connected: &Connected, joins: &[Result<Joined, ErrorBody>]) -> Frame {
    let missed: Vec<_> = joins.iter().map(|join| join.as_ref().ok().and_then(Joined::missed)).collect();
    let parts = joins.iter().zip(&missed).map(|(join, missed)| join.as_ref().map(|join| join.text(missed.as_deref())));
    let parts: Vec<_> = parts.collect();
    let bytes = CONNECTED_BYTES + parts.iter().flatten().map(JoinedText::size).sum::<usize>();
    Frame::written(bytes, |out| envelope::write_connected(id, connected, &parts, out))
}

/// Continues the session with a new token. The token must be of the same session, so that a socket never changes its
/// user.
pub(super) async fn refresh(
    gateway: GatewayState,
    connection: Connection,
    id: u64,
    user: UserId,
    session: Uuid,
    asked: RefreshSession,
) -> (u64, Change) {
    let deadline = Duration::from_millis(gateway.settings.answer_ms);
    let known = async { gateway.ports.sign_in(gateway.ports.named(&asked.token).await?).await };
    let signed_in = join::within(deadline, known).await.and_then(|signed_in| {
        let own = signed_in.user.id == user && signed_in.session == session;
        own.then_some(signed_in).ok_or_else(|| {
            ErrorBody::new(ErrorCode::Forbidden).message("the token belongs to another session than the socket")
        })
    });
    match signed_in {
        Ok(signed_in) => {
            let expires_at = signed_in.expires_at;
            connection.send(reply(id, Ok(&SessionRefreshed { expires_at: expires_at.0 }))).await;
            (id, Change::Refreshed(Validity::until(expires_at, gateway.ports.now())))
        }
        Err(error) => {
            connection.send(reply::<()>(id, Err(&error))).await;
            (id, Change::Nothing)
        }
    }
}

/// Replaces the answer to a join whose room was left for a later one of the same `connect`. The user is not in that
/// room, and the outbox is only sized for the answer to one join.
fn leave_out(joins: &mut [Result<Joined, ErrorBody>], former: RoomId) {
    for join in joins {
        if join.as_ref().is_ok_and(|joined| joined.room == former) {
            *join = Err(ErrorBody::new(ErrorCode::NotInRoom).message("a later one of the joins is for another room"));
        }
    }
}
