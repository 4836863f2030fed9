//! Claims a room and reads everything that its actor starts from.

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorCode, RoomId};

use super::conduct;
use super::state::{Checkpoint, Woken};
use super::store;
use crate::cluster::{Identity, ownership};
use crate::kit::error::Result;
use crate::kit::tx::Tx;

/// Claims a room for this process and reads everything about it. It is read after the claim, so that it includes every
/// write of earlier epochs.
///
/// # Errors
/// `room_not_found`; `room_paused` while another server acts for the room; a fault or an outage of the store.
pub async fn wake(tx: &mut Tx, node: &Identity, room: RoomId) -> Result<Woken> {
    let row = store::room(tx, room).await?.ok_or(ErrorCode::RoomNotFound)?;
    let epoch = ownership::claim(tx, node, room).await?;
    let (committed, coins) = store::totals(tx, room).await?;
    let checkpoint = match store::checkpoint(tx, room).await? {
        Some(checkpoint) => Some(with_present_names(tx, checkpoint).await?),
        None => None,
    };
    Ok(Woken {
        card: row.card,
        capacity: row.capacity,
        epoch,
        locks: store::seat_locks(tx, room).await?,
        kicks: conduct::kicks(tx, room).await?,
        bans: conduct::bans(tx, room).await?,
        mutes: conduct::mutes(tx, room).await?,
        chat_rules: conduct::chat_rules(tx, room).await?.unwrap_or_default(),
        seat_mutes: store::seat_mutes(tx, room).await?,
        seat_mode: row.seat_mode,
        admins: store::admins(tx, room).await?,
        last_fact: store::last_fact(tx, room).await?,
        committed,
        coins,
        checkpoint,
    })
}

/// The checkpoint with the names and pictures that are stored now: they may have changed since it was written, and the
/// room was not told if the server ended before that.
async fn with_present_names(tx: &mut Tx, mut checkpoint: Checkpoint) -> Result<Checkpoint> {
    let sitting = checkpoint.seats.iter_mut().map(|(_, person)| person);
    let waiting = checkpoint.hands.raised.iter_mut().map(|(person, ..)| person);
    let invited = checkpoint.invitations.iter_mut().map(|invitation| &mut invitation.user);
    let offered = checkpoint.offer.iter_mut().map(|offer| &mut offer.user);
    let mut named: Vec<&mut Person> = sitting.chain(waiting).chain(invited).chain(offered).collect();
    if named.is_empty() {
        return Ok(checkpoint);
    }
    let users: Vec<_> = named.iter().map(|person| person.id).collect();
    let people = store::people(tx, &users).await?;
    for person in &mut named {
        if let Some(present) = people.iter().find(|present| present.id == person.id) {
            person.clone_from(present);
        }
    }
    Ok(checkpoint)
}
