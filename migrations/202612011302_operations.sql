-- compatible: no
-- The operations of a user that move no money: making and rejecting coin requests. With the journal and the refusals
-- they are one memory: an operation has one answer, whatever it was for. Every writer locks the actor's coin account
-- before it looks here and there, so that two acts under one operation never both happen.

create table operations (
    op uuid not null,
    -- The user's coin account, as in the journal and the refusals.
    actor bigint not null references accounts,
    body_hash bytea not null constraint operations_body_hash_length check (octet_length(body_hash) = 16),
    -- The record that it changed, or why it was refused.
    subject bigint,
    error jsonb,
    at timestamptz not null default clock_timestamp(),
    primary key (op, actor),
    constraint operations_answered check (num_nonnulls(subject, error) = 1)
);

grant select, insert on operations to parlor_app;

-- The operations that have made and rejected requests so far, in the words that the program hashes.
insert into operations (op, actor, body_hash, subject, at)
select r.op, w.coin_account,
       substr(sha256(convert_to(format('coin_request make %s %s', r.reseller_id, r.amount), 'UTF8')), 1, 16),
       r.id, r.created_at
  from coin_requests r
  join wallets w on w.user_id = r.user_id
 where not exists (select from journal j where j.op = r.op and j.actor = w.coin_account);
insert into operations (op, actor, body_hash, subject, at)
select r.settled_op, w.coin_account,
       substr(sha256(convert_to(format('coin_request %s reject %s', r.id, r.reason), 'UTF8')), 1, 16),
       r.id, r.settled_at
  from coin_requests r
  join wallets w on w.user_id = r.reseller_id
 where r.state = 'rejected' and r.settled_op is not null
   and not exists (select from journal j where j.op = r.settled_op and j.actor = w.coin_account)
    on conflict do nothing;
