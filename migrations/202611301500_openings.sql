-- compatible: no
-- For whom each account was opened, recorded once and never changed. The journal names accounts by opaque ids. These
-- rows form a hash chain of their own, so that the audit finds a wallet that was later mapped to another account.

-- An opening stores only a salted hash of its owner. When a person is erased the salt is deleted with the wallet, and
-- then nobody can find the owner by trying the ids of users.
alter table wallets add column salt uuid not null default gen_random_uuid();

create table openings (
    -- 1, 2, 3 and so on without gaps, in the order of the commits.
    no bigint primary key,
    account_id bigint not null constraint openings_account_id_key unique references accounts,
    -- SHA-256 over the owner, the account and the salt: the table and column that name the account, the owner's key
    -- in that table, the account's id, the salt.
    seal bytea not null constraint openings_seal_length check (octet_length(seal) = 32),
    -- SHA-256 over the previous row's hash, this row, and the properties with which the account was opened.
    hash bytea not null constraint openings_hash_length check (octet_length(hash) = 32),
    at timestamptz not null default clock_timestamp()
);
grant select on openings to parlor_app;

-- The owners of accounts from every table that has such owners, in one form. A migration that adds such a table adds it
-- to this view and gives it the trigger below.
create view account_owners as
select 'system_accounts' as held_in, 'account_id' as held_as, name as owner, account_id, '' as salt
  from system_accounts
 union all
select 'agencies', 'diamond_account', id::text, diamond_account, ''
  from agencies
 union all
select 'wallets', 'coin_account', user_id::text, coin_account, salt::text
  from wallets
 union all
select 'wallets', 'diamond_account', user_id::text, diamond_account, salt::text
  from wallets;

grant select on account_owners to parlor_app;

-- Appends an opening to the chain. There is one chain, so openings are written one at a time. The lock is held until
-- the transaction ends; the trigger below is deferred to the commit so that it is held briefly.
create function open_account(held_in text, held_as text, owner text, account bigint, salt text)
returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    opened record;
    head record;
    seal bytea;
    now_ timestamptz;
begin
    perform pg_advisory_xact_lock(1886547058, 1);
    now_ := clock_timestamp();
    select a.currency, a.may_overdraw, (extract(epoch from a.created_at) * 1000000)::bigint as created_us
      into strict opened
      from accounts a
     where a.id = account;
    select o.no, o.hash into head from openings o order by o.no desc limit 1;
    seal := sha256(convert_to(concat_ws(E'\n', 'parlor owner 1', held_in, held_as, owner, account, salt), 'UTF8'));
    insert into openings (no, account_id, seal, at, hash)
    values (coalesce(head.no, 0) + 1, account, seal, now_,
            sha256(convert_to(concat_ws(E'\n', 'parlor opening 1', coalesce(encode(head.hash, 'hex'), ''),
                                        coalesce(head.no, 0) + 1, account, opened.currency,
                                        case when opened.may_overdraw then 'overdraws' else 'covers' end,
                                        opened.created_us, (extract(epoch from now_) * 1000000)::bigint,
                                        encode(seal, 'hex')), 'UTF8')));
end $$;
revoke execute on function open_account(text, text, text, bigint, text) from public;

-- The trigger's arguments: the column with the owner's key, the column with the salt (or ''), the columns with
-- accounts.
create function open_owned_accounts() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    owned jsonb := to_jsonb(new);
begin
    for i in 2 .. tg_nargs - 1 loop
        perform open_account(tg_table_name::text, tg_argv[i], owned ->> tg_argv[0], (owned ->> tg_argv[i])::bigint,
                             coalesce(owned ->> tg_argv[1], ''));
    end loop;
    return null;
end $$;

-- The accounts that exist already, in the order in which they were opened: one pass, because each hash is made of the
-- one before. A million accounts take about half a minute.
create temp table opened on commit drop as
select row_number() over (order by o.account_id) as no, o.account_id, a.currency,
       case when a.may_overdraw then 'overdraws' else 'covers' end as overdraft,
       (extract(epoch from a.created_at) * 1000000)::bigint as created_us, clock_timestamp() as at,
       sha256(convert_to(concat_ws(E'\n', 'parlor owner 1', o.held_in, o.held_as, o.owner, o.account_id, o.salt),
                         'UTF8')) as seal
  from account_owners o
  join accounts a on a.id = o.account_id;
create unique index on opened (no);
analyze opened;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
with recursive chain (no, hash) as (
    select 0::bigint, null::bytea
     union all
    select o.no,
           sha256(convert_to(concat_ws(E'\n', 'parlor opening 1', coalesce(encode(c.hash, 'hex'), ''), o.no, o.account_id,
                                       o.currency, o.overdraft, o.created_us,
                                       (extract(epoch from o.at) * 1000000)::bigint, encode(o.seal, 'hex')), 'UTF8'))
      from chain c
      join opened o on o.no = c.no + 1
)
insert into openings (no, account_id, seal, at, hash)
select o.no, o.account_id, o.seal, o.at, c.hash
  from chain c
  join opened o on o.no = c.no
 order by o.no;
drop table opened;
reset enable_hashjoin;
reset enable_mergejoin;

create constraint trigger system_accounts_open after insert on system_accounts
    deferrable initially deferred for each row
    execute function open_owned_accounts('name', '', 'account_id');
create constraint trigger agencies_open after insert on agencies
    deferrable initially deferred for each row
    execute function open_owned_accounts('id', '', 'diamond_account');
create constraint trigger wallets_open after insert on wallets
    deferrable initially deferred for each row
    execute function open_owned_accounts('user_id', 'salt', 'coin_account', 'diamond_account');

-- The serving role may no longer change an agency's account.
revoke update on agencies from parlor_app;
grant update (name, rate_bp) on agencies to parlor_app;
