-- What can be given, and the agencies that share in it.

create table gifts (
    id bigint primary key,
    -- Rises with every change of the row; the price of a send is frozen in the journal.
    version integer not null default 1,
    name_en text not null,
    name_ar text not null,
    category text not null constraint gifts_category check (category in ('hot', 'normal', 'vip', 'event')),
    rarity text not null constraint gifts_rarity check (rarity in ('common', 'rare', 'epic', 'legendary')),
    -- Coins.
    price bigint not null constraint gifts_price_range check (price between 1 and 1000000),
    -- The sender's XP per coin, in basis points.
    xp_bp integer not null constraint gifts_xp_range check (xp_bp between 0 and 100000),
    vip_level smallint not null default 0,
    enabled boolean not null default true
);

create table agencies (
    id bigint generated always as identity primary key,
    name text not null,
    owner_id bigint not null references users,
    diamond_account bigint not null unique references accounts,
    -- What the agency is given on top of a member's gift.
    rate_bp integer not null default 500 constraint agencies_rate_range check (rate_bp between 0 and 2000)
);

-- A user is in at most one agency.
create table agency_members (
    user_id bigint primary key references users,
    agency_id bigint not null references agencies,
    joined_at timestamptz not null default clock_timestamp()
);
create index agency_members_agency_id on agency_members (agency_id);

grant select, insert, update on gifts to parlor_app;
grant select, insert, update on agencies to parlor_app;
grant select, insert, delete on agency_members to parlor_app;
