//! A run from its start to its report: rounds of Parlor and of what it is held against, in turns.

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::books::Books;
use crate::history::{self, History};
use crate::meter::{Measured, some};
use crate::plot::Second;
use crate::reference::crowd;
use crate::reference::gifts::Textbook;
use crate::reference::{Reference, Which};
use crate::report::{Report, median};
use crate::rest::Away;
use crate::scenario::Scenario;
use crate::server::Server;
use crate::stage::{Plan, Stage};
use crate::verdict::{Kind, Violation};
use crate::wal::{Wal, Written};
use crate::world::Account;

/// Bytes of a frame's header.
const HEADER: f64 = 4.0;
/// People and rooms of the textbook's gifts.
const TEXTBOOK_PEOPLE: usize = 2_000;
const TEXTBOOK_ROOMS: usize = 50;
/// Rounds where something is compared.
const COMPARED: usize = 3;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// What people do.
    pub scenario: Scenario,
    /// How much of it.
    pub plan: Plan,
    /// Hold it against the floor.
    pub with_floor: bool,
    /// Hold it against the textbook.
    pub with_textbook: bool,
    /// Rounds; `None`: one, or three where something is compared.
    pub rounds: Option<usize>,
    /// The program under test, for the textbook's database.
    pub program: &'a Path,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// The course of the last round.
    pub course: Vec<Second>,
    /// The first violations.
    pub violations: Vec<Violation>,
}

/// One round's ratios to its own references.
#[derive(Default)]
struct Ratios {
    floor: Vec<f64>,
    coalesced: Vec<f64>,
    textbook: Vec<f64>,
    lean: Vec<f64>,
    floor_us: Vec<f64>,
    textbook_own: Vec<f64>,
}

/// Does it.
///
/// # Errors
/// What leaves nothing to report.
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
    let (join_cpu, rss) = (stage.join_cpu, stage.rss_per_socket);
    let mut own: Vec<Measured> = Vec::new();
    let (mut ratios, mut gifts_per_s, mut percentiles) = (Ratios::default(), Vec::new(), Vec::new());
    let mut written = Vec::new();
    for round in 0..rounds {
        let what = format!("{} {}/{rounds}", scenario.name(), round + 1);
        let log = end_of(&mut wal).await;
        let answered = stage.tally.answered.load(Ordering::Relaxed);
        let measured = scenario.drive(&stage, &what).await?;
        percentiles.push((stage.tally.delivery.take(), stage.tally.reply.take()));
        let answered = (stage.tally.answered.load(Ordering::Relaxed) - answered) as f64;
        let rate = answered / measured.driven;
        gifts_per_s.push(rate);
        if let Some(Written { bytes, page_bytes }) = written_since(&mut wal, log).await.filter(|_| answered > 0.0) {
            written.push((bytes as f64 / answered, page_bytes as f64 / answered));
        }
        if scenario.is_chat() && (order.with_floor || order.with_textbook) {
            // One crowd at a time: this process may open only so many files.
            stage.clear().await;
            compare_chat(order, &stage, &measured, &mut ratios, &what).await?;
            stage = Stage::again(stage).await?;
        }
        if let Some(textbook) = &textbook_gifts {
            let star = scenario == Scenario::GiftsStar;
            let (full, lean) =
                (textbook.drive(star, false, plan.length()).await, textbook.drive(star, true, plan.length()).await);
            ratios.textbook.push(rate / full);
            ratios.lean.push(rate / lean);
            ratios.textbook_own.push(full);
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
    let figures = Figures { join_cpu, rss, gifts_per_s, written, history, percentiles, ratios };
    let report =
        Report { accounts: accounts.len(), entries_checked, audited, ..report(order, &stage, &own, rounds, figures) };
    let violations = stage.tally.verdict.first();
    stage.clear().await;
    Ok(Outcome { report, course, violations })
}

/// The log of a private PostgreSQL. Where it cannot be read the figure is absent, and why is said.
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

async fn compare_chat(
    order: &Order<'_>,
    stage: &Stage,
    own: &Measured,
    ratios: &mut Ratios,
    what: &str,
) -> Result<(), Away> {
    let Some((own_us, _)) = own.us_per_delivery() else { return Ok(()) };
    let (bytes, deliveries) = (&stage.tally.bytes, &stage.tally.deliveries);
    let mean = bytes.load(Ordering::Relaxed) as f64 / deliveries.load(Ordering::Relaxed).max(1) as f64;
    let frame_bytes = (mean + HEADER) as usize;
    // As long as a chat command, and of the textbook's frame about as long as ours.
    let line = format!(r#"{{"room":104233871,"text":"{}"}}"#, ".".repeat((mean as usize).saturating_sub(48)));
    let mut all = Vec::new();
    if order.with_floor {
        all.extend([Which::Floor, Which::CoalescedFloor]);
    }
    if order.with_textbook {
        all.push(Which::Textbook);
    }
    for which in all {
        let reference = Reference::start(which, frame_bytes).map_err(Away)?;
        let name = format!("{what}, {}", which.argument());
        let measured = crowd::drive(&reference, order.plan, &line, &name).await?;
        let Some((us, _)) = measured.us_per_delivery() else { continue };
        match which {
            Which::Floor => {
                ratios.floor.push(own_us / us);
                ratios.floor_us.push(us);
            }
            Which::CoalescedFloor => ratios.coalesced.push(own_us / us),
            Which::Textbook => {
                ratios.textbook.push(own_us / us);
                ratios.textbook_own.push(us);
            }
        }
    }
    Ok(())
}

struct Figures {
    join_cpu: Option<crate::process::Cpu>,
    rss: Option<f64>,
    gifts_per_s: Vec<f64>,
    /// Bytes of log for a gift: without whole pages, and of those.
    written: Vec<(f64, f64)>,
    history: History,
    percentiles: Vec<(crate::latency::Percentiles, crate::latency::Percentiles)>,
    ratios: Ratios,
}

fn report(order: &Order<'_>, stage: &Stage, own: &[Measured], rounds: usize, figures: Figures) -> Report {
    let Figures { join_cpu, rss, gifts_per_s, written, history, percentiles, ratios } = figures;
    let (tally, scenario) = (&stage.tally, order.scenario);
    let of = |figure: &dyn Fn(&Measured) -> Option<f64>| median(own.iter().filter_map(figure).collect());
    let screens: Vec<_> = percentiles.iter().filter_map(|(screen, _)| some(*screen)).collect();
    let replies: Vec<_> = percentiles.iter().filter_map(|(_, reply)| some(*reply)).collect();
    let middle = |all: &[crate::latency::Percentiles], figure: fn(&crate::latency::Percentiles) -> f64| {
        median(all.iter().map(figure).collect())
    };
    let joins_cpu = match scenario {
        // The storm's own, once everybody's pages are warm.
        Scenario::JoinStorm => own.last().and_then(|measured| measured.cpu),
        _ => join_cpu,
    };
    let joins = joins_cpu.map(|cpu| stage.members.len() as f64 / cpu.total().as_secs_f64().max(1e-9));
    let delivers = !matches!(scenario, Scenario::Idle | Scenario::JoinStorm) && !scenario.gives();
    let spread = [&ratios.floor, &ratios.textbook].into_iter().find(|ratios| !ratios.is_empty());
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
        p50_ms: middle(&screens, |figures| figures.p50_ms),
        p99_ms: middle(&screens, |figures| figures.p99_ms),
        p999_ms: middle(&screens, |figures| figures.p999_ms),
        reply_p50_ms: middle(&replies, |figures| figures.p50_ms),
        reply_p99_ms: middle(&replies, |figures| figures.p99_ms),
        server_cpu_us_per_delivery: of(&|measured| measured.us_per_delivery().map(|us| us.0)).filter(|_| delivers),
        server_user_cpu_us_per_delivery: of(&|measured| measured.us_per_delivery().map(|us| us.1)).filter(|_| delivers),
        server_rss_bytes_per_socket: rss,
        joins_per_server_cpu_s: joins,
        gifts_per_s: median(gifts_per_s).filter(|_| scenario.gives()),
        gift_p99_ms: middle(&replies, |figures| figures.p99_ms).filter(|_| scenario.gives()),
        wal_bytes_per_gift: median(written.iter().map(|written| written.0).collect()),
        wal_page_bytes_per_gift: median(written.iter().map(|written| written.1).collect()),
        history_p50_ms: history.all.map(|all| all.p50_ms),
        history_p99_ms: history.all.map(|all| all.p99_ms),
        history_full_p50_ms: history.full.map(|full| full.p50_ms),
        history_full_p99_ms: history.full.map(|full| full.p99_ms),
        floor_ratio: median(ratios.floor.clone()),
        coalesced_floor_ratio: median(ratios.coalesced),
        textbook_ratio: median(ratios.textbook.clone()),
        lean_textbook_ratio: median(ratios.lean),
        floor_cpu_us_per_delivery: median(ratios.floor_us),
        textbook_figure: median(ratios.textbook_own),
        ratio_spread: spread.map(|all| {
            (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        }),
        slow_closes: tally.slow_closes.load(Ordering::Relaxed),
        consistent: tally.verdict.is_clean(),
        ..Report::default()
    }
}
