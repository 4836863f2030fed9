-- compatible: yes
-- What each room was on each day (UTC): how many users came, how many were there at most, how long the seats were taken, and what
-- was spent on gifts. A job counts it from the visits and from the journal, again and again while a day may still change;
-- it is kept when the visits are gone.

create table room_days (
    room_id bigint not null,
    day date not null,
    visitors integer not null,
    peak integer not null,
    seat_ms bigint not null,
    coins bigint not null,
    counted_at timestamptz not null default clock_timestamp(),
    primary key (room_id, day)
);
-- The newest day that was counted, from which the job goes on.
create index room_days_day on room_days (day);

grant select, insert, update on room_days to parlor_app;
