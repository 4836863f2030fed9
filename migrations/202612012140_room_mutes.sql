-- compatible: yes
-- Mutes in the chat of a room, and the rules of its chat.

create table room_mutes (
    room_id bigint not null references rooms,
    user_id bigint not null references users,
    -- The fact that stands for the mute; the list is ordered by it, as that of bans.
    fact_id bigint not null,
    by_id bigint not null references users,
    at timestamptz not null default clock_timestamp(),
    -- Null: until it is lifted.
    until timestamptz,
    -- How long it was to last. It lasts no longer, even if the clock is set back.
    lasts_ms bigint,
    primary key (room_id, user_id)
);
-- The list of a room's mutes, newest first, by cursor.
create index room_mutes_list on room_mutes (room_id, fact_id);

-- A room whose rules were never set has no row.
create table room_chat_rules (
    room_id bigint primary key references rooms,
    muted boolean not null,
    slow_mode_s integer not null constraint room_chat_rules_slow_mode_range check (slow_mode_s between 0 and 3600)
);

grant select, insert, update, delete on room_mutes to parlor_app;
grant select, insert, update on room_chat_rules to parlor_app;
