-- Sessions that can be refreshed, listed and ended, and the word of their end for every node.

-- Sessions that ended while their access token still held: each node reads these every second and closes
-- the sockets that stand on them. Short-lived: no longer than the longest access token. It refers to
-- nothing by a key: the check would lock the user's row behind the session's, where others lock it first.
create table revocations (
    id bigint generated always as identity primary key,
    session_id uuid not null,
    -- With the session, so that a node finds the sockets by their user.
    user_id bigint not null,
    reason text not null constraint revocations_reason check (reason in ('signed_out', 'suspended', 'token_reused')),
    at timestamptz not null default clock_timestamp()
);
-- Read by time, with an overlap for transactions that committed late; removed by time.
create index revocations_at on revocations (at);

-- The one live refresh token of each session. Old ones need no row: a token carries its family, so one of
-- the family that is neither the live one nor the one before it has been used long ago.
create table refresh_tokens (
    session_id uuid primary key references sessions on delete cascade,
    -- SHA-256 of what all tokens of the session share.
    family_hash bytea not null constraint refresh_tokens_family_length check (octet_length(family_hash) = 32),
    -- SHA-256 of the live token's own part.
    current_hash bytea not null constraint refresh_tokens_current_length check (octet_length(current_hash) = 32),
    -- Slides with every exchange, up to the session's absolute end.
    expires_at timestamptz not null,
    -- The token that was exchanged for the live one, and when: while that is unused, a lost answer is
    -- given again, and the salt makes it the same.
    previous_hash bytea constraint refresh_tokens_previous_length check (octet_length(previous_hash) = 32),
    exchanged_at timestamptz,
    salt bytea constraint refresh_tokens_salt_length check (octet_length(salt) = 32),
    constraint refresh_tokens_exchange_whole check (
        (previous_hash is null) = (exchanged_at is null) and (previous_hash is null) = (salt is null)
    )
);

-- By sign-in or refresh; a socket that lives for hours is refreshed too.
alter table sessions add column last_used_at timestamptz not null default clock_timestamp();
-- Listing a user's sessions, newest first (ids are of version 7), and ending all of them.
drop index sessions_user_id;
create index sessions_of_user on sessions (user_id, id desc) where revoked_at is null;

grant select, insert, delete on revocations to parlor_app;
grant select, insert, update on refresh_tokens to parlor_app;
-- Sign-in is not for those who read the books.
revoke select on refresh_tokens from parlor_audit;
