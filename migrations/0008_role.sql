-- Who may do what on the platform, who may do nothing for a while, and who did what to whom.

-- What the program asks about. It knows each by name and does not start where this table and its own
-- list differ, so a row comes and goes with the code that asks for it.
create table permissions (
    name text primary key constraint permissions_name_form check (name ~ '^[a-z]+\.[a-z_]+$'),
    description text not null
);

-- Bundles of permissions. The operator may make more of them and regroup what is in them, by SQL as the
-- owner: a server may not, or it could give itself rights.
create table roles (
    name text primary key constraint roles_name_form check (name ~ '^[a-z][a-z_]{1,31}$'),
    description text not null
);

create table role_permissions (
    role text not null references roles on update cascade on delete cascade,
    permission text not null references permissions on update cascade on delete cascade,
    primary key (role, permission)
);

-- Who has been given a role. `user` is everybody's and is given to nobody.
create table user_roles (
    user_id bigint not null references users,
    -- A role that somebody has is not deleted by accident.
    role text not null references roles on update cascade constraint user_roles_given check (role <> 'user'),
    -- Null: by the operator, at the command line.
    granted_by bigint references users,
    granted_at timestamptz not null default clock_timestamp(),
    primary key (user_id, role)
);
-- Staff by role; and whether an admin is left.
create index user_roles_role on user_roles (role, user_id);

-- Who may not come in. A row that has run out means nothing and is replaced by the next; what was is in
-- the audit log.
create table suspensions (
    user_id bigint primary key references users,
    -- Null: for good.
    until timestamptz,
    reason text not null constraint suspensions_reason_length check (char_length(reason) between 1 and 200),
    suspended_by bigint references users,
    suspended_at timestamptz not null default clock_timestamp()
);

-- What staff did. Rows name people by their ids alone, so that erasing a person leaves them whole.
create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    -- Null: the operator, at the command line.
    actor_id bigint references users,
    act text not null constraint audit_log_act_form check (act ~ '^[a-z]+\.[a-z_]+$'),
    user_id bigint references users,
    room_id bigint references rooms,
    -- What else was said: the role, the session, until when.
    detail jsonb not null default '{}' constraint audit_log_detail_object check (jsonb_typeof(detail) = 'object'),
    reason text not null default '' constraint audit_log_reason_length check (char_length(reason) <= 200),
    -- The request it came by, as it is in the server's log.
    request_id text not null default ''
);
create index audit_log_actor_id on audit_log (actor_id, id);
create index audit_log_user_id on audit_log (user_id, id);

-- Staff's list of accounts, newest first, by cursor.
create index users_created on users (created_at desc, id desc);

insert into permissions (name, description) values
    ('users.read', 'Find users, and read one: contacts, sessions, roles, suspension, balances.'),
    ('users.suspend', 'Suspend users, and lift it.'),
    ('sessions.revoke', 'Sign users out, on one device or everywhere.'),
    ('roles.grant', 'Give and take roles that have no right beyond one''s own.'),
    ('rooms.read', 'See which rooms are live.'),
    ('rooms.close', 'Put everybody out of a room.'),
    ('rooms.kick', 'Put somebody out of any room.'),
    ('audit.read', 'Read what staff did.');

insert into roles (name, description) values
    ('admin', 'May do everything.'),
    ('manager', 'Runs the platform from day to day; what managers do is reviewed by admins.'),
    ('moderator', 'Keeps order among users and in rooms.'),
    ('support', 'Answers users.'),
    ('reseller', 'Sells coins.'),
    ('user', 'Everybody.');

insert into role_permissions (role, permission)
select 'admin', name from permissions
 union all
select 'manager', name from permissions where name <> 'audit.read'
 union all
select 'moderator', unnest(array['users.read', 'users.suspend', 'sessions.revoke', 'rooms.read', 'rooms.close', 'rooms.kick'])
 union all
select 'support', unnest(array['users.read', 'sessions.revoke', 'rooms.read']);

grant select on permissions, roles, role_permissions to parlor_app;
grant select, insert, delete on user_roles to parlor_app;
grant select, insert, update, delete on suspensions to parlor_app;
-- Neither the number nor the time of a row is the server's to say.
grant select, insert (actor_id, act, user_id, room_id, detail, reason, request_id) on audit_log to parlor_app;
