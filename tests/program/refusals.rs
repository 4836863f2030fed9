//! What the program does not do, and the sentence it says instead.

use std::net::TcpListener;
use std::process::Command;

use crate::support::postgres::{Cluster, Database};
use crate::support::program::{Program, complaint, parlor, run};

/// Runs it to a refusal and gives the sentence.
fn refusal(command: &mut Command) -> String {
    let output = run(command);
    let complaint = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    complaint
}

#[test]
fn an_unknown_command_shows_what_there_is() {
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
fn a_missing_file_of_settings_is_named() {
    let complaint = refusal(parlor(&["serve"]).env("PARLOR_CONFIG", "/nowhere/parlor.toml"));
    assert!(complaint.contains("/nowhere/parlor.toml: cannot be read"), "{complaint}");
}

#[test]
fn a_taken_port_is_told_before_any_database_is_started() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let complaint = refusal(&mut parlor(&["dev", "--port", &port, "--data", "/proc/never-made"]));
    assert!(complaint.contains("is taken") && complaint.contains("--port"), "{complaint}");
}

#[test]
fn a_store_that_cannot_be_made_is_told() {
    let complaint = refusal(&mut parlor(&["dev", "--port", "0", "--data", "/proc/never-made"]));
    assert!(complaint.contains("/proc/never-made") && complaint.contains("--data"), "{complaint}");
}

#[test]
fn without_an_installed_postgresql_the_line_that_installs_it_is_said() {
    let nowhere = std::env::temp_dir();
    let complaint = refusal(parlor(&["dev", "--port", "0", "--data", "no-postgresql"]).env("PG_BIN", nowhere));
    assert!(complaint.contains("PG_BIN"), "{complaint}");
}

#[test]
fn an_unreachable_database_is_told_without_its_password() {
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
async fn a_role_that_could_rewrite_the_books_does_not_serve() {
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
async fn a_member_of_the_owner_does_not_serve() {
    // Roles are the cluster's, so this one is not shared.
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    for (right, said) in [
        ("grant parlor_owner to parlor_app", "may become its owner"),
        ("alter role parlor_app createrole", "may create roles"),
        ("grant postgres to parlor_app", "may become one"),
    ] {
        sqlx::query(right).execute(&database.superuser).await.expect("granted");
        let address = ("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
        let complaint =
            refusal(parlor(&["dev", "--port", "0"]).env("DATABASE_URL", database.app_url()).env(address.0, address.1));
        assert!(complaint.contains(said), "{complaint}");
        let reset =
            "revoke parlor_owner from parlor_app; revoke postgres from parlor_app; alter role parlor_app nocreaterole";
        sqlx::raw_sql(reset).execute(&database.superuser).await.expect("revoked");
    }
    drop(Program::serve_on(&database));
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

    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                 values (9999, 'of a newer program', true, '\\x00', 0)";
    sqlx::query(newer).execute(&database.superuser).await.expect("the superuser may");
    assert!(serve().contains("newer than this program"));
    let other = "update _sqlx_migrations set checksum = '\\x00' where version = 1";
    sqlx::query(other).execute(&database.superuser).await.expect("the superuser may");
    assert!(serve().contains("migration 1 is not the one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_migrates_and_missing_roles_are_spelled_out() {
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
