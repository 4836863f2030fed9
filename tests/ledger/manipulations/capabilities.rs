//! What each role may execute, attach and create: nothing but what stands here. A right that is not used today is the
//! way in of tomorrow, so this lists all of them, and tries them.

use std::collections::BTreeSet;

use parlor::economy::ledger::audit::Rule;

use super::decisions::{Decision, TABLES};
use super::session::Session;

/// Every right on a function, a sequence, the schema or the database that a role has without owning the object.
/// `everybody` is PostgreSQL's `public`.
const RIGHTS: &[&str] = &[
    // The constraint journal_zero_sum calls it with the rights of whoever inserts.
    "parlor_app: execute on legs_are_balanced(bigint[],smallint[],bigint[],bigint[])",
    // Pure functions: searches fold what is looked for, and the triggers that fold names run as whoever writes.
    "parlor_app: execute on fold_letters(text)",
    "parlor_app: execute on fold_text(text)",
    // It removes what is older than a retry can be, and nothing younger.
    "parlor_app: execute on remove_old_refusals(integer)",
    "parlor_app: usage on node_incarnations",
    "parlor_app: usage on transfers",
    "parlor_app: usage on the schema",
    "parlor_audit: usage on the schema",
    "everybody: connect on the database",
];

/// What the serving role may do to a table that money depends on, beyond reading it; columns in brackets.
const CHANGES: &[(&str, &str)] = &[
    ("accounts", "insert(currency)"),
    ("agencies", "insert(diamond_account, name, owner_id, rate_bp) update(name, rate_bp)"),
    ("agency_members", "delete insert"),
    ("agency_memberships", ""),
    ("agency_rate_versions", ""),
    ("balances", "insert(account_id) update(amount, last_transfer, xp)"),
    ("chain_links", "insert"),
    (
        "coin_requests",
        "insert(amount, expires_at, op, reseller_id, user_id) update(reason, settled_at, settled_op, state, transfer)",
    ),
    ("gift_versions", ""),
    (
        "gifts",
        "insert(category, enabled, id, name_ar, name_en, price, rarity, vip_level, xp_bp) \
         update(category, enabled, name_ar, name_en, price, rarity, vip_level, xp_bp)",
    ),
    ("journal", "insert"),
    ("openings", ""),
    ("refusals", "insert"),
    ("room_totals", "insert(room_id) update(coins, gift_no)"),
    ("system_accounts", ""),
    ("transfer_days", "insert update(coins)"),
    ("wallets", "insert"),
    ("writers", "insert"),
];

/// The functions that are Parlor's own.
const OWN_FUNCTIONS: &str = "pronamespace = 'public'::regnamespace
    and not exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e')";

#[tokio::test]
async fn no_role_has_a_right_that_does_not_stand_in_the_list() {
    let mut session = Session::begin().await;
    let found = session
        .texts(&format!(
            "select case when grantee = 0 then 'everybody' else grantee::regrole::text end || ': '
                    || lower(privilege_type) || ' on ' || name
               from (select p.oid::regprocedure::text as name, p.proowner as owner, acl.*
                       from pg_proc p cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
                      where {OWN_FUNCTIONS}
                      union all
                     select relname, relowner, acl.*
                       from pg_class cross join lateral aclexplode(coalesce(relacl, acldefault('s', relowner))) acl
                      where relkind = 'S' and relnamespace = 'public'::regnamespace
                      union all
                     select 'the schema', nspowner, acl.*
                       from pg_namespace cross join lateral aclexplode(coalesce(nspacl, acldefault('n', nspowner))) acl
                      where nspname = 'public'
                      union all
                     select 'the database', datdba, acl.*
                       from pg_database cross join lateral aclexplode(coalesce(datacl, acldefault('d', datdba))) acl
                      where datname = current_database()) granted
              where grantee <> owner and not (privilege_type = 'SELECT' and grantee = 'parlor_audit'::regrole)"
        ))
        .await;
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let meant: BTreeSet<&str> = RIGHTS.iter().copied().collect();
    assert_eq!(found, meant);

    // Tables: nobody but the serving role changes one, and nobody attaches anything to one.
    let others = session
        .texts(
            "select relname || ': ' || privilege_type || ' to ' || case when grantee = 0 then 'public' else grantee::regrole::text end
               from pg_class cross join lateral aclexplode(relacl) acl
              where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and grantee <> relowner
                and not (privilege_type = 'SELECT' and grantee in ('parlor_app'::regrole, 'parlor_audit'::regrole))
                and not (privilege_type in ('INSERT', 'UPDATE', 'DELETE') and grantee = 'parlor_app'::regrole)
              union all
             select attrelid::regclass || '.' || attname || ': ' || privilege_type
               from pg_attribute join pg_class c on c.oid = attrelid cross join lateral aclexplode(attacl) acl
              where relnamespace = 'public'::regnamespace and grantee <> relowner
                and not (privilege_type = 'SELECT' and grantee in ('parlor_app'::regrole, 'parlor_audit'::regrole))
                and not (privilege_type in ('INSERT', 'UPDATE') and grantee = 'parlor_app'::regrole)",
        )
        .await;
    assert!(others.is_empty(), "{others:?}");

    let money: BTreeSet<&str> =
        TABLES.iter().filter(|(_, decision)| matches!(decision, Decision::Money)).map(|(name, _)| *name).collect();
    assert_eq!(CHANGES.iter().map(|(table, _)| *table).collect::<BTreeSet<_>>(), money, "a row for each such table");
    for (table, meant) in CHANGES {
        let found = session
            .texts(&format!(
                "select word from (
                     select lower(privilege_type) as word
                       from pg_class cross join lateral aclexplode(relacl)
                      where oid = '{table}'::regclass and grantee = 'parlor_app'::regrole and privilege_type <> 'SELECT'
                      union all
                     select lower(privilege_type) || '(' || string_agg(attname, ', ' order by attname) || ')'
                       from pg_attribute cross join lateral aclexplode(attacl)
                      where attrelid = '{table}'::regclass and grantee = 'parlor_app'::regrole and privilege_type <> 'SELECT'
                      group by privilege_type) words order by word"
            ))
            .await;
        assert_eq!(found.join(" "), *meant, "{table}");
    }
    session.end().await;
}

#[tokio::test]
async fn versions_begin_at_one_have_no_holes_and_stay_within_their_bounds() {
    let mut session = Session::begin().await;
    let unbound =
        "alter table gift_versions drop constraint gift_versions_version, drop constraint gift_versions_price,
                   drop constraint gift_versions_xp;
                   alter table agency_rate_versions drop constraint agency_rate_versions_version,
                   drop constraint agency_rate_versions_rate";
    for forged in [
        "insert into agency_rate_versions select agency_id, 0, diamond_account, rate_bp from agency_rate_versions limit 1",
        "insert into agency_rate_versions select agency_id, 3, diamond_account, rate_bp from agency_rate_versions limit 1",
        "insert into gift_versions (gift_id, version, price, xp_bp) select id, 0, 1, 1000000000 from gifts limit 1",
        "insert into gift_versions (gift_id, version, price, xp_bp) select id, -1, 1, 1 from gifts limit 1",
        "set local session_replication_role = replica; update gifts set first_version = 0 where id = 1",
    ] {
        let report = session.attempt(&format!("{unbound}; {forged}")).await.expect("the superuser may");
        assert!(report.violations.iter().any(|found| found.rule == Rule::RecordsAgree), "{forged}: {report}");
    }
    session.end().await;
}

/// What a role that means harm tries to run, attach or create.
async fn attempts(session: &mut Session) -> Vec<String> {
    let mut attempts = Vec::new();
    for made_from in [
        // Each function called; each that a trigger calls attached to a table of one's own, named like the true one.
        "select format('select %s(%s)', proname, (select string_agg(format('null::%s', format_type(kind, null)), ', ')
                                                    from unnest(proargtypes) as kind))
           from pg_proc p where @ and proname not in ('legs_are_balanced', 'remove_old_refusals', 'fold_text', 'fold_letters')",
        "select format('create temp table %1$I (like %1$I); create trigger mine after insert on pg_temp.%1$I
                            for each row execute function %2$s();
                        insert into pg_temp.%1$I select * from public.%1$I', relname, proname)
           from pg_proc p, pg_class c
          where @ and prorettype = 'trigger'::regtype
            and relname in ('gifts', 'agencies', 'agency_members', 'wallets', 'system_accounts')
            and relnamespace = 'public'::regnamespace",
        "select format('create trigger mine after insert on %I for each row execute function %s()', relname, proname)
           from pg_proc p, pg_class c
          where @ and prorettype = 'trigger'::regtype and relkind = 'r' and relnamespace = 'public'::regnamespace
            and proname like 'keep%'",
        "select format('create rule mine as on insert to %I do also nothing', relname)
           from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
        "select format('create or replace function %s returns %s language sql as ''select null''', oid::regprocedure,
                       pg_get_function_result(oid))
           from pg_proc p where @",
        "select format('alter function %s security definer', oid::regprocedure) from pg_proc p where @",
        "select format('grant execute on function %s to public', oid::regprocedure) from pg_proc p
          where @ and proname not in ('legs_are_balanced', 'remove_old_refusals', 'fold_text', 'fold_letters')",
    ] {
        attempts.extend(session.texts(&made_from.replace('@', OWN_FUNCTIONS)).await);
    }
    let fixed = [
        "create temp table mine (id bigint)",
        "create temp view mine as select 1",
        "create table mine (id bigint)",
        "create schema mine",
        "create function mine() returns int language sql as 'select 1'",
        "create function pg_temp.mine() returns int language sql as 'select 1'",
        "create extension if not exists hstore",
        "create role mine",
        "set session_replication_role = replica",
        "set role parlor_owner",
        "alter role parlor_app superuser",
        "grant insert on gift_versions to parlor_app",
        "select setval('transfers', 1)",
        "comment on table journal is 'mine'",
    ];
    attempts.extend(fixed.map(str::to_owned));
    attempts
}

#[tokio::test]
async fn no_role_but_the_owner_executes_attaches_or_creates_anything() {
    let mut session = Session::begin().await;
    session.run("create role somebody login").await.expect("made");
    let attempts = attempts(&mut session).await;
    assert!(attempts.len() > 100, "{} attempts", attempts.len());
    session.run("savepoint before").await.expect("a savepoint");
    let mut done = Vec::new();
    for role in ["parlor_app", "parlor_audit", "somebody"] {
        for attempt in &attempts {
            // `session_user` too: a superuser who has only put on the role may put it off again.
            let tried = session.run(&format!("set local session authorization {role}; {attempt}")).await;
            session.run("rollback to savepoint before").await.expect("undone");
            match tried {
                Err(error) if is_denied(&error) || role == "somebody" && is_unseen(&error) => {}
                // A role that already misses something else first has not been denied for certain.
                Err(error) => done.push(format!("{role}: {attempt}: {error}")),
                // PostgreSQL answers a grant by somebody who may grant nothing with a warning.
                Ok(_) if attempt.starts_with("grant ") => {}
                Ok(_) => done.push(format!("{role}: {attempt}")),
            }
        }
    }
    let rights = session.audit().await;
    session.end().await;
    assert!(rights.is_clean(), "{rights}");
    assert!(done.is_empty(), "{} were not denied: {done:#?}", done.len());
}

/// Denied for want of a right: 42501.
fn is_denied(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some("42501")
}

/// A role that may not even use the schema sees nothing in it.
fn is_unseen(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["42P01", "42883", "3F000"].contains(&code.as_ref()))
}
