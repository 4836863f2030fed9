-- The schema and its rights, a line an object, in words that are the same on every version of PostgreSQL that
-- Parlor runs on. `./parlor prepare` keeps them in migrations/schema.txt, `parlor ledger audit` compares.
with space as (
    select oid from pg_namespace where nspname = 'public'
), owner as (
    -- Whatever the role is called that owns the most tables: a table that was given away is then the one that is named.
    select relowner as oid
      from pg_class
     where relnamespace = (select oid from space) and relkind = 'r'
     group by relowner
     order by count(*) desc, relowner
     limit 1
), foreign_object as (
    -- An extension's objects are the extension's matter.
    select classid, objid from pg_depend where deptype = 'e'
), relation as (
    select c.*, c.oid::regclass::text as name
      from pg_class c
     where c.relnamespace = (select oid from space)
       -- What sqlx keeps of the migrations themselves is looked at by `parlor serve`.
       and c.oid is distinct from to_regclass('public._sqlx_migrations')
       and c.oid is distinct from to_regclass('public._sqlx_migrations_pkey')
       and not exists (select from foreign_object f where f.classid = 'pg_class'::regclass and f.objid = c.oid)
), granted as (
    select 'relation' as class, r.oid, 0 as place, acl.*
      from relation r
     cross join lateral aclexplode(r.relacl) acl
     where acl.grantee <> r.relowner
     union all
    select 'column', r.oid, a.attnum, acl.*
      from relation r
      join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
     cross join lateral aclexplode(a.attacl) acl
     where acl.grantee <> r.relowner
     union all
    select 'function', p.oid, 0, acl.*
      from pg_proc p
     cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
     where p.pronamespace = (select oid from space) and acl.grantee <> p.proowner
     union all
    select 'schema', n.oid, 0, acl.*
      from pg_namespace n
     cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
     where n.oid = (select oid from space) and acl.grantee not in (n.nspowner, (select oid from owner))
     union all
    -- Who may connect is the administrator's matter.
    select 'database', d.oid, 0, acl.*
      from pg_database d
     cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
     where d.datname = current_database() and acl.privilege_type <> 'CONNECT'
       and acl.grantee not in (d.datdba, (select oid from owner))
     union all
    select 'default', d.oid, 0, acl.*
      from pg_default_acl d
     cross join lateral aclexplode(d.defaclacl) acl
     where acl.grantee <> d.defaclrole
       and (d.defaclnamespace in (0, (select oid from space)))
), rights as (
    select class, oid, place,
           ' to ' || string_agg(words, ', ' order by words) as words
      from (select class, oid, place,
                   case when grantee = 0 then 'public' else grantee::regrole::text end || ' '
                       || string_agg(lower(privilege_type) || case when is_grantable then '*' else '' end, '+'
                                     order by privilege_type) as words
              from granted
             group by class, oid, place, grantee) one
     group by class, oid, place
), lines as (
    select concat('owner tables', case when r.rolsuper then ' superuser' end,
                  case when r.rolname in ('parlor_app', 'parlor_audit') then ' ' || r.rolname end) as line
      from pg_roles r
     where r.oid = (select oid from owner)
     union all
    select concat('database itself',
                  case when d.datdba <> (select oid from owner) then ' of ' || d.datdba::regrole::text end, g.words)
      from pg_database d
      left join rights g on g.class = 'database' and g.oid = d.oid
     where d.datname = current_database()
     union all
    select concat('schema public', g.words)
      from space
      left join rights g on g.class = 'schema' and g.oid = space.oid
     union all
    select concat(case r.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'S' then 'sequence'
                                 when 'm' then 'matview' when 'f' then 'foreign' else 'relation' end,
                  ' ', r.name,
                  case when r.relowner <> (select oid from owner) then ' of ' || r.relowner::regrole::text end,
                  case when r.relkind not in ('r', 'v', 'S') then ' kind ' || r.relkind::text end,
                  case when r.relpersistence <> 'p' then ' persistence ' || r.relpersistence::text end,
                  case when r.relrowsecurity or r.relforcerowsecurity then ' with row security' end,
                  case when r.relkind in ('v', 'm') then ' sha256 ' || encode(sha256(convert_to(
                      regexp_replace(regexp_replace(pg_get_viewdef(r.oid), '\m[a-z_0-9]+\.', '', 'g'), '\s+', ' ', 'g'), 'UTF8')), 'hex') end,
                  case when s.seqrelid is not null then concat_ws(' ', ' by', s.seqincrement, 'from', s.seqstart, 'between',
                      s.seqmin, 'and', s.seqmax, case when s.seqcycle then 'in cycles' end) end,
                  g.words)
      from relation r
      left join pg_sequence s on s.seqrelid = r.oid
      left join rights g on g.class = 'relation' and g.oid = r.oid
     where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     union all
    select concat('column ', r.name, '.', a.attname, ' ', format_type(a.atttypid, a.atttypmod),
                  case when a.attnotnull then ' not null' end,
                  case when a.attidentity <> '' then ' identity ' || a.attidentity::text end,
                  case when a.attgenerated <> '' then ' generated' end,
                  ' default ' || pg_get_expr(d.adbin, d.adrelid), g.words)
      from relation r
      join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
      left join rights g on g.class = 'column' and g.oid = r.oid and g.place = a.attnum
     where r.relkind in ('r', 'p', 'v', 'm', 'f')
     union all
    select concat('constraint ', r.name, '.', c.conname, ' ', pg_get_constraintdef(c.oid),
                  case when not c.convalidated then ' (never checked)' end)
      from pg_constraint c
      join relation r on r.oid = c.conrelid
     where c.contype in ('c', 'f', 'p', 'u', 'x')
     union all
    select concat('index ', i.indexrelid::regclass::text, ' ', pg_get_indexdef(i.indexrelid),
                  case when not (i.indisvalid and i.indisready and i.indislive) then ' (not valid)' end)
      from pg_index i
      join relation r on r.oid = i.indrelid
     union all
    select concat('trigger ', r.name, '.', t.tgname, ' ', pg_get_triggerdef(t.oid),
                  case when t.tgenabled <> 'O' then ' (enabled: ' || t.tgenabled::text || ')' end)
      from pg_trigger t
      join relation r on r.oid = t.tgrelid
     where not t.tgisinternal
     union all
    -- Those of foreign keys are named only where one is off.
    select concat('trigger ', r.name, '.', coalesce(k.conname, t.tgname), ' of a foreign key is not enabled')
      from pg_trigger t
      join relation r on r.oid = t.tgrelid
      left join pg_constraint k on k.oid = t.tgconstraint
     where t.tgisinternal and t.tgenabled <> 'O'
     union all
    select concat('rule ', r.name, '.', w.rulename, ' ', pg_get_ruledef(w.oid))
      from pg_rewrite w
      join relation r on r.oid = w.ev_class
     where w.rulename <> '_RETURN'
     union all
    select concat('policy ', r.name, '.', p.polname)
      from pg_policy p
      join relation r on r.oid = p.polrelid
     union all
    select concat('inheritance ', h.inhrelid::regclass::text, ' of ', r.name)
      from pg_inherits h
      join relation r on r.oid = h.inhparent
     where r.relkind in ('r', 'p')
     union all
    select concat('function ', p.oid::regprocedure::text, ' returns ', pg_get_function_result(p.oid), ' ', l.lanname,
                  case when p.proowner <> (select oid from owner) then ' of ' || p.proowner::regrole::text end,
                  case when p.prosecdef then ' security definer' end,
                  ' ', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                  ' with ' || array_to_string(p.proconfig, ', '),
                  ' sha256 ', encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'), g.words)
      from pg_proc p
      join pg_language l on l.oid = p.prolang
      left join rights g on g.class = 'function' and g.oid = p.oid
     where p.pronamespace = (select oid from space)
       and not exists (select from foreign_object f where f.classid = 'pg_proc'::regclass and f.objid = p.oid)
     union all
    select concat('operator ', o.oid::regoperator::text, ' ', o.oprcode::text)
      from pg_operator o
     where o.oprnamespace = (select oid from space)
       and not exists (select from foreign_object f where f.classid = 'pg_operator'::regclass and f.objid = o.oid)
     union all
    select concat('default ', case when d.defaclrole = (select oid from owner) then 'owner' else d.defaclrole::regrole::text end,
                  ' ', d.defaclobjtype::text, g.words)
      from pg_default_acl d
      left join rights g on g.class = 'default' and g.oid = d.oid
     where d.defaclnamespace in (0, (select oid from space))
     union all
    select concat('role ', r.rolname,
                  case when r.rolsuper then ' superuser' end, case when r.rolcreaterole then ' createrole' end,
                  case when r.rolcreatedb then ' createdb' end, case when r.rolreplication then ' replication' end,
                  case when r.rolbypassrls then ' bypassrls' end)
      from pg_roles r
     where r.rolname in ('parlor_app', 'parlor_audit')
     union all
    -- Settings of a role in this database that change what a statement does.
    select concat('setting ', coalesce(nullif(s.setrole, 0)::regrole::text, 'everybody'), ' ', setting)
      from pg_db_role_setting s
     cross join unnest(s.setconfig) as setting
     where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
       and (s.setrole = 0 or s.setrole::regrole::text in ('parlor_app', 'parlor_audit'))
       and split_part(setting, '=', 1) in ('session_replication_role', 'search_path', 'role', 'row_security',
                                           'check_function_bodies', 'session_preload_libraries', 'local_preload_libraries')
     union all
    select concat('member ', m.member::regrole::text, ' of ',
                  case when m.roleid = (select oid from owner) then 'the owner' else m.roleid::regrole::text end)
      from pg_auth_members m
      join pg_roles who on who.oid = m.member
     where m.member in (select oid from pg_roles where rolname in ('parlor_app', 'parlor_audit'))
        or (m.roleid in (select oid from owner)
            or m.roleid in (select oid from pg_roles where rolname in ('parlor_app', 'parlor_audit')))
           and not who.rolsuper and not who.rolcreaterole
)
select line as "line!" from lines order by line collate "C"
