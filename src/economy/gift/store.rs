//! SQL of the catalogue, and of the gifts that were sent in a room.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::catalogue::DefaultGift;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) struct GiftRow {
    pub id: i64,
    pub version: i32,
    pub name_en: String,
    pub name_ar: String,
    pub category: String,
    pub rarity: String,
    pub price: i64,
    pub vip_level: i16,
    pub enabled: bool,
}

/// Every gift, also those that are off, cheapest first.
pub(super) async fn gifts(connection: &mut PgConnection) -> Result<Vec<GiftRow>> {
    sqlx::query_as!(
        GiftRow,
        "select id, version, name_en, name_ar, category, rarity, price, vip_level, enabled
           from gifts
          order by price, id"
    )
    .fetch_all(connection)
    .await
}

/// Inserts the gifts whose ids are not taken; returns how many.
pub(super) async fn insert_missing(connection: &mut PgConnection, gifts: &[DefaultGift]) -> Result<u64> {
    let texts = |text: fn(&DefaultGift) -> &str| gifts.iter().map(|gift| text(gift).to_owned()).collect::<Vec<_>>();
    let ids: Vec<i64> = gifts.iter().map(|gift| gift.id).collect();
    let prices: Vec<i64> = gifts.iter().map(|gift| gift.price).collect();
    let xps: Vec<i32> = gifts.iter().map(DefaultGift::xp_bp).collect();
    let vips: Vec<i16> = gifts.iter().map(|gift| gift.vip_level).collect();
    let done = sqlx::query!(
        "insert into gifts (id, name_en, name_ar, category, rarity, price, xp_bp, vip_level)
         select *
           from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::int[],
                       $8::smallint[])
             on conflict (id) do nothing",
        &ids,
        &texts(|gift| gift.name_en),
        &texts(|gift| gift.name_ar),
        &texts(|gift| gift.category),
        &texts(|gift| gift.rarity()),
        &prices,
        &xps,
        &vips
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

pub(super) struct SentRow {
    pub id: i64,
    pub gift_no: i64,
    pub at: DateTime<Utc>,
    pub gift: i64,
    pub count: i64,
    pub total: i64,
    pub room_coins: i64,
    pub from_user: Option<i64>,
    pub from_name: Option<String>,
    pub from_picture: Option<i32>,
    pub to_users: Vec<Option<i64>>,
    pub to_names: Vec<Option<String>>,
    pub to_pictures: Vec<Option<i32>>,
}

/// At most `limit` gifts of a room with numbers above `after`, with the users' names. Erased users are null.
pub(super) async fn gifts_above(
    connection: &mut PgConnection,
    room: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<SentRow>> {
    sqlx::query_as!(
        SentRow,
        r#"select j.id as "id!", j.gift_no as "gift_no!", j.at as "at!", j.gift_id as "gift!", j.gift_count as "count!",
                  j.gift_price * j.gift_count * cardinality(j.receivers) as "total!", j.room_coins as "room_coins!",
                  sender.user_id as "from_user?", payer.name as "from_name?",
                  payer.picture as "from_picture?",
                  people.ids as "to_users!: Vec<Option<i64>>", people.names as "to_names!: Vec<Option<String>>",
                  people.pictures as "to_pictures!: Vec<Option<i32>>"
             from journal j
             left join wallets sender on sender.coin_account = j.actor
             left join users payer on payer.id = sender.user_id
            cross join lateral (
                   select array_agg(w.user_id order by received.place) as ids,
                          array_agg(u.name order by received.place) as names,
                          array_agg(u.picture order by received.place) as pictures
                     from unnest(j.receivers) with ordinality as received (account, place)
                     left join wallets w on w.diamond_account = received.account
                     left join users u on u.id = w.user_id) people
            where j.room_id = $1 and j.gift_no > $2
            order by j.gift_no
            limit $3"#,
        room,
        after,
        limit
    )
    .fetch_all(connection)
    .await
}

/// All coins that have ever been spent in a room; `None` for a room without totals.
pub(super) async fn room_coins(connection: &mut PgConnection, room: i64) -> Result<Option<i64>> {
    sqlx::query_scalar!("select coins from room_totals where room_id = $1", room).fetch_optional(connection).await
}

/// What was spent in each of these rooms between two times, in Unix milliseconds: the room's coins after the last gift before
/// the one, less those after the last gift before the other. Only the gifts since the earlier time are looked at.
pub(super) async fn spent_in(
    connection: &mut PgConnection,
    rooms: &[i64],
    from_ms: i64,
    until_ms: i64,
) -> Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"select room.id as "room!", last.coins - coalesce(before.coins, 0) as "coins!"
             from unnest($1::bigint[]) as room (id)
            cross join lateral (
                   select j.room_coins as coins
                     from journal j
                    where j.room_id = room.id and j.at < to_timestamp($3::bigint / 1000.0)
                    order by j.gift_no desc
                    limit 1) last
             left join lateral (
                   select j.room_coins as coins
                     from journal j
                    where j.room_id = room.id and j.at < to_timestamp($2::bigint / 1000.0)
                    order by j.gift_no desc
                    limit 1) before on true"#,
        rooms,
        from_ms,
        until_ms
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.room, row.coins)).collect())
}
