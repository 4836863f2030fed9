//! What grows during a long run: memory, open files, threads and tasks, compared early in the run and at its end.

use std::time::Duration;

use hyper::Method;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::process::{files_and_threads, rss_bytes};
use crate::report::{Figure, median};
use crate::rest::Kept;
use crate::server::Server;

/// Samples taken in a run, as far as the shortest and the longest interval between two samples allow.
const LOOKS: u32 = 100;
const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(5);
/// The gauge of the server that counts its living tasks.
const TASKS: &str = "parlor_runtime_tasks ";

/// One sample; a figure that could not be read is `None`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Look {
    /// The part of the run that had passed, from 0 to 1.
    pub at: f64,
    /// The server's resident memory, in bytes.
    pub memory: Option<f64>,
    /// The server's open files.
    pub files: Option<f64>,
    /// The server's threads.
    pub threads: Option<f64>,
    /// The server's tasks, as its own gauge counts them.
    pub tasks: Option<f64>,
    /// The load tester's resident memory, in bytes.
    pub tester_memory: Option<f64>,
}

/// The growth during a run, in the report. "Early" is the median of the run's second tenth, "late" the median of its
/// last tenth; the drift is by how many percent "late" is above "early".
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Drift {
    /// Bytes of resident memory of the server, early.
    pub server_rss_bytes_early: Option<f64>,
    /// Bytes of resident memory of the server, late.
    pub server_rss_bytes_late: Option<f64>,
    /// The drift of the server's memory.
    pub server_rss_drift_percent: Option<f64>,
    /// Files that the server has open, its sockets included, early.
    pub server_files_early: Option<f64>,
    /// Files that the server has open, its sockets included, late.
    pub server_files_late: Option<f64>,
    /// The drift of the server's open files.
    pub server_files_drift_percent: Option<f64>,
    /// Threads of the server, early.
    pub server_threads_early: Option<f64>,
    /// Threads of the server, late.
    pub server_threads_late: Option<f64>,
    /// The drift of the server's threads.
    pub server_threads_drift_percent: Option<f64>,
    /// Tasks of the server that have not ended, early.
    pub server_tasks_early: Option<f64>,
    /// Tasks of the server that have not ended, late.
    pub server_tasks_late: Option<f64>,
    /// The drift of the server's tasks.
    pub server_tasks_drift_percent: Option<f64>,
    /// Bytes of resident memory of the load tester, early.
    pub tester_rss_bytes_early: Option<f64>,
    /// Bytes of resident memory of the load tester, late.
    pub tester_rss_bytes_late: Option<f64>,
    /// The drift of the load tester's memory.
    pub tester_rss_drift_percent: Option<f64>,
}

impl Drift {
    /// The drift over these samples; several rounds one after the other count as one long run.
    pub fn of(looks: &[Look]) -> Self {
        let of = |figure: fn(&Look) -> Option<f64>| {
            let within = |from: f64, to: f64| {
                let looks = looks.iter().filter(|look| (from..=to).contains(&look.at));
                median(looks.filter_map(figure).collect())
            };
            let (early, late) = (within(0.1, 0.2), within(0.9, 1.0));
            let drift = early.zip(late).filter(|(early, _)| *early > 0.0);
            (early, late, drift.map(|(early, late)| (late / early - 1.0) * 100.0))
        };
        let (memory, files, threads) = (of(|look| look.memory), of(|look| look.files), of(|look| look.threads));
        let (tasks, tester) = (of(|look| look.tasks), of(|look| look.tester_memory));
        Self {
            server_rss_bytes_early: memory.0,
            server_rss_bytes_late: memory.1,
            server_rss_drift_percent: memory.2,
            server_files_early: files.0,
            server_files_late: files.1,
            server_files_drift_percent: files.2,
            server_threads_early: threads.0,
            server_threads_late: threads.1,
            server_threads_drift_percent: threads.2,
            server_tasks_early: tasks.0,
            server_tasks_late: tasks.1,
            server_tasks_drift_percent: tasks.2,
            tester_rss_bytes_early: tester.0,
            tester_rss_bytes_late: tester.1,
            tester_rss_drift_percent: tester.2,
        }
    }

    /// The figures with their names, as the terminal shows them.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + use<> {
        [
            ("server memory, late, bytes", self.server_rss_bytes_late),
            ("  more than early, %", self.server_rss_drift_percent),
            ("server's open files, late", self.server_files_late),
            ("  more than early, %", self.server_files_drift_percent),
            ("server's threads, late", self.server_threads_late),
            ("  more than early, %", self.server_threads_drift_percent),
            ("server's tasks, late", self.server_tasks_late),
            ("  more than early, %", self.server_tasks_drift_percent),
            ("tester's memory, late, bytes", self.tester_rss_bytes_late),
            ("  more than early, %", self.tester_rss_drift_percent),
        ]
        .into_iter()
    }
}

/// Takes samples of a server that this program started, and of this program itself, for the given time.
pub async fn looks(server: &Server, length: Duration) -> Vec<Look> {
    let mut metrics = server.metrics().map(Kept::to);
    let mut every = interval((length / LOOKS).clamp(OFTEN, SELDOM));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (begin, mut looks) = (Instant::now(), Vec::new());
    loop {
        every.tick().await;
        let at = begin.elapsed().as_secs_f64() / length.as_secs_f64();
        if at > 1.0 {
            return looks;
        }
        let held = server.pid().and_then(files_and_threads);
        looks.push(Look {
            at,
            memory: server.pid().and_then(rss_bytes).map(|bytes| bytes as f64),
            files: held.map(|held| held.0 as f64),
            threads: held.map(|held| held.1 as f64),
            tasks: match &mut metrics {
                Some(metrics) => tasks(metrics).await,
                None => None,
            },
            tester_memory: rss_bytes(std::process::id()).map(|bytes| bytes as f64),
        });
    }
}

/// The server's own count of its tasks; `None` if its metrics cannot be read.
async fn tasks(metrics: &mut Kept) -> Option<f64> {
    let (_, page) = metrics.bytes(Method::GET, "/metrics", None, None).await.ok()?;
    let page = String::from_utf8_lossy(&page);
    page.lines().find_map(|line| line.strip_prefix(TASKS)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenth_is_compared_with_the_second() {
        let look = |at: u32| {
            // The run warms up in its first tenth, then grows by a tenth; one sample has many files.
            let at = f64::from(at) / 100.0;
            let memory = if at < 0.1 { 1.0 } else { 1_000.0 + if at > 0.5 { 100.0 } else { 0.0 } };
            Look { at, memory: Some(memory), files: Some(if at == 0.95 { 900.0 } else { 30.0 }), ..Look::default() }
        };
        let drift = Drift::of(&(0..=100).map(look).collect::<Vec<_>>());
        assert_eq!((drift.server_rss_bytes_early, drift.server_rss_bytes_late), (Some(1_000.0), Some(1_100.0)));
        assert!(drift.server_rss_drift_percent.is_some_and(|percent| (percent - 10.0).abs() < 1e-9), "{drift:?}");
        assert_eq!((drift.server_files_late, drift.server_files_drift_percent), (Some(30.0), Some(0.0)));
        assert_eq!((drift.server_tasks_late, drift.server_tasks_drift_percent), (None, None));
        assert_eq!(Drift::of(&[]), Drift::default());
    }
}
