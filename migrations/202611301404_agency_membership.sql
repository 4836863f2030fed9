-- compatible: yes
-- Who was in which agency at what time: the audit judges the agency's share of an old gift by it. The table
-- agency_members says only who is in an agency now.

create table agency_memberships (
    user_id bigint not null,
    agency_id bigint not null references agencies,
    since timestamptz not null,
    -- Null: the membership still stands.
    until timestamptz
);
create index agency_memberships_user_id on agency_memberships (user_id);
insert into agency_memberships (user_id, agency_id, since)
select user_id, agency_id, joined_at from agency_members;

-- The function writes as its owner: the serving role changes members, but may not write this history itself.
create function keep_agency_membership() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_op <> 'INSERT' then
        update agency_memberships
           set until = clock_timestamp()
         where user_id = old.user_id and agency_id = old.agency_id and until is null;
    end if;
    if tg_op <> 'DELETE' then
        insert into agency_memberships (user_id, agency_id, since)
        values (new.user_id, new.agency_id, clock_timestamp());
    end if;
    return null;
end $$;
create trigger agency_members_keep after insert or update or delete on agency_members
    for each row execute function keep_agency_membership();

grant select on agency_memberships to parlor_app;
