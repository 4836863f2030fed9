-- Accounts of people, their sign-ins and the keys that sign their tokens.

create table users (
    -- Random and unused, nine digits and more: people read it aloud.
    id bigint primary key constraint users_id_range check (id between 100000000 and 9007199254740991),
    -- E.164. Reclaimable while not verified, so it is a name for signing in and no proof.
    phone text constraint users_phone_key unique,
    -- In lower case, so that the key makes no two accounts of one address.
    email text constraint users_email_key unique constraint users_email_lower check (email = lower(email)),
    -- argon2id in PHC form; it names its own parameters.
    password_hash text not null,
    name text not null constraint users_name_length check (char_length(name) between 1 and 40),
    created_at timestamptz not null default clock_timestamp(),
    constraint users_reachable check (phone is not null or email is not null)
);

-- One sign-in on one device; the access token carries its id.
create table sessions (
    id uuid primary key,
    user_id bigint not null references users,
    device text not null constraint sessions_device_length check (char_length(device) between 1 and 128),
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz
);
create index sessions_user_id on sessions (user_id);

-- HS256 keys, one purpose each; the newest signs, the others verify until their tokens have expired.
create table signing_keys (
    id uuid primary key,
    purpose text not null constraint signing_keys_purpose check (purpose in ('access', 'room')),
    secret bytea not null constraint signing_keys_secret_length check (octet_length(secret) = 32),
    created_at timestamptz not null default clock_timestamp()
);

grant select, insert, update on users, sessions to parlor_app;
grant select, insert, delete on signing_keys to parlor_app;
-- Neither hashes nor keys are for those who read the books.
revoke select on users, signing_keys from parlor_audit;
grant select (id, name, created_at) on users to parlor_audit;
