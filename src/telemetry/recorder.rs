//! The recorder of the process's metrics, if they are served. It is started before anything is counted, and rendered
//! when Prometheus asks.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::runtime::Handle;

use super::figure::Kind;
use super::{metric, process};
use crate::kit::clock::{Clock, Timestamp};
use crate::start::StartError;

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts recording, once per process.
pub(super) fn start() -> Result<(), StartError> {
    let cannot = |error: &dyn std::fmt::Display| StartError::new(format!("metrics cannot be recorded: {error}"));
    let mut builder = PrometheusBuilder::new();
    for metric in metric::ALL.iter().map(|figure| figure.metric()).filter(|metric| metric.kind == Kind::Histogram) {
        let name = Matcher::Full(metric.name.to_owned());
        builder = builder.set_buckets_for_metric(name, metric.bounds).map_err(|error| cannot(&error))?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| cannot(&error))?;
    RECORDER.set(handle).map_err(|_| StartError::new("metrics were started already in this process"))?;
    metric::ALL.iter().for_each(|figure| figure.start());
    metric::START.set(started_at().0 as f64 / 1_000.0);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the process begins here, before anything is composed")]
fn started_at() -> Timestamp {
    Clock::system().now()
}

/// Adds the values that histograms have collected to their buckets. It is called periodically, so that the collected
/// values do not pile up between two renderings.
pub fn settle() {
    if let Some(recorder) = RECORDER.get() {
        recorder.run_upkeep();
    }
}

/// All metrics in Prometheus's text format. The figures of process and runtime are read now.
pub fn render() -> String {
    process::sample();
    sample_runtime();
    let mut text = RECORDER.get().map(PrometheusHandle::render).unwrap_or_default();
    metric::PROCESS_CPU.render(&mut text);
    metric::RUNTIME_BUSY.render(&mut text);
    text
}

fn sample_runtime() {
    let Ok(handle) = Handle::try_current() else { return };
    let runtime = handle.metrics();
    metric::RUNTIME_WORKERS.set(runtime.num_workers() as f64);
    metric::RUNTIME_TASKS.set(runtime.num_alive_tasks() as f64);
    metric::RUNTIME_QUEUE.set(runtime.global_queue_depth() as f64);
    metric::RUNTIME_BUSY.set((0..runtime.num_workers()).map(|worker| runtime.worker_total_busy_duration(worker)).sum());
}
