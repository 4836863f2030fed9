//! SQL of the catalogue and of the agencies.

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

/// The first agency of an owner.
pub(super) async fn agency_of(connection: &mut PgConnection, owner: i64) -> Result<Option<i64>> {
    sqlx::query_scalar!("select id from agencies where owner_id = $1 order by id limit 1", owner)
        .fetch_optional(connection)
        .await
}

/// Adds an agency at the default rate; returns its id.
pub(super) async fn insert_agency(
    connection: &mut PgConnection,
    name: &str,
    owner: i64,
    diamond_account: i64,
) -> Result<i64> {
    sqlx::query_scalar!(
        "insert into agencies (name, owner_id, diamond_account) values ($1, $2, $3) returning id",
        name,
        owner,
        diamond_account
    )
    .fetch_one(connection)
    .await
}

/// Adds members; who is in an agency stays there.
pub(super) async fn insert_members(connection: &mut PgConnection, agency: i64, members: &[i64]) -> Result<()> {
    sqlx::query!(
        "insert into agency_members (user_id, agency_id)
         select member, $1 from unnest($2::bigint[]) as member
             on conflict (user_id) do nothing",
        agency,
        members
    )
    .execute(connection)
    .await?;
    Ok(())
}
