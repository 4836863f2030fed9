//! Which process acts for a room. A process claims a room, holds its epoch during each write, and releases the room.

use parlor_protocol::{ErrorBody, ErrorCode, RoomId};
use sqlx::PgConnection;

use super::{Identity, store};
use crate::kit::error::{Error, Result};

/// How often a claim is tried when the row changes between its reading and its writing.
const ATTEMPTS: usize = 3;

/// Takes a room for this process and returns the new epoch. The epoch is above every earlier one and at least the
/// database's time in Unix milliseconds, so that it rises even if a standby took over without the last rows.
///
/// It must be called in a transaction. Until that ends, no other process can start, and the former owner's row in
/// `nodes` stays locked. What is read after the claim in the same transaction includes every write of earlier epochs.
///
/// # Errors
/// `room_paused` while another process that is alive owns the room, or if this one has been replaced; a fault or an
/// outage of the store.
pub async fn claim(conn: &mut PgConnection, node: &Identity, room: RoomId) -> Result<i64> {
    // A process that has been replaced must not take rooms from its successor, and none replaces it meanwhile.
    store::hold_place(conn).await?;
    if !store::is_current(conn, node).await? {
        return Err(paused("this server has been replaced"));
    }
    for _ in 0..ATTEMPTS {
        let before = store::owner_of(conn, room.number()).await?;
        if let Some(owner) = before.as_ref().filter(|owner| owner.node_id != node.node_id) {
            // The lease is read in a later statement than the lock. A statement that waits for a lock judges by the
            // snapshot from before the wait, and would take the room from an owner that has just renewed its lease.
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

/// Keeps claims of the room waiting until this transaction ends. `false` if the epoch is over: then nothing may be
/// written.
///
/// # Errors
/// Those of the database.
pub async fn hold(conn: &mut PgConnection, room: RoomId, epoch: i64) -> sqlx::Result<bool> {
    store::hold_epoch(conn, room.number(), epoch).await
}

/// Gives the room back, so that any process may claim it at once. Nothing happens if the epoch is over.
///
/// # Errors
/// Those of the database.
pub async fn release(conn: &mut PgConnection, room: RoomId, epoch: i64) -> sqlx::Result<()> {
    store::clear_owner(conn, room.number(), epoch).await?;
    Ok(())
}

fn paused(why: &str) -> Error {
    ErrorBody::new(ErrorCode::RoomPaused).message(why).into()
}
