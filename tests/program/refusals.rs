//! What the program refuses to do, and the sentences with which it refuses.

use std::net::TcpListener;
use std::process::Command;

use crate::support::postgres::{Cluster, Database};
use crate::support::program::{Program, complaint, parlor, run};

/// Runs a command that must refuse, and returns its sentence.
fn refusal(command: &mut Command) -> String {
    let output = run(command);
    let complaint = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    complaint
}

#[test]
fn an_unknown_command_shows_the_known_ones() {
    assert!(refusal(&mut parlor(&["deploy"])).contains("unrecognized subcommand 'deploy'"));
    assert!(refusal(&mut parlor(&[])).contains("Usage: parlor <COMMAND>"));
    let version = run(&mut parlor(&["--version"]));
    assert_eq!(String::from_utf8_lossy(&version.stdout), concat!("parlor ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_wrong_setting_is_named_before_anything_starts() {
    let complaint = refusal(
        parlor(&["serve"])
            .env("PARLOR__SERVER__ADDRESS", "here")
            .env("PARLOR__SERVER__PROT", "80")
            .env("PARLOR__DATABASE__POOL__CONNECTIONS", "many")
            .env("DATABASE_OWNER_URL", "parlor_owner:hunter2@localhost"),
    );
    for setting in ["SERVER__ADDRESS:", "SERVER__PROT:", "POOL__CONNECTIONS:", "DATABASE_URL:", "DATABASE_OWNER_URL:"] {
        assert!(complaint.contains(setting), "{setting} in:\n{complaint}");
    }
    assert!(!complaint.contains("hunter2"), "{complaint}");
}

#[test]
fn a_missing_settings_file_is_named() {
    let complaint = refusal(parlor(&["serve"]).env("PARLOR_CONFIG", "/nowhere/parlor.toml"));
    assert!(complaint.contains("/nowhere/parlor.toml: cannot be read"), "{complaint}");
}

#[test]
fn a_port_in_use_is_reported_before_any_database_is_started() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let complaint = refusal(&mut parlor(&["dev", "--port", &port, "--data", "/proc/never-made"]));
    assert!(complaint.contains("is in use") && complaint.contains("--port"), "{complaint}");
}

#[test]
fn a_store_that_cannot_be_made_is_reported() {
    let complaint = refusal(&mut parlor(&["dev", "--port", "0", "--data", "/proc/never-made"]));
    assert!(complaint.contains("/proc/never-made") && complaint.contains("--data"), "{complaint}");
}

#[test]
fn without_postgresql_the_command_that_installs_it_is_shown() {
    let nowhere = std::env::temp_dir();
    let complaint = refusal(parlor(&["dev", "--port", "0", "--data", "no-postgresql"]).env("PG_BIN", nowhere));
    assert!(complaint.contains("PG_BIN"), "{complaint}");
}

#[test]
fn an_unreachable_database_is_reported_without_its_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = nobody.local_addr().expect("it is bound").port();
    drop(nobody);
    let url = format!("postgres://parlor_app:hunter2@127.0.0.1:{port}/parlor");
    for command in [&["serve"] as &[&str], &["dev", "--port", "0"]] {
        let address = ("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
        let complaint = refusal(parlor(command).env("DATABASE_URL", &url).env(address.0, address.1));
        assert!(complaint.contains(&format!("127.0.0.1:{port}")), "{complaint}");
        assert!(complaint.contains("DATABASE_URL") && !complaint.contains("hunter2"), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_does_not_start_with_a_role_that_could_rewrite_the_ledger() {
    let database = Database::fresh().await;
    let serve = |url: String| {
        refusal(parlor(&["serve"]).env("DATABASE_URL", url).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0"))
    };
    let complaint = serve(database.superuser_url());
    assert!(complaint.contains("postgres is a superuser"), "{complaint}");
    let complaint = serve(database.owner_url());
    assert!(complaint.contains("parlor_owner owns the journal"), "{complaint}");
    assert!(complaint.contains("parlor_app"), "what to do: {complaint}");

    sqlx::query("grant update (amounts) on journal to parlor_app").execute(&database.superuser).await.expect("granted");
    let complaint = serve(database.app_url());
    assert!(complaint.contains("parlor_app may change or remove rows of the journal"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_the_server_does_not_start_with_a_role_that_could_get_too_many_rights() {
    // Roles belong to the whole PostgreSQL, so this test has one of its own.
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    let others = "drop role if exists clerk, maker; create role clerk; grant update on journal to clerk; create role maker createrole";
    sqlx::raw_sql(others).execute(&database.superuser).await.expect("made");
    for (right, said) in [
        ("grant parlor_owner to parlor_app", "may become its owner"),
        ("alter role parlor_app createrole", "may create roles"),
        ("grant postgres to parlor_app", "may become one"),
        // Rights that only `set role` gives, roles of PostgreSQL itself, and attributes of a role.
        ("alter role parlor_app noinherit; grant parlor_owner to parlor_app", "may become its owner"),
        ("alter role parlor_app noinherit; grant clerk to parlor_app", "may change or remove rows of the journal"),
        ("alter role parlor_app noinherit; grant maker to parlor_app", "may create roles"),
        ("grant pg_write_all_data to parlor_app", "is a member of pg_write_all_data"),
        ("grant pg_execute_server_program to parlor_app", "is a member of pg_execute_server_program"),
        ("alter role parlor_app noinherit; grant pg_write_server_files to parlor_app", "pg_write_server_files"),
        ("grant pg_read_server_files to parlor_app", "is a member of pg_read_server_files"),
        ("alter role parlor_app createdb", "may create databases"),
        ("alter role parlor_app replication", "may create databases, replicate"),
        ("grant truncate on chain_links to parlor_app", "may change or remove rows"),
        // What writes history with the owner's rights, or lets one attach it.
        ("grant insert on gift_versions to parlor_app", "may write versions, memberships, seals or openings"),
        ("grant insert (seal) on openings to public", "may write versions, memberships, seals or openings"),
        ("grant update on first_form_ends to parlor_app", "may write versions, memberships, seals or openings"),
        ("grant execute on function keep_rate_version() to public", "may execute keep_rate_version()"),
        ("grant create on schema public to parlor_app", "may create or attach objects"),
        ("grant trigger on gifts to parlor_app", "may create or attach objects"),
        (
            "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$",
            "may create or attach objects",
        ),
    ] {
        sqlx::raw_sql(right).execute(&database.superuser).await.expect("granted");
        let address = ("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
        let complaint =
            refusal(parlor(&["dev", "--port", "0"]).env("DATABASE_URL", database.app_url()).env(address.0, address.1));
        assert!(complaint.contains(said), "{complaint}");
        let reset = "alter role parlor_app inherit nocreaterole nocreatedb noreplication;
                     revoke parlor_owner, postgres, clerk, maker, pg_write_all_data, pg_execute_server_program,
                            pg_write_server_files, pg_read_server_files from parlor_app;
                     revoke truncate on chain_links from parlor_app; revoke insert on gift_versions from parlor_app;
                     revoke insert (seal) on openings from public; revoke update on first_form_ends from parlor_app;
                     revoke trigger on gifts from parlor_app;
                     revoke execute on function keep_rate_version() from public;
                     revoke create on schema public from parlor_app;
                     do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$";
        sqlx::raw_sql(reset).execute(&database.superuser).await.expect("revoked");
    }
    drop(Program::serve_on(&database));
    // The roles would stay after the test.
    let last = "drop owned by clerk; drop role clerk, maker";
    sqlx::raw_sql(last).execute(&database.superuser).await.expect("dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_the_server_does_not_start_as_a_superuser_who_acts_as_another_role() {
    let database = Database::fresh().await;
    let url = format!("{}&options=-c%20role%3Dparlor_app", database.superuser_url());
    let complaint = refusal(parlor(&["serve"]).env("DATABASE_URL", url).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0"));
    assert!(complaint.contains("postgres is a superuser"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_database_is_told_what_to_do() {
    let database = Database::fresh().await;
    let mut first = Program::serve_on(&database);
    for name in ["main", "another"] {
        let mut second = parlor(&["serve"]);
        second.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
        let complaint = refusal(second.env("PARLOR__CLUSTER__NODE_ID", name));
        let sentence = "parlor: another server (node `main`) is serving this database, and there can be only one: stop that \
                        one first, or give this one a database of its own\n";
        assert!(complaint.ends_with(sentence), "{complaint}");
    }
    assert_eq!(first.get("/readyz").0, 200);
    first.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(first.ended(std::time::Duration::from_secs(8)).success());
    assert!(first.said().contains("the server has stopped"), "{}", first.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_in_a_database_address_is_reported_in_one_sentence() {
    let database = Database::fresh().await;
    let right = database.app_url();
    for (wrong, said) in [
        (right.replace(&database.name, "nowhere"), "the database nowhere"),
        (right.replace("parlor_app", "nobody"), "as nobody"),
        (right.replace("host=", "host=/nowhere"), "/nowhere"),
        ("localhost:5432".to_owned(), "postgres://role:password@host:5432/database"),
    ] {
        let complaint =
            refusal(parlor(&["serve"]).env("DATABASE_URL", wrong).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0"));
        assert!(complaint.contains(said) && complaint.contains("DATABASE_URL"), "{complaint}");
    }
}

#[test]
fn settings_are_checked_without_starting_anything() {
    let wrong = [("PARLOR__SERVER__PROT", "80"), ("PARLOR__DATABASE__POOL__CONNECTIONS", "many")];
    let problems = refusal(parlor(&["config", "check"]).envs(wrong));
    for problem in ["SERVER__PROT:", "POOL__CONNECTIONS:", "DATABASE_URL: `serve` needs"] {
        assert!(problems.contains(problem), "{problem} in:\n{problems}");
    }
    let url = "postgres://parlor_app:hunter2@db.example/parlor";
    let shown =
        run(parlor(&["config", "check"]).env("DATABASE_URL", url).env("PARLOR__SERVER__STOP_WITHIN_MS", "7000"));
    let (said, errors) = (String::from_utf8_lossy(&shown.stdout).into_owned(), complaint(&shown));
    assert!(shown.status.success(), "{errors}");
    for line in ["server.stop_within_ms = 7000\n", "database.url = \"***\"\n", "cluster.node_id = \"main\"\n"] {
        assert!(said.contains(line), "{line} in:\n{said}");
    }
    assert!(!said.contains("hunter2") && errors.is_empty(), "{errors}");
    assert!(run(&mut parlor(&["config", "check", "--dev"])).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_is_served_in_dev_and_elsewhere_if_the_setting_is_on() {
    let database = Database::fresh().await;
    let mut bare = Program::serve_on(&database);
    assert_eq!((bare.get("/").0, bare.get("/playground/app.js").0), (404, 404));
    bare.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(bare.ended(std::time::Duration::from_secs(8)).success());
    let mut wanted = parlor(&["serve"]);
    wanted.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    let mut wanted = Program::start(wanted.env("PARLOR__SERVER__PLAYGROUND", "true"));
    let (status, page) = wanted.get("/");
    assert_eq!(status, 200);
    let without_script = page.split_once("<noscript>").and_then(|(_, rest)| rest.split_once("</noscript>"));
    let (sentence, _) = without_script.expect("a browser without JavaScript is told");
    assert!(sentence.contains("JavaScript") && sentence.contains("allow it"), "{sentence}");
    assert_eq!(wanted.get("/playground/demo.json"), (200, "[]".to_owned()), "`serve` has no demo users");
    wanted.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(wanted.ended(std::time::Duration::from_secs(8)).success());
    // `dev` has the page by default. It takes no database that was served for people.
    let database = Database::fresh().await;
    let mut dev = parlor(&["dev", "--lan", "--port", "0"]);
    dev.env("DATABASE_URL", database.app_url()).env("DATABASE_OWNER_URL", database.owner_url());
    let mut dev = Program::start(&mut dev);
    assert_eq!(dev.get("/").0, 200);
    assert!(dev.get("/playground/demo.json").1.contains(r#""login":"demo1@parlor.example","password":"parlor-demo""#));
    dev.says(|said| said.contains("anybody in that network") || said.contains("in no network"));
    assert!(dev.said().contains(&format!("http://127.0.0.1:{}/", dev.address.port())), "{}", dev.said());
    // A newcomer is told what is needed next.
    let port = dev.address.port();
    for line in [
        "  users: demo1@parlor.example to demo4@parlor.example, password parlor-demo\n".to_owned(),
        format!(
            "  documents: http://127.0.0.1:{port}/docs/api and http://127.0.0.1:{port}/docs/socket; docs/first-app.md\n"
        ),
    ] {
        dev.says(|said| said.contains(&line));
    }
    dev.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_changes_nothing_and_an_unmigrated_database_is_not_served() {
    let database = Database::empty().await;
    let serve = || {
        let command = &mut parlor(&["serve"]);
        refusal(command.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0"))
    };
    assert!(serve().contains("run `parlor migrate`"));
    let migrate = || {
        let output = run(parlor(&["migrate"]).env("DATABASE_OWNER_URL", database.owner_url()));
        assert!(output.status.success(), "{}", complaint(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(migrate().contains("migrations applied"));
    assert_eq!(migrate(), "the database is up to date\n");
    drop(Program::serve_on(&database));

    let other = "update _sqlx_migrations set checksum = '\\x00' where version = 1";
    sqlx::query(other).execute(&database.superuser).await.expect("the superuser may");
    assert!(serve().contains("migration 1 of this program is not the one"));
}

/// A database that a newer program has migrated with these migrations, each with its mark or without one.
async fn migrated_by_a_newer_program(marks: &[(i64, Option<Option<i64>>)]) -> Database {
    let database = Database::fresh().await;
    for (version, mark) in marks {
        let applied = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                       values ($1, 'of a newer program', true, '\\x00', 0)";
        sqlx::query(applied).bind(version).execute(&database.owner).await.expect("the owner may");
        if let Some(needs) = mark {
            let marked = sqlx::query("insert into schema_marks values ($1, $2)").bind(version).bind(needs);
            marked.execute(&database.owner).await.expect("the owner may");
        }
    }
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_that_is_marked_compatible_is_served_with_a_message() {
    let database = migrated_by_a_newer_program(&[(9999_1231_0000, Some(None)), (9999_1231_0001, Some(Some(16)))]).await;
    // The deploy of an older program migrates as well, and has nothing to do.
    let migrate = run(parlor(&["migrate"]).env("DATABASE_OWNER_URL", database.owner_url()));
    assert_eq!(String::from_utf8_lossy(&migrate.stdout), "the database is up to date\n", "{}", complaint(&migrate));
    let audit = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", database.app_url()));
    assert!(audit.status.success(), "{}", complaint(&audit));
    let server = Program::serve_on(&database);
    assert_eq!(server.get("/readyz").0, 200);
    let said = server.said();
    assert!(
        said.contains("newer than this program and is marked compatible") && said.contains("999912310001"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_that_is_not_marked_compatible_is_refused() {
    let first = (9999_1231_0000, Some(None));
    // Without a mark, and with a mark that requires a migration which this program does not know.
    for second in [(9999_1231_0001, None), (9999_1231_0001, Some(Some(9999_1231_0000)))] {
        let database = migrated_by_a_newer_program(&[first, second]).await;
        for command in [&["serve"] as &[&str], &["migrate"], &["ledger", "audit"]] {
            let command = &mut parlor(command);
            command.env("DATABASE_URL", database.app_url()).env("DATABASE_OWNER_URL", database.owner_url());
            let complaint = refusal(command.env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0"));
            assert!(complaint.contains("newer than this program"), "{complaint}");
            assert!(complaint.contains("migration 999912310001"), "{complaint}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_migrate_and_missing_roles_are_named() {
    let database = Database::empty().await;
    let complaint = refusal(parlor(&["migrate"]).env("DATABASE_URL", database.app_url()));
    assert!(complaint.contains("DATABASE_OWNER_URL"), "{complaint}");
    let complaint = refusal(parlor(&["migrate"]).env("DATABASE_OWNER_URL", database.app_url()));
    assert!(complaint.contains("parlor_owner"), "{complaint}");

    let cluster = Cluster::private().await;
    let database = Database::empty_in(&cluster).await;
    sqlx::query("alter role parlor_audit rename to somebody").execute(&database.superuser).await.expect("renamed");
    let complaint = refusal(parlor(&["migrate"]).env("DATABASE_OWNER_URL", database.owner_url()));
    let back = sqlx::query("alter role somebody rename to parlor_audit").execute(&database.superuser).await;
    assert!(complaint.contains("create role parlor_audit login"), "{complaint}");
    back.expect("renamed back");
}
