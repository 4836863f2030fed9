//! The SQL of nodes and of the owners of rooms. No clock of the database says whether another server lives: who wants to
//! know watches whether its lease changes.

use sqlx::PgConnection;

use super::Identity;

/// A lease that its holder has not given back, as another process sees it. Each renewal changes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lease {
    pub node_id: String,
    pub incarnation: i64,
    /// For how long the holder can prove it after a renewal, at most; `None` if a program wrote it that does not say so.
    pub lease_ms: Option<i64>,
    /// The number of renewals; 0 if a program wrote it that does not count them.
    pub renewals: i64,
    /// When the lease ends by the database's clock, in Unix microseconds.
    pub until_us: i64,
}

/// The row of `room_owners`: the process that owns a room, and the epoch in which it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Owner {
    pub node_id: String,
    pub incarnation: i64,
    pub epoch: i64,
}

/// Takes the lock of starts alone. Every other start, and everybody who calls [`hold_place`], waits until the
/// transaction ends.
pub(super) async fn take_place(conn: &mut PgConnection) -> sqlx::Result<()> {
    // The numbers are arbitrary. No other code uses advisory locks whose first number is 7270.
    sqlx::query!("select pg_advisory_xact_lock(7270, 1)").execute(conn).await?;
    Ok(())
}

/// Takes the lock of starts together with others who hold it, so that every start waits until the transaction ends.
/// What the caller relies on must be read in a later statement: one that waits for a lock judges by the snapshot from
/// before the wait.
pub(super) async fn hold_place(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock_shared(7270, 1)").execute(conn).await?;
    Ok(())
}

/// The lease of the process that started last, unless it was given back. No other process can renew one. It reads schemas
/// of any age.
pub(super) async fn newest_lease(conn: &mut PgConnection) -> sqlx::Result<Option<Lease>> {
    sqlx::query_as!(
        Lease,
        r#"select id as node_id, incarnation,
                  (to_jsonb(n) ->> 'lease_ms')::bigint as lease_ms,
                  coalesce((to_jsonb(n) ->> 'renewals')::bigint, 0) as "renewals!",
                  (extract(epoch from lease_until) * 1000000)::bigint as "until_us!"
             from nodes n
            where lease_until > '-infinity'
              and not exists (select from nodes as later where later.incarnation > n.incarnation)
            order by id
            limit 1"#
    )
    .fetch_optional(conn)
    .await
}

/// Whether a server has served that did not run for a developer. It reads schemas of any age: a row without a mode is one
/// of a program that did not note it, unless it is that of `new`, the incarnation that has just taken its lease.
pub(super) async fn has_served_people(conn: &mut PgConnection, new: Option<i64>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select
                            from nodes n
                           where to_jsonb(n) ->> 'mode' is distinct from 'dev'
                             and (to_jsonb(n) ->> 'mode' is not null or n.incarnation is distinct from $1))
                  as "served!""#,
        new
    )
    .fetch_one(conn)
    .await
}

/// Notes on this process's row how it was started. Nothing happens if another incarnation has the row.
pub(super) async fn set_mode(conn: &mut PgConnection, node: &Identity, mode: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update nodes
            set mode = $3
          where id = $1 and incarnation = $2",
        node.node_id,
        node.incarnation,
        mode
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the node's row under a new incarnation, with a fresh lease, and returns the incarnation.
pub(super) async fn take_lease(conn: &mut PgConnection, node_id: &str, lease_ms: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "insert into nodes (id, incarnation, lease_until, lease_ms)
         values ($1, nextval('node_incarnations'), clock_timestamp() + $2::bigint * interval '1 millisecond', $2)
         on conflict (id) do update
            set incarnation = excluded.incarnation, started_at = clock_timestamp(), lease_until = excluded.lease_until,
                lease_ms = excluded.lease_ms, renewals = 0
         returning incarnation",
        node_id,
        lease_ms
    )
    .fetch_one(conn)
    .await
}

/// Renews the lease; `false` if another process has taken this one's place, whatever its name is. Incarnations rise
/// over all nodes, so the process that started last is the only one. It must be called after [`hold_place`].
pub(super) async fn renew_lease(conn: &mut PgConnection, node: &Identity, lease_ms: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update nodes
            set lease_until = clock_timestamp() + $3::bigint * interval '1 millisecond', lease_ms = $3,
                renewals = renewals + 1
          where id = $1 and incarnation = $2
            and not exists (select from nodes as later where later.incarnation > $2)",
        node.node_id,
        node.incarnation,
        lease_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the lease back: it has ended whatever the database's clock shows, now and later. Nothing happens if another
/// incarnation has the row.
pub(super) async fn end_lease(conn: &mut PgConnection, node: &Identity) -> sqlx::Result<()> {
    sqlx::query!(
        "update nodes
            set lease_until = '-infinity'
          where id = $1 and incarnation = $2",
        node.node_id,
        node.incarnation
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends every lease. It must be called after [`take_place`], when the one that could still be renewed was found dead.
pub(super) async fn end_leases(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("update nodes set lease_until = '-infinity' where lease_until > '-infinity'").execute(conn).await?;
    Ok(())
}

/// Locks a node's row until the transaction ends, so that its lease can neither be renewed nor taken over.
pub(super) async fn lock_node(conn: &mut PgConnection, node_id: &str) -> sqlx::Result<()> {
    sqlx::query!("select 1 as one from nodes where id = $1 for share", node_id).fetch_optional(conn).await?;
    Ok(())
}

/// Whether this process still has its row and no other has started after it. It must be called after [`hold_place`].
pub(super) async fn is_current(conn: &mut PgConnection, node: &Identity) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from nodes where id = $1 and incarnation = $2)
              and not exists (select from nodes where incarnation > $2) as "current!""#,
        node.node_id,
        node.incarnation
    )
    .fetch_one(conn)
    .await
}

/// Whether the lease of this process lives; `None` if another incarnation has its row.
pub(super) async fn lease_of(conn: &mut PgConnection, node: &Identity) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        r#"select lease_until > clock_timestamp() as "live!"
             from nodes
            where id = $1 and incarnation = $2"#,
        node.node_id,
        node.incarnation
    )
    .fetch_optional(conn)
    .await
}

/// Who owns a room; `None` if nobody ever claimed it.
pub(super) async fn owner_of(conn: &mut PgConnection, room: i64) -> sqlx::Result<Option<Owner>> {
    sqlx::query_as!(Owner, "select node_id, incarnation, epoch from room_owners where room_id = $1", room)
        .fetch_optional(conn)
        .await
}

/// Makes this process the owner and returns the new epoch; `None` if the row is no longer as `before` says.
pub(super) async fn put_owner(
    conn: &mut PgConnection,
    node: &Identity,
    room: i64,
    before: Option<&Owner>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "insert into room_owners as o (room_id, node_id, incarnation, epoch)
         values ($1, $2, $3, (extract(epoch from clock_timestamp()) * 1000)::bigint)
         on conflict (room_id) do update
            set node_id = excluded.node_id, incarnation = excluded.incarnation,
                epoch = greatest(o.epoch + 1, excluded.epoch), claimed_at = clock_timestamp()
          where o.node_id = $4 and o.incarnation = $5 and o.epoch = $6
         returning epoch",
        room,
        node.node_id,
        node.incarnation,
        before.map(|owner| owner.node_id.as_str()),
        before.map(|owner| owner.incarnation),
        before.map(|owner| owner.epoch)
    )
    .fetch_optional(conn)
    .await
}

/// Locks the room's row against a claim until the transaction ends; `false` if another epoch holds.
pub(super) async fn hold_epoch(conn: &mut PgConnection, room: i64, epoch: i64) -> sqlx::Result<bool> {
    let held =
        sqlx::query!("select 1 as one from room_owners where room_id = $1 and epoch = $2 for share", room, epoch)
            .fetch_optional(conn)
            .await?;
    Ok(held.is_some())
}

/// Notes that no process owns the room any more; `false` if the epoch is over. The epoch stays in the row, so that it
/// never falls.
pub(super) async fn clear_owner(conn: &mut PgConnection, room: i64, epoch: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update room_owners
            set node_id = '', incarnation = 0
          where room_id = $1 and epoch = $2",
        room,
        epoch
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
