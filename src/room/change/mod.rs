//! A change of a room's record: what it makes of the card, and how it is stored. The room decides it (`state::record`), and it
//! becomes true with its fact, in one transaction.

mod store;

use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::Who;
use parlor_protocol::room::RoomCard;
use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use uuid::Uuid;

use super::facts::WriteError;
use crate::kit::error::broken;
use crate::kit::tx::Tx;

pub(super) use store::{Theme, themes};

/// The card after this change, which was decided on its version.
pub(super) fn changed(card: &RoomCard, change: &ChangeRoom) -> RoomCard {
    let mut card = RoomCard { version: change.version + 1, ..card.clone() };
    let word = |place: &mut Option<String>, word: &Option<String>| {
        if let Some(word) = word {
            *place = Some(word.clone()).filter(|word| !word.is_empty());
        }
    };
    word(&mut card.language, &change.language);
    word(&mut card.country, &change.country);
    word(&mut card.theme, &change.theme);
    if let Some(name) = &change.name {
        card.name.clone_from(name);
    }
    if let Some(announcement) = &change.announcement {
        card.announcement.clone_from(announcement);
    }
    if let Some(tags) = &change.tags {
        card.tags = as_stored(tags);
    }
    if let Some(capacity) = change.capacity {
        card.capacity = Some(capacity).filter(|capacity| *capacity > 0);
    }
    if let Some(background) = change.background {
        card.background = Some(background).filter(|upload| !upload.is_nil()).map(mark);
    }
    card.may_chat = change.may_chat.unwrap_or(card.may_chat);
    card.may_post_images = change.may_post_images.unwrap_or(card.may_post_images);
    card.may_invite = change.may_invite.unwrap_or(card.may_invite);
    card.may_sit = change.may_sit.unwrap_or(card.may_sit);
    card
}

/// Tags in lower case, each once, in the order in which they were named.
fn as_stored(tags: &[String]) -> Vec<String> {
    let mut stored: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags.iter().map(|tag| tag.to_lowercase()) {
        if !stored.contains(&tag) {
            stored.push(tag);
        }
    }
    stored
}

/// Writes a change in the transaction of its fact.
///
/// # Errors
/// `Refused` with `bad_request` if there is no such theme to choose, or if the background is no ready upload of this user's own
/// for that purpose, or is another room's; a fault or an outage of the store.
pub(super) async fn put(tx: &mut Tx, by: UserId, change: &ChangeRoom) -> Result<(), WriteError> {
    if let Some(theme) = change.theme.as_deref().filter(|theme| !theme.is_empty())
        && !store::may_choose_theme(tx, theme).await?
    {
        return Err(refused("theme", "the name of a theme that may be chosen, as GET /v1/room-themes lists them"));
    }
    if let Some(upload) = change.background.filter(|upload| !upload.is_nil())
        && !store::is_background(tx, upload, by).await?
    {
        return Err(refused("background", NO_BACKGROUND));
    }
    let tags = change.tags.as_deref().map(as_stored);
    store::put_record(tx, change, tags.as_deref()).await.map_err(|error| match broken(&error) {
        // Both were looked at just before. Somebody was faster.
        Some("rooms_background_key" | "rooms_background_fkey") => refused("background", NO_BACKGROUND),
        Some("rooms_theme_fkey") => refused("theme", "the name of a theme"),
        _ => error.into(),
    })
}

const NO_BACKGROUND: &str =
    "an upload of your own with the purpose room_background, which is ready and not the background of another room";

fn refused(field: &str, why: &str) -> WriteError {
    WriteError::Refused(Box::new(ErrorBody::new(ErrorCode::BadRequest).field(field, why)))
}

/// The number that stands for a room's background: the last seven hexadecimal digits of its upload's id, which are random.
pub(super) fn mark(upload: Uuid) -> u32 {
    (upload.as_u128() & 0x0fff_ffff) as u32
}

/// A word of the store that says who may do something.
pub(super) fn who(word: &str) -> sqlx::Result<Who> {
    Who::from_name(word).ok_or_else(|| sqlx::Error::Decode(format!("the store has the word {word:?}").into()))
}

#[cfg(test)]
mod tests {
    use parlor_protocol::room::Person;
    use parlor_protocol::{RoomId, UserId};

    use super::*;

    #[test]
    fn a_change_leaves_what_it_does_not_name_and_removes_what_it_empties() {
        let (room, owner) = (RoomId::new(104_233_871).expect("in range"), UserId::new(1).expect("in range"));
        let plain = RoomCard::named(room, "Majlis".to_owned(), Person::named(owner, "Omar".to_owned()), 8);
        let upload = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_fab1_2345);
        let first = ChangeRoom {
            announcement: Some("At nine".to_owned()),
            language: Some("ar".to_owned()),
            tags: Some(["Oud", "شعر", "oud"].map(str::to_owned).to_vec()),
            capacity: Some(40),
            background: Some(upload),
            may_sit: Some(Who::Admins),
            ..ChangeRoom::of(room, 1)
        };
        let card = changed(&plain, &first);
        assert_eq!((card.version, &*card.name, &*card.announcement), (2, "Majlis", "At nine"));
        assert_eq!(card.tags, ["oud", "شعر"]);
        assert_eq!((card.capacity, card.background), (Some(40), Some(0x0ab1_2345)));
        assert_eq!((card.may_sit, card.may_chat), (Who::Admins, Who::All));
        let emptied = ChangeRoom {
            announcement: Some(String::new()),
            language: Some(String::new()),
            tags: Some(Vec::new()),
            capacity: Some(0),
            background: Some(Uuid::nil()),
            may_sit: Some(Who::All),
            ..ChangeRoom::of(room, 2)
        };
        assert_eq!(changed(&card, &emptied), RoomCard { version: 3, ..plain });
    }
}
