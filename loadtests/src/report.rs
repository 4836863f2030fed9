//! The report of a run: one flat record with stable names for programs, and lines of text for people.

use std::fmt;

use serde::Serialize;

use crate::compare::Compared;
use crate::drift::Drift;
use crate::scenario::{SlowReaders, Storm};
use crate::verdict::Violation;

/// A figure's name for people, and its value if it was measured.
pub type Figure = (&'static str, Option<f64>);

/// The figures of a run; a figure that was not measured is null.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// Simulated users.
    pub users: usize,
    /// Commands per second (and room) that were intended; null if they went as fast as possible.
    pub rate: Option<f64>,
    /// Seconds that one round measured.
    pub seconds: f64,
    /// Number of rounds; figures are the medians of the rounds.
    pub rounds: usize,
    /// Commands that were sent.
    pub sent: u64,
    /// Events that arrived at sockets.
    pub deliveries: u64,
    /// Events that never arrived.
    pub lost: u64,
    /// Events that arrived twice.
    pub duplicated: u64,
    /// Events that arrived after a later one.
    pub reordered: u64,
    /// Joins with a position that were answered with a snapshot instead of the missed events.
    pub resyncs: u64,
    /// Commands that were refused or not answered.
    pub errors: u64,
    /// Refusals by their code.
    pub refusals: Vec<(String, u64)>,
    /// Median latency from the intended time of sending to the screen, in milliseconds.
    pub p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub p99_ms: Option<f64>,
    /// Its 99.9th percentile.
    pub p999_ms: Option<f64>,
    /// Median latency from the intended time of sending to the reply, in milliseconds.
    pub reply_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub reply_p99_ms: Option<f64>,
    /// CPU time of the server per delivery, in microseconds, by the scheduler's count in nanoseconds (the process's CPU
    /// clock). The references are measured in the same way.
    pub server_cpu_us_per_delivery: Option<f64>,
    /// The part of it in the server's own code, as a share by ticks of a hundredth of a second (`utime`).
    pub server_user_cpu_us_per_delivery: Option<f64>,
    /// Resident memory of the server per joined socket, in bytes.
    pub server_rss_bytes_per_socket: Option<f64>,
    /// Joins (handshake, connect, join) per second of the server's CPU time.
    pub joins_per_server_cpu_s: Option<f64>,
    /// Gifts that were committed and answered per second.
    pub gifts_per_s: Option<f64>,
    /// 99th percentile of the latency from the intended time of sending a gift to its reply, in milliseconds.
    pub gift_p99_ms: Option<f64>,
    /// Bytes of write-ahead log per gift, without full-page images.
    pub wal_bytes_per_gift: Option<f64>,
    /// Bytes of full-page images per gift; it depends on how many checkpoints fell into the rounds.
    pub wal_page_bytes_per_gift: Option<f64>,
    /// Users' accounts that this program knows of, connected or not.
    pub accounts: usize,
    /// Median time of reading an account's newest 50 entries, over random accounts and accounts of the run, in
    /// milliseconds.
    pub history_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub history_p99_ms: Option<f64>,
    /// The median over the accounts that have 50 entries.
    pub history_full_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub history_full_p99_ms: Option<f64>,
    /// The effect of slow readers on the others, and what happened to them.
    #[serde(flatten)]
    pub slow: SlowReaders,
    /// How the users whose sockets were cut came back.
    #[serde(flatten)]
    pub storm: Storm,
    /// What grew during a long run.
    #[serde(flatten)]
    pub drift: Drift,
    /// The comparison with the references.
    #[serde(flatten)]
    pub compared: Compared,
    /// Sockets that were closed as slow consumers.
    pub slow_closes: u64,
    /// Entries of `/v1/wallet/entries` that were compared with balances and receipts; null if the scenario moves no
    /// coins.
    pub entries_checked: Option<u64>,
    /// `parlor ledger audit` has read the ledger. If not, only what the users saw was checked.
    pub audited: bool,
    /// No user saw anything that the protocol rules out, and if `audited`, the audit found nothing.
    pub consistent: bool,
}

impl Report {
    /// As JSON, on one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a record of numbers")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} users, {} x {:.1} s", self.scenario, self.users, self.rounds, self.seconds)?;
        writeln!(f, "  sent {}, delivered {}, errors {}", self.sent, self.deliveries, self.errors)?;
        for (code, count) in &self.refusals {
            writeln!(f, "    {code}: {count}")?;
        }
        writeln!(
            f,
            "  lost {}, duplicated {}, reordered {}, resyncs {}, slow closes {}",
            self.lost, self.duplicated, self.reordered, self.resyncs, self.slow_closes
        )?;
        let figures = [
            ("screen p50, ms", self.p50_ms),
            ("screen p99, ms", self.p99_ms),
            ("screen p99.9, ms", self.p999_ms),
            ("reply p50, ms", self.reply_p50_ms),
            ("reply p99, ms", self.reply_p99_ms),
            ("server CPU per delivery, us", self.server_cpu_us_per_delivery),
            ("  in its own code, us", self.server_user_cpu_us_per_delivery),
            ("server memory per socket, bytes", self.server_rss_bytes_per_socket),
            ("joins per CPU second", self.joins_per_server_cpu_s),
            ("gifts per second", self.gifts_per_s),
            ("gift p99, ms", self.gift_p99_ms),
            ("write-ahead log per gift, bytes", self.wal_bytes_per_gift),
            ("  and full-page images, bytes", self.wal_page_bytes_per_gift),
            ("newest entries p50, ms", self.history_p50_ms),
            ("newest entries p99, ms", self.history_p99_ms),
            ("  if there are 50, p50, ms", self.history_full_p50_ms),
            ("  if there are 50, p99, ms", self.history_full_p99_ms),
        ];
        let own = self.slow.figures().chain(self.storm.figures()).chain(self.drift.figures());
        for (name, figure) in figures.into_iter().chain(own).chain(self.compared.figures()) {
            if let Some(figure) = figure {
                writeln!(f, "  {name:<32} {figure:>12.3}")?;
            }
        }
        if let Some((low, high)) = self.compared.ratio_spread {
            writeln!(f, "  {:<32} {low:.3} to {high:.3}", "ratios of the rounds")?;
        }
        if let Some(entries) = self.entries_checked {
            writeln!(f, "  {entries} account entries were compared with balances and receipts")?;
        }
        let verdict = match (self.consistent, self.audited) {
            (true, true) => "consistent, and the ledger was audited",
            (true, false) => "consistent by what the users saw; the ledger was NOT AUDITED",
            (false, true) => "NOT CONSISTENT; the ledger was audited",
            (false, false) => "NOT CONSISTENT; the ledger was NOT AUDITED",
        };
        write!(f, "  {verdict}")
    }
}

/// The first violations, one line each.
pub fn violations(first: &[Violation]) -> String {
    first.iter().map(|violation| format!("  {:?}: {}\n", violation.kind, violation.words)).collect()
}

/// The median; `None` without figures.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    (!figures.is_empty()).then(|| figures[figures.len() / 2])
}
