//! What a run came to: one flat record with stable names for machines, lines for people.

use std::fmt;

use serde::Serialize;

use crate::compare::Compared;
use crate::drift::Drift;
use crate::scenario::{SlowReaders, Storm};
use crate::verdict::Violation;

/// A name for people, and what was measured.
pub type Figure = (&'static str, Option<f64>);

/// The figures of a run; what was not measured is null.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Which scenario.
    pub scenario: String,
    /// Simulated users.
    pub users: usize,
    /// Commands a second (and room) that were intended; null where it went as fast as it could.
    pub rate: Option<f64>,
    /// Seconds that were measured, of one round.
    pub seconds: f64,
    /// Rounds; figures are medians of them.
    pub rounds: usize,
    /// Commands that were sent.
    pub sent: u64,
    /// Events that came to sockets.
    pub deliveries: u64,
    /// Events that never came.
    pub lost: u64,
    /// Events that came twice.
    pub duplicated: u64,
    /// Events that came before one that they are behind.
    pub reordered: u64,
    /// Snapshots in place of missed events.
    pub resyncs: u64,
    /// Commands that were refused or not answered.
    pub errors: u64,
    /// Refusals by their code.
    pub refusals: Vec<(String, u64)>,
    /// From the intended time of sending to the screen: median, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The same for one in a hundred.
    pub p99_ms: Option<f64>,
    /// The same for one in a thousand.
    pub p999_ms: Option<f64>,
    /// From the intended time of sending to the reply: median.
    pub reply_p50_ms: Option<f64>,
    /// The same for one in a hundred.
    pub reply_p99_ms: Option<f64>,
    /// CPU time of the server for one delivery, in microseconds: the scheduler's count in nanoseconds (the process's
    /// CPU clock). The references are counted in the same way.
    pub server_cpu_us_per_delivery: Option<f64>,
    /// The part of it in the server's own code: as a share by ticks of a hundredth of a second (`utime`).
    pub server_user_cpu_us_per_delivery: Option<f64>,
    /// Memory of the server for one joined socket.
    pub server_rss_bytes_per_socket: Option<f64>,
    /// Joins (handshake, connect, join) in a second of the server's CPU time.
    pub joins_per_server_cpu_s: Option<f64>,
    /// Gifts that were committed and answered in a second.
    pub gifts_per_s: Option<f64>,
    /// From the intended time of sending a gift to its reply: one in a hundred is slower.
    pub gift_p99_ms: Option<f64>,
    /// Bytes of write-ahead log for a gift, between checkpoints: without pages that are written whole after one.
    pub wal_bytes_per_gift: Option<f64>,
    /// Bytes of whole pages for a gift, as they fell into the rounds.
    pub wal_page_bytes_per_gift: Option<f64>,
    /// Accounts of people that there were, connected or not, as far as this program knows of them.
    pub accounts: usize,
    /// From asking for an account's last 50 movements to the whole answer: median, of accounts drawn from all
    /// and of those that moved.
    pub history_p50_ms: Option<f64>,
    /// The same for one in a hundred.
    pub history_p99_ms: Option<f64>,
    /// The median of those only that have so many.
    pub history_full_p50_ms: Option<f64>,
    /// The same for one in a hundred.
    pub history_full_p99_ms: Option<f64>,
    /// What slow readers did to the others, and what became of them.
    #[serde(flatten)]
    pub slow: SlowReaders,
    /// How those came back who were cut off.
    #[serde(flatten)]
    pub storm: Storm,
    /// What a long run left behind.
    #[serde(flatten)]
    pub drift: Drift,
    /// How it stands to what it is held against.
    #[serde(flatten)]
    pub compared: Compared,
    /// Sockets that were closed as slow consumers.
    pub slow_closes: u64,
    /// Entries of `/v1/wallet/entries` that were held to balances and receipts; null where coins do not move.
    pub entries_checked: Option<u64>,
    /// `parlor ledger audit` has read the books. If not, nothing is said of them but what people saw.
    pub audited: bool,
    /// Nobody saw anything that the protocol rules out, and where `audited` the books are in order.
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
            ("server CPU a delivery, us", self.server_cpu_us_per_delivery),
            ("  in its own code, us", self.server_user_cpu_us_per_delivery),
            ("server memory a socket, bytes", self.server_rss_bytes_per_socket),
            ("joins a CPU second", self.joins_per_server_cpu_s),
            ("gifts a second", self.gifts_per_s),
            ("gift p99, ms", self.gift_p99_ms),
            ("write-ahead log a gift, bytes", self.wal_bytes_per_gift),
            ("  and whole pages, bytes", self.wal_page_bytes_per_gift),
            ("last movements p50, ms", self.history_p50_ms),
            ("last movements p99, ms", self.history_p99_ms),
            ("  where there are 50, p50, ms", self.history_full_p50_ms),
            ("  where there are 50, p99, ms", self.history_full_p99_ms),
        ];
        let own = self.slow.figures().chain(self.storm.figures()).chain(self.drift.figures());
        for (name, figure) in figures.into_iter().chain(own).chain(self.compared.figures()) {
            if let Some(figure) = figure {
                writeln!(f, "  {name:<32} {figure:>12.3}")?;
            }
        }
        if let Some((low, high)) = self.compared.ratio_spread {
            writeln!(f, "  {:<32} {low:.3} to {high:.3}", "ratios over the rounds")?;
        }
        if let Some(entries) = self.entries_checked {
            writeln!(f, "  {entries} entries of accounts were held to balances and receipts")?;
        }
        let verdict = match (self.consistent, self.audited) {
            (true, true) => "consistent, and the books were audited",
            (true, false) => "consistent by what people saw; the books were NOT AUDITED",
            (false, true) => "NOT CONSISTENT; the books were audited",
            (false, false) => "NOT CONSISTENT; the books were NOT AUDITED",
        };
        write!(f, "  {verdict}")
    }
}

/// The first violations, for people.
pub fn violations(first: &[Violation]) -> String {
    first.iter().map(|violation| format!("  {:?}: {}\n", violation.kind, violation.words)).collect()
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    (!figures.is_empty()).then(|| figures[figures.len() / 2])
}
