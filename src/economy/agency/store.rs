//! SQL of agencies and their members.

use sqlx::PgConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The oldest agency of an owner.
pub(super) async fn agency_of(connection: &mut PgConnection, owner: i64) -> Result<Option<i64>> {
    sqlx::query_scalar!("select id from agencies where owner_id = $1 order by id limit 1", owner)
        .fetch_optional(connection)
        .await
}

/// Inserts an agency with the default rate; returns its id.
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

/// Inserts members of an agency. Users who are in an agency already stay there.
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
