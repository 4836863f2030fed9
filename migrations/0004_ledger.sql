-- The ledger: one immutable row per transfer with all its legs; balances are its fold.

-- An account holds one currency (1 coin, 2 diamond). The journal names accounts by these opaque ids
-- only, so that erasing a person deletes the mapping in `wallets` and no row of the books.
create table accounts (
    id bigint generated always as identity primary key,
    currency smallint not null constraint accounts_currency check (currency in (1, 2)),
    -- Issuance may be negative, users never. parlor_app cannot set it.
    may_overdraw boolean not null default false,
    created_at timestamptz not null default clock_timestamp()
);

create table balances (
    account_id bigint primary key references accounts,
    may_overdraw boolean not null default false,
    -- Minor units: a coin has 1, a diamond 10,000. Below 2^53, so that every client reads it exactly.
    amount bigint not null default 0 constraint balances_range check (amount between -9007199254740991 and 9007199254740991),
    -- Experience in 1/10,000: coins spent times the gifts' multiplier, or diamonds received.
    xp bigint not null default 0 constraint balances_xp_range check (xp between 0 and 9007199254740991),
    -- Head of the account's list of transfers; rises with every change; 0 before the first.
    last_transfer bigint not null default 0,
    -- The backstop; the ledger refuses before it comes to this.
    constraint balances_never_negative check (amount >= 0 or may_overdraw)
) with (fillfactor = 70); -- room for HOT updates: only amount, xp and last_transfer ever change

create table wallets (
    user_id bigint primary key references users,
    coin_account bigint not null unique references accounts,
    diamond_account bigint not null unique references accounts
);

create table system_accounts (
    name text primary key,
    account_id bigint not null unique references accounts
);

-- Every leg in its own account, known currencies only, zero-sum in each, nothing empty.
create function legs_are_balanced(accounts bigint[], currencies smallint[], amounts bigint[], previous bigint[])
returns boolean language plpgsql immutable parallel safe as $$
declare
    n int := cardinality(accounts);
    coins numeric := 0;
    diamonds numeric := 0;
begin
    if n is null or n < 2 or cardinality(currencies) is distinct from n
       or cardinality(amounts) is distinct from n or cardinality(previous) is distinct from n then
        return false;
    end if;
    for i in 1..n loop
        if accounts[i] is null or amounts[i] is null or amounts[i] = 0 or previous[i] is null or previous[i] < 0 then
            return false;
        end if;
        if i > 1 and accounts[i] <= accounts[i - 1] then
            return false; -- ascending, so no account stands twice
        end if;
        if currencies[i] = 1 then coins := coins + amounts[i];
        elsif currencies[i] = 2 then diamonds := diamonds + amounts[i];
        else return false; -- null included
        end if;
    end loop;
    return coins = 0 and diamonds = 0;
end $$;

create table journal (
    -- From `transfers`, drawn under the locks of the accounts: along an account's list ids only rise.
    id bigint primary key,
    -- 1 gift, 2 grant, 3 issuance, 4 reversal.
    kind smallint not null constraint journal_kind check (kind between 1 and 4),
    op uuid not null,
    -- The coin account of whoever asked: operations are scoped to it.
    actor bigint not null,
    body_hash bytea not null constraint journal_body_hash_length check (octet_length(body_hash) = 16),
    at timestamptz not null,
    accounts bigint[] not null,
    currencies smallint[] not null,
    amounts bigint[] not null,
    -- Each account's transfer before this one; 0 where this is its first.
    previous bigint[] not null,
    -- The actor's coins after it: part of the first answer.
    actor_balance bigint not null,
    -- Of a gift: where, its dense number there, what, how many each, the price at the send, to whom
    -- (diamond accounts), and the multiplier of the sender's XP in basis points.
    room_id bigint,
    gift_no bigint,
    gift_id bigint,
    gift_count bigint,
    gift_price bigint,
    receivers bigint[],
    xp_bp integer,
    -- Coins spent in the room, ever, right after it: an announcement from the table needs no sum.
    room_coins bigint,
    reverses bigint,
    constraint journal_zero_sum check (legs_are_balanced(accounts, currencies, amounts, previous)),
    constraint journal_gift_complete check (
        (kind = 1) = (room_id is not null and gift_no is not null and gift_id is not null and gift_count is not null
                      and gift_price is not null and receivers is not null and xp_bp is not null
                      and room_coins is not null)
    ),
    constraint journal_reversal check ((kind = 4) = (reverses is not null)),
    -- One operation, one transfer. The client's UUIDs rise with time, so it leads.
    constraint journal_op_key unique (op, actor)
);
-- The dense numbering of a room's gifts, and the way to read those above a number.
create unique index journal_gift_no_key on journal (room_id, gift_no) where room_id is not null;

-- A batch draws a block of 512 ids under its locks.
create sequence transfers increment by 512 start with 512;

-- One row per leg: the journal as statements and audits read it.
create view entries as
select j.id as transfer, j.kind, j.at, leg.account_id, leg.currency, leg.amount, leg.previous,
       case when j.xp_bp is null then 0
            when leg.currency = 1 and leg.amount < 0 then -leg.amount * j.xp_bp
            when leg.currency = 2 and leg.amount > 0 then leg.amount
            else 0 end as xp
  from journal j
 cross join lateral unnest(j.accounts, j.currencies, j.amounts, j.previous)
       as leg (account_id, currency, amount, previous);

-- The answer of an operation that was refused: a retry gets it again.
create table refusals (
    op uuid not null,
    actor bigint not null,
    body_hash bytea not null constraint refusals_body_hash_length check (octet_length(body_hash) = 16),
    error jsonb not null,
    at timestamptz not null,
    primary key (op, actor)
);

-- Numbers a room's gifts and sums them, under its own lock.
create table room_totals (
    room_id bigint primary key references rooms,
    gift_no bigint not null default 0,
    coins bigint not null default 0
) with (fillfactor = 70);

-- One chain per writer (one connection that writes), one link a batch: SHA-256 over the link before
-- and the batch's rows. A batch's transfers are those from first_transfer to last_transfer.
create table writers (
    id bigint generated always as identity primary key,
    node text not null,
    started_at timestamptz not null default clock_timestamp()
);

create table chain_links (
    writer bigint not null references writers,
    batch_no bigint not null constraint chain_links_batch_no check (batch_no > 0),
    first_transfer bigint not null,
    last_transfer bigint not null,
    transfers integer not null,
    previous bytea not null,
    hash bytea not null,
    at timestamptz not null,
    primary key (writer, batch_no)
);
create unique index chain_links_first_transfer on chain_links (first_transfer);

grant select on accounts, balances, wallets, system_accounts, journal, entries, refusals, room_totals, writers, chain_links
   to parlor_app;
grant insert (currency) on accounts to parlor_app;
grant insert (account_id) on balances to parlor_app;
grant update (amount, xp, last_transfer) on balances to parlor_app;
grant insert on wallets, journal, refusals, writers, chain_links to parlor_app;
grant insert (room_id) on room_totals to parlor_app;
grant update (gift_no, coins) on room_totals to parlor_app;
grant usage on sequence transfers to parlor_app;

-- The system's accounts, ordinary but for issuance.
do $$
declare
    spec record;
    account bigint;
begin
    for spec in
        select * from (values
            ('coin_issuance', 1, true), ('promotion', 1, false), ('gift_revenue', 1, false),
            ('diamond_issuance', 2, true)
        ) as specs (name, currency, may_overdraw)
    loop
        insert into accounts (currency, may_overdraw) values (spec.currency, spec.may_overdraw) returning id into account;
        insert into balances (account_id, may_overdraw) values (account, spec.may_overdraw);
        insert into system_accounts (name, account_id) values (spec.name, account);
    end loop;
end $$;
