//! Staff's acts in a room, which the room carries out and writes to the audit log, and what staff reads about a room. This file
//! is part of the edge: it opens and commits transactions.

use parlor_protocol::reply::Done;
use parlor_protocol::{ErrorCode, Op, RoomId, UserId};

use super::Office;
use super::service::{ROOM_ANSWERS_WITHIN, StaffBanList, StaffMuteList};
use crate::audit::{self, Act, Actor};
use crate::identity::role;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::operation::Operation;
use crate::kit::page::Page;
use crate::room::conduct::{self, Banned, Muted};
use crate::room::{self, Answer, Request, StaffAct};

impl Office {
    /// Puts everybody out of a room.
    pub(super) async fn close_room(&self, edge: &Edge, actor: &Actor, room: RoomId, reason: &str) -> Result<Done> {
        self.in_room(edge, actor, room, StaffAct::Close { reason: reason.to_owned() }).await
    }

    /// Closes a room so that its owner cannot open it.
    pub(super) async fn suspend_room(&self, edge: &Edge, actor: &Actor, room: RoomId, reason: &str) -> Result<Done> {
        self.in_room(edge, actor, room, StaffAct::Suspend { reason: reason.to_owned() }).await
    }

    /// Opens a room, whoever has closed it.
    pub(super) async fn restore_room(&self, edge: &Edge, actor: &Actor, room: RoomId) -> Result<Done> {
        self.in_room(edge, actor, room, StaffAct::Restore).await
    }

    /// Recalls a line of a room's chat.
    pub(super) async fn recall_line(
        &self,
        edge: &Edge,
        actor: &Actor,
        room: RoomId,
        (epoch, seq): (i64, u64),
    ) -> Result<Done> {
        self.in_room(edge, actor, room, StaffAct::Recall { epoch, seq }).await
    }

    /// Puts a room before all others in lists, or not any more.
    pub(super) async fn pin_room(&self, edge: &Edge, actor: &Actor, room: RoomId, pinned: bool) -> Result<()> {
        let name = if pinned { "room.pinned" } else { "room.unpinned" };
        let mut tx = edge.begin().await?;
        room::pin(&mut tx, room, pinned).await?;
        audit::record(&mut tx, actor, &Act::on_room(name, room)).await?;
        tx.commit().await
    }

    /// Does something to a user in a room, if the actor may act on them at all.
    pub(super) async fn on_user_in_room(
        &self,
        edge: &Edge,
        actor: &Actor,
        (room, user): (RoomId, UserId),
        act: StaffAct,
    ) -> Result<Done> {
        role::act_on(&mut *edge.read().await?, actor, user).await?;
        self.in_room(edge, actor, room, act).await
    }

    /// The bans of a room that hold, newest first.
    pub(super) async fn bans(&self, edge: &Edge, room: RoomId, window: &Window<StaffBanList>) -> Result<Page<Banned>> {
        let mut conn = edge.read().await?;
        room::find(&mut conn, room).await?;
        conduct::list_bans(&mut conn, room, window).await
    }

    /// The mutes in the chat of a room that hold, newest first.
    pub(super) async fn mutes(&self, edge: &Edge, room: RoomId, window: &Window<StaffMuteList>) -> Result<Page<Muted>> {
        let mut conn = edge.read().await?;
        room::find(&mut conn, room).await?;
        conduct::list_mutes(&mut conn, room, window).await
    }

    /// Has the room do the act. The room stores it with its actor among its own facts, and in the same transaction in the audit
    /// log, so that neither is without the other.
    async fn in_room(&self, edge: &Edge, actor: &Actor, room: RoomId, act: StaffAct) -> Result<Done> {
        let by = actor.user.ok_or_else(|| Error::internal("nobody acts in a room from the command line"))?;
        let operation = Operation::of_words(Op(edge.chance().id_at(edge.now())), by, "an act of staff");
        let request = Request::Staff { operation, request: actor.request.clone(), act };
        let rooms = self.rooms.clone();
        // The task runs to its end even if the caller hangs up while the room wakes.
        let done = self.rooms.track(async move {
            match rooms.wake(room).await?.call(request).await? {
                Answer::Done(done) => Ok(done),
                _ => Err(Error::new(ErrorCode::Internal)),
            }
        });
        let done = tokio::time::timeout(ROOM_ANSWERS_WITHIN, done).await;
        done.map_err(|_| Error::new(ErrorCode::Timeout))?.map_err(Error::internal)?
    }
}
