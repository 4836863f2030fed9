-- Files that people upload: the bytes lie in an object store, here is whose they are and what for.

create table uploads (
    id uuid primary key,
    user_id bigint not null references users,
    purpose text not null constraint uploads_purpose check (purpose in ('avatar', 'room_logo', 'proof')),
    -- As announced; found to be so when the upload is completed.
    content_type text not null,
    bytes integer not null constraint uploads_bytes check (bytes > 0),
    state text not null default 'pending' constraint uploads_state check (state in ('pending', 'ready', 'refused')),
    -- The object's key once its content has been checked; nobody was ever allowed to write there.
    object text constraint uploads_object_key unique,
    -- Something shows it; what nothing shows for long is removed.
    attached boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    constraint uploads_ready_object check ((state = 'ready') = (object is not null)),
    constraint uploads_attached_ready check (not attached or state = 'ready')
);
-- For the clean-up, oldest first; what is in use is in none of it.
create index uploads_loose on uploads (created_at) where not attached;
create index uploads_user_id on uploads (user_id);

-- One picture each; the one before is let go and cleaned up.
create table avatars (
    user_id bigint primary key references users,
    upload_id uuid not null constraint avatars_upload_key unique references uploads
);

create table room_logos (
    room_id bigint primary key references rooms,
    upload_id uuid not null constraint room_logos_upload_key unique references uploads
);

grant select, insert, delete on uploads to parlor_app;
grant update (state, object, attached) on uploads to parlor_app;
grant select, insert, update, delete on avatars, room_logos to parlor_app;
