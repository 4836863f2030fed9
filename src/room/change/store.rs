//! SQL of changes of a room's record.

use std::collections::BTreeMap;

use parlor_protocol::UserId;
use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::Who;
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::kit::error::Result;

/// A look that a room may choose.
#[derive(Serialize, ToSchema)]
#[schema(as = RoomTheme)]
pub(in crate::room) struct Theme {
    /// The name, by which a change of the room chooses it.
    name: String,
    /// What it is called in English.
    title_en: String,
    /// What it is called in Arabic.
    title_ar: String,
    /// What it is drawn with, by name: a colour as `#rrggbb`, or the address of a picture.
    #[schema(inline)]
    assets: BTreeMap<String, String>,
    /// The VIP level that the room's owner needs; 0 for none.
    #[schema(minimum = 0, maximum = 7)]
    vip_level: i16,
}

/// The themes that are on, in their order.
pub(in crate::room) async fn themes(conn: &mut PgConnection) -> Result<Vec<Theme>> {
    let rows = sqlx::query!(
        r#"select name, title_en, title_ar, assets as "assets: Json<BTreeMap<String, String>>", vip_level
             from room_themes
            where enabled
            order by place"#
    )
    .fetch_all(conn)
    .await?;
    let theme = rows.into_iter().map(|row| Theme {
        name: row.name,
        title_en: row.title_en,
        title_ar: row.title_ar,
        assets: row.assets.0,
        vip_level: row.vip_level,
    });
    Ok(theme.collect())
}

/// Whether a room may choose this theme. Nobody has a VIP level yet, so one that needs it cannot be chosen.
pub(super) async fn may_choose_theme(conn: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from room_themes where name = $1 and enabled and vip_level = 0) as "may!""#,
        name
    )
    .fetch_one(conn)
    .await
}

/// Whether this is a ready upload of this user's for a room's background.
pub(super) async fn is_background(conn: &mut PgConnection, upload: Uuid, user: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from uploads
                where id = $1 and user_id = $2 and purpose = 'room_background' and state = 'ready'
           ) as "is!""#,
        upload,
        user.number()
    )
    .fetch_one(conn)
    .await
}

/// Writes what the change names into the room's row, with the next version.
pub(super) async fn put_record(
    conn: &mut PgConnection,
    change: &ChangeRoom,
    tags: Option<&[String]>,
) -> sqlx::Result<()> {
    let who = |who: Option<Who>| who.map(Who::name);
    sqlx::query!(
        "update rooms
            set version = version + 1,
                name = coalesce($2, name),
                announcement = nullif(coalesce($3, announcement), ''),
                language = nullif(coalesce($4, language), ''),
                country = nullif(coalesce($5, country), ''),
                tags = coalesce($6, tags),
                capacity = nullif(coalesce($7, capacity), 0),
                theme = nullif(coalesce($8, theme), ''),
                background = nullif(coalesce($9, background), '00000000-0000-0000-0000-000000000000'),
                may_chat = coalesce($10, may_chat),
                may_post_images = coalesce($11, may_post_images),
                may_invite = coalesce($12, may_invite),
                may_sit = coalesce($13, may_sit)
          where id = $1",
        change.room.number(),
        change.name,
        change.announcement,
        change.language,
        change.country,
        tags,
        change.capacity.and_then(|capacity| i32::try_from(capacity).ok()),
        change.theme,
        change.background,
        who(change.may_chat),
        who(change.may_post_images),
        who(change.may_invite),
        who(change.may_sit),
    )
    .execute(conn)
    .await?;
    Ok(())
}
