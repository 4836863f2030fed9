-- Nodes and who owns a room. Roles first: the owner of the schema migrates, parlor_app serves,
-- parlor_audit reads. The roles belong to the database server and are made by its administrator
-- (or by `parlor dev`); nothing is granted to anybody else.

revoke all on schema public from public;
grant usage on schema public to parlor_app, parlor_audit;
alter default privileges in schema public grant select on tables to parlor_audit;

-- A process that serves. The lease is judged by the database's clock alone.
create table nodes (
    id text primary key,
    incarnation bigint not null,
    address text not null default '',
    started_at timestamptz not null default clock_timestamp(),
    lease_until timestamptz not null
);

create sequence node_incarnations;

-- Which process acts for a room. Rows last: the epoch must never fall, so nothing here is deleted.
-- An epoch is at least the claim's Unix milliseconds, so it rises even if a standby loses the last rows.
create table room_owners (
    room_id bigint primary key,
    node_id text not null,
    incarnation bigint not null,
    epoch bigint not null,
    claimed_at timestamptz not null default clock_timestamp()
);

grant select, insert, update on nodes, room_owners to parlor_app;
grant usage on sequence node_incarnations to parlor_app;
