//! Which process acts for a room: claim, hold while writing, release.

use parlor_protocol::{ErrorBody, ErrorCode, RoomId};
use sqlx::PgConnection;

use super::{Identity, store};
use crate::kit::error::{Error, Result};

/// How often a claim looks again when the row changed under its hands.
const ATTEMPTS: usize = 3;

/// Takes a room for this process and returns the new epoch: above every epoch before it, and at least
/// the database's Unix milliseconds, so that it rises even if a standby lost the last rows.
///
/// To be called in a transaction: no other process starts until its end, the holder's node row stays locked,
/// and what is read after it in the same transaction includes every write of the epochs before.
///
/// # Errors
/// `room_paused` while a live other process owns the room, or when this one has been replaced.
pub async fn claim(conn: &mut PgConnection, node: &Identity, room: RoomId) -> Result<i64> {
    // A process that has been replaced must not take rooms from its successor, and none replaces it meanwhile.
    store::hold_place(conn).await?;
    if !store::is_current(conn, node).await? {
        return Err(paused("this server has been replaced"));
    }
    for _ in 0..ATTEMPTS {
        let before = store::owner_of(conn, room.number()).await?;
        if let Some(owner) = before.as_ref().filter(|owner| owner.node_id != node.node_id) {
            // The lease is read in a statement of its own: one that waited for the lock would judge it
            // by the snapshot it waited in, and take a room from an owner that has just renewed.
            store::lock_node(conn, &owner.node_id).await?;
            let holder = Identity { node_id: owner.node_id.clone(), incarnation: owner.incarnation };
            if store::lease_of(conn, &holder).await? == Some(true) {
                return Err(paused("another server acts for this room"));
            }
        }
        if let Some(epoch) = store::put_owner(conn, node, room.number(), before.as_ref()).await? {
            return Ok(epoch);
        }
    }
    Err(paused("this room is being claimed elsewhere"))
}

/// Makes a claim wait until this transaction ends. `false`: the epoch is over, write nothing.
///
/// # Errors
/// Those of the store.
pub async fn hold(conn: &mut PgConnection, room: RoomId, epoch: i64) -> sqlx::Result<bool> {
    store::hold_epoch(conn, room.number(), epoch).await
}

/// Gives the room back, so that anybody may claim it at once. Nothing happens where the epoch is over.
///
/// # Errors
/// Those of the store.
pub async fn release(conn: &mut PgConnection, room: RoomId, epoch: i64) -> sqlx::Result<()> {
    store::clear_owner(conn, room.number(), epoch).await?;
    Ok(())
}

fn paused(why: &str) -> Error {
    ErrorBody::new(ErrorCode::RoomPaused).message(why).into()
}
