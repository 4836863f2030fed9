-- compatible: no
-- A transfer is taken back by a posting of its own, at most once (journal_reverses_key). An older server does not
-- start beside a permission that it does not know.

-- Money that has moved is the admins' to take back; the operator may regroup it.
insert into permissions (name, description) values ('transfers.reverse', 'Take a transfer of coins or diamonds back.');
insert into role_permissions (role, permission) values ('admin', 'transfers.reverse');

-- What takes a transfer back also takes back the experience that it had brought.
create or replace view entries as
select j.id as transfer, j.kind, j.at, leg.account_id, leg.currency, leg.amount, leg.previous,
       case when j.xp_bp is null then 0
            when j.reverses is not null and leg.currency = 1 and leg.amount > 0 then -leg.amount * j.xp_bp
            when j.reverses is not null and leg.currency = 2 and leg.amount < 0 then leg.amount
            when j.reverses is not null then 0
            when leg.currency = 1 and leg.amount < 0 then -leg.amount * j.xp_bp
            when leg.currency = 2 and leg.amount > 0 then leg.amount
            else 0 end as xp
  from journal j
 cross join lateral unnest(j.accounts, j.currencies, j.amounts, j.previous)
       as leg (account_id, currency, amount, previous);
