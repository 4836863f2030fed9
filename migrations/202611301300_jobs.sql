-- compatible: no
-- What is to happen outside a transaction, written down in the transaction that causes it: taken from here by
-- whichever node has time, tried again where it failed, and shown to staff where it failed for good.

-- What seals the payloads of jobs that hold a code, an address or a token. The newest seals; an older one stays
-- while a job needs it. The random numbers are PostgreSQL's strong ones: two of 122 bits make a key.
create table job_keys (
    id integer generated always as identity primary key,
    secret bytea not null constraint job_keys_length check (octet_length(secret) = 32)
        default sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    created_at timestamptz not null default clock_timestamp()
);
insert into job_keys default values;

create table jobs (
    -- For people and lists.
    id bigint generated always as identity primary key,
    -- For the other side: the same at every attempt, so that it can tell a second one from a second job.
    key uuid not null default gen_random_uuid(),
    kind text not null constraint jobs_kind_form check (kind ~ '^[a-z]+\.[a-z_]{1,48}$'),
    -- What the kind needs to know. A job is a note, not a store.
    payload jsonb not null default '{}' constraint jobs_payload_bytes check (octet_length(payload::text) <= 16384),
    -- The key that opens the payload; null: it lies open. A sealed payload is emptied with the job's end.
    sealed_with integer references job_keys,
    state text not null default 'waiting' constraint jobs_state check (state in ('waiting', 'running', 'done', 'failed')),
    -- A waiting job is taken from then on; a running one once more from then on, because whoever took it has
    -- not come back in its time.
    due_at timestamptz not null default clock_timestamp(),
    -- Of no use from then on: it fails instead of being begun. Null: always of use.
    expires_at timestamptz,
    -- Attempts begun since it was made, or since staff had it tried anew.
    attempts integer not null default 0,
    -- How often it was taken, ever. Whoever marks it names the number: what a worker that slept through its lease
    -- says of it counts no more.
    taken integer not null default 0,
    -- Of the jobs of a kind with the same word only one waits or runs. Null: any number may.
    unique_by text constraint jobs_unique_by_length check (char_length(unique_by) <= 200),
    -- Why the last attempt failed, in words of this house: never what another side said.
    last_error text constraint jobs_last_error_length check (char_length(last_error) <= 200),
    created_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint jobs_finished check ((finished_at is not null) = (state in ('done', 'failed'))),
    constraint jobs_sealed_open check (sealed_with is null or state in ('waiting', 'running'))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
-- What a worker looks for, the longest due first; what is finished is in none of it.
create index jobs_due on jobs (due_at) where state in ('waiting', 'running');
create unique index jobs_unique on jobs (kind, unique_by) where state in ('waiting', 'running');
-- What is cleaned up.
create index jobs_finished_at on jobs (finished_at) where state in ('done', 'failed');
-- Staff's list, newest first, by cursor.
create index jobs_state_id on jobs (state, id);
-- A key goes when no job needs it.
create index jobs_sealed_with on jobs (sealed_with) where sealed_with is not null;

-- What happens again and again. Whichever node moves `due_at` on has the period and enqueues its job, in the
-- same statement: a node that sleeps holds nothing meanwhile, and finds nothing due when it wakes.
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
