//! Who may not come in or write: the kicks, bans and mutes of a room and the rules of its chat, as they are stored. A room that is awake decides by what it has in
//! memory, which it reads here when it wakes. What people see of the bans is read here too.

mod store;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, RoomId, UserId};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::facts::{Fact, HardWrite};
use crate::audit::{self, Act, Actor};
use crate::kit::clock::Timestamp;
use crate::kit::error::Result;
use crate::kit::list::{List, Window};
use crate::kit::page::Page;

pub(super) use store::{bans, chat_rules, kicks, mutes};

crate::list! {
    /// The query of `GET /v1/rooms/{id}/bans`: newest first, ordered by the number of the ban.
    pub struct BanList: "room.bans" by i64 {}
}

crate::list! {
    /// The query of `GET /v1/rooms/{id}/mutes`: newest first, ordered by the number of the mute.
    pub struct MuteList: "room.mutes" by i64 {}
}

/// A mute in the chat that holds.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Muted {
    /// The user who is muted.
    pub user: Person,
    /// The user who muted them.
    pub by: Person,
    /// When they were muted, in Unix milliseconds.
    pub at: i64,
    /// Until when the mute holds, in Unix milliseconds; absent: until it is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// By which the list is ordered.
    #[serde(skip)]
    pub(super) number: i64,
}

/// A ban that holds.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Banned {
    /// The user who is banned.
    pub user: Person,
    /// The user who banned them.
    pub by: Person,
    /// When they were banned, in Unix milliseconds.
    pub at: i64,
    /// Until when the ban holds, in Unix milliseconds; absent: until it is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The reason that was given; empty if none.
    pub reason: String,
    /// By which the list is ordered.
    #[serde(skip)]
    pub(super) number: i64,
}

/// The bans of a room that hold, newest first. The caller's right to see them was checked.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn list_bans<L>(conn: &mut PgConnection, room: RoomId, window: &Window<L>) -> Result<Page<Banned>>
where
    L: List<Key = i64>,
{
    let rows = store::page_of_bans(conn, room, window).await?;
    Ok(window.page(rows, |ban| ban.number))
}

/// The mutes of a room that hold, newest first. The caller's right to see them was checked.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn list_mutes<L>(conn: &mut PgConnection, room: RoomId, window: &Window<L>) -> Result<Page<Muted>>
where
    L: List<Key = i64>,
{
    let rows = store::page_of_mutes(conn, room, window).await?;
    Ok(window.page(rows, |mute| mute.number))
}

/// Refuses a user who is banned from the room, with the end of the ban and its reason.
///
/// # Errors
/// `banned`; a fault or an outage of the store.
pub async fn check_not_banned(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<()> {
    match store::ban_of(conn, room, user).await? {
        Some((until, reason)) => Err(ErrorBody::banned(until, reason).into()),
        None => Ok(()),
    }
}

/// What became of a fact in the tables that hold what is true now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Applied {
    /// The tables have it.
    Yes,
    /// It was so already.
    NoChange,
    /// The user whom it is about does not exist, so it must not be kept.
    NoSuchUser,
}

impl Applied {
    fn if_any(rows: u64) -> Self {
        if rows == 0 { Self::NoChange } else { Self::Yes }
    }

    fn to_user(rows: u64) -> Self {
        if rows == 0 { Self::NoSuchUser } else { Self::Yes }
    }
}

/// Applies a fact of these kinds. It has this id.
pub(super) async fn put(conn: &mut PgConnection, id: i64, write: &HardWrite, fact: &Fact) -> sqlx::Result<Applied> {
    let (room, by) = (write.room, write.operation.actor);
    let lasts_ms = |until: i64| Timestamp(until).ms_since(write.at);
    match fact {
        Fact::Kicked { user, until, .. } => {
            store::forget_kicks(conn, room).await?;
            store::put_kick(conn, room, *user, lasts_ms(*until)).await.map(Applied::to_user)
        }
        Fact::Banned { user, until, reason } => {
            store::forget_bans(conn, room).await?;
            let ban = store::NewBan { room, user: *user, id, by, lasts_ms: until.map(lasts_ms), reason };
            store::put_ban(conn, &ban).await.map(Applied::to_user)
        }
        Fact::Unbanned { user } => store::delete_ban(conn, room, *user).await.map(Applied::if_any),
        Fact::ChatMuted { user, until } => {
            store::forget_mutes(conn, room).await?;
            let mute = store::NewMute { room, user: *user, id, by, lasts_ms: until.map(lasts_ms) };
            store::put_mute(conn, &mute).await.map(Applied::to_user)
        }
        Fact::ChatUnmuted { user } => store::delete_mute(conn, room, *user).await.map(Applied::if_any),
        Fact::ChatRules { rules } => store::put_chat_rules(conn, room, *rules).await.map(Applied::if_any),
        _ => Ok(Applied::NoChange),
    }
}

/// Writes an act of a room's own people or of the platform's staff to the audit log, in the transaction of its fact. Locks of
/// seats are not written there, nor is how an owner closes their own room.
pub(super) async fn record(conn: &mut PgConnection, write: &HardWrite, fact: &Fact) -> sqlx::Result<()> {
    let act = |name, user: UserId| Act::on_room(name, write.room).user(user);
    let until = |until: Option<i64>| until.map_or_else(|| json!({}), |until| json!({ "until": until }));
    let line = match fact {
        Fact::Kicked { user, until: end, reason } => act("room.kicked", *user).detail(until(Some(*end))).reason(reason),
        Fact::Banned { user, until: end, reason } => act("room.banned", *user).detail(until(*end)).reason(reason),
        Fact::Unbanned { user } => act("room.unbanned", *user),
        Fact::ChatMuted { user, until: end } => act("room.muted", *user).detail(until(*end)),
        Fact::ChatUnmuted { user } => act("room.unmuted", *user),
        Fact::ChatRules { rules } => Act::on_room("room.chat_rules_set", write.room)
            .detail(json!({ "muted": rules.muted, "slow_mode_s": rules.slow_mode_s })),
        Fact::Closed { reason } => Act::on_room("room.closed", write.room).reason(reason),
        Fact::DoorChanged { closed } if write.by_staff.is_some() => match closed {
            Some(closed) => Act::on_room("room.suspended", write.room).reason(&closed.reason),
            None => Act::on_room("room.restored", write.room),
        },
        // Whoever takes back what they wrote themselves is no matter of the log.
        Fact::LineRecalled { from: Some(from), .. } if *from == write.operation.actor && write.by_staff.is_none() => {
            return Ok(());
        }
        Fact::LineRecalled { epoch, seq, from, .. } => {
            let act = Act::on_room("room.line_recalled", write.room).detail(json!({ "epoch": epoch, "seq": seq }));
            from.map_or(act.clone(), |from| act.user(from))
        }
        _ => return Ok(()),
    };
    let actor = Actor { user: Some(write.operation.actor), request: write.by_staff.clone().unwrap_or_default() };
    audit::record_with(conn, &[(&actor, line)]).await
}
