//! What a long run leaves behind: memory, open files, threads and tasks early in it and at its end, so that "flat" is a
//! figure.

use std::time::Duration;

use hyper::Method;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::process::{files_and_threads, rss_bytes};
use crate::report::{Figure, median};
use crate::rest::Kept;
use crate::server::Server;

/// Looks in a run, but not more often and not less often than this.
const LOOKS: u32 = 100;
const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(5);
/// The gauge of the server that counts its living tasks.
const TASKS: &str = "parlor_runtime_tasks ";

/// One look; what cannot be seen is absent.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Look {
    /// How far the run was, from 0 to 1.
    pub at: f64,
    /// The server's resident memory, in bytes.
    pub memory: Option<f64>,
    /// Its open files.
    pub files: Option<f64>,
    /// Its threads.
    pub threads: Option<f64>,
    /// Its living tasks, by its own gauge.
    pub tasks: Option<f64>,
    /// This program's resident memory.
    pub tester_memory: Option<f64>,
}

/// What came of it, in the report. "Early" is the median of the run's second tenth, "late" of its last; the drift is
/// late against early, in percent.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Drift {
    /// Bytes of memory that the server holds.
    pub server_rss_bytes_early: Option<f64>,
    /// The same at the end.
    pub server_rss_bytes_late: Option<f64>,
    /// How much more that is.
    pub server_rss_drift_percent: Option<f64>,
    /// Files that the server has open; a socket is one.
    pub server_files_early: Option<f64>,
    /// The same at the end.
    pub server_files_late: Option<f64>,
    /// How many more those are.
    pub server_files_drift_percent: Option<f64>,
    /// Threads of the server.
    pub server_threads_early: Option<f64>,
    /// The same at the end.
    pub server_threads_late: Option<f64>,
    /// How many more those are.
    pub server_threads_drift_percent: Option<f64>,
    /// Tasks of the server that live.
    pub server_tasks_early: Option<f64>,
    /// The same at the end.
    pub server_tasks_late: Option<f64>,
    /// How many more those are.
    pub server_tasks_drift_percent: Option<f64>,
    /// Bytes of memory that this program holds.
    pub tester_rss_bytes_early: Option<f64>,
    /// The same at the end.
    pub tester_rss_bytes_late: Option<f64>,
    /// How much more that is.
    pub tester_rss_drift_percent: Option<f64>,
}

impl Drift {
    /// Of one run, or of several one after the other, which are one long run.
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

    /// For people.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + use<> {
        [
            ("server memory, late, bytes", self.server_rss_bytes_late),
            ("  against early, %", self.server_rss_drift_percent),
            ("server's open files, late", self.server_files_late),
            ("  against early, %", self.server_files_drift_percent),
            ("server's threads, late", self.server_threads_late),
            ("  against early, %", self.server_threads_drift_percent),
            ("server's tasks, late", self.server_tasks_late),
            ("  against early, %", self.server_tasks_drift_percent),
            ("this program's memory, late, bytes", self.tester_rss_bytes_late),
            ("  against early, %", self.tester_rss_drift_percent),
        ]
        .into_iter()
    }
}

/// Looks at a server that was started here, and at this program, for so long.
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

/// The server's own count; a page that cannot be had is a look that did not see it.
async fn tasks(metrics: &mut Kept) -> Option<f64> {
    let (_, page) = metrics.bytes(Method::GET, "/metrics", None, None).await.ok()?;
    let page = String::from_utf8_lossy(&page);
    page.lines().find_map(|line| line.strip_prefix(TASKS)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_held_against_the_second_tenth() {
        let look = |at: u32| {
            // Warms up in the first tenth, then grows by a tenth; one look met many files.
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
