//! The images that lines of chat show, as they are stored. An upload is the image of one line: it is shown from the line's fact
//! on, and withdrawn when the line is recalled or its time is over; what is withdrawn is removed by the clean-up of media.

mod store;

use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use uuid::Uuid;

use super::facts::WriteError;
use crate::kit::error::broken;
use crate::kit::tx::Tx;

pub(super) use store::delete_older;

const NO_IMAGE: &str =
    "an upload of your own with the purpose room_image, which is ready and which no line has shown yet";

/// Shows an image in a room, in the transaction of its line's fact.
///
/// # Errors
/// `Refused` with `bad_request` if it is no ready upload of this user's own for that purpose, or if a line has shown it; a
/// fault or an outage of the store.
pub(super) async fn show(tx: &mut Tx, room: RoomId, by: UserId, image: Uuid) -> Result<(), WriteError> {
    if !store::is_image(tx, image, by).await? {
        return Err(refused());
    }
    store::insert(tx, room, image).await.map_err(|error| match broken(&error) {
        // It was looked at just before. Somebody was faster.
        Some("room_images_pkey" | "room_images_upload_id_fkey") => refused(),
        _ => error.into(),
    })
}

/// Withdraws an image, in the transaction of its line's recall. Nothing changes if it is withdrawn already.
///
/// # Errors
/// A fault or an outage of the store.
pub(super) async fn withdraw(tx: &mut Tx, room: RoomId, image: Uuid) -> Result<(), WriteError> {
    Ok(store::delete(tx, room, image).await?)
}

fn refused() -> WriteError {
    WriteError::Refused(Box::new(ErrorBody::new(ErrorCode::BadRequest).field("image", NO_IMAGE)))
}
