//! The load tester against the real program: that it sees a day in small as it was, and every kind of
//! violation that somebody plants on the way.

mod planter;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use parlor_loadtests::run::{Order, Outcome, run};
use parlor_loadtests::scenario::Scenario;
use parlor_loadtests::server::Server;
use parlor_loadtests::world::{self, Account};
use uuid::Uuid;

use self::planter::{Plant, Planter};
use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor};

/// A server with the limits for load, and so many people to put on it.
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

async fn measure(scenario: Scenario, at: SocketAddr, accounts: &[Account], seconds: u64, rate: f64) -> Outcome {
    let mut plan = scenario.plan();
    (plan.users, plan.seconds, plan.rate) = (accounts.len(), seconds, Some(rate));
    let program = Path::new(env!("CARGO_BIN_EXE_parlor"));
    let order = Order { scenario, plan, with_floor: false, with_textbook: false, rounds: None, program };
    run(Server::at(at), accounts, &order).await.expect("it can be measured")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_small_is_seen_the_same_by_everybody() {
    let (_database, program, accounts) = server(30).await;
    let outcome = measure(Scenario::Mixed, program.address, &accounts, 5, 4.0).await;
    assert!(outcome.report.consistent, "{}\n{:?}", outcome.report, outcome.violations);
    assert!(outcome.report.deliveries > 1_000 && outcome.report.p99_ms.is_some(), "{}", outcome.report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_violation_is_found() {
    let (_database, program, accounts) = server(6).await;
    for plant in [Plant::Nothing, Plant::Drop, Plant::Double, Plant::Swap] {
        let planter = Planter::before(program.address, plant).await;
        let report = measure(Scenario::BigRoom, planter.address, &accounts, 2, 20.0).await.report;
        let found = [(Plant::Drop, report.lost), (Plant::Double, report.duplicated), (Plant::Swap, report.reordered)];
        for (kind, count) in found {
            // A frame that comes too late was missing before.
            let is_meant = kind == plant || (plant == Plant::Swap && kind == Plant::Drop);
            assert_eq!(count > 0, is_meant, "{plant:?}: {report}");
        }
        assert_eq!(report.consistent, plant == Plant::Nothing, "{plant:?}: {report}");
    }
}
