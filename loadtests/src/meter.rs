//! Measures a round: once a second for the chart and the terminal, and as a whole for the report.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::drift::Look;
use crate::latency::Percentiles;
use crate::plot::Second;
use crate::process::Cpu;
use crate::scenario::{SlowReaders, Storm};
use crate::tally::Tally;

/// A measurement under way.
pub struct Meter {
    tally: Arc<Tally>,
    pid: Option<u32>,
    began: Instant,
    cpu: Option<Cpu>,
    deliveries: u64,
    seconds: Arc<Mutex<Vec<Second>>>,
    ended: Arc<AtomicBool>,
}

/// The results of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Its length in seconds.
    pub seconds: f64,
    /// The seconds of it in which the members acted; in the rest the round waits until everybody has seen everything.
    /// In gift scenarios it ends with the last reply; references do not set it.
    pub driven: f64,
    /// CPU time that the server used.
    pub cpu: Option<Cpu>,
    /// Events that arrived at sockets.
    pub deliveries: u64,
    /// Latency from the intended time of sending a line to each screen.
    pub screen: Percentiles,
    /// Latency from the intended time of sending a command to its reply.
    pub reply: Percentiles,
    /// In a scenario with slow readers: their figures.
    pub slow: SlowReaders,
    /// In a scenario with cuts: their figures.
    pub storm: Storm,
    /// In a scenario for long runs: samples of what the server holds.
    pub looks: Vec<Look>,
    /// The figures of each second.
    pub course: Vec<Second>,
}

impl Measured {
    /// The server's CPU time per delivery, in microseconds: all of it, and the part in its own code.
    pub fn us_per_delivery(&self) -> Option<(f64, f64)> {
        let cpu = self.cpu.filter(|_| self.deliveries > 0)?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.deliveries as f64;
        Some((each(cpu.total()), each(cpu.user())))
    }
}

impl Meter {
    /// Starts a measurement. The terminal shows `what`, and how much of `length` has passed.
    pub fn begin(tally: &Arc<Tally>, pid: Option<u32>, what: &str, length: Duration) -> Self {
        // Latencies recorded before do not belong to this measurement.
        tally.delivery.take();
        tally.reply.take();
        let meter = Self {
            tally: tally.clone(),
            pid,
            began: Instant::now(),
            cpu: pid.and_then(Cpu::of),
            deliveries: tally.deliveries.load(Ordering::Relaxed),
            seconds: Arc::default(),
            ended: Arc::default(),
        };
        meter.watch(what.to_owned(), length);
        meter
    }

    fn watch(&self, what: String, length: Duration) {
        let (tally, pid, began) = (self.tally.clone(), self.pid, self.began);
        let (seconds, ended) = (self.seconds.clone(), self.ended.clone());
        let mut last = (self.began, self.cpu, self.deliveries);
        let shows = std::io::stderr().is_terminal();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(1));
            every.tick().await; // the first tick comes at once
            loop {
                every.tick().await;
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let now = (Instant::now(), pid.and_then(Cpu::of), tally.deliveries.load(Ordering::Relaxed));
                let passed = (now.0 - last.0).as_secs_f64();
                let cpu = now.1.zip(last.1).map(|(now, last)| now.since(last).total().as_secs_f64() / passed);
                let second = Second {
                    at: began.elapsed().as_secs_f64(),
                    deliveries: (now.2 - last.2) as f64 / passed,
                    p99_ms: tally.delivery.peek().p99_ms,
                    cpu_percent: cpu.unwrap_or(0.0) * 100.0,
                };
                seconds.lock().unwrap_or_else(PoisonError::into_inner).push(second);
                last = now;
                if shows {
                    eprint!(
                        "\r{what}: {:.0} of {:.0} s, {:.0} deliveries/s, p99 {:.1} ms, CPU {:.0} %   ",
                        second.at,
                        length.as_secs_f64(),
                        second.deliveries,
                        second.p99_ms,
                        second.cpu_percent
                    );
                    // If the progress cannot be shown, the measurement goes on without it.
                    let _ = std::io::stderr().flush();
                }
            }
            if shows {
                eprint!("\r\x1b[K");
            }
        });
    }

    /// Seconds since it started.
    pub fn passed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Ends the measurement and adds its results to `measured`.
    pub fn end(self, measured: Measured) -> Measured {
        self.ended.store(true, Ordering::Relaxed);
        let cpu = self.pid.and_then(Cpu::of).zip(self.cpu).map(|(now, then)| now.since(then));
        Measured {
            seconds: self.passed(),
            cpu,
            deliveries: self.tally.deliveries.load(Ordering::Relaxed) - self.deliveries,
            screen: self.tally.delivery.take(),
            reply: self.tally.reply.take(),
            course: std::mem::take(&mut self.seconds.lock().unwrap_or_else(PoisonError::into_inner)),
            ..measured
        }
    }
}

/// The percentiles, or `None` if nothing was recorded.
pub fn some(percentiles: Percentiles) -> Option<Percentiles> {
    (percentiles.count > 0).then_some(percentiles)
}
