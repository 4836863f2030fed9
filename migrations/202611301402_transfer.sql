-- compatible: yes
-- Transfers between users: what an account has sent on a day. The row is read and written under the lock of the
-- sender's account, so that the day's limit also holds for transfers that come at the same time.

create table transfer_days (
    account_id bigint not null references accounts,
    -- Days since 1970, UTC.
    day integer not null,
    coins bigint not null constraint transfer_days_coins check (coins > 0),
    primary key (account_id, day)
);

grant select, insert, update (coins) on transfer_days to parlor_app;

-- The account that receives the fees: an ordinary account of the system.
with opened as (insert into accounts (currency) values (1) returning id),
     balance as (insert into balances (account_id) select id from opened)
insert into system_accounts (name, account_id) select 'transfer_fees', id from opened;
