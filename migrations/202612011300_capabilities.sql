-- compatible: yes
-- No role but the owner may execute, attach or create anything that it does not need. The functions that write history
-- run as the owner: whoever can attach one to a table of their own writes that history at will.

-- PostgreSQL lets everybody execute every new function and make temporary tables in every new database.
alter default privileges revoke execute on functions from public;
revoke execute on function number_gift_version(), keep_gift_version(), number_rate_version(), keep_rate_version(),
    keep_agency_membership(), open_owned_accounts() from public;
-- The constraint journal_zero_sum calls this one with the rights of whoever inserts. It only adds numbers.
revoke execute on function legs_are_balanced(bigint[], smallint[], bigint[], bigint[]) from public;
grant execute on function legs_are_balanced(bigint[], smallint[], bigint[], bigint[]) to parlor_app;
-- A dump does not carry the rights of its database, so `parlor migrate` does this every time.
do $$
begin
    execute format('revoke create, temporary on database %I from public, parlor_app, parlor_audit', current_database());
end $$;

-- The version with which a gift's history begins: 1, or the one that stood when the history was begun.
alter table gifts add column first_version integer not null default 1;
alter table gifts disable trigger user;
update gifts g
   set first_version = v.oldest
  from (select gift_id, min(version) as oldest from gift_versions group by gift_id) v
 where v.gift_id = g.id and v.oldest <> 1;
alter table gifts enable trigger user;

-- The serving role gives no version numbers.
revoke insert, update on gifts from parlor_app;
grant insert (id, name_en, name_ar, category, rarity, price, xp_bp, vip_level, enabled) on gifts to parlor_app;
grant update (name_en, name_ar, category, rarity, price, xp_bp, vip_level, enabled) on gifts to parlor_app;
revoke insert on agencies from parlor_app;
grant insert (name, owner_id, diamond_account, rate_bp) on agencies to parlor_app;

-- A version has the bounds of the row that it was taken from.
alter table gift_versions
    add constraint gift_versions_version check (version >= 1),
    add constraint gift_versions_price check (price between 1 and 1000000),
    add constraint gift_versions_xp check (xp_bp between 0 and 100000);
alter table agency_rate_versions
    add constraint agency_rate_versions_version check (version >= 1),
    add constraint agency_rate_versions_rate check (rate_bp between 0 and 2000);

-- The functions as before, but each does nothing on a table that it was not written for.
create or replace function keep_gift_version() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_relid <> 'public.gifts'::regclass then
        raise exception 'this trigger belongs to gifts alone' using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'INSERT' or new.version <> old.version then
        insert into gift_versions (gift_id, version, price, xp_bp) values (new.id, new.version, new.price, new.xp_bp);
    end if;
    return null;
end $$;

create or replace function keep_rate_version() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_relid <> 'public.agencies'::regclass then
        raise exception 'this trigger belongs to agencies alone' using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'INSERT' or new.rate_version <> old.rate_version then
        insert into agency_rate_versions (agency_id, version, diamond_account, rate_bp)
        values (new.id, new.rate_version, new.diamond_account, new.rate_bp);
    end if;
    return null;
end $$;

create or replace function keep_agency_membership() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_relid <> 'public.agency_members'::regclass then
        raise exception 'this trigger belongs to agency_members alone' using errcode = 'insufficient_privilege';
    end if;
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

create or replace function open_owned_accounts() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    owned jsonb := to_jsonb(new);
begin
    if tg_table_schema <> 'public' then
        raise exception 'this trigger belongs to tables of the schema public' using errcode = 'insufficient_privilege';
    end if;
    for i in 2 .. tg_nargs - 1 loop
        perform open_account(tg_table_name::text, tg_argv[i], owned ->> tg_argv[0], (owned ->> tg_argv[i])::bigint,
                             coalesce(owned ->> tg_argv[1], ''));
    end loop;
    return null;
end $$;

-- A new row begins at version 1, whatever number the statement gives.
create or replace function number_gift_version() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        new.version := 1;
        new.first_version := 1;
    elsif new is distinct from old then
        new.version := old.version + 1;
        new.first_version := old.first_version;
    end if;
    return new;
end $$;
drop trigger gifts_number_version on gifts;
create trigger gifts_number_version before insert or update on gifts
    for each row execute function number_gift_version();

create or replace function number_rate_version() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        new.rate_version := 1;
        return new;
    end if;
    new.rate_version := old.rate_version;
    if (new.rate_bp, new.diamond_account) is distinct from (old.rate_bp, old.diamond_account) then
        new.rate_version := old.rate_version + 1;
    end if;
    return new;
end $$;
drop trigger agencies_number_version on agencies;
create trigger agencies_number_version before insert or update on agencies
    for each row execute function number_rate_version();
