-- compatible: yes
-- Whose an account is, said once and for good. The journal names accounts by opaque ids; these rows say what
-- each was opened for, in a chain of their own, so that a wallet that is mapped to another account is named.

-- The owner of an opening is sealed: a person who is erased takes the salt along, and nobody can try out
-- numbers of users against what stays.
alter table wallets add column salt uuid not null default gen_random_uuid();

create table openings (
    -- Dense, in the order of the commits.
    no bigint primary key,
    account_id bigint not null constraint openings_account_id_key unique references accounts,
    -- SHA-256 over the owner: the table and column that name the account, the owner's key there, the salt.
    seal bytea not null constraint openings_seal_length check (octet_length(seal) = 32),
    -- SHA-256 over the hash before, this row, and what the account was opened as.
    hash bytea not null constraint openings_hash_length check (octet_length(hash) = 32),
    at timestamptz not null default clock_timestamp()
);
grant select on openings to parlor_app;

-- Every table that owns accounts, in one form. A migration that adds such a table adds it here and gives it
-- the trigger below.
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

-- Writes an opening behind the last one. Openings stand in one chain, so one is written at a time: the lock
-- is of the transaction, which is why the trigger below comes last in it.
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

-- Arguments: the column of the owner's key, the column of the salt (or ''), the columns that hold accounts.
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

-- What is there already, in the order in which it was opened.
do $$
declare
    owned record;
begin
    for owned in select * from account_owners order by account_id loop
        perform open_account(owned.held_in, owned.held_as, owned.owner, owned.account_id, owned.salt);
    end loop;
end $$;

create constraint trigger system_accounts_open after insert on system_accounts
    deferrable initially deferred for each row
    execute function open_owned_accounts('name', '', 'account_id');
create constraint trigger agencies_open after insert on agencies
    deferrable initially deferred for each row
    execute function open_owned_accounts('id', '', 'diamond_account');
create constraint trigger wallets_open after insert on wallets
    deferrable initially deferred for each row
    execute function open_owned_accounts('user_id', 'salt', 'coin_account', 'diamond_account');

-- An agency's account is for good.
revoke update on agencies from parlor_app;
grant update (name, rate_bp) on agencies to parlor_app;
