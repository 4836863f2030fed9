//! Staff's acts in a room: the room's hard command, which may take a while, then the line in the audit log, in
//! a transaction of its own behind it. A part of the edge: it opens and commits.

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
use crate::room::{Answer, Request, StaffAct};

impl Office {
    /// Puts everybody out of a room.
    pub(super) async fn close_room(&self, edge: &Edge, actor: &Actor, room: RoomId, reason: &str) -> Result<Done> {
        let act = Act::on_room("room.closed", room).reason(reason);
        self.in_room(edge, actor, room, StaffAct::Close { reason: reason.to_owned() }, act).await
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
        self.in_room(edge, actor, room, StaffAct::Kick(Kick { room, user, reason: reason.to_owned() }), act).await
    }

    /// The room writes the act first, with who did it, among its facts: the log's line comes behind, so
    /// that it tells of nothing that was not done.
    async fn in_room(&self, edge: &Edge, actor: &Actor, room: RoomId, act: StaffAct, line: Act) -> Result<Done> {
        let by = actor.user.ok_or_else(|| Error::internal("nobody acts in a room from the command line"))?;
        let operation = Operation::of_system(Op(edge.chance().id_at(edge.now())), by, "an act of staff");
        let (rooms, edge, actor) = (self.rooms.clone(), edge.clone(), actor.clone());
        // To its end, even where who asked has hung up or waited long enough: no act is without its line.
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
