-- compatible: yes
-- The lists of rooms: each is read in its order from an index, so that a page costs the same in a hundred rooms and in a million.

-- Whether lists and searches show a room to everybody. It is a column, so that it can stand in the conditions of indexes.
alter table rooms
    add column listed boolean not null generated always as (privacy <> 'hidden' and closed_by is null) stored,
    -- How many users follow it. It changes with `room_follows`, in the same statement.
    add column followers integer not null default 0 constraint rooms_followers_range check (followers >= 0);

create index rooms_listed on rooms (created_at desc, id desc) where listed;
create index rooms_listed_country on rooms (country, created_at desc, id desc) where listed and country is not null;
create index rooms_pinned on rooms (pinned_at desc, id desc) where pinned_at is not null;
create index rooms_owned on rooms (owner_id, created_at desc, id desc);

-- The tags of rooms in the order of the list of a tag: an index of an array would have to sort all rooms of a tag.
create table room_tags (
    tag text not null,
    created_at timestamptz not null,
    room_id bigint not null constraint room_tags_room_id_fkey references rooms,
    primary key (tag, created_at, room_id)
);
-- The tags of one room, when they change.
create index room_tags_room_id on room_tags (room_id);
grant select, insert, delete on room_tags to parlor_app;

-- `room_tags` says what `rooms.tags` says, whoever writes a room.
create function spread_tags() returns trigger language plpgsql as $$
begin
    delete from room_tags where room_id = new.id;
    insert into room_tags (tag, created_at, room_id)
    select distinct tag, new.created_at, new.id from unnest(new.tags) as tag;
    return null;
end $$;
create trigger rooms_spread_tags after insert or update of tags on rooms
    for each row execute function spread_tags();

-- Who follows which rooms, since when.
create table room_follows (
    user_id bigint not null constraint room_follows_user_id_fkey references users,
    room_id bigint not null constraint room_follows_room_id_fkey references rooms,
    at timestamptz not null default clock_timestamp(),
    primary key (user_id, room_id)
);
create index room_follows_at on room_follows (user_id, at desc, room_id desc);
grant select, insert, delete on room_follows to parlor_app;

-- When a user was let into which room, for the list of the rooms of late. A row is never changed, so that a walk through the
-- list sees it as it was when the walk began. Only the newest rows of a user are kept.
create table room_visits (
    user_id bigint not null constraint room_visits_user_id_fkey references users,
    room_id bigint not null constraint room_visits_room_id_fkey references rooms,
    at timestamptz not null default clock_timestamp(),
    primary key (user_id, at, room_id)
);
-- The later visits of the same room, which hide an earlier one.
create index room_visits_room_id on room_visits (user_id, room_id, at);
grant select, insert, delete on room_visits to parlor_app;

-- The rooms in which somebody is an admin, in the order of that list.
create index room_admins_of on room_admins (user_id, room_id desc);
