//! Joining a room, leaving it, and the reply to a join.

use std::time::Duration;

use parlor_protocol::command::Join;
use parlor_protocol::envelope::JoinedText;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId, envelope, limit};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::GatewayState;
use crate::delivery::{Connection, Frame};
use crate::presence::Place;
use crate::room::{Answer, Caller, JoinAnswer, Request, RoomHandle, SnapshotText, gifts_within};
use crate::telemetry::metric;

/// The outcome of a join. The reply is not sent yet.
pub(super) struct CameIn {
    /// The socket's place in the room.
    pub place: Place,
    /// The room that the user left by joining, if there was one.
    pub former: Option<RoomId>,
    pub joined: Joined,
}

/// The parts from which the reply to a join is written.
pub(super) struct Joined {
    pub room: RoomId,
    answer: JoinAnswer,
    gifts: Vec<GiftLine>,
    more_gifts: bool,
}

impl Joined {
    /// The room, and the client's position in it: epoch and `seq`.
    pub(super) fn place(&self) -> (RoomId, i64, u64) {
        (self.room, self.answer.position.epoch, self.answer.position.seq)
    }

    /// The payloads of the missed events, for [`text`](Self::text); `None` if there is a snapshot instead.
    pub(super) fn missed(&self) -> Option<Vec<&str>> {
        self.answer.missed.as_ref().map(|missed| missed.iter().map(Frame::payload).collect())
    }

    /// The reply in the form in which the protocol writes it.
    pub(super) fn text<'a>(&'a self, missed: Option<&'a [&'a str]>) -> JoinedText<'a> {
        JoinedText {
            room: self.room,
            position: &self.answer.position,
            missed,
            snapshot: self.answer.snapshot.as_ref().map(SnapshotText::as_str),
            gifts: &self.gifts,
            more_gifts: self.more_gifts,
        }
    }

    /// The reply to `room.join`.
    pub(super) fn frame(&self, id: u64) -> Frame {
        let missed = self.missed();
        let text = self.text(missed.as_deref());
        Frame::written(text.size(), |out| envelope::write_joined(id, &text, out))
    }
}

/// Waits for a room's answer, at most this long.
pub(super) async fn answer(
    answer: oneshot::Receiver<Result<Answer, ErrorBody>>,
    within: Duration,
) -> Result<Answer, ErrorBody> {
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => answer,
        // The room dropped the request without an answer, because it moves or restarts.
        Ok(Err(_)) => Err(ErrorCode::RoomPaused.into()),
        Err(_) => Err(ErrorCode::Timeout.into()),
    }
}

/// Waits for the answer of a port, at most this long.
pub(super) async fn within<T>(
    within: Duration,
    answer: impl Future<Output = Result<T, ErrorBody>>,
) -> Result<T, ErrorBody> {
    tokio::time::timeout(within, answer).await.unwrap_or_else(|_| Err(ErrorCode::Timeout.into()))
}

/// Joins a room, and counts the join in the metrics. The caller has counted it against the user's rate.
pub(super) async fn come_in(
    gateway: &GatewayState,
    connection: &Connection,
    user: &Person,
    session: Uuid,
    asked: Join,
) -> Result<CameIn, ErrorBody> {
    let began = Instant::now();
    let came_in = take_place(gateway, connection, (user, session), asked).await;
    metric::JOINS.add_of(if came_in.is_ok() { "joined" } else { "refused" }, 1);
    metric::JOIN_TIMES.record_time(began.elapsed());
    came_in
}

/// Joins a room: the room's events are held back for the socket before the room is asked, and another room that the
/// user was in is left. On an error the socket is no longer subscribed to the room.
async fn take_place(
    gateway: &GatewayState,
    connection: &Connection,
    (user, session): (&Person, Uuid),
    join: Join,
) -> Result<CameIn, ErrorBody> {
    let deadline = Duration::from_millis(gateway.settings.answer_ms);
    within(deadline, gateway.ports.verify_room_token(join.token.clone(), join.room, user.id)).await?;
    let _moving = within(deadline, async { Ok(gateway.users.moving(user.id).await) }).await?;
    let chosen = join.position.is_none();
    if !chosen && !gateway.users.may_come_back(user.id, join.room) {
        return Err(ErrorBody::new(ErrorCode::JoinedElsewhere)
            .message("the user has joined another room since; to join this one instead, leave the position out"));
    }
    let handle = within(deadline, gateway.ports.wake(join.room)).await?;
    connection.subscribe(join.room).await;
    // If this future is dropped from here on, the socket has ended, and its subscriptions with it.
    let (place, joined) = match ask(gateway, connection, (user, session), &join, handle).await {
        Ok(joined) => joined,
        Err(error) => {
            connection.unsubscribe(join.room).await;
            return Err(error);
        }
    };
    let former = gateway.users.came_in(user.id, connection.id(), join.room, chosen);
    gateway.users.put_out(user.id, join.room, &joined.replaced);
    let former_room = former.as_ref().map(|former| former.room);
    if let Some(former) = former {
        gateway.users.leave_former(connection, user.id, former).await;
    }
    if join.position.is_some() {
        metric::RESUMES.add_of(if joined.missed.is_some() { "recovered" } else { "snapshot" }, 1);
    }
    let client_gift_no = join.position.and_then(|position| position.gift_no);
    let joined = reply(gateway, join.room, client_gift_no, *joined).await;
    Ok(CameIn { place, former: former_room, joined })
}

/// Asks the room to let the user join, and takes the socket's place in it.
async fn ask(
    gateway: &GatewayState,
    connection: &Connection,
    (user, session): (&Person, Uuid),
    join: &Join,
    handle: RoomHandle,
) -> Result<(Place, Box<JoinAnswer>), ErrorBody> {
    // The user may have another name than when this socket was connected.
    let person = gateway.users.person(user.id).unwrap_or_else(|| user.clone());
    let caller = Caller { user: person, connection: connection.id(), session };
    let asked = handle.send(Request::Join { caller, position: join.position })?;
    let place = Place::new(join.room, user.id, connection.id(), &gateway.users);
    match answer(asked, Duration::from_millis(gateway.settings.answer_ms)).await {
        Ok(Answer::Joined(joined)) => Ok((place, joined)),
        Ok(other) => {
            tracing::error!(
                room.id = join.room.number(),
                connection.id = connection.id().0,
                "a room answered a join with {other:?}"
            );
            Err(ErrorCode::Internal.into())
        }
        Err(error) => {
            // After a timeout it is unknown whether the room let the user join. Then the place is dropped, which tells
            // the room that the socket is gone.
            if error.code != ErrorCode::Timeout {
                place.release();
            }
            Err(error)
        }
    }
}

/// Leaves a room at once, with all of the user's sockets. This socket is unsubscribed here, the others by the room.
pub(super) async fn leave(
    gateway: &GatewayState,
    connection: &Connection,
    user: UserId,
    room: RoomId,
) -> Result<Answer, ErrorBody> {
    let deadline = Duration::from_millis(gateway.settings.answer_ms);
    let _moving = within(deadline, async { Ok(gateway.users.moving(user).await) }).await?;
    let known = gateway.users.room(user) == Some(room);
    let Some(handle) = known.then(|| gateway.ports.awake(room)).flatten() else {
        return Err(ErrorCode::NotInRoom.into());
    };
    // It is unsubscribed before the room is asked: the room removes the user's other sockets, and this one gets a
    // reply.
    connection.unsubscribe(room).await;
    gateway.users.left(user, room);
    match handle.send(Request::Leave { user }) {
        Ok(left) => answer(left, deadline).await,
        Err(_) => {
            gateway.users.insist(room, Request::Leave { user });
            Ok(Answer::Nothing)
        }
    }
}

/// Makes the reply to a join: the missed events or the snapshot, and the gifts that the client has not seen and that
/// neither of them shows.
async fn reply(gateway: &GatewayState, room: RoomId, client_gift_no: Option<i64>, joined: JoinAnswer) -> Joined {
    let stands_at = joined.position.gift_no.unwrap_or(0);
    let (mut gifts, mut more_gifts) = (Vec::new(), false);
    if let Some(after) = client_gift_no.filter(|after| *after < stands_at) {
        let up_to = joined.first_gift.map_or(stands_at, |first| first - 1);
        if after < up_to {
            (gifts, more_gifts) = gifts_between(gateway, room, after, up_to).await;
        }
    }
    Joined { room, answer: joined, gifts, more_gifts }
}

/// A page of the gifts above `after` up to `up_to`, and whether there are more. If the table cannot be read, the page
/// is empty and there are more, so that the client asks for them later: a resume does not depend on it.
async fn gifts_between(gateway: &GatewayState, room: RoomId, after: i64, up_to: i64) -> (Vec<GiftLine>, bool) {
    let deadline = Duration::from_millis(gateway.settings.answer_ms);
    match within(deadline, gateway.ports.gifts_above(room, after, limit::GIFT_PAGE)).await {
        Ok(page) => {
            let mut gifts = page.gifts;
            gifts.retain(|gift| gift.gift_no <= up_to);
            cut_to_page(&mut gifts);
            let more = gifts.last().is_none_or(|last| last.gift_no < up_to);
            (gifts, more)
        }
        Err(error) => {
            tracing::warn!(
                room.id = room.number(),
                error.code = %error.code,
                "a join was answered without its gifts, because they could not be read"
            );
            (Vec::new(), true)
        }
    }
}

/// Cuts the gifts to as many as one reply brings, and returns whether there were more.
pub(super) fn cut_to_page(gifts: &mut Vec<GiftLine>) -> bool {
    let page = &gifts[..gifts.len().min(limit::GIFT_PAGE)];
    let fitting = gifts_within(page, limit::GIFT_PAGE_BYTES);
    let more = gifts.len() > fitting;
    gifts.truncate(fitting);
    more
}
