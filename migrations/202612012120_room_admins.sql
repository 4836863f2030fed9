-- compatible: yes
-- The admins of a room, whom its owner has promoted: the present of the facts admin_promoted and admin_demoted. A server that
-- does not know the table treats its rows as nobody's; they hold again when a newer one owns the room.

create table room_admins (
    room_id bigint not null references rooms,
    user_id bigint not null references users,
    -- A user is an admin of a room once.
    primary key (room_id, user_id)
);
-- The rooms in which somebody is an admin.
create index room_admins_user_id on room_admins (user_id);

grant select, insert, delete on room_admins to parlor_app;
