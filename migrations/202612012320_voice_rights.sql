-- compatible: yes
-- What whoever has a token of the voice vendor may do with a room's sound. A row is written before the first token is handed
-- out, so nobody is forgotten who may be connected to the vendor. The job `voice.tell` reads the newest state from it.

create table voice_rights (
    room_id bigint not null references rooms,
    user_id bigint not null references users,
    -- The number of the state: the room's epoch, and a count within it. A state replaces those with lower numbers.
    epoch bigint not null,
    turn bigint not null,
    wanted text not null constraint voice_rights_wanted_known check (wanted in ('out', 'listen', 'speak')),
    -- The user is out because they were kicked or banned. In Unix milliseconds until when; null: until the ban is lifted.
    barred boolean not null default false,
    barred_until_ms bigint,
    -- When the last token ends with which the user can connect and speak, and the last with which they can only listen.
    speak_until timestamptz not null,
    listen_until timestamptz not null,
    changed_at timestamptz not null default clock_timestamp(),
    -- When the vendor took the present state; null: not yet, or it needs no word of it.
    told_at timestamptz,
    -- The rule at Agora that keeps the user out of the room's channel.
    rule_id bigint,
    primary key (room_id, user_id)
);
-- The rooms and their users of whom the vendor may have somebody connected: read when a room wakes.
create index voice_rights_inside on voice_rights (room_id) where wanted <> 'out';
-- Those who are out, for removing old rows.
create index voice_rights_out on voice_rights (changed_at) where wanted = 'out';

grant select, insert, update, delete on voice_rights to parlor_app;
