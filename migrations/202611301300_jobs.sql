-- compatible: no
-- A job is work outside the database, such as an e-mail, that is written down in the transaction that causes it. Any
-- node that has time takes it from here. A job that fails is tried again; one that fails for good is shown to staff.

-- The keys that seal the payloads of jobs which hold a code, an address or a token. The newest key seals new payloads;
-- an older one stays while a job still needs it. gen_random_uuid() draws from PostgreSQL's strong generator, and two
-- UUIDs of 122 random bits each make one key.
create table job_keys (
    id integer generated always as identity primary key,
    secret bytea not null constraint job_keys_length check (octet_length(secret) = 32)
        default sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    created_at timestamptz not null default clock_timestamp()
);
insert into job_keys default values;

create table jobs (
    -- The number by which people and lists name the job.
    id bigint generated always as identity primary key,
    -- The key that the receiving side is given. It is the same at every attempt, so that the receiver can tell a
    -- second attempt from a second job.
    key uuid not null default gen_random_uuid(),
    kind text not null constraint jobs_kind_form check (kind ~ '^[a-z]+\.[a-z_]{1,48}$'),
    -- What the kind of job needs to know, at most 16 KiB: larger data belongs in a table of its own.
    payload jsonb not null default '{}' constraint jobs_payload_bytes check (octet_length(payload::text) <= 16384),
    -- The key that opens the payload; null if the payload is not sealed. A sealed payload is emptied when the job ends.
    sealed_with integer references job_keys,
    state text not null default 'waiting' constraint jobs_state check (state in ('waiting', 'running', 'done', 'failed')),
    -- When a waiting job may be taken. A running job may be taken once more from this time on, because the worker
    -- that took it did not report back in time.
    due_at timestamptz not null default clock_timestamp(),
    -- From this time on the job is of no use: it fails instead of being begun. Null: it does not expire.
    expires_at timestamptz,
    -- Attempts begun since the job was made, or since staff last had it tried again.
    attempts integer not null default 0,
    -- How often the job has ever been taken. A worker that marks the job names this number, so that a mark from a
    -- worker that has outlived its lease changes nothing.
    taken integer not null default 0,
    -- At most one job of a kind with this word waits or runs at a time. Null: there is no such limit.
    unique_by text constraint jobs_unique_by_length check (char_length(unique_by) <= 200),
    -- Why the last attempt failed, in the server's own words. The words of another system are never stored here.
    last_error text constraint jobs_last_error_length check (char_length(last_error) <= 200),
    created_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint jobs_finished check ((finished_at is not null) = (state in ('done', 'failed'))),
    constraint jobs_sealed_open check (sealed_with is null or state in ('waiting', 'running'))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
-- A worker looks for the job that has been due longest. Finished jobs are not in this index.
create index jobs_due on jobs (due_at) where state in ('waiting', 'running');
create unique index jobs_unique on jobs (kind, unique_by) where state in ('waiting', 'running');
-- The clean-up looks for jobs that finished long ago.
create index jobs_finished_at on jobs (finished_at) where state in ('done', 'failed');
-- The list that staff reads: newest first, page by page.
create index jobs_state_id on jobs (state, id);
-- The clean-up of keys asks which keys a job still needs.
create index jobs_sealed_with on jobs (sealed_with) where sealed_with is not null;

-- Periodic jobs. The node that moves `due_at` forward enqueues the period's job in the same statement. No node holds
-- a period: one that was asleep blocks nobody, and finds nothing due when it wakes.
create table job_periods (
    kind text primary key constraint job_periods_kind_form check (kind ~ '^[a-z]+\.[a-z_]{1,48}$'),
    every_seconds double precision not null constraint job_periods_every check (every_seconds > 0),
    due_at timestamptz not null
);

grant select, insert (key, kind, payload, sealed_with, due_at, expires_at, unique_by), delete on jobs to parlor_app;
grant update (payload, sealed_with, state, due_at, expires_at, attempts, taken, last_error, finished_at) on jobs to parlor_app;
grant select, insert, update on job_periods to parlor_app;
grant select, insert, delete on job_keys to parlor_app;
revoke select on job_keys from parlor_audit;

insert into permissions (name, description) values
    ('jobs.read', 'See what the server has to do, and what of it failed.'),
    ('jobs.retry', 'Have a failed job tried again.');
insert into role_permissions (role, permission)
select role, permission
  from unnest(array['admin', 'manager']) as role, unnest(array['jobs.read', 'jobs.retry']) as permission;
