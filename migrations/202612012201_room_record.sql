-- compatible: yes
-- What a room says of itself beside its name, and whom it lets do what. All of it changes by one command, `room.change`, whose
-- fact writes these columns in its own transaction; a waking room reads them again.

-- The looks that a room may choose. They are rows, so that an operator adds one without a new program.
create table room_themes (
    -- The name stands in rooms and on the wire, so it never changes.
    name text primary key constraint room_themes_name_form check (name ~ '^[a-z0-9_]{1,24}$'),
    title_en text not null,
    title_ar text not null,
    -- What clients draw it with, by name: a colour as #rrggbb, or the address of a picture.
    assets jsonb not null constraint room_themes_assets_object check (jsonb_typeof(assets) = 'object'),
    -- The VIP level that a room's owner needs; 0 for none.
    vip_level smallint not null default 0 constraint room_themes_vip_level_range check (vip_level between 0 and 7),
    -- One that is off can be chosen no more; rooms that have it keep it.
    enabled boolean not null default true,
    -- The order in which they are listed.
    place smallint not null constraint room_themes_place_key unique
);
grant select on room_themes to parlor_app;

insert into room_themes (name, title_en, title_ar, assets, vip_level, enabled, place) values
    ('plain', 'Plain', 'بسيط', '{"background": "#16181d", "surface": "#22252c", "accent": "#5b8def"}', 0, true, 1),
    ('evening', 'Evening', 'مساء', '{"background": "#1b1430", "surface": "#2a2147", "accent": "#c58bff"}', 0, true, 2),
    ('ocean', 'Ocean', 'محيط', '{"background": "#06232f", "surface": "#0d3a4c", "accent": "#39c5d8"}', 0, true, 3),
    ('gold', 'Gold', 'ذهب', '{"background": "#211a08", "surface": "#37300f", "accent": "#e8b84a"}', 2, true, 4),
    ('festival', 'Festival', 'مهرجان', '{"background": "#2b0f1f", "surface": "#451a33", "accent": "#ff6f91"}', 0, false, 5);

alter table rooms
    -- It rises with every change of the record; a change names the one that it was decided on.
    add column version bigint not null default 1 constraint rooms_version_range check (version > 0),
    add column announcement text
        constraint rooms_announcement_length check (char_length(announcement) between 1 and 500),
    add column language text constraint rooms_language_form check (language ~ '^[a-z]{2}$'),
    add column country text constraint rooms_country_form check (country ~ '^[A-Z]{2}$'),
    add column tags text[] not null default '{}' constraint rooms_tags_number check (cardinality(tags) <= 5),
    -- A theme that a room has is not deleted; it is turned off.
    add column theme text constraint rooms_theme_fkey references room_themes,
    -- One upload is the background of one room, so that letting it go cannot take it from another.
    add column background uuid
        constraint rooms_background_fkey references uploads
        constraint rooms_background_key unique,
    add column may_chat text not null default 'all'
        constraint rooms_may_chat_word check (may_chat in ('all', 'seated', 'admins')),
    add column may_post_images text not null default 'all'
        constraint rooms_may_post_images_word check (may_post_images in ('all', 'seated', 'admins')),
    add column may_invite text not null default 'all'
        constraint rooms_may_invite_word check (may_invite in ('all', 'seated', 'admins')),
    add column may_sit text not null default 'all'
        constraint rooms_may_sit_word check (may_sit in ('all', 'seated', 'admins'));

-- Pictures behind rooms are a purpose of their own.
alter table uploads
    drop constraint uploads_purpose,
    add constraint uploads_purpose check (purpose in ('avatar', 'room_logo', 'proof', 'room_background'));

-- Uploads that nothing shows are removed after a while. A room's background is shown from the very moment at which the room has
-- it, in the same transaction, whoever writes the room.
create function attach_background() returns trigger language plpgsql as $$
begin
    update uploads set attached = false where id = old.background;
    update uploads set attached = true where id = new.background;
    return null;
end $$;
create trigger rooms_attach_background after update of background on rooms
    for each row when (old.background is distinct from new.background) execute function attach_background();
