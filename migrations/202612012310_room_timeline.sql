-- compatible: yes
-- What happened in rooms, event by event, so that the platform's staff can read a room as it was at any moment of the last
-- days. It is written behind the rooms, many at once (`room::timeline`): a room waits for none of it.

-- One row is a stretch of a room's events, or says that none are kept, or that the epoch has ended in order. It refers to no
-- other table: rooms are not deleted, and a batch of many rooms must not fail for one of them.
create table room_timeline (
    room_id bigint not null,
    epoch bigint not null,
    -- The events of the row are those with these numbers. The end of an epoch has none: its last is its first less one.
    first_seq bigint not null,
    last_seq bigint not null,
    kind text not null constraint room_timeline_kind_word check (kind in ('events', 'gap', 'end')),
    -- Unix milliseconds of the first and of the last event, by the room's own clock, as events have them.
    began bigint not null,
    ended bigint not null,
    -- The room before the first of these events, as packed JSON, in one stretch of many.
    keyframe bytea,
    -- The events as they were sent, packed, each on a line.
    events bytea,
    -- When it was written. By this it is removed.
    at timestamptz not null default clock_timestamp(),
    primary key (room_id, epoch, first_seq),
    constraint room_timeline_range check (first_seq >= 1 and last_seq >= first_seq - 1),
    constraint room_timeline_whole check ((events is not null) = (kind = 'events'))
);
-- It is packed already.
alter table room_timeline alter column events set storage external, alter column keyframe set storage external;
-- The stretch from which a state is made again.
create index room_timeline_keyframes on room_timeline (room_id, epoch, first_seq) where keyframe is not null;
-- The stretch of a moment.
create index room_timeline_began on room_timeline (room_id, began, epoch, first_seq);
-- The oldest ones, which are removed.
create index room_timeline_at on room_timeline (at);

grant select, insert, delete, update (events, keyframe) on room_timeline to parlor_app;
-- It has what people wrote.
revoke select on room_timeline from parlor_audit;

insert into permissions (name, description) values
    ('rooms.timeline', 'Read what happened in a room, and who was in it.');
insert into role_permissions (role, permission) values
    ('admin', 'rooms.timeline'), ('manager', 'rooms.timeline'), ('moderator', 'rooms.timeline');
