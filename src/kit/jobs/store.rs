//! SQL of jobs, their sealing keys and their periods. All times are those of the database's clock, so that nodes need
//! not agree on theirs.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::row::{JobList, Listed, State};
use super::slots::Room;
use crate::kit::error::Result;
use crate::kit::list::Window;

/// A job to be written.
pub(super) struct New<'a> {
    pub(super) key: Option<Uuid>,
    pub(super) kind: &'a str,
    pub(super) payload: Value,
    pub(super) sealed_with: Option<i32>,
    pub(super) delay_seconds: f64,
    pub(super) within_seconds: Option<f64>,
    pub(super) unique_by: Option<&'a str>,
}

/// The secret that seals the next job (`id` and `secret` of `job_keys`), and the key that this job is to have.
pub(super) struct Sealing {
    pub(super) id: i32,
    pub(super) secret: Vec<u8>,
    pub(super) job: Uuid,
}

/// A job that this worker has taken. `taken` counts how often the job was taken: a statement that names another
/// number changes nothing, so that a worker which lost the job cannot mark it.
pub(super) struct Taken {
    pub(super) id: i64,
    pub(super) key: Uuid,
    pub(super) kind: String,
    pub(super) payload: Value,
    pub(super) sealed_with: Option<i32>,
    pub(super) attempts: i32,
    pub(super) taken: i32,
}

/// How many jobs wait, run and have failed, and for how many seconds the oldest due job has been due.
pub(super) struct Counts {
    pub(super) waiting: i64,
    pub(super) running: i64,
    pub(super) failed: i64,
    pub(super) oldest_seconds: f64,
}

/// Adds a job and returns its id; the workers are notified at the commit. `None` if a job of the same kind and
/// `unique_by` waits or runs.
pub(super) async fn insert(conn: &mut PgConnection, new: New<'_>) -> Result<Option<i64>> {
    let id = sqlx::query_scalar!(
        r#"with added as (
               insert into jobs (key, kind, payload, sealed_with, due_at, expires_at, unique_by)
               values (coalesce($1, gen_random_uuid()), $2, $3, $4, clock_timestamp() + make_interval(secs => $5),
                       clock_timestamp() + make_interval(secs => $6), $7)
               on conflict (kind, unique_by) where state in ('waiting', 'running') do nothing
               returning id
           )
           select id as "id!"
             from added, pg_notify('parlor_jobs', '')"#,
        new.key,
        new.kind,
        new.payload,
        new.sealed_with,
        new.delay_seconds,
        new.within_seconds,
        new.unique_by,
    );
    Ok(id.fetch_optional(conn).await?)
}

/// Adds jobs of a kind, each unique by its word; one with such a word that waits is due now. The workers are notified at
/// the commit.
pub(super) async fn insert_unique(
    conn: &mut PgConnection,
    kind: &str,
    words: &[String],
    payloads: &[Value],
) -> Result<()> {
    sqlx::query_scalar!(
        r#"with added as (
             insert into jobs as j (kind, payload, due_at, unique_by)
             select $1, n.payload, clock_timestamp(), n.word
               from unnest($2::text[], $3::jsonb[]) as n (word, payload)
              order by n.word
             on conflict (kind, unique_by) where state in ('waiting', 'running') do update
                set due_at = least(j.due_at, excluded.due_at)
              where j.state = 'waiting'
             returning 1
         )
         select 1 as "one!"
           from pg_notify('parlor_jobs', '')
          where exists (select from added)"#,
        kind,
        words,
        payloads,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// The newest sealing key, and a fresh UUID as the key of the next job.
pub(super) async fn sealing_key(conn: &mut PgConnection) -> Result<Sealing> {
    let key = sqlx::query_as!(
        Sealing,
        r#"select id, secret, gen_random_uuid() as "job!"
             from job_keys
            order by id desc
            limit 1"#
    );
    Ok(key.fetch_one(conn).await?)
}

/// The secret of the sealing key with this id.
pub(super) async fn secret(conn: &mut PgConnection, id: i32) -> Result<Vec<u8>> {
    Ok(sqlx::query_scalar!("select secret from job_keys where id = $1", id).fetch_one(conn).await?)
}

/// Takes due jobs of the kinds that have room, of each kind the longest due first. Jobs that another worker is taking at
/// this moment are skipped. A job whose last attempt ended without a mark is taken once more, because its worker may have
/// ended before the attempt began.
pub(super) async fn take(conn: &mut PgConnection, room: &Room) -> Result<Vec<Taken>> {
    let taken = sqlx::query_as!(
        Taken,
        "with due as (
             select j.id, k.lease_seconds
               from unnest($1::text[], $2::int[], $3::float8[], $4::bigint[]) as k (kind, attempts, lease_seconds, room)
              cross join lateral (
                    select jobs.id
                      from jobs
                     where jobs.kind = k.kind
                       and jobs.state in ('waiting', 'running')
                       and jobs.due_at <= statement_timestamp()
                       and (jobs.expires_at is null or jobs.expires_at > statement_timestamp())
                       and (jobs.state = 'waiting' or jobs.attempts <= k.attempts)
                     order by jobs.due_at
                     limit k.room
                       for update skip locked) j
              limit $5
         )
         update jobs j
            set state = 'running',
                attempts = j.attempts + 1,
                taken = j.taken + 1,
                due_at = clock_timestamp() + make_interval(secs => due.lease_seconds)
           from due
          where j.id = due.id
         returning j.id, j.key, j.kind, j.payload, j.sealed_with, j.attempts, j.taken",
        &room.kinds,
        &room.attempts,
        &room.lease_seconds,
        &room.each,
        i64::try_from(room.all).unwrap_or(i64::MAX),
    );
    Ok(taken.fetch_all(conn).await?)
}

/// Marks as failed waiting jobs of any kind whose deadline is over, and jobs of these kinds whose last attempt, and the
/// one that they have beyond it, ended without a mark. Returns their ids and kinds.
pub(super) async fn give_up(
    conn: &mut PgConnection,
    kinds: &[String],
    attempts: &[i32],
    limit: i64,
) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "with late as (
             select id
               from jobs
              where state = 'waiting'
                and expires_at <= statement_timestamp()
              order by expires_at
              limit $3
                for update skip locked
         ), lost as (
             select j.id
               from jobs j
               join unnest($1::text[], $2::int[]) as k (kind, attempts) on k.kind = j.kind
              where j.state = 'running'
                and j.due_at <= statement_timestamp()
                and (j.expires_at <= statement_timestamp() or j.attempts > k.attempts)
                for update of j skip locked
         )
         update jobs j
            set state = 'failed',
                payload = case when j.sealed_with is null then j.payload else '{\"emptied\": true}' end,
                sealed_with = null,
                last_error = case when j.expires_at <= statement_timestamp() then 'its time was over'
                                  else 'the worker of the last attempt did not come back' end,
                finished_at = clock_timestamp()
          where j.id in (select id from late union all select id from lost)
         returning j.id, j.kind",
        kinds,
        attempts,
        limit,
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.id, row.kind)).collect())
}

/// Marks as failed some jobs that have been due for so long that no program knows their kind. Returns their number.
pub(super) async fn give_up_unclaimed(conn: &mut PgConnection, hours: i32, limit: i64) -> Result<u64> {
    let ended = sqlx::query!(
        "update jobs
            set state = 'failed',
                payload = case when sealed_with is null then payload else '{\"emptied\": true}' end,
                sealed_with = null,
                last_error = 'no worker took it: no program that ran knows its kind',
                finished_at = clock_timestamp()
          where id in (
              select id
                from jobs
               where state in ('waiting', 'running')
                 and due_at < statement_timestamp() - make_interval(hours => $1)
               limit $2
                 for update skip locked)",
        hours,
        limit,
    );
    Ok(ended.execute(conn).await?.rows_affected())
}

/// Marks a job as done and empties its payload; `false` if another worker has taken it since.
pub(super) async fn done(conn: &mut PgConnection, id: i64, taken: i32) -> Result<bool> {
    let marked = sqlx::query!(
        "update jobs
            set state = 'done', payload = '{}', sealed_with = null, last_error = null, finished_at = clock_timestamp()
          where id = $1 and taken = $2 and state = 'running'",
        id,
        taken,
    );
    Ok(marked.execute(conn).await?.rows_affected() == 1)
}

/// Makes a job due again after `seconds`, give or take a quarter; `false` if another worker has taken it since.
pub(super) async fn again(conn: &mut PgConnection, id: i64, taken: i32, seconds: f64, why: &str) -> Result<bool> {
    let marked = sqlx::query!(
        "update jobs
            set state = 'waiting',
                due_at = clock_timestamp() + make_interval(secs => $3::float8 * (0.75 + random() / 2)),
                last_error = $4
          where id = $1 and taken = $2 and state = 'running'",
        id,
        taken,
        seconds,
        why,
    );
    Ok(marked.execute(conn).await?.rows_affected() == 1)
}

/// Marks a job as failed for good and empties its payload if that is sealed; `false` if another worker has taken it
/// since.
pub(super) async fn failed(conn: &mut PgConnection, id: i64, taken: i32, why: &str) -> Result<bool> {
    let marked = sqlx::query!(
        "update jobs
            set state = 'failed',
                payload = case when sealed_with is null then payload else '{\"emptied\": true}' end,
                sealed_with = null,
                last_error = $3,
                finished_at = clock_timestamp()
          where id = $1 and taken = $2 and state = 'running'",
        id,
        taken,
        why,
    );
    Ok(marked.execute(conn).await?.rows_affected() == 1)
}

/// Gives back jobs that were taken and cut off or never begun. They are due at once, and the attempt does not count.
pub(super) async fn give_back(conn: &mut PgConnection, ids: &[i64], taken: &[i32]) -> Result<()> {
    sqlx::query!(
        "update jobs j
            set state = 'waiting', due_at = clock_timestamp(), attempts = attempts - 1
           from unnest($1::bigint[], $2::int[]) as t (id, taken)
          where j.id = t.id and j.taken = t.taken and j.state = 'running'",
        ids,
        taken,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes all running jobs due, whose worker is gone. Returns their number.
pub(super) async fn take_over(conn: &mut PgConnection) -> Result<u64> {
    let begun = sqlx::query!(
        "update jobs set due_at = clock_timestamp() where state = 'running' and due_at > clock_timestamp()"
    );
    Ok(begun.execute(conn).await?.rows_affected())
}

/// Has PostgreSQL end this transaction's session when no statement comes for `ms` milliseconds.
pub(super) async fn end_when_idle(conn: &mut PgConnection, ms: f64) -> Result<()> {
    let ms = format!("{ms:.0}ms");
    sqlx::query!("select set_config('idle_in_transaction_session_timeout', $1, true)", ms).fetch_one(conn).await?;
    Ok(())
}

/// Registers the periods. A new one is due after its time has passed once; one that was made shorter is due no later
/// than that.
pub(super) async fn put_periods(conn: &mut PgConnection, kinds: &[String], every_seconds: &[f64]) -> Result<()> {
    sqlx::query!(
        "insert into job_periods as p (kind, every_seconds, due_at)
         select kind, every_seconds, clock_timestamp() + make_interval(secs => every_seconds)
           from unnest($1::text[], $2::float8[]) as n (kind, every_seconds)
         on conflict (kind) do update
            set every_seconds = excluded.every_seconds, due_at = least(p.due_at, excluded.due_at)",
        kinds,
        every_seconds,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Enqueues the job of each due period, unless the previous one waits or runs, and sets when the period is due next. A
/// period that is due in more than twice its length is due now: the database's clock was ahead when that was written. It
/// is one statement, so that no node can stop between the two. Returns the number of new jobs.
pub(super) async fn begin_periods(conn: &mut PgConnection, kinds: &[String]) -> Result<u64> {
    let begun = sqlx::query!(
        "with due as (
             select kind
               from job_periods
              where kind = any($1)
                and (due_at <= statement_timestamp()
                     or due_at > statement_timestamp() + make_interval(secs => 2 * every_seconds))
                for update skip locked
         ), begun as (
             update job_periods p
                set due_at = statement_timestamp() + make_interval(secs => every_seconds)
               from due
              where p.kind = due.kind
             returning p.kind
         )
         insert into jobs (kind, payload, unique_by)
         select kind, 'null', 'period'
           from begun
         on conflict (kind, unique_by) where state in ('waiting', 'running') do nothing",
        kinds,
    );
    Ok(begun.execute(conn).await?.rows_affected())
}

/// Corrects the jobs of these kinds that are due later than the present clock can have meant: the database's clock was
/// ahead when that was written. The lease of a running job begins anew, because its worker may be alive; a job that was to
/// be tried again, or was due when it was made, is due now.
pub(super) async fn mend_dates(
    conn: &mut PgConnection,
    kinds: &[String],
    lease_seconds: &[f64],
    wait_seconds: &[f64],
) -> Result<u64> {
    let mended = sqlx::query!(
        "with ahead as (
             select j.id, case when j.state = 'running' then k.lease_seconds else 0 end as seconds
               from jobs j
               join unnest($1::text[], $2::float8[], $3::float8[]) as k (kind, lease_seconds, wait_seconds)
                    on k.kind = j.kind
              where j.state in ('waiting', 'running')
                and j.due_at > statement_timestamp() + interval '1 second'
                and case when j.state = 'running'
                         then j.due_at > statement_timestamp() + make_interval(secs => k.lease_seconds + 1)
                         when j.attempts > 0
                         then j.due_at > statement_timestamp() + make_interval(secs => k.wait_seconds + 1)
                         else j.created_at > statement_timestamp() and j.due_at < j.created_at + interval '1 second'
                    end
                for update of j skip locked
         )
         update jobs j
            set due_at = statement_timestamp() + make_interval(secs => ahead.seconds)
           from ahead
          where j.id = ahead.id",
        kinds,
        lease_seconds,
        wait_seconds,
    );
    Ok(mended.execute(conn).await?.rows_affected())
}

/// The rows of one page of jobs, newest first, only those in `state` if it is given.
pub(super) async fn listed(
    conn: &mut PgConnection,
    state: Option<&str>,
    window: &Window<JobList>,
) -> Result<Vec<Listed>> {
    let rows = sqlx::query!(
        r#"select id, kind, state, attempts, last_error,
                  (extract(epoch from created_at) * 1000)::bigint as "created_at!",
                  case when finished_at is null then (extract(epoch from due_at) * 1000)::bigint end as due_at,
                  (extract(epoch from finished_at) * 1000)::bigint as finished_at,
                  state = 'failed' and not payload ? 'emptied' as "can_retry!"
             from jobs
            where ($1::text is null or state = $1)
              and ($2::bigint is null or id < $2)
            order by id desc
            limit $3"#,
        state,
        window.behind(),
        window.one_more(),
    );
    let listed = rows.fetch_all(conn).await?.into_iter().map(|row| Listed {
        id: row.id,
        kind: row.kind,
        state: State::from_name(&row.state).unwrap_or(State::Waiting),
        attempts: row.attempts,
        last_error: row.last_error,
        created_at: row.created_at,
        due_at: row.due_at,
        finished_at: row.finished_at,
        can_retry: row.can_retry,
    });
    Ok(listed.collect())
}

/// Makes a failed job due again and returns its kind; `None` if it has not failed or was emptied. Another one like it
/// violates the constraint `jobs_unique`.
pub(super) async fn retry(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<String>> {
    let kind = sqlx::query_scalar!(
        r#"with again as (
               update jobs
                  set state = 'waiting', due_at = clock_timestamp(), expires_at = null, attempts = 0, finished_at = null
                where id = $1
                  and state = 'failed'
                  and not payload ? 'emptied'
               returning kind
           )
           select kind as "kind!"
             from again, pg_notify('parlor_jobs', '')"#,
        id
    );
    kind.fetch_optional(conn).await
}

/// The state of a job; `None` if there is no such job.
pub(super) async fn state(conn: &mut PgConnection, id: i64) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select state from jobs where id = $1", id).fetch_optional(conn).await?)
}

/// The counts for the metrics. Done jobs are not counted because there may be very many. The oldest job is one of these
/// kinds: a job that nobody knows would be due for ever.
pub(super) async fn counts(conn: &mut PgConnection, kinds: &[String]) -> Result<Counts> {
    let counts = sqlx::query_as!(
        Counts,
        r#"select (select count(*) from jobs where state = 'waiting') as "waiting!",
                  (select count(*) from jobs where state = 'running') as "running!",
                  (select count(*) from jobs where state = 'failed') as "failed!",
                  greatest(coalesce((select extract(epoch from clock_timestamp() - min(oldest.due_at))::float8
                                       from unnest($1::text[]) as k (kind)
                                      cross join lateral (
                                            select due_at
                                              from jobs
                                             where jobs.kind = k.kind and jobs.state in ('waiting', 'running')
                                             order by jobs.due_at
                                             limit 1) oldest), 0), 0) as "oldest_seconds!""#,
        kinds,
    );
    Ok(counts.fetch_one(conn).await?)
}

/// Removes up to `limit` jobs that were finished longer ago than these hours; returns how many.
pub(super) async fn delete_finished(
    conn: &mut PgConnection,
    done_hours: i32,
    failed_hours: i32,
    limit: i64,
) -> Result<u64> {
    let deleted = sqlx::query!(
        "delete from jobs
          where id in (
              select id
                from jobs
               where state in ('done', 'failed')
                 and finished_at < statement_timestamp()
                                   - make_interval(hours => case state when 'done' then $1::int else $2::int end)
               limit $3
                 for update skip locked)",
        done_hours,
        failed_hours,
        limit,
    );
    Ok(deleted.execute(conn).await?.rows_affected())
}

/// Creates a sealing key if the newest one is at least this many days old.
pub(super) async fn succeed_key(conn: &mut PgConnection, days: i32) -> Result<()> {
    sqlx::query!(
        "insert into job_keys (secret)
         select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
          where not exists (
              select from job_keys where created_at > clock_timestamp() - make_interval(days => $1))",
        days
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes the sealing keys that no job needs and that have had a successor for a day: no transaction that is still
/// open can be sealing a job with one of them.
pub(super) async fn delete_unneeded_keys(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "delete from job_keys k
          where not exists (select from jobs j where j.sealed_with = k.id)
            and exists (
                select from job_keys n where n.id > k.id and n.created_at < clock_timestamp() - interval '1 day')"
    )
    .execute(conn)
    .await?;
    Ok(())
}
