//! SQL of gifts as postings: what they are judged by, and the rooms' totals.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::{GiftId, RoomId, UserId};
use sqlx::PgConnection;

use super::{Agency, Price, RoomTotal};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The prices of these gifts, also of those that are off, and the agencies of these users. One query reads both, to
/// save a round trip.
pub(super) async fn prices_and_agencies(
    connection: &mut PgConnection,
    gifts: &[i64],
    users: &[i64],
) -> Result<(HashMap<GiftId, Price>, HashMap<UserId, Agency>)> {
    let rows = sqlx::query!(
        r#"select true as "is_gift!", id as "id!", version::bigint as "version!", price as "amount!", xp_bp as "xp_bp!",
                  enabled as "enabled!", vip_level as "vip_level!"
             from gifts
            where id = any($1)
            union all
           select false, m.user_id, a.rate_version, a.diamond_account, a.rate_bp, true, 0::smallint
             from agency_members m
             join agencies a on a.id = m.agency_id
            where m.user_id = any($2)"#,
        gifts,
        users
    )
    .fetch_all(connection)
    .await?;
    let (mut prices, mut agencies) = (HashMap::new(), HashMap::new());
    for row in rows {
        if row.is_gift
            && let Some(gift) = GiftId::new(row.id)
        {
            let (version, coins, xp_bp) = (row.version, row.amount, row.xp_bp);
            prices.insert(gift, Price { version, coins, xp_bp, enabled: row.enabled, vip_level: row.vip_level });
        } else if let Some(user) = UserId::new(row.id) {
            agencies.insert(user, Agency { account: row.amount, version: row.version, rate_bp: row.xp_bp.into() });
        }
    }
    Ok((prices, agencies))
}

/// Locks rooms' totals in the order of their ids, and reads them.
pub(super) async fn lock_rooms(connection: &mut PgConnection, rooms: &[i64]) -> Result<BTreeMap<RoomId, RoomTotal>> {
    let rows = sqlx::query!(
        "select room_id, gift_no, coins
           from room_totals
          where room_id = any($1)
          order by room_id
            for no key update",
        rooms
    )
    .fetch_all(connection)
    .await?;
    let total = rows.into_iter().filter_map(|row| {
        Some((RoomId::new(row.room_id)?, RoomTotal { gift_no: row.gift_no, coins: row.coins, changed: false }))
    });
    Ok(total.collect())
}

/// Inserts totals for those of these rooms that exist and have none, in the order of their ids. If another writer has
/// just inserted some, this waits for its commit.
pub(super) async fn begin_totals(connection: &mut PgConnection, rooms: &[i64]) -> Result<()> {
    sqlx::query!(
        "insert into room_totals (room_id)
         select r.id
           from rooms r
          where r.id = any($1)
            and not exists (select from room_totals t where t.room_id = r.id)
          order by r.id
             on conflict (room_id) do nothing",
        rooms
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Updates the rooms' totals that the batch has changed.
pub(super) async fn update_rooms(connection: &mut PgConnection, rooms: &BTreeMap<RoomId, RoomTotal>) -> Result<()> {
    let changed: Vec<_> = rooms.iter().filter(|(_, total)| total.changed).collect();
    let ids: Vec<i64> = changed.iter().map(|(room, _)| room.number()).collect();
    let gift_nos: Vec<i64> = changed.iter().map(|(_, total)| total.gift_no).collect();
    let coins: Vec<i64> = changed.iter().map(|(_, total)| total.coins).collect();
    let done = sqlx::query!(
        "update room_totals r
            set gift_no = t.gift_no, coins = t.coins
           from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as t (id, gift_no, coins)
          where r.room_id = t.id",
        &ids,
        &gift_nos,
        &coins
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == ids.len() as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Every version of every gift: price and experience in basis points, by gift and version.
pub(super) async fn gift_versions(connection: &mut PgConnection) -> Result<HashMap<(i64, i64), (i64, i32)>> {
    let rows = sqlx::query!("select gift_id, version, price, xp_bp from gift_versions").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| ((row.gift_id, row.version.into()), (row.price, row.xp_bp))).collect())
}

/// Every version of every agency's rate in basis points, by the agency's diamond account and version.
pub(super) async fn rate_versions(connection: &mut PgConnection) -> Result<HashMap<(i64, i64), i64>> {
    let rows = sqlx::query!(
        "select a.diamond_account, v.version, v.rate_bp
           from agency_rate_versions v
           join agencies a on a.id = v.agency_id"
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.diamond_account, row.version), row.rate_bp.into())).collect())
}

/// A user's membership of an agency, from `since_us` to `until_us` in Unix microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    /// The agency's diamond account.
    pub agency: i64,
    pub since_us: i64,
    pub until_us: i64,
}

/// The memberships of these members, by the member's diamond account.
pub(super) async fn memberships(
    connection: &mut PgConnection,
    members: &[i64],
) -> Result<HashMap<i64, Vec<Membership>>> {
    let rows = sqlx::query!(
        r#"select w.diamond_account as "member!", a.diamond_account as "agency!",
                  (extract(epoch from m.since) * 1000000)::bigint as "since_us!",
                  (extract(epoch from m.until) * 1000000)::bigint as until_us
             from agency_memberships m
             join wallets w on w.user_id = m.user_id
             join agencies a on a.id = m.agency_id
            where w.diamond_account = any($1)"#,
        members
    )
    .fetch_all(connection)
    .await?;
    let mut of: HashMap<i64, Vec<Membership>> = HashMap::new();
    for row in rows {
        let (agency, since_us, until_us) = (row.agency, row.since_us, row.until_us.unwrap_or(i64::MAX));
        of.entry(row.member).or_default().push(Membership { agency, since_us, until_us });
    }
    Ok(of)
}

/// Those of these diamond accounts that belong to a user.
pub(super) async fn of_users(connection: &mut PgConnection, accounts: &[i64]) -> Result<Vec<i64>> {
    sqlx::query_scalar!("select diamond_account from wallets where diamond_account = any($1)", accounts)
        .fetch_all(connection)
        .await
}

/// Gifts and agencies whose versions are not whole: the row that holds now is the newest version, none is missing below
/// it, and the oldest one is 1 (of a gift that is older than its history, the one that stood then). Each by name, with
/// what is wrong.
pub(super) async fn unversioned(connection: &mut PgConnection) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"select 'gift ' || coalesce(g.id, v.gift_id) as "subject!",
                  g.version::bigint as "version?", g.price as "amount?", g.xp_bp::bigint as "bp?",
                  v.versions as "versions?", v.oldest as "oldest?", v.newest as "newest?"
             from gifts g
             full join (select gift_id, count(*) as versions, min(version)::bigint as oldest, max(version)::bigint as newest
                          from gift_versions group by gift_id) v on v.gift_id = g.id
            where not exists (select from gift_versions now
                               where now.gift_id = g.id and now.version = g.version and now.price = g.price
                                 and now.xp_bp = g.xp_bp)
               or v.newest is distinct from g.version or v.oldest is distinct from g.first_version
               or g.first_version < 1 or v.versions <> v.newest - v.oldest + 1
            union all
           select 'agency ' || coalesce(a.id, v.agency_id), a.rate_version, a.diamond_account, a.rate_bp, v.versions, v.oldest,
                  v.newest
             from agencies a
             full join (select agency_id, count(*) as versions, min(version) as oldest, max(version) as newest
                          from agency_rate_versions group by agency_id) v on v.agency_id = a.id
            where not exists (select from agency_rate_versions now
                               where now.agency_id = a.id and now.version = a.rate_version and now.rate_bp = a.rate_bp
                                 and now.diamond_account = a.diamond_account)
               or v.newest is distinct from a.rate_version or v.oldest is distinct from 1
               or v.versions <> v.newest - v.oldest + 1
            order by 1
            limit 1000"#
    )
    .fetch_all(connection)
    .await?;
    let said = rows.into_iter().map(|row| {
        let detail = format!(
            "holds {:?} and {:?} basis points as version {:?}; its {:?} versions go from {:?} to {:?}",
            row.amount, row.bp, row.version, row.versions, row.oldest, row.newest
        );
        (row.subject, detail)
    });
    Ok(said.collect())
}

/// Somebody who owned a room, until the time at which it was handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    /// Their diamond account; `None` if they were erased.
    pub(super) account: Option<i64>,
    /// Unix microseconds by the database's clock.
    pub(super) until_us: i64,
}

/// All who have owned these rooms, the first owner first.
pub(super) async fn room_owners(connection: &mut PgConnection, rooms: &[i64]) -> Result<HashMap<i64, Vec<Owner>>> {
    let rows = sqlx::query!(
        r#"select owned.room_id as "room!", w.diamond_account as "account?",
                  (extract(epoch from owned.until) * 1000000)::bigint as until_us
             from (select id as room_id, owner_id, null::bigint as handover, null::timestamptz as until
                     from rooms
                    where id = any($1)
                    union all
                   select room_id, former_id, id, at
                     from room_handovers
                    where room_id = any($1)) owned
             left join wallets w on w.user_id = owned.owner_id
            order by owned.handover nulls last"#,
        rooms
    )
    .fetch_all(connection)
    .await?;
    let mut owners: HashMap<i64, Vec<Owner>> = HashMap::new();
    for row in rows {
        let owner = Owner { account: row.account, until_us: row.until_us.unwrap_or(i64::MAX) };
        owners.entry(row.room).or_default().push(owner);
    }
    Ok(owners)
}

/// At most `limit` rooms' totals above the room id `after`: the room, the number of its last gift, and its coins.
pub(super) async fn totals(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<(i64, i64, i64)>> {
    let rows = sqlx::query!(
        "select room_id, gift_no, coins from room_totals where room_id > $1 order by room_id limit $2",
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.room_id, row.gift_no, row.coins)).collect())
}
