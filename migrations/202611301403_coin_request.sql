-- compatible: yes
-- Coin requests: a user asks a reseller for coins. Asker, reseller and amount never change; a request is settled once.

create table coin_requests (
    id bigint generated always as identity primary key,
    user_id bigint not null references users,
    reseller_id bigint not null references users,
    amount bigint not null constraint coin_requests_amount check (amount > 0),
    state text not null default 'pending'
        constraint coin_requests_state check (state in ('pending', 'approved', 'rejected', 'expired')),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    settled_at timestamptz,
    -- The row of the journal that moved the coins. Both are written in one transaction.
    transfer bigint constraint coin_requests_transfer_key unique,
    -- The operations that made and that rejected the request. An operation that is repeated gets the first answer.
    op uuid not null,
    settled_op uuid,
    reason text not null default '' constraint coin_requests_reason_length check (char_length(reason) <= 200),
    constraint coin_requests_not_to_oneself check (user_id <> reseller_id),
    constraint coin_requests_paid check ((state = 'approved') = (transfer is not null)),
    constraint coin_requests_settled check ((state = 'pending') = (settled_at is null)),
    constraint coin_requests_op_key unique (user_id, op)
);
-- The lists of a user and of a reseller, newest first.
create index coin_requests_user_id on coin_requests (user_id, id desc);
create index coin_requests_reseller_id on coin_requests (reseller_id, id desc);
-- The pending requests, by when they expire.
create index coin_requests_open on coin_requests (expires_at) where state = 'pending';

grant select, insert (user_id, reseller_id, amount, expires_at, op) on coin_requests to parlor_app;
grant update (state, settled_at, transfer, settled_op, reason) on coin_requests to parlor_app;
