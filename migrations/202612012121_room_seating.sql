-- compatible: yes
-- How seats are given, and which are muted: the present of the facts seat_muted, seat_unmuted and seat_mode_changed. A server
-- that does not know them lets everybody take a seat, and mutes nobody; they hold again when a newer one owns the room.

-- Everybody may take a free seat, or seats are applied for.
alter table rooms add column seat_mode text not null default 'free'
    constraint rooms_seat_mode check (seat_mode in ('free', 'apply'));

-- A mute belongs to the seat and not to who sits there, so that leaving it does not end it.
create table room_seat_mutes (
    room_id bigint not null references rooms,
    seat smallint not null,
    -- A seat is muted once.
    primary key (room_id, seat)
);

grant select, insert, delete on room_seat_mutes to parlor_app;
