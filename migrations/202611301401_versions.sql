-- compatible: yes
-- Every version of a gift's price and of an agency's rate stays on record. A posting's detail names the versions by
-- which it was judged, and the audit recomputes the posting from them.

create table gift_versions (
    gift_id bigint not null references gifts,
    version integer not null,
    -- The price in coins, and the sender's XP per coin in basis points.
    price bigint not null,
    xp_bp integer not null,
    since timestamptz not null default clock_timestamp(),
    primary key (gift_id, version)
);
insert into gift_versions (gift_id, version, price, xp_bp)
select id, version, price, xp_bp from gifts;

alter table agencies add column rate_version bigint not null default 1;

create table agency_rate_versions (
    agency_id bigint not null references agencies,
    version bigint not null,
    -- The account that receives the agency's share, and the rate in basis points.
    diamond_account bigint not null references accounts,
    rate_bp integer not null,
    since timestamptz not null default clock_timestamp(),
    primary key (agency_id, version)
);
insert into agency_rate_versions (agency_id, version, diamond_account, rate_bp)
select id, rate_version, diamond_account, rate_bp from agencies;

-- A changed row gets a new version number, whatever number the statement gives. The functions write as their owner,
-- because the serving role may not write versions itself.
create function number_gift_version() returns trigger language plpgsql as $$
begin
    if new is distinct from old then
        new.version := old.version + 1;
    end if;
    return new;
end $$;
create trigger gifts_number_version before update on gifts
    for each row execute function number_gift_version();

create function keep_gift_version() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' or new.version <> old.version then
        insert into gift_versions (gift_id, version, price, xp_bp) values (new.id, new.version, new.price, new.xp_bp);
    end if;
    return null;
end $$;
create trigger gifts_keep_version after insert or update on gifts
    for each row execute function keep_gift_version();

create function number_rate_version() returns trigger language plpgsql as $$
begin
    new.rate_version := old.rate_version;
    if (new.rate_bp, new.diamond_account) is distinct from (old.rate_bp, old.diamond_account) then
        new.rate_version := old.rate_version + 1;
    end if;
    return new;
end $$;
create trigger agencies_number_version before update on agencies
    for each row execute function number_rate_version();

create function keep_rate_version() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' or new.rate_version <> old.rate_version then
        insert into agency_rate_versions (agency_id, version, diamond_account, rate_bp)
        values (new.id, new.rate_version, new.diamond_account, new.rate_bp);
    end if;
    return null;
end $$;
create trigger agencies_keep_version after insert or update on agencies
    for each row execute function keep_rate_version();

grant select on gift_versions, agency_rate_versions to parlor_app;
