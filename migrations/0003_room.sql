-- Rooms, and what of a room must outlive its actor.

create table rooms (
    id bigint primary key constraint rooms_id_range check (id between 100000000 and 9007199254740991),
    owner_id bigint not null references users,
    name text not null constraint rooms_name_length check (char_length(name) between 1 and 60),
    seats smallint not null default 8 constraint rooms_seats_layout check (seats in (5, 8, 10, 12, 15, 20)),
    capacity integer not null default 1500 constraint rooms_capacity_range check (capacity between 1 and 1000000),
    created_at timestamptz not null default clock_timestamp()
);
-- The list of rooms, newest first, by cursor.
create index rooms_created on rooms (created_at desc, id desc);
create index rooms_owner_id on rooms (owner_id);

-- Hard facts in the order of their commit: the operation with its first answer, and the record of who
-- did what. Append-only; the tables below are its present.
create table room_facts (
    id bigint generated always as identity primary key,
    room_id bigint not null references rooms,
    actor_id bigint not null references users,
    op uuid not null,
    body_hash bytea not null constraint room_facts_body_hash_length check (octet_length(body_hash) = 16),
    epoch bigint not null,
    fact jsonb not null,
    at timestamptz not null default clock_timestamp(),
    constraint room_facts_op_key unique (op, actor_id)
);
create index room_facts_room_id on room_facts (room_id, id);

create table room_seat_locks (
    room_id bigint not null references rooms,
    seat smallint not null,
    primary key (room_id, seat)
);

create table room_kicks (
    room_id bigint not null references rooms,
    user_id bigint not null references users,
    until timestamptz not null,
    primary key (room_id, user_id)
);

-- The seat map and the memory of operations, written behind the room; one row a room.
create table room_checkpoints (
    room_id bigint primary key references rooms,
    epoch bigint not null,
    seq bigint not null,
    -- Gifts up to this number have been announced; stored lazily, so a new owner may repeat some.
    gift_no bigint not null,
    state jsonb not null,
    at timestamptz not null default clock_timestamp()
);

grant select, insert, update on rooms, room_checkpoints to parlor_app;
grant select, insert on room_facts to parlor_app;
grant select, insert, update, delete on room_seat_locks, room_kicks to parlor_app;
