-- compatible: yes
-- Who owned a room before its present owner: the audit judges the owner's share of an old gift by it. The table rooms says
-- only who owns it now. It is kept for ever, while the fact of the handover is removed after some months.

create table room_handovers (
    -- Rises with each handover.
    id bigint generated always as identity primary key,
    room_id bigint not null references rooms,
    -- The owner until this handover.
    former_id bigint not null references users,
    at timestamptz not null default clock_timestamp()
);
-- The former owners of a room, in their order.
create index room_handovers_room_id on room_handovers (room_id, id);
create index room_handovers_former_id on room_handovers (former_id);

grant select, insert on room_handovers to parlor_app;
