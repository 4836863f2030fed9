//! The load tester against the real program: it must find nothing wrong in a correct run, and every kind of violation
//! that a proxy plants.

mod planter;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use parlor_loadtests::proof::Run;
use parlor_loadtests::run::{Order, Outcome, run};
use parlor_loadtests::scenario::Scenario;
use parlor_loadtests::server::Server;
use parlor_loadtests::verdict::{Kind, Violation};
use parlor_loadtests::world::{self, Account};
use uuid::Uuid;

use self::planter::{Plant, Planter};
use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor};

/// A server with the settings for a load test, and this many accounts.
async fn server(users: usize) -> (Database, Program, Vec<Account>) {
    let database = Database::fresh().await;
    let name = format!("tokens-{}.jsonl", Uuid::now_v7().simple());
    let tokens = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut seed = parlor(&["seed", "--users", &users.to_string(), "--tokens"]);
    let seeded = seed.arg(&tokens).env("DATABASE_URL", database.app_url()).env("PARLOR_PROFILE", "load").output();
    let seeded = seeded.expect("it can be started");
    assert!(seeded.status.success(), "{}", complaint(&seeded));
    let accounts = world::accounts(&tokens).expect("it wrote them");
    std::fs::remove_file(&tokens).expect("it is there");
    let mut serve = parlor(&["serve"]);
    serve.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    let program = Program::start(serve.env("PARLOR_PROFILE", "load"));
    (database, program, accounts)
}

/// A server that the load tester starts, with a store of its own, and metrics if it `counts`.
async fn own_server(accounts: usize, counts: bool) -> (Server, Vec<Account>) {
    let started = tokio::task::spawn_blocking(move || Server::start(program(), accounts, counts));
    let (server, tokens) = started.await.expect("it does not panic").expect("it starts");
    (server, world::accounts(&tokens).expect("it wrote them"))
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_parlor"))
}

fn order(scenario: Scenario, users: usize, seconds: u64, rate: f64) -> Order<'static> {
    let mut plan = scenario.plan();
    (plan.users, plan.seconds, plan.rate) = (users, seconds, Some(rate));
    Order { scenario, plan, with_floor: false, with_textbook: false, rounds: None, program: program() }
}

async fn measure(scenario: Scenario, at: SocketAddr, accounts: &[Account], seconds: u64, rate: f64) -> Outcome {
    let order = order(scenario, accounts.len(), seconds, rate);
    run(Server::at(at), accounts, &order).await.expect("it can be measured")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_small_is_seen_the_same_by_everybody() {
    let proof = Run::of("mixed-load");
    proof.passes(a_day).await;
}

async fn a_day(seconds: usize) {
    let (database, running, accounts) = server(30).await;
    let server = Server::at(running.address).with_books(program(), &database.audit_url());
    let order = order(Scenario::Mixed, accounts.len(), seconds as u64, 4.0);
    let outcome = run(server, &accounts, &order).await.expect("it can be measured");
    assert!(outcome.report.consistent && outcome.report.audited, "{}\n{:?}", outcome.report, outcome.violations);
    assert!(outcome.report.deliveries > 1_000 && outcome.report.p99_ms.is_some(), "{}", outcome.report);
    assert!(outcome.report.entries_checked.is_some_and(|entries| entries > 30), "{}", outcome.report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_violation_is_found() {
    let (_database, program, accounts) = server(6).await;
    for plant in [Plant::Nothing, Plant::Drop, Plant::Double, Plant::Swap] {
        let planter = Planter::before(program.address, plant).await;
        let report = measure(Scenario::BigRoom, planter.address, &accounts, 2, 20.0).await.report;
        let found = [(Plant::Drop, report.lost), (Plant::Double, report.duplicated), (Plant::Swap, report.reordered)];
        for (kind, count) in found {
            // A frame that comes too late counts as missing before it comes.
            let is_meant = kind == plant || (plant == Plant::Swap && kind == Plant::Drop);
            assert_eq!(count > 0, is_meant, "{plant:?}: {report}");
        }
        assert_eq!(report.consistent, plant == Plant::Nothing, "{plant:?}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_or_missing_entry_is_found_and_named() {
    let (_database, program, accounts) = server(4).await;
    for (plant, words) in [
        (Plant::Nothing, ""),
        (Plant::ChangeEntry, "amount: -2, gift: Some(Part { role: \"sender\" }) } is of a gift that cost 1"),
        (Plant::DropEntry, "has a receipt and no entry"),
    ] {
        let planter = Planter::before(program.address, plant).await;
        let outcome = measure(Scenario::GiftsStar, planter.address, &accounts, 1, 40.0).await;
        assert_eq!(outcome.report.consistent, plant == Plant::Nothing, "{plant:?}: {:?}", outcome.violations);
        let is_named = |violation: &Violation| violation.kind == Kind::Balance && violation.words.contains(words);
        assert!(plant == Plant::Nothing || outcome.violations.iter().any(is_named), "{:?}", outcome.violations);
        // The server's database was not named.
        assert!(!outcome.report.audited && outcome.report.to_string().contains("NOT AUDITED"), "{}", outcome.report);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_ledger_of_the_server_is_audited_and_its_flaws_are_reported() {
    let (database, running, accounts) = server(2).await;
    let order = order(Scenario::Idle, accounts.len(), 1, 1.0);
    let other = Database::fresh().await;
    let server = Server::at(running.address).with_books(program(), &other.audit_url());
    let refused = run(server, &accounts, &order).await.expect_err("books of another server").to_string();
    assert!(refused.contains("--database is not the server's"), "{refused}");

    sqlx::query("update balances set amount = amount + 1 where account_id = (select min(coin_account) from wallets)")
        .execute(&database.superuser)
        .await
        .expect("the superuser may do anything");
    let server = Server::at(running.address).with_books(program(), &database.audit_url());
    let Outcome { report, violations, .. } = run(server, &accounts, &order).await.expect("it can be measured");
    assert!(report.audited && !report.consistent, "{report}");
    assert!(violations.iter().any(|violation| violation.words.starts_with("the audit: ")), "{violations:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_its_own_server_the_write_ahead_log_and_reading_times_are_measured() {
    let (server, accounts) = own_server(1_100, false).await;
    // There are more than two batches of gifts, and each gift is there once.
    assert_eq!(accounts.iter().map(|account| account.user).collect::<HashSet<_>>().len(), 1_100);
    let mut order = order(Scenario::GiftsSpread, 6, 2, 200.0);
    order.plan.room_size = 3;
    let Outcome { report, violations, .. } = run(server, &accounts, &order).await.expect("it can be measured");
    assert!(report.consistent && report.audited, "{report}\n{violations:?}");
    let bytes = report.wal_bytes_per_gift.expect("the log can be read");
    assert!((300.0..5_000.0).contains(&bytes) && report.wal_page_bytes_per_gift.is_some(), "{report}");
    assert!(report.history_p99_ms >= report.history_p50_ms && report.history_p50_ms.is_some(), "{report}");
    assert!(report.history_full_p99_ms.is_some() && report.accounts == 1_100, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_closed_with_its_code_and_comes_back_to_an_exact_picture() {
    let (_database, program, accounts) = server(20).await;
    let Outcome { report, violations, .. } = measure(Scenario::SlowReader, program.address, &accounts, 4, 100.0).await;
    assert!(report.consistent, "{report}\n{violations:?}");
    let slow = report.slow;
    assert_eq!(
        (slow.throttled, slow.throttled_closed, slow.throttled_resumed),
        (Some(1), Some(1), Some(1)),
        "{report}"
    );
    assert_eq!(report.slow_closes, 1, "nobody else was closed: {report}");
    // Both halves were measured for the others, and the slow reader was measured apart.
    let ratio = slow.others_p99_with_ms.zip(slow.others_p99_without_ms).map(|(with, without)| with / without);
    assert!(ratio.is_some() && slow.others_p99_ratio == ratio, "{report}");
    assert!(slow.throttled_p99_ms > slow.others_p99_without_ms, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cut_user_has_missed_something_and_comes_back_to_an_exact_picture() {
    let (server, accounts) = own_server(12, false).await;
    let mut order = order(Scenario::ReconnectStorm, 12, 2, 5.0);
    order.plan.room_size = 6;
    let Outcome { report, violations, .. } = run(server, &accounts, &order).await.expect("it can be measured");
    assert!(report.consistent, "{report}\n{violations:?}");
    let storm = report.storm;
    // One member of each room goes on speaking.
    assert_eq!((storm.sockets_cut, storm.cuts), (Some(10), Some(3)), "{report}");
    assert!(storm.least_missed >= Some(1), "{report}");
    assert!(storm.back_s.is_some_and(|seconds| (0.1..15.0).contains(&seconds)), "{report}");
    assert!(storm.return_p50_ms.is_some() && storm.return_p99_ms >= storm.return_p50_ms, "{report}");
    assert!(storm.transactions_per_return.is_some_and(|count| count > 0.0), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_run_reports_what_the_server_holds_early_and_late() {
    let (server, accounts) = own_server(10, true).await;
    let order = order(Scenario::Mixed, 10, 4, 2.0);
    let Outcome { report, violations, .. } = run(server, &accounts, &order).await.expect("it can be measured");
    assert!(report.consistent, "{report}\n{violations:?}");
    let drift = report.drift;
    assert!(drift.server_rss_bytes_early > Some(1e6) && drift.tester_rss_bytes_late > Some(1e6), "{report}");
    // There are more than ten sockets, each with a file and a task.
    assert!(drift.server_files_early > Some(10.0) && drift.server_tasks_early > Some(10.0), "{report}");
    assert!(drift.server_threads_late > Some(1.0), "{report}");
    let percents = [
        drift.server_rss_drift_percent,
        drift.server_files_drift_percent,
        drift.server_threads_drift_percent,
        drift.server_tasks_drift_percent,
        drift.tester_rss_drift_percent,
    ];
    assert!(percents.iter().all(Option::is_some), "{report}");
}
