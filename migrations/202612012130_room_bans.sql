-- compatible: yes
-- Bans of rooms, and how long each kick was to last. As for kicks, the end is counted and compared by the database's clock.

create table room_bans (
    room_id bigint not null references rooms,
    user_id bigint not null references users,
    -- The fact that stands for the ban. It rises, so the list is ordered by it; a ban that replaces another one has a new one.
    fact_id bigint not null,
    by_id bigint not null references users,
    at timestamptz not null default clock_timestamp(),
    -- Null: until it is lifted.
    until timestamptz,
    -- How long it was to last. It lasts no longer, even if the clock is set back.
    lasts_ms bigint,
    reason text not null,
    primary key (room_id, user_id)
);
-- The list of a room's bans, newest first, by cursor.
create index room_bans_list on room_bans (room_id, fact_id);

-- Null for a kick of an older program, which lasts ten minutes by default.
alter table room_kicks add column lasts_ms bigint;

grant select, insert, update, delete on room_bans to parlor_app;
