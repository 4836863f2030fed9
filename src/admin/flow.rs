//! Staff's acts in a room. The room carries out the act first, which may take a while; then the audit log gets its
//! entry, in a transaction of its own. This file is part of the edge: it opens and commits transactions.

use parlor_protocol::command::Kick;
use parlor_protocol::reply::Done;
use parlor_protocol::{ErrorBody, ErrorCode, Op, RoomId, UserId};

use super::Office;
use super::service::ROOM_ANSWERS_WITHIN;
use crate::audit::{self, Act, Actor};
use crate::identity::role;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::operation::Operation;
use crate::room::{self, Answer, Request, StaffAct};

impl Office {
    /// Puts everybody out of a room.
    pub(super) async fn close_room(&self, edge: &Edge, actor: &Actor, room: RoomId, reason: &str) -> Result<Done> {
        let act = Act::on_room("room.closed", room).reason(reason);
        self.in_room(edge, actor, room, StaffAct::Close { reason: reason.to_owned() }, act).await
    }

    /// Closes a room so that its owner cannot open it.
    pub(super) async fn suspend_room(&self, edge: &Edge, actor: &Actor, room: RoomId, reason: &str) -> Result<Done> {
        let act = Act::on_room("room.suspended", room).reason(reason);
        self.in_room(edge, actor, room, StaffAct::Suspend { reason: reason.to_owned() }, act).await
    }

    /// Opens a room, whoever has closed it.
    pub(super) async fn restore_room(&self, edge: &Edge, actor: &Actor, room: RoomId) -> Result<Done> {
        self.in_room(edge, actor, room, StaffAct::Restore, Act::on_room("room.restored", room)).await
    }

    /// Puts a room before all others in lists, or not any more.
    pub(super) async fn pin_room(&self, edge: &Edge, actor: &Actor, room: RoomId, pinned: bool) -> Result<()> {
        let name = if pinned { "room.pinned" } else { "room.unpinned" };
        let mut tx = edge.begin().await?;
        room::pin(&mut tx, room, pinned).await?;
        audit::record(&mut tx, actor, &Act::on_room(name, room)).await?;
        tx.commit().await
    }

    /// Puts somebody out of a room, and keeps them out for a while.
    pub(super) async fn kick(
        &self,
        edge: &Edge,
        actor: &Actor,
        room: RoomId,
        user: UserId,
        reason: &str,
    ) -> Result<Done> {
        role::act_on(&mut *edge.read().await?, actor, user).await?;
        let act = Act::on_room("room.kicked", room).user(user).reason(reason);
        self.in_room(
            edge,
            actor,
            room,
            StaffAct::Kick(Kick { room, user, duration_ms: None, reason: reason.to_owned() }),
            act,
        )
        .await
    }

    /// Has the room do the act, and then writes the entry in the audit log. The room stores the act with its actor
    /// among its own facts. The entry comes second, so that the log contains no act that was not done.
    async fn in_room(&self, edge: &Edge, actor: &Actor, room: RoomId, act: StaffAct, line: Act) -> Result<Done> {
        let by = actor.user.ok_or_else(|| Error::internal("nobody acts in a room from the command line"))?;
        let operation = Operation::of_words(Op(edge.chance().id_at(edge.now())), by, "an act of staff");
        let (rooms, edge, actor) = (self.rooms.clone(), edge.clone(), actor.clone());
        // The task runs to its end even if the caller hangs up or the wait below times out, so that no act is without
        // its entry in the log.
        let done = self.rooms.track(async move {
            let handle = rooms.wake(room).await?;
            let Answer::Done(done) = handle.call(Request::Staff { operation, act }).await? else {
                return Err(ErrorBody::new(ErrorCode::Internal).into());
            };
            let mut tx = edge.begin().await?;
            audit::record(&mut tx, &actor, &line).await?;
            tx.commit().await?;
            Ok(done)
        });
        let done = tokio::time::timeout(ROOM_ANSWERS_WITHIN, done).await;
        done.map_err(|_| Error::new(ErrorCode::Timeout))?.map_err(Error::internal)?
    }
}
