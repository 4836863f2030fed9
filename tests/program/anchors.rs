//! `parlor ledger anchor` and `parlor ledger audit --anchors`: the audit must report what was removed since an anchor.

use std::path::Path;
use std::process::Output;

use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor, run};

/// A signing key: 32 bytes in base64.
const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
/// Another signing key.
const STRANGERS: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &complaint(output)
}

fn folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("parlor-{name}-{}", uuid::Uuid::new_v4()))
}

fn anchor(database: &Database, folder: &Path, key: &str) -> Output {
    let mut command = parlor(&["ledger", "anchor"]);
    command.env("DATABASE_URL", database.app_url()).env("PARLOR__LEDGER__ANCHOR__KEY", key);
    run(command.env("PARLOR__LEDGER__ANCHOR__FOLDER", folder))
}

/// Runs the audit as an auditor, who has only the public key.
fn audit(database: &Database, folder: &Path, public: &str) -> Output {
    let folder = folder.to_string_lossy();
    let mut command = parlor(&["ledger", "audit", "--anchors", &folder]);
    command.env("DATABASE_URL", database.audit_url());
    run(command.env("PARLOR__LEDGER__ANCHOR__PUBLIC_KEYS", public))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_reports_what_was_removed_since_an_anchor_with_exit_code_1() {
    let database = Database::fresh().await;
    let place = folder("anchors");
    let seeded = run(parlor(&["seed", "--demo"]).env("DATABASE_URL", database.app_url()));
    assert!(seeded.status.success(), "{}", words(&seeded));
    for number in 1..=2 {
        let made = anchor(&database, &place, KEY);
        assert!(made.status.success() && words(&made).contains(&format!("anchor {number}: ")), "{}", words(&made));
    }
    let public_of =
        |made: Output| words(&made).trim().rsplit(' ').next().expect("the public key is the last word").to_owned();
    let public = public_of(anchor(&database, &place, KEY));
    let elsewhere = folder("strangers");
    let strangers = public_of(anchor(&database, &elsewhere, STRANGERS));

    let clean = audit(&database, &place, &public);
    assert!(clean.status.success() && words(&clean).contains("3 anchors"), "{}", words(&clean));
    let stranger = audit(&database, &place, &strangers);
    assert_eq!(stranger.status.code(), Some(1), "{}", words(&stranger));
    assert!(words(&stranger).contains("anchor_true"), "{}", words(&stranger));
    let keyless = audit(&database, &place, "");
    assert_eq!(keyless.status.code(), Some(2), "{}", words(&keyless));

    // All tables of the ledger are restored to their state of the first day.
    sqlx::raw_sql(
        "set session_replication_role = replica; delete from journal; delete from chain_links; delete from refusals;
         update balances set amount = 0, xp = 0, last_transfer = 0; update room_totals set gift_no = 0, coins = 0",
    )
    .execute(&mut database.as_superuser().await)
    .await
    .expect("restored");
    let without = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", database.app_url()));
    assert!(without.status.success(), "nothing inside the database tells: {}", words(&without));
    assert!(words(&without).contains("no anchor was compared with"), "{}", words(&without));
    let restored = audit(&database, &place, &public);
    assert_eq!(restored.status.code(), Some(1), "{}", words(&restored));
    assert!(words(&restored).contains("an older state was restored"), "{}", words(&restored));
    for folder in [place, elsewhere] {
        std::fs::remove_dir_all(folder).expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_makes_anchors_by_itself_and_warns_if_it_has_no_place_for_them() {
    let database = Database::fresh().await;
    let server = Program::serve_on(&database);
    server.says(|line| line.contains("the ledger has no anchor outside the database"));
    drop(server);
    let place = folder("served");
    let mut command = parlor(&["serve"]);
    command.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    command.env("PARLOR__LEDGER__ANCHOR__KEY", KEY).env("PARLOR__LEDGER__ANCHOR__FOLDER", &place);
    let server = Program::start(&mut command);
    // As if an hour had passed.
    sqlx::raw_sql("update job_periods set due_at = now() where kind = 'ledger.anchor'")
        .execute(&mut database.as_superuser().await)
        .await
        .expect("due");
    server.says(|line| line.contains("the ledger's chains are anchored"));
    drop(server);
    let said = words(&anchor(&database, &place, KEY));
    assert!(said.contains("anchor 2: "), "{said}");
    std::fs::remove_dir_all(place).expect("removed");
}
