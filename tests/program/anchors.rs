//! `parlor ledger anchor` and `parlor ledger audit --anchors`: the audit must report what was removed since an anchor.

use std::path::Path;
use std::process::Output;

use parlor::media::{Archive, S3Settings};

use crate::media::object_store::{BUCKET, ID, KEY as SECRET, ObjectStore};
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

/// The public key that `parlor ledger anchor` has printed.
fn public_of(made: &Output) -> String {
    let said = String::from_utf8_lossy(&made.stdout);
    said.trim().rsplit(' ').next().expect("the public key is the last word").to_owned()
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
    let public = public_of(&anchor(&database, &place, KEY));
    let elsewhere = folder("strangers");
    let strangers = public_of(&anchor(&database, &elsewhere, STRANGERS));

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

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_anchor_is_added_only_behind_one_of_the_same_books() {
    let place = folder("two");
    let seeded = async || {
        let database = Database::fresh().await;
        let seeded = run(parlor(&["seed"]).env("DATABASE_URL", database.app_url()));
        assert!(seeded.status.success(), "{}", words(&seeded));
        database
    };
    let (first, second) = (seeded().await, seeded().await);
    let public = public_of(&anchor(&first, &place, KEY));
    let files = || std::fs::read_dir(place.join("anchors")).expect("the anchors").count();

    // Another database's: it would end the first one's series for ever.
    let other = anchor(&second, &place, KEY);
    assert_eq!(other.status.code(), Some(2), "{}", words(&other));
    assert!(words(&other).contains("the anchor was not made (anchor 1, the newest one, is not of these books ("));
    assert!(words(&other).contains("give this one a place of its own (ledger.anchor.folder or ledger.anchor.bucket)"));
    assert_eq!(files(), 1);
    assert!(anchor(&first, &place, KEY).status.success());

    // One that nobody has signed who counts, and one that is missing.
    let stranger = anchor(&first, &place, STRANGERS);
    assert_eq!(stranger.status.code(), Some(2), "{}", words(&stranger));
    assert!(words(&stranger).contains("anchor 2 is not signed by a key that counts: no anchor is added behind it"));
    std::fs::remove_file(place.join("anchors/000000000001.anchor")).expect("removed");
    let missing = anchor(&first, &place, KEY);
    assert_eq!(missing.status.code(), Some(2), "{}", words(&missing));
    assert!(words(&missing).contains("anchor 1 is missing: somebody has removed it: no anchor is added behind it"));
    assert_eq!(files(), 1, "nothing was added");

    // An audit beside no anchors is none.
    let inner = audit(&first, &place.join("anchors"), &public);
    assert_eq!(inner.status.code(), Some(2), "{}", words(&inner));
    assert!(words(&inner).contains("parlor: there are no anchors in "), "{}", words(&inner));
    std::fs::remove_dir_all(place).expect("removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_place_for_anchors_that_cannot_be_used_is_reported_before_anything_starts() {
    let database = Database::fresh().await;
    let (folder, bucket) = ("PARLOR__LEDGER__ANCHOR__FOLDER", "PARLOR__LEDGER__ANCHOR__BUCKET");
    for (setting, value, said) in [
        (
            folder,
            "/proc/b",
            "ledger.anchor.folder: /proc/b cannot be written to (No such file or directory (os error 2))",
        ),
        (
            bucket,
            "anchors",
            "ledger.anchor.bucket: is a bucket of the object store of media.s3, and media.s3.bucket names none",
        ),
    ] {
        for typed in [&["config", "check"] as &[&str], &["serve"], &["ledger", "anchor"]] {
            let mut command = parlor(typed);
            command.env("DATABASE_URL", database.app_url()).env("PARLOR__LEDGER__ANCHOR__KEY", KEY);
            let refused = run(command.env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0").env(setting, value));
            assert_eq!(refused.status.code(), Some(2), "{typed:?}: {}", words(&refused));
            let whole = match (typed, setting == folder) {
                (&["ledger", "anchor"], true) => format!("parlor: the anchor was not made ({said})\n"),
                _ => format!("parlor: these settings must be corrected:\n  {said}\n"),
            };
            assert!(words(&refused).ends_with(&whole), "{typed:?}: {}", words(&refused));
        }
    }
    let started: i64 =
        sqlx::query_scalar("select count(*) from nodes").fetch_one(&database.superuser).await.expect("a number");
    assert_eq!(started, 0, "no lease was taken");
}

/// A bucket for anchors beside that of the media.
const ANCHORS: &str = "parlor-anchors";

#[tokio::test]
async fn an_anchor_in_a_bucket_is_never_written_over_however_two_are_added_at_once() {
    let store = ObjectStore::start().await;
    let folder = store.with_bucket(ANCHORS);
    let settings = S3Settings {
        endpoint: Some(format!("http://{}", store.address)),
        bucket: Some(BUCKET.to_owned()),
        access_key: Some(ID.to_owned().into()),
        secret_key: Some(SECRET.to_owned().into()),
        path_style: true,
        ..S3Settings::default()
    };
    let place = Archive::bucket(&settings, ANCHORS).expect("a bucket");
    let name = "anchors/000000000001.anchor";
    assert_eq!(place.read(name, 100).await.expect("asked"), None);
    assert!(place.add(name, b"the first".to_vec()).await.expect("added"));
    assert!(!place.add(name, b"another".to_vec()).await.expect("asked"), "it stands there");
    // Another node has added it between the question and the writing: the store itself refuses.
    store.hide(true);
    assert!(!place.add(name, b"another".to_vec()).await.expect("asked"), "the store has the condition");
    store.hide(false);
    assert_eq!(place.read(name, 100).await.expect("read").as_deref(), Some(&b"the first"[..]));
    assert_eq!(std::fs::read(folder.join(name)).expect("it lies there"), b"the first");
    assert_eq!(store.keys(""), Vec::<String>::new(), "nothing went into the bucket of the media");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_whose_end_was_cut_off_is_named_by_the_anchors_in_a_bucket() {
    let database = Database::fresh().await;
    let store = ObjectStore::start().await;
    store.with_bucket(ANCHORS);
    let seeded = run(parlor(&["seed", "--demo"]).env("DATABASE_URL", database.app_url()));
    assert!(seeded.status.success(), "{}", words(&seeded));
    let with_bucket = |args: &[&str]| {
        let mut command = parlor(args);
        command.envs(store.settings()).env("PARLOR__LEDGER__ANCHOR__BUCKET", ANCHORS);
        command.env("PARLOR__LEDGER__ANCHOR__KEY", KEY);
        command
    };
    for number in 1..=2 {
        let made = run(with_bucket(&["ledger", "anchor"]).env("DATABASE_URL", database.app_url()));
        assert!(made.status.success() && words(&made).contains(&format!("anchor {number}: ")), "{}", words(&made));
    }
    let clean = run(with_bucket(&["ledger", "audit"]).env("DATABASE_URL", database.audit_url()));
    assert!(clean.status.success() && words(&clean).contains("2 anchors"), "{}", words(&clean));

    // The newest batch goes, with everything that it did to the accounts.
    sqlx::raw_sql(
        "set session_replication_role = replica;
         create temp table gone as select j.* from journal j
           join (select * from chain_links where transfers > 0 order by first_transfer desc limit 1) l
             on j.id between l.first_transfer and l.last_transfer;
         update balances b set last_transfer = was.previous, amount = b.amount - was.amount
           from (select leg.account, (array_agg(leg.previous order by gone.id))[1] as previous, sum(leg.amount) as amount
                   from gone cross join lateral unnest(accounts, amounts, previous) as leg (account, amount, previous)
                  group by leg.account) was
          where b.account_id = was.account;
         delete from chain_links where (select max(id) from gone) <= last_transfer or first_transfer > (select max(id) from gone);
         delete from journal where id in (select id from gone)",
    )
    .execute(&mut database.as_superuser().await)
    .await
    .expect("cut off");
    let cut = run(with_bucket(&["ledger", "audit"]).env("DATABASE_URL", database.audit_url()));
    assert_eq!(cut.status.code(), Some(1), "{}", words(&cut));
    assert!(words(&cut).contains("anchored") && words(&cut).contains("its end was cut off"), "{}", words(&cut));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_goes_on_from_its_checkpoint_and_a_forged_one_is_named() {
    let database = Database::fresh().await;
    let place = folder("checkpoint");
    let file = place.join("audit.checkpoint");
    let seeded = run(parlor(&["seed", "--demo"]).env("DATABASE_URL", database.app_url()));
    assert!(seeded.status.success(), "{}", words(&seeded));
    let audit = |more: &[&str], key: &str| {
        let path = file.to_string_lossy();
        let mut command = parlor(&[&["ledger", "audit", "--checkpoint", &path], more].concat());
        run(command.env("DATABASE_URL", database.audit_url()).env("PARLOR__LEDGER__ANCHOR__KEY", key))
    };
    let first = audit(&[], KEY);
    assert!(first.status.success() && !words(&first).contains("from the checkpoint"), "{}", words(&first));
    assert!(words(&first).contains("audit: journal 100 %"), "it says how far it is: {}", words(&first));
    let second = audit(&[], KEY);
    assert!(second.status.success() && words(&second).contains("from the checkpoint of"), "{}", words(&second));
    assert!(words(&second).contains("audited: 0 transfers"), "{}", words(&second));
    let full = audit(&["--full"], KEY);
    assert!(full.status.success() && !words(&full).contains("from the checkpoint"), "{}", words(&full));

    // Another's checkpoint does not count, and no more does one of which a word was changed.
    let strangers = audit(&[], STRANGERS);
    assert_eq!(strangers.status.code(), Some(1), "{}", words(&strangers));
    assert!(words(&strangers).contains("checkpoint_true"), "{}", words(&strangers));
    let text = std::fs::read_to_string(&file).expect("it lies there");
    std::fs::write(&file, text.replacen("\"transfers\":", "\"transfers\":1", 1)).expect("written");
    for _ in 0..2 {
        let forged = audit(&[], KEY);
        assert_eq!(forged.status.code(), Some(1), "{}", words(&forged));
        assert!(words(&forged).contains("checkpoint_true"), "{}", words(&forged));
        assert!(!words(&forged).contains("from the checkpoint of"), "all is read anew: {}", words(&forged));
    }
    // Trusting none makes a new one.
    assert!(audit(&["--full"], KEY).status.success());
    assert!(words(&audit(&[], KEY)).contains("from the checkpoint of"));
    // Who has no key reads everything, and keeps nothing.
    std::fs::remove_file(&file).expect("removed");
    let keyless = audit(&[], "");
    assert!(keyless.status.success() && words(&keyless).contains("no checkpoint was kept"), "{}", words(&keyless));
    assert!(!file.exists());
    std::fs::remove_dir_all(place).expect("removed");
}
