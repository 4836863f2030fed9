-- compatible: yes
-- Who was in which room and on which seat, from when to when. It is written behind the rooms, like their timeline, and by the
-- same task. The times are Unix milliseconds by the clock of the server that had the room. The tables refer to no others:
-- neither rooms nor users are deleted, and a batch of many rooms must not fail for one row.

create table visits (
    id bigint generated always as identity primary key,
    room_id bigint not null,
    user_id bigint not null,
    -- Null: the row is of the whole visit. Otherwise it is of a stay on this seat, within a visit.
    seat smallint,
    seated boolean not null generated always as (seat is not null) stored,
    -- The epoch and the server's incarnation in which it was written. Whoever finds it open later knows by these that nobody
    -- else will close it.
    epoch bigint not null,
    incarnation bigint not null,
    began bigint not null,
    -- Null: it goes on.
    ended bigint,
    at timestamptz not null default clock_timestamp(),
    constraint visits_range check (ended >= began)
);
-- A user is in a room once at a time, and on one of its seats.
create unique index visits_open on visits (room_id, user_id, seated) where ended is null;
-- A batch that is written again because its answer was lost changes nothing. The last one of a user, behind which the next
-- one begins.
create unique index visits_once on visits (room_id, user_id, seated, began);
-- The lists of a room and of a user, newest first.
create index visits_room_id on visits (room_id, id);
create index visits_user_id on visits (user_id, id);
-- Those of a day in all rooms.
create index visits_ended on visits (ended) where ended is not null;
-- The oldest ones, which are removed.
create index visits_at on visits (at);

-- Until when each server is known to have written visits: those that it has left open ended then.
create table visit_writers (
    incarnation bigint primary key,
    seen bigint not null,
    at timestamptz not null default clock_timestamp()
);

grant select, insert, delete, update (ended) on visits to parlor_app;
grant select, insert, update, delete on visit_writers to parlor_app;
revoke select on visits from parlor_audit;
