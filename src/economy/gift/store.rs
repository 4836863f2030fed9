//! SQL of the catalogue.

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

/// Every gift, those that are off included.
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

/// Adds the gifts whose ids are not taken; returns how many.
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
