//! A run from its start to its report: rounds of Parlor and of the references, in turns.

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::books::Books;
use crate::compare::Rounds;
use crate::drift::{Drift, Look};
use crate::history::{self, History};
use crate::latency::Percentiles;
use crate::meter::{Measured, some};
use crate::plot::Second;
use crate::reference::gifts::Textbook;
use crate::report::{Report, median};
use crate::rest::Away;
use crate::scenario::{Scenario, SlowReaders, Storm};
use crate::server::Server;
use crate::stage::{Plan, Stage};
use crate::transactions::Transactions;
use crate::verdict::{Kind, Violation};
use crate::wal::{Wal, Written};
use crate::world::Account;

/// Accounts and rooms in the textbook's database.
const TEXTBOOK_PEOPLE: usize = 2_000;
const TEXTBOOK_ROOMS: usize = 50;
/// The number of rounds, if there is a comparison.
const COMPARED: usize = 3;

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// What the users do.
    pub scenario: Scenario,
    /// How many users, how often and for how long.
    pub plan: Plan,
    /// Compare with the floor.
    pub with_floor: bool,
    /// Compare with the textbook.
    pub with_textbook: bool,
    /// The number of rounds; `None`: one, or three if there is a comparison.
    pub rounds: Option<usize>,
    /// The program under test, for the textbook's database.
    pub program: &'a Path,
}

/// The results of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// The figures of each second of the last round.
    pub course: Vec<Second>,
    /// The first violations.
    pub violations: Vec<Violation>,
}

/// Runs all rounds, checks what the users saw and audits the ledger.
///
/// # Errors
/// A failure that leaves nothing to report.
pub async fn run(server: Server, accounts: &[Account], order: &Order<'_>) -> Result<Outcome, Away> {
    let Order { scenario, plan, .. } = *order;
    let gifts = scenario.gives();
    let textbook_gifts = match server.postgres().filter(|_| gifts && order.with_textbook) {
        Some(sockets) => {
            let made = Textbook::make(order.program, &sockets, TEXTBOOK_PEOPLE, TEXTBOOK_ROOMS).await;
            Some(made.map_err(Away)?)
        }
        None => None,
    };
    let compares = (order.with_floor && scenario.is_chat()) || order.with_textbook;
    let rounds = order.rounds.unwrap_or(if compares { COMPARED } else { 1 });
    let mut stage = Stage::set(server, accounts, plan).await?;
    let books = if scenario.moves_money() { Some(Books::open(&stage).await?) } else { None };
    let mut wal = if gifts { wal(&stage.server).await } else { None };
    let cuts = scenario == Scenario::ReconnectStorm;
    let mut transactions = if cuts { transactions(&stage.server).await } else { None };
    let mut counted = count(&mut transactions).await;
    let (join_cpu, rss) = (stage.join_cpu, stage.rss_per_socket);
    let mut own: Vec<Measured> = Vec::new();
    let (mut compared, mut gifts_per_s) = (Rounds::default(), Vec::new());
    let mut written = Vec::new();
    for round in 0..rounds {
        let what = format!("{} {}/{rounds}", scenario.name(), round + 1);
        let log = end_of(&mut wal).await;
        let answered = stage.tally.answered.load(Ordering::Relaxed);
        let mut measured = scenario.drive(&stage, &what).await?;
        let now = count(&mut transactions).await;
        measured.storm.transactions_per_return = counted.zip(now).zip(measured.storm.returns()).map(each);
        counted = now;
        let answered = (stage.tally.answered.load(Ordering::Relaxed) - answered) as f64;
        let rate = answered / measured.driven;
        gifts_per_s.push(rate);
        if let Some(Written { bytes, page_bytes }) = written_since(&mut wal, log).await.filter(|_| answered > 0.0) {
            written.push((bytes as f64 / answered, page_bytes as f64 / answered));
        }
        if scenario.is_chat() && (order.with_floor || order.with_textbook) {
            // One crowd at a time: this process may open only so many files.
            stage.clear().await;
            compared.add_chat(order, &stage, &measured, &what).await?;
            stage = Stage::again(stage).await?;
        }
        if let Some(textbook) = &textbook_gifts {
            let star = scenario == Scenario::GiftsStar;
            let (full, lean) =
                (textbook.drive(star, false, plan.length()).await, textbook.drive(star, true, plan.length()).await);
            compared.add_gifts(rate, full, lean);
        }
        own.push(measured);
    }
    stage.judge().await;
    let history = if gifts { history::measure(&stage, accounts).await? } else { History::default() };
    let entries_checked = match &books {
        Some(books) => Some(books.judge(&stage).await?),
        None => None,
    };
    let audited = stage.audit();
    let course = own.last().map(|measured| measured.course.clone()).unwrap_or_default();
    let figures = Figures { join_cpu, rss, gifts_per_s, written, history, compared };
    let report =
        Report { accounts: accounts.len(), entries_checked, audited, ..report(order, &stage, &own, rounds, figures) };
    let violations = stage.tally.verdict.first();
    stage.clear().await;
    Ok(Outcome { report, course, violations })
}

/// The write-ahead log of the server's private PostgreSQL. If it cannot be read, the reason is printed and the figure
/// is absent.
async fn wal(server: &Server) -> Option<Wal> {
    let wal = Wal::of(&server.postgres()?).await;
    wal.inspect_err(|error| eprintln!("parlor load: the write-ahead log is not measured: {error}")).ok()
}

async fn end_of(wal: &mut Option<Wal>) -> Option<String> {
    let end = wal.as_mut()?.end().await;
    end.inspect_err(|error| eprintln!("parlor load: the write-ahead log is not measured: {error}")).ok()
}

async fn written_since(wal: &mut Option<Wal>, since: Option<String>) -> Option<Written> {
    let written = wal.as_mut()?.since(&since?).await;
    written.inspect_err(|error| eprintln!("parlor load: the write-ahead log is not measured: {error}")).ok()
}

async fn transactions(server: &Server) -> Option<Transactions> {
    let transactions = Transactions::of(&server.postgres()?).await;
    transactions.inspect_err(|error| eprintln!("parlor load: transactions are not counted: {error}")).ok()
}

async fn count(transactions: &mut Option<Transactions>) -> Option<i64> {
    let count = transactions.as_mut()?.settled().await;
    count.inspect_err(|error| eprintln!("parlor load: transactions are not counted: {error}")).ok()
}

fn each(((before, after), returns): ((i64, i64), u64)) -> f64 {
    (after - before) as f64 / returns.max(1) as f64
}

/// The samples of all rounds, as those of one long run.
fn looks(own: &[Measured]) -> Vec<Look> {
    let rounds = own.len() as f64;
    let of_round = |(round, measured): (usize, &Measured)| {
        let at = move |look: &Look| Look { at: (round as f64 + look.at) / rounds, ..*look };
        measured.looks.iter().map(at).collect::<Vec<_>>()
    };
    own.iter().enumerate().flat_map(of_round).collect()
}

struct Figures {
    join_cpu: Option<crate::process::Cpu>,
    rss: Option<f64>,
    gifts_per_s: Vec<f64>,
    /// Bytes of write-ahead log per gift in each round: without full-page images, and of those.
    written: Vec<(f64, f64)>,
    history: History,
    compared: Rounds,
}

fn report(order: &Order<'_>, stage: &Stage, own: &[Measured], rounds: usize, figures: Figures) -> Report {
    let Figures { join_cpu, rss, gifts_per_s, written, history, compared } = figures;
    let (tally, scenario) = (&stage.tally, order.scenario);
    let of = |figure: &dyn Fn(&Measured) -> Option<f64>| median(own.iter().filter_map(figure).collect());
    let screen = |figure: fn(Percentiles) -> f64| of(&|measured| some(measured.screen).map(figure));
    let reply = |figure: fn(Percentiles) -> f64| of(&|measured| some(measured.reply).map(figure));
    let joins_of = |cpu: crate::process::Cpu| stage.members.len() as f64 / cpu.total().as_secs_f64().max(1e-9);
    let joins = match scenario {
        // The later half of the rounds, when the server's memory is warm.
        Scenario::JoinStorm => median(own[rounds / 2..].iter().filter_map(|of| of.cpu.map(joins_of)).collect()),
        _ => join_cpu.map(joins_of),
    };
    let delivers = !matches!(scenario, Scenario::Idle | Scenario::JoinStorm) && !scenario.gives();
    let count = |kind| tally.verdict.count(kind);
    Report {
        scenario: scenario.name(),
        users: order.plan.users,
        rate: order.plan.rate,
        seconds: median(own.iter().map(|measured| measured.seconds).collect()).unwrap_or(0.0),
        rounds,
        sent: tally.sent.load(Ordering::Relaxed),
        deliveries: tally.deliveries.load(Ordering::Relaxed),
        lost: count(Kind::Lost),
        duplicated: count(Kind::Duplicated),
        reordered: count(Kind::Reordered),
        resyncs: stage.members.iter().map(|member| member.watcher().resyncs).sum(),
        errors: tally.errors.load(Ordering::Relaxed),
        refusals: tally.refusals(),
        p50_ms: screen(|figures| figures.p50_ms),
        p99_ms: screen(|figures| figures.p99_ms),
        p999_ms: screen(|figures| figures.p999_ms),
        reply_p50_ms: reply(|figures| figures.p50_ms),
        reply_p99_ms: reply(|figures| figures.p99_ms),
        server_cpu_us_per_delivery: of(&|measured| measured.us_per_delivery().map(|us| us.0)).filter(|_| delivers),
        server_user_cpu_us_per_delivery: of(&|measured| measured.us_per_delivery().map(|us| us.1)).filter(|_| delivers),
        server_rss_bytes_per_socket: rss,
        joins_per_server_cpu_s: joins,
        gifts_per_s: median(gifts_per_s).filter(|_| scenario.gives()),
        gift_p99_ms: reply(|figures| figures.p99_ms).filter(|_| scenario.gives()),
        wal_bytes_per_gift: median(written.iter().map(|written| written.0).collect()),
        wal_page_bytes_per_gift: median(written.iter().map(|written| written.1).collect()),
        history_p50_ms: history.all.map(|all| all.p50_ms),
        history_p99_ms: history.all.map(|all| all.p99_ms),
        history_full_p50_ms: history.full.map(|full| full.p50_ms),
        history_full_p99_ms: history.full.map(|full| full.p99_ms),
        compared: compared.medians(),
        slow: SlowReaders::of_rounds(&own.iter().map(|measured| measured.slow).collect::<Vec<_>>()),
        storm: Storm::of_rounds(&own.iter().map(|measured| measured.storm).collect::<Vec<_>>()),
        drift: Drift::of(&looks(own)),
        slow_closes: tally.slow_closes.load(Ordering::Relaxed),
        consistent: tally.verdict.is_clean(),
        ..Report::default()
    }
}
