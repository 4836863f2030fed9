//! Changes every constraint, key, trigger, function and grant that money depends on.

use parlor::economy::ledger::audit::Rule;

use super::decisions::{Decision, TABLES};
use super::session::{Session, rules};

/// `('accounts', 'agencies', …)`: the tables that money depends on.
fn money() -> String {
    let names = TABLES.iter().filter(|(_, decision)| matches!(decision, Decision::Money));
    let names: Vec<_> = names.map(|(name, _)| format!("'{name}'")).collect();
    format!("({})", names.join(", "))
}

#[tokio::test]
async fn every_change_of_the_schema_or_its_rights_is_reported() {
    let mut session = Session::begin().await;
    let tables = money();
    let mut changes = Vec::new();
    for made_from in [
        // Constraints, unique keys and indexes.
        "select format('alter table %s drop constraint %I cascade', conrelid::regclass, conname)
           from pg_constraint where conrelid::regclass::text in $ and contype in ('c', 'f', 'p', 'u', 'x')",
        "select format('drop index %s', indexrelid::regclass) from pg_index i
          where indrelid::regclass::text in $ and not exists (select from pg_constraint where conindid = indexrelid)",
        "select format('alter table %s alter column %I drop not null', attrelid::regclass, attname) from pg_attribute
          where attrelid::regclass::text in $ and attnum > 0 and not attisdropped and attnotnull and attidentity = ''
            and not exists (select from pg_constraint where conrelid = attrelid and contype = 'p' and attnum = any(conkey))",
        "select format('alter table %s alter column %I drop default', adrelid::regclass, attname)
           from pg_attrdef d join pg_attribute a on a.attrelid = adrelid and a.attnum = adnum
          where adrelid::regclass::text in $",
        // Triggers: dropped, disabled, and replaced by ones that allow everything.
        "select format('drop trigger %I on %s', tgname, tgrelid::regclass) from pg_trigger
          where tgrelid::regclass::text in $ and not tgisinternal",
        "select format('alter table %s disable trigger %I', tgrelid::regclass, tgname) from pg_trigger
          where tgrelid::regclass::text in $ and not tgisinternal",
        "select format('alter table %s disable trigger all', c.oid::regclass) from pg_class c
          where c.oid::regclass::text in $ and exists (select from pg_trigger where tgrelid = c.oid)",
        // Functions and views.
        "select format('update pg_proc set prosrc = prosrc || '' '' where oid = %s', oid) from pg_proc p
          where pronamespace = 'public'::regnamespace and not exists (select from pg_depend where objid = p.oid and deptype = 'e')",
        "select format('alter function %s owner to parlor_app', oid::regprocedure) from pg_proc p
          where pronamespace = 'public'::regnamespace and not exists (select from pg_depend where objid = p.oid and deptype = 'e')",
        "select format('grant execute on function %s to parlor_audit', oid::regprocedure) from pg_proc p
          where pronamespace = 'public'::regnamespace and not exists (select from pg_depend where objid = p.oid and deptype = 'e') and prosecdef
            and not has_function_privilege('parlor_audit', oid, 'execute')",
        "select format('create or replace view %I as select * from (%s) v where random() > 2', viewname,
                       rtrim(definition, ';'))
           from pg_views where schemaname = 'public'",
        // More and fewer rights of the serving role, of the auditor and of everybody.
        "select format('grant %s on %s to %s', privilege, t.oid::regclass, role)
           from pg_class t, unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger']) privilege,
                unnest(array['parlor_app', 'parlor_audit']) role
          where t.oid::regclass::text in $ and not has_table_privilege(role, t.oid, privilege)",
        "select format('grant select on %s to public', t.oid::regclass) from pg_class t where t.oid::regclass::text in $",
        "select format('grant update (%I) on %s to parlor_app', attname, attrelid::regclass) from pg_attribute
          where attrelid::regclass::text in $ and attnum > 0 and not attisdropped
            and not has_column_privilege('parlor_app', attrelid, attnum, 'update')",
        "select format('revoke %s on %s from parlor_app', privilege, t.oid::regclass)
           from pg_class t, unnest(array['select', 'insert', 'update', 'delete']) privilege
          where t.oid::regclass::text in $ and has_table_privilege('parlor_app', t.oid, privilege)",
        "select format('alter table %s owner to parlor_app', t.oid::regclass) from pg_class t where t.oid::regclass::text in $",
        // Things beside a table that change what it does.
        "select format('create rule quiet as on delete to %s do instead nothing', t.oid::regclass) from pg_class t
          where t.oid::regclass::text in $",
        "select format('alter table %s enable row level security', t.oid::regclass) from pg_class t
          where t.oid::regclass::text in $",
        "select format('create table heir () inherits (%s)', t.oid::regclass) from pg_class t where t.oid::regclass::text in $",
    ] {
        changes.extend(session.texts(&made_from.replace('$', &tables)).await);
    }
    // Behind a migration that this program does not know, what is added to money is still named.
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 values (999912312359, 'newer', true, '', 0);
                 insert into schema_marks (version) values (999912312359)";
    for added in [
        "create function gift() returns trigger language plpgsql as 'begin new.amount := new.amount + 1; return new; end';
         create trigger gift before update on balances for each row execute function gift()",
        "create rule quiet as on delete to users do instead nothing",
        "alter table journal add column more bigint",
        "create unique index one_amount on balances (amount, account_id)",
        "grant parlor_owner to parlor_app",
    ] {
        changes.push(format!("{newer}; {added}"));
    }
    let fixed = [
        "create function touch() returns trigger language plpgsql as 'begin return new; end';
         create trigger touch before insert on journal for each row execute function touch()",
        "alter table journal add column more bigint",
        "alter table journal alter column actor_balance type numeric",
        "create table kept as table journal",
        "alter sequence transfers increment by 1",
        "grant update on sequence transfers to parlor_app",
        "grant create on schema public to parlor_app",
        "grant execute on function keep_rate_version() to public",
        "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$",
        "do $$ begin execute format('grant create on database %I to parlor_app', current_database()); end $$",
        "do $$ begin execute format('alter database %I owner to parlor_app', current_database()); end $$",
        "reassign owned by parlor_owner to postgres",
        "reassign owned by parlor_owner to parlor_app",
        "alter default privileges in schema public grant delete on tables to parlor_app",
        "alter role parlor_app superuser",
        "alter role parlor_app createrole",
        "alter role parlor_audit bypassrls",
        "grant parlor_owner to parlor_app",
        "grant pg_write_all_data to parlor_audit",
        "alter role parlor_app set session_replication_role = replica",
        "create role somebody login; grant parlor_owner to somebody",
        "create role somebody login; grant update on balances to somebody",
    ];
    changes.extend(fixed.map(str::to_owned));
    assert!(changes.len() > 150, "{} changes", changes.len());
    let mut unnamed = Vec::new();
    for change in &changes {
        match session.attempt(change).await {
            Ok(report) if rules(&report).contains(&Rule::SchemaMigrated) => {}
            Ok(report) => unnamed.push(format!("{change}: {:?}", rules(&report))),
            Err(error) => unnamed.push(format!("{change}: {error}")),
        }
    }
    session.end().await;
    assert!(unnamed.is_empty(), "{} of {} are not named: {unnamed:#?}", unnamed.len(), changes.len());
}

#[tokio::test]
async fn a_finding_names_the_object_that_was_changed_and_no_other() {
    let mut session = Session::begin().await;
    for (change, subject) in [
        ("alter table journal owner to parlor_app", "table journal"),
        ("reassign owned by parlor_owner to postgres", "owner tables"),
        ("alter table coin_requests disable trigger all", "trigger coin_requests.coin_requests_user_id_fkey"),
    ] {
        let report = session.attempt(change).await.expect("done");
        let subjects: Vec<_> = report.violations.iter().map(|found| found.subject.as_str()).collect();
        assert!(subjects.contains(&subject), "{change}: {report}");
        // The role of an owner shows at the database, too.
        assert!(subjects.len() <= 6, "{change}: {report}");
    }
    session.end().await;
}
