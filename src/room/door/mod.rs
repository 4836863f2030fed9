//! Who is let into a room, decided where room tokens are given: everybody, who knows the password, whom the owner has invited, or
//! who has a link. Nothing here hashes: whoever calls does that between two transactions, and holds no connection meanwhile.

mod store;

use std::fmt;

use parlor_protocol::record::{Closed, ClosedBy, Privacy};
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::state::{Act, Role, may};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use crate::kit::usage::{self, Bound, DAY_MS};

pub(super) use store::{put_closed, put_privacy};

/// The users whom an owner may have invited at a time, with those who have come by a link.
const GUESTS: i64 = 1_000;
/// The links that hold at a time; one more replaces the oldest.
const LINKS: i64 = 20;
/// Guesses at a room's password of one user in ten minutes and in a day, and of all users in a day. Who has entered with the
/// password once guesses no more.
const GUESSES: [Bound; 2] = [Bound::times(5, 10 * 60_000), Bound::times(20, DAY_MS)];
const GUESSES_AT_ROOM: [Bound; 1] = [Bound::times(300, DAY_MS)];

/// The hash of a room's password, as a PHC string. It is not shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// What decides whether a user is let in.
pub(super) struct Door {
    pub owner: UserId,
    pub privacy: Privacy,
    pub closed: Option<Closed>,
    pub password: Option<PasswordHash>,
    /// How the user was admitted before, if they were.
    pub admitted: Option<Admitted>,
}

/// How somebody was admitted to a room that does not let everybody in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admitted {
    /// The owner has invited them.
    Owner,
    /// They had a link.
    Link,
    /// They knew the password.
    Password,
}

impl Admitted {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Link => "link",
            Self::Password => "password",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Owner, Self::Link, Self::Password].into_iter().find(|admitted| admitted.name() == name)
    }
}

/// What must be shown for a token.
#[derive(Debug)]
pub(super) enum Asks {
    /// Nothing more.
    Nothing,
    /// The password with this hash.
    Password(PasswordHash),
    /// A link, or to be invited.
    Invitation,
}

crate::list! {
    /// The query of the users whom a room lets in, by their ids.
    pub(super) struct GuestList: "room.guests" by UserId {}
}

/// The refusal of a closed room.
pub(super) fn refusal(closed: &Closed) -> ErrorBody {
    let by = match closed.by {
        ClosedBy::Owner => "the owner has closed the room",
        ClosedBy::Staff => "the platform's staff has closed the room",
    };
    let words = if closed.reason.is_empty() { by.to_owned() } else { format!("{by}: {}", closed.reason) };
    ErrorBody::new(ErrorCode::RoomClosed).message(words)
}

/// What this user must show to be given a token.
///
/// # Errors
/// `room_not_found`, `room_closed`.
pub(super) async fn look(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<Asks> {
    let door = store::door(conn, room, user).await?.ok_or_else(|| Error::new(ErrorCode::RoomNotFound))?;
    if let Some(closed) = &door.closed {
        return Err(refusal(closed).into());
    }
    Ok(asks(door, user))
}

fn asks(door: Door, user: UserId) -> Asks {
    let invited = matches!(door.admitted, Some(Admitted::Owner | Admitted::Link));
    match door.privacy {
        Privacy::Public | Privacy::Hidden => Asks::Nothing,
        _ if may(Role::outside(user, door.owner), Act::ChangeSettings) || invited => Asks::Nothing,
        Privacy::Invited => Asks::Invitation,
        Privacy::Password if door.admitted == Some(Admitted::Password) => Asks::Nothing,
        Privacy::Password => door.password.map_or(Asks::Invitation, Asks::Password),
    }
}

/// Counts a guess at the password, before it is checked.
///
/// # Errors
/// `rate_limited` with the time after which this user may guess again.
pub(super) async fn count_guess(tx: &mut Tx, room: RoomId, user: UserId) -> Result<()> {
    let (room, user) = (room.number().to_be_bytes(), user.number().to_be_bytes());
    usage::spend(tx, "room_password", &[room, user].concat(), 1, &GUESSES).await?;
    usage::spend(tx, "room_passwords", &room, 1, &GUESSES_AT_ROOM).await
}

/// Admits a user who has shown the password with this hash, if it is still the room's.
///
/// # Errors
/// `wrong_password` if it was changed since.
pub(super) async fn admit_by_password(tx: &mut Tx, room: RoomId, user: UserId, hash: &PasswordHash) -> Result<()> {
    if !store::password_is(tx, room, hash).await? {
        return Err(Error::new(ErrorCode::WrongPassword));
    }
    // It was no guess after all, so it does not bring the room nearer to the bound of guesses.
    usage::give_back(tx, "room_passwords", &room.number().to_be_bytes()).await?;
    store::put_guest(tx, room, user, Admitted::Password).await
}

/// Admits a user who has this link.
///
/// # Errors
/// `not_permitted` if it is no link of this room, or has ended.
pub(super) async fn admit_by_link(tx: &mut Tx, room: RoomId, user: UserId, link: &str) -> Result<()> {
    if store::link_holds(tx, room, &hash_of(link)).await? {
        return admit(tx, room, user, Admitted::Link).await;
    }
    Err(not_permitted("the link is not one of this room, or it has ended"))
}

/// Admits one user more, if there are fewer than may be.
async fn admit(tx: &mut Tx, room: RoomId, user: UserId, how: Admitted) -> Result<()> {
    usage::lock(tx, "room_guests", &room.number().to_be_bytes()).await?;
    if store::invited(tx, room).await? >= GUESTS {
        return Err(not_permitted(&format!("{GUESTS} users are invited or came by a link, as many as may be")));
    }
    store::put_guest(tx, room, user, how).await
}

/// Invites a user: they are let in whatever the room asks of others.
///
/// # Errors
/// `user_not_found`; `not_permitted` if as many are invited as may be.
pub(super) async fn invite(tx: &mut Tx, room: RoomId, user: UserId) -> Result<()> {
    if !store::is_user(tx, user).await? {
        return Err(Error::new(ErrorCode::UserNotFound));
    }
    admit(tx, room, user, Admitted::Owner).await
}

/// Takes back what admits this user, if anything does.
pub(super) async fn take_back(tx: &mut Tx, room: RoomId, user: UserId) -> Result<()> {
    store::delete_guest(tx, room, user).await
}

/// A page of those whom the owner has invited or a link has brought, by id.
pub(super) async fn guests(conn: &mut PgConnection, room: RoomId, window: &Window<GuestList>) -> Result<Page<Person>> {
    let rows = store::guests(conn, room, window.behind(), window.one_more()).await?;
    Ok(window.page(rows, |person| person.id))
}

/// A link, and until when it admits.
pub(super) struct Link {
    pub link: String,
    pub expires_at: Timestamp,
}

/// Makes a link of the room that holds for so many minutes.
pub(super) async fn make_link(
    tx: &mut Tx,
    room: RoomId,
    minutes: u32,
    (now, chance): (Timestamp, &Chance),
) -> Result<Link> {
    let link = chance.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    usage::lock(tx, "room_links", &room.number().to_be_bytes()).await?;
    store::delete_old_links(tx, room, LINKS - 1).await?;
    store::insert_link(tx, room, &hash_of(&link), i32::try_from(minutes).unwrap_or(i32::MAX)).await?;
    Ok(Link { link, expires_at: now.plus_ms(i64::from(minutes) * 60_000) })
}

/// Ends all links of the room.
pub(super) async fn drop_links(tx: &mut Tx, room: RoomId) -> Result<()> {
    store::delete_old_links(tx, room, 0).await
}

fn hash_of(link: &str) -> [u8; 32] {
    Sha256::digest(link.as_bytes()).into()
}

fn not_permitted(words: &str) -> Error {
    ErrorBody::new(ErrorCode::NotPermitted).message(words).into()
}

/// A word of the store that says who is let in.
pub(super) fn privacy(word: &str) -> sqlx::Result<Privacy> {
    Privacy::from_name(word).ok_or_else(|| unknown(word))
}

/// That the room is closed, as the store says it.
pub(super) fn closed(by: Option<&str>, reason: String) -> sqlx::Result<Option<Closed>> {
    let by = by.map(|word| ClosedBy::from_name(word).ok_or_else(|| unknown(word))).transpose()?;
    Ok(by.map(|by| Closed { by, reason }))
}

fn unknown(word: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the store has the word {word:?}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_show_what_follows_from_the_privacy_and_from_how_they_were_admitted() {
        let user = |number| UserId::new(number).expect("in range");
        let seen = |privacy, who: i64, admitted| {
            let password = Some(PasswordHash("hash".to_owned()));
            match asks(Door { owner: user(1), privacy, closed: None, password, admitted }, user(who)) {
                Asks::Nothing => ".",
                Asks::Password(_) => "p",
                Asks::Invitation => "i",
            }
        };
        for (privacy, expected) in [
            (Privacy::Public, ". . . . ."),
            (Privacy::Hidden, ". . . . ."),
            (Privacy::Password, ". p . . ."),
            (Privacy::Invited, ". i . . i"),
        ] {
            let ways = [
                seen(privacy, 1, None),
                seen(privacy, 2, None),
                seen(privacy, 2, Some(Admitted::Owner)),
                seen(privacy, 2, Some(Admitted::Link)),
                seen(privacy, 2, Some(Admitted::Password)),
            ];
            assert_eq!(ways.join(" "), expected, "{privacy:?}");
        }
    }

    #[test]
    fn guesses_are_bounded_for_a_user_and_for_a_room() {
        assert_eq!(GUESSES.map(|bound| (bound.times, bound.within_ms)), [(5, 600_000), (20, DAY_MS)]);
        let [room] = GUESSES_AT_ROOM;
        // A user alone does not use up what a room allows.
        assert!(room.within_ms == DAY_MS && room.times > 10 * GUESSES[1].times);
    }

    #[test]
    fn a_hash_stands_in_no_log() {
        assert_eq!(format!("{:?}", PasswordHash("$argon2id$".to_owned())), "PasswordHash");
    }
}
