//! Every way in which a start or an operator's command fails: its exit code, its whole sentence, and that it has changed
//! nothing in the database.

use std::path::Path;

use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor, run};

/// What the database is before the command.
#[derive(Clone, Copy)]
enum Ground {
    /// There is none: the command names none, or is refused before it looks.
    None,
    /// One that was never migrated, and what the superuser then did to it.
    Empty(&'static str),
    /// A migrated one, and what the superuser then did to it.
    Migrated(&'static str),
}
use Ground::{Empty, Migrated, None as Nothing};

/// Who an address names.
#[derive(Clone, Copy)]
enum As {
    App,
    Audit,
    Owner,
    Superuser,
    /// These words are the whole address.
    Words(&'static str),
}

/// A failing start or command.
struct Case {
    ground: Ground,
    /// What is typed. `{nowhere}` is a folder that does not exist.
    typed: &'static str,
    url: Option<As>,
    owner_url: Option<As>,
    /// The whole sentence behind `parlor: `.
    says: &'static str,
}

const NO_DATABASE: &str = "no database is named by DATABASE_URL or DATABASE_OWNER_URL, and there is no private store in \
     {nowhere}: name a database, or the folder of a store with --data (`parlor dev` makes a store)";
const READS_ONLY: &str = "the role parlor_audit may not write what a server writes: name the role that serves (parlor_app) \
     in DATABASE_URL";
const BOTH: &str = "DATABASE_URL names a database, and --data or --dev a private store: leave one of the two out";
const OLDER: &str = "the database's schema is older than this program: run `parlor migrate` (with DATABASE_OWNER_URL), \
     then start again";
const FOREIGN: &str = "the database has tables of another program (letters, orders, persons, …) and none of Parlor's: give \
     Parlor a database of its own";
const SERVED: &str = "this database has been served by `parlor serve`, and no users whose password everybody knows are put \
     into it: give `parlor dev` a database of its own (without DATABASE_URL it uses a private one)";
const UNFINISHED: &str = "the database's migration was begun and not finished: run `parlor migrate` (with \
     DATABASE_OWNER_URL) to its end, then start again";
const NOT_WHOLE: &str = "these settings must be corrected:\n  DATABASE_URL: is not whole: it must name the role and the \
     database, as postgres://role:password@host:5432/database";

const OTHERS: &str = "create table letters (); create table orders (); create table persons (); create table users ();";
const BEGUN: &str = "create table _sqlx_migrations (version bigint primary key, description text not null, installed_on \
     timestamptz not null default now(), success boolean not null, checksum bytea not null, execution_time bigint not null);
     alter table _sqlx_migrations owner to parlor_owner";
const HALF: &str =
    "update _sqlx_migrations set success = false where version = (select max(version) from _sqlx_migrations)";
const OF_PEOPLE: &str = "insert into nodes (id, incarnation, lease_until, mode) values ('other', 1, now(), 'serve')";
const OF_OLDER: &str = "insert into nodes (id, incarnation, lease_until) values ('main', 1, now())";

const fn case(ground: Ground, typed: &'static str, says: &'static str) -> Case {
    Case { ground, typed, url: None, owner_url: None, says }
}

impl Case {
    const fn url(self, who: As) -> Self {
        Self { url: Some(who), ..self }
    }

    const fn owner(self, who: As) -> Self {
        Self { owner_url: Some(who), ..self }
    }
}

const CASES: &[Case] = &[
    // No command makes a database.
    case(Nothing, "migrate --data {nowhere}", NO_DATABASE),
    case(Nothing, "seed --data {nowhere}", NO_DATABASE),
    case(Nothing, "ledger audit --data {nowhere}", NO_DATABASE),
    case(Nothing, "ledger anchor --data {nowhere}", NO_DATABASE),
    case(Nothing, "admin grant 1 admin --data {nowhere}", NO_DATABASE),
    // Nor does one choose between two.
    case(Migrated(""), "ledger audit --data {nowhere}", BOTH).url(As::App),
    case(Empty(""), "migrate --dev", "DATABASE_OWNER_URL names a database, and --data or --dev a private store: leave one of the two out").owner(As::Owner),
    case(Empty(""), "dev --port 0 --data {nowhere}", BOTH).url(As::App).owner(As::Owner),
    // An address that is not whole is not filled up.
    case(Nothing, "serve", NOT_WHOLE).url(As::Words("postgres://127.0.0.1:5432/parlor")),
    case(Nothing, "serve", NOT_WHOLE).url(As::Words("postgres://:secret@127.0.0.1:5432/parlor")),
    case(Nothing, "ledger audit", NOT_WHOLE).url(As::Words("postgres://parlor_app@127.0.0.1:5432/")),
    // The role is another one than is needed.
    case(
        Empty(""),
        "migrate",
        "the role postgres is a superuser, and what it makes would be its own: name the role that owns the schema \
         (parlor_owner) in DATABASE_OWNER_URL",
    )
    .owner(As::Superuser),
    case(
        Empty(""),
        "migrate",
        "the role parlor_audit must not own the tables: name the role that owns the schema (parlor_owner) in \
         DATABASE_OWNER_URL",
    )
    .owner(As::Audit),
    case(
        Migrated("alter table nodes owner to postgres"),
        "migrate",
        "the tables belong to postgres, and the role parlor_owner cannot change them: name postgres in \
         DATABASE_OWNER_URL, or let the administrator give all tables to parlor_owner",
    )
    .owner(As::Owner),
    case(
        Empty("do $$ begin execute format('alter database %I owner to postgres', current_database()); end $$"),
        "migrate",
        "the role parlor_owner may make no tables in this database: let the administrator run \
         `alter database \"{name}\" owner to parlor_owner`",
    )
    .owner(As::Owner),
    case(Migrated(""), "serve", READS_ONLY).url(As::Audit),
    case(Migrated(""), "dev --port 0", READS_ONLY).url(As::Audit),
    case(Migrated(""), "seed", READS_ONLY).url(As::Audit),
    case(Migrated(""), "admin grant 1 admin", READS_ONLY).url(As::Audit),
    case(
        Empty(""),
        "seed",
        "DATABASE_URL is missing: give it the address with the role that serves (parlor_app)",
    )
    .owner(As::Owner),
    case(
        Migrated(""),
        "migrate",
        "DATABASE_OWNER_URL is missing: give it the address with the role that owns the schema (parlor_owner)",
    )
    .url(As::App),
    // Only `migrate` migrates a database that is given.
    case(Empty(""), "seed", OLDER).url(As::App).owner(As::Owner),
    case(Empty(""), "admin grant 1 admin", OLDER).url(As::App).owner(As::Owner),
    case(Empty(""), "ledger audit", OLDER).url(As::App),
    case(Empty(""), "ledger anchor", "anchors need a place and a key: set ledger.anchor.folder or ledger.anchor.bucket, and ledger.anchor.key (`openssl rand -base64 32` makes one)").url(As::App),
    // Another program's tables.
    case(Empty(OTHERS), "migrate", FOREIGN).owner(As::Owner),
    case(Empty(OTHERS), "serve", FOREIGN).url(As::App),
    case(Empty(OTHERS), "dev --port 0", FOREIGN).url(As::App).owner(As::Owner),
    case(Empty(OTHERS), "seed", FOREIGN).url(As::App),
    // Half-migrated, and stopped half-way.
    case(Empty(BEGUN), "serve", UNFINISHED).url(As::App),
    case(Migrated(HALF), "serve", OLDER).url(As::App),
    case(
        Migrated(HALF),
        "migrate",
        "migration {last} was stopped half-way, and what it did is not known: restore the database from a backup of before \
         it; or finish its statements by hand, then set `success` on its row of _sqlx_migrations, and migrate again",
    )
    .owner(As::Owner),
    // Nobody's database gets users whose password everybody knows.
    case(Migrated(OF_PEOPLE), "dev --port 0", SERVED).url(As::App).owner(As::Owner),
    case(Migrated(OF_OLDER), "dev --port 0", SERVED).url(As::App),
    case(Migrated(OF_PEOPLE), "seed --demo", SERVED).url(As::App),
    // What is named is not there.
    case(
        Migrated(""),
        "admin grant 4711 admin",
        "there is no such user: name an id, an e-mail address, a phone number with +, or a signature",
    )
    .url(As::App),
];

/// Everything in the database's tables, in one number, and the names of the tables.
async fn contents(database: &Database) -> String {
    let all = "select coalesce(string_agg(format('%s %s', c.relname, query_to_xml(format(
                      'select count(*), md5(string_agg(t::text, chr(10) order by t::text)) from %I t', c.relname),
                      true, false, '')), chr(10) order by c.relname), '')
                 from pg_class c
                where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'";
    sqlx::query_scalar(all).fetch_one(&database.superuser).await.expect("the superuser may read everything")
}

async fn made(ground: Ground) -> Option<Database> {
    let (database, sql) = match ground {
        Nothing => return None,
        Empty(sql) => (Database::empty().await, sql),
        Migrated(sql) => (Database::fresh().await, sql),
    };
    sqlx::raw_sql(sql).execute(&database.superuser).await.expect("the superuser may do everything");
    Some(database)
}

fn address(database: Option<&Database>, who: As) -> String {
    match (who, database) {
        (As::Words(words), _) => words.to_owned(),
        (_, None) => panic!("there is no database"),
        (As::App, Some(database)) => database.app_url(),
        (As::Audit, Some(database)) => database.audit_url(),
        (As::Owner, Some(database)) => database.owner_url(),
        (As::Superuser, Some(database)) => database.superuser_url(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_start_and_command_that_fails_says_what_is_so_and_what_to_do_and_changes_nothing() {
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no store was ever made here");
    let nowhere = nowhere.to_string_lossy();
    let last = parlor::db::MIGRATIONS.iter().map(|migration| migration.version).max().expect("migrations").to_string();
    let mut wrong = Vec::new();
    for Case { ground, typed, url, owner_url, says } in CASES {
        let database = made(*ground).await;
        let words: Vec<_> = typed.split(' ').map(|word| word.replace("{nowhere}", &nowhere)).collect();
        let mut command = parlor(&words.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, who) in [("DATABASE_URL", url), ("DATABASE_OWNER_URL", owner_url)] {
            if let Some(who) = who {
                command.env(name, address(database.as_ref(), *who));
            }
        }
        command.env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
        let before = match &database {
            Some(database) => contents(database).await,
            None => String::new(),
        };
        let output = run(&mut command);
        let name = database.as_ref().map_or("", |database| &database.name);
        let says = says.replace("{nowhere}", &nowhere).replace("{name}", name).replace("{last}", &last);
        let heard = complaint(&output);
        let sentence = heard.rsplit_once("parlor: ").map_or("", |(_, sentence)| sentence.trim_end());
        if sentence != says || output.status.code() != Some(2) {
            wrong.push(format!(
                "parlor {typed}: {:?}, it should say\n  {says}\nand it says\n{heard}",
                output.status.code()
            ));
        }
        if let Some(database) = &database
            && contents(database).await != before
        {
            wrong.push(format!("parlor {typed} ({says}): the database was changed"));
        }
        assert!(!Path::new(&*nowhere).exists(), "parlor {typed} has made {nowhere}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_dev_leaves_a_database_alone_that_is_being_served() {
    let database = Database::fresh().await;
    let server = Program::serve_on(&database);
    let people = async || -> i64 {
        sqlx::query_scalar("select count(*) from users").fetch_one(&database.superuser).await.expect("a number")
    };
    for owner in [None, Some(database.owner_url())] {
        let mut dev = parlor(&["dev", "--port", "0"]);
        dev.env("DATABASE_URL", database.app_url()).envs(owner.map(|url| ("DATABASE_OWNER_URL", url)));
        let refused = run(&mut dev);
        assert_eq!(refused.status.code(), Some(2));
        assert!(complaint(&refused).ends_with(&format!("parlor: {SERVED}\n")), "{}", complaint(&refused));
        assert_eq!(people().await, 0);
    }
    // Also where the other one is another developer's, who has users already.
    drop(server);
    let database = Database::fresh().await;
    let first = Program::dev_on(&database);
    let mut second = parlor(&["dev", "--port", "0"]);
    let refused = run(second.env("DATABASE_URL", database.app_url()).env("DATABASE_OWNER_URL", database.owner_url()));
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        complaint(&refused).contains("another server (node `main`) is serving this database"),
        "{}",
        complaint(&refused)
    );
    assert_eq!(first.get("/readyz").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_names_its_database_first_without_the_password() {
    let database = Database::fresh().await;
    let at = database.cluster.place.sockets.display().to_string();
    let secret = |url: String, role: &str| url.replace(&format!("{role}@"), &format!("{role}:hunter2@"));
    let (app, owner) = (secret(database.app_url(), "parlor_app"), secret(database.owner_url(), "parlor_owner"));
    for (typed, role) in [
        ("migrate", "parlor_owner"),
        ("seed", "parlor_app"),
        ("seed --demo", "parlor_app"),
        ("ledger audit", "parlor_app"),
        ("admin grant demo1@parlor.example moderator", "parlor_app"),
    ] {
        let mut command = parlor(&typed.split(' ').collect::<Vec<_>>());
        let output = run(command.env("DATABASE_URL", &app).env("DATABASE_OWNER_URL", &owner));
        let heard = complaint(&output);
        assert!(output.status.success(), "parlor {typed}: {heard}");
        let first = format!("the database is {} at {at}, role {role}", database.name);
        assert_eq!(heard.lines().next(), Some(first.as_str()), "parlor {typed}: {heard}");
        assert!(!heard.contains("hunter2"), "parlor {typed}: {heard}");
    }
}
