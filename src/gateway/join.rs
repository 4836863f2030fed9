//! Coming into a room, leaving it, and what a join's reply brings.

use std::time::Duration;

use parlor_protocol::command::Join;
use parlor_protocol::envelope::JoinedText;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId, envelope, limit};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::GatewayState;
use crate::delivery::{Connection, Frame};
use crate::presence::Place;
use crate::room::{Answer, Caller, JoinAnswer, Request, RoomHandle, SnapshotText, gifts_within};
use crate::telemetry::metric;

/// A user who has come into a room; the reply still has to be sent.
pub(super) struct CameIn {
    pub place: Place,
    /// The room that was left for it.
    pub former: Option<RoomId>,
    pub joined: Joined,
}

/// The answer to a join, of what it is written from.
pub(super) struct Joined {
    pub room: RoomId,
    answer: JoinAnswer,
    gifts: Vec<GiftLine>,
    more_gifts: bool,
}

impl Joined {
    /// The room, and where the client stands in it: epoch and seq.
    pub(super) fn place(&self) -> (RoomId, i64, u64) {
        (self.room, self.answer.position.epoch, self.answer.position.seq)
    }

    /// What was missed, for `text`.
    pub(super) fn missed(&self) -> Option<Vec<&str>> {
        self.answer.missed.as_ref().map(|missed| missed.iter().map(Frame::payload).collect())
    }

    /// As it is written.
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

/// Waits for a room's answer, within the deadline.
pub(super) async fn answer(
    answer: oneshot::Receiver<Result<Answer, ErrorBody>>,
    within: Duration,
) -> Result<Answer, ErrorBody> {
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => answer,
        // The room went without an answer: it moves, or starts anew.
        Ok(Err(_)) => Err(ErrorCode::RoomPaused.into()),
        Err(_) => Err(ErrorCode::Timeout.into()),
    }
}

/// Waits for what a port answers, within the deadline.
pub(super) async fn within<T>(
    within: Duration,
    answer: impl Future<Output = Result<T, ErrorBody>>,
) -> Result<T, ErrorBody> {
    tokio::time::timeout(within, answer).await.unwrap_or_else(|_| Err(ErrorCode::Timeout.into()))
}

/// Brings a user into a room, whom their rate has let ask for it.
pub(super) async fn come_in(
    gateway: &GatewayState,
    connection: &Connection,
    user: &Person,
    asked: Join,
) -> Result<CameIn, ErrorBody> {
    let began = Instant::now();
    let came_in = take_place(gateway, connection, user, asked).await;
    metric::JOINS.add_of(if came_in.is_ok() { "joined" } else { "refused" }, 1);
    metric::JOIN_TIMES.record_time(began.elapsed());
    came_in
}

/// Brings a user into a room: its events are held back for the socket before the room is asked, and a
/// room that the user was in before is left. On an error the socket is in no state of coming in.
async fn take_place(
    gateway: &GatewayState,
    connection: &Connection,
    user: &Person,
    join: Join,
) -> Result<CameIn, ErrorBody> {
    let deadline = Duration::from_millis(gateway.settings.answer_ms);
    within(deadline, gateway.ports.verify_room_token(join.token.clone(), join.room, user.id)).await?;
    let _moving = within(deadline, async { Ok(gateway.users.moving(user.id).await) }).await?;
    let handle = within(deadline, gateway.ports.wake(join.room)).await?;
    connection.subscribe(join.room).await;
    // Where this is given up in the middle, the socket ends, and its subscriptions with it.
    let (place, joined) = match ask(gateway, connection, user, &join, handle).await {
        Ok(joined) => joined,
        Err(error) => {
            connection.unsubscribe(join.room).await;
            return Err(error);
        }
    };
    let former = gateway.users.came_in(user.id, connection.id(), join.room);
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

async fn ask(
    gateway: &GatewayState,
    connection: &Connection,
    user: &Person,
    join: &Join,
    handle: RoomHandle,
) -> Result<(Place, Box<JoinAnswer>), ErrorBody> {
    let caller = Caller { user: user.clone(), connection: connection.id() };
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
            // Of one that was not answered in time nobody knows whether it succeeded.
            if error.code != ErrorCode::Timeout {
                place.release();
            }
            Err(error)
        }
    }
}

/// Leaves a room at once, on all of the user's sockets: this one is unsubscribed here, the others by the room.
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
    // Before the room is asked: the room tells the user's other sockets, and this one gets a reply.
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

/// What the client gets to see of a join: the missed events as they were sent, or the snapshot, and
/// the gifts that neither of them shows.
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

/// The gifts above `after` up to `up_to`, as far as a page goes, and whether there are more of them. When
/// the table cannot be read now the client asks for them later: a resume does not depend on it.
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
            tracing::warn!(room.id = room.number(), error.code = %error.code, "a join went without its gifts");
            (Vec::new(), true)
        }
    }
}

/// Leaves as many gifts as one reply brings, and says whether there were more.
pub(super) fn cut_to_page(gifts: &mut Vec<GiftLine>) -> bool {
    let page = &gifts[..gifts.len().min(limit::GIFT_PAGE)];
    let fitting = gifts_within(page, limit::GIFT_PAGE_BYTES);
    let more = gifts.len() > fitting;
    gifts.truncate(fitting);
    more
}
