-- compatible: yes
-- The images that lines of chat show. Which line shows one is known to the room alone: the number of a line is known only when
-- it was told, behind the transaction that writes this.
create table room_images (
    -- One upload is the image of one line, so that recalling the line cannot take it from another.
    upload_id uuid constraint room_images_pkey primary key constraint room_images_upload_id_fkey references uploads,
    room_id bigint not null constraint room_images_room_id_fkey references rooms,
    at timestamptz not null default clock_timestamp()
);
-- For the job that removes them when their time is over, oldest first.
create index room_images_at on room_images (at);

-- Images of lines are a purpose of their own.
alter table uploads
    drop constraint uploads_purpose,
    add constraint uploads_purpose check (purpose in ('avatar', 'room_logo', 'proof', 'room_background', 'room_image')),
    -- What showed it shows it no more, and nothing may show it again: it is removed at the next clean-up.
    add column withdrawn boolean not null default false,
    add constraint uploads_withdrawn_loose check (not (withdrawn and attached));

-- An image is shown from the very moment at which a line has it, in the same transaction, and withdrawn in that of the recall.
create function attach_room_image() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update uploads set attached = true where id = new.upload_id;
    else
        update uploads set attached = false, withdrawn = true where id = old.upload_id;
    end if;
    return null;
end $$;
create trigger room_images_attach after insert or delete on room_images
    for each row execute function attach_room_image();

grant select, insert, delete on room_images to parlor_app;
grant update (withdrawn) on uploads to parlor_app;
