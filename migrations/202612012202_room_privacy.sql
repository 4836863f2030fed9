-- compatible: yes
-- Who is let into a room. It is looked at where room tokens are given, and the room itself refuses everybody while it is closed.

alter table rooms
    add column privacy text not null default 'public'
        constraint rooms_privacy_word check (privacy in ('public', 'password', 'invited', 'hidden')),
    -- Who has closed it; null: it is open. What the platform's staff has closed its owner cannot open.
    add column closed_by text constraint rooms_closed_by_word check (closed_by in ('owner', 'staff')),
    add column closed_reason text not null default ''
        constraint rooms_closed_reason_length check (char_length(closed_reason) <= 200),
    -- Staff has put it before all others; null: not.
    add column pinned_at timestamptz;

-- The password of a room, by argon2id. It is in a table of its own, because whoever reads rooms need not read it.
create table room_passwords (
    room_id bigint primary key constraint room_passwords_room_id_fkey references rooms,
    hash text not null constraint room_passwords_hash_length check (char_length(hash) between 1 and 200)
);

-- Those who may enter a room that does not let everybody in: invited by its owner, come by a link, or with the password. Who has
-- entered with a password need not enter it again until it changes.
create table room_guests (
    room_id bigint not null constraint room_guests_room_id_fkey references rooms,
    user_id bigint not null constraint room_guests_user_id_fkey references users,
    admitted text not null constraint room_guests_admitted_word check (admitted in ('owner', 'link', 'password')),
    at timestamptz not null default clock_timestamp(),
    primary key (room_id, user_id)
);

-- Links that admit whoever has them, for a time. Only a hash of the link's secret is stored.
create table room_links (
    hash bytea primary key constraint room_links_hash_length check (octet_length(hash) = 32),
    room_id bigint not null constraint room_links_room_id_fkey references rooms,
    expires_at timestamptz not null,
    made_at timestamptz not null default clock_timestamp()
);
-- A room's links, oldest first: a new one replaces the oldest of many.
create index room_links_room_id on room_links (room_id, made_at);

grant select, insert, update, delete on room_passwords, room_guests, room_links to parlor_app;
revoke select on room_passwords, room_links from parlor_audit;

insert into permissions (name, description) values
    ('rooms.suspend', 'Close a room so that its owner cannot open it, and open it again.'),
    ('rooms.pin', 'Put a room before all others in lists.');
insert into role_permissions (role, permission) values
    ('admin', 'rooms.suspend'), ('admin', 'rooms.pin'),
    ('manager', 'rooms.suspend'), ('manager', 'rooms.pin'),
    ('moderator', 'rooms.suspend');
