//! How much more the node can take: one level for all of it, which whoever can do less looks up.
//!
//! More may come in than goes out. Every queue has its bound, but bounds alone fail those who are here as soon as those
//! who arrive. So four times a second a small task reads what runs out first, and in this order the server does less:
//!
//! - **shedding**: rooms' signals are left out, and senders' rates are a fourth of what they were. Nothing that has a
//!   `seq` is dropped, nobody is sent away.
//! - **full**: new sockets are refused with `busy`, at the handshake or at `connect`. Who has a place in a room here is
//!   let in: they are no newcomers, and would lose the place with its grace period. REST goes on, and so does
//!   `/readyz`: to take every node that is full out of a balancer would turn much load into an outage.
//!
//! Read are: the resident memory against `server.memory_bytes`, as the kernel that kills a process for it counts it; the
//! fullest queue of delivery's shards; and how late the reading task itself is run, which is what every task of the
//! runtime waits. `gauge` makes a level of it, without a clock of its own. To look the level up is one relaxed load of
//! a byte; delivery does so once a signal and the gateway once a command, nothing does once a delivery.

mod gauge;
mod machine;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::gauge::{Gauge, Reading};
use crate::kit::supervise::{Crew, Supervisor};
use crate::telemetry::{self, metric};

pub use machine::memory_bytes;

/// How often is read what runs out.
const EVERY: Duration = Duration::from_millis(250);

/// How often memory that nobody uses is given back to the system, while load is shed for it: it costs a walk over the
/// heap, which a node that is well is not to pay.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(5);

/// By how much the rates of senders are divided while load is shed.
const SLOWER: u32 = 4;

/// What a client that is refused for the load is told to wait; it adds its own back-off and jitter.
pub const COME_BACK_MS: u64 = 5_000;

/// How the node stands. Each level does what those below it do.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Everything is done.
    #[default]
    Normal,
    /// What may be missed is left out, and senders are slowed.
    Shedding,
    /// Nobody new is let in.
    Full,
}

impl Level {
    const ALL: [Self; 3] = [Self::Normal, Self::Shedding, Self::Full];

    /// As the log has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Shedding => "shedding",
            Self::Full => "full",
        }
    }
}

/// The level of this node, shared by all who look it up.
#[derive(Clone, Debug, Default)]
pub struct Load(Arc<AtomicU8>);

impl Load {
    /// How the node stands.
    pub fn level(&self) -> Level {
        Level::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }

    /// What may be missed is left out.
    pub fn is_shedding(&self) -> bool {
        self.level() >= Level::Shedding
    }

    /// Nobody new is let in.
    pub fn is_full(&self) -> bool {
        self.level() == Level::Full
    }

    /// By how much the rates of senders are divided now.
    pub fn slower(&self) -> u32 {
        if self.is_shedding() { SLOWER } else { 1 }
    }

    /// Starts the task that reads what runs out, and sets the level by it.
    pub fn start_watch(&self, sources: impl Sources, supervisor: &Supervisor) {
        let (stop, crew) = (supervisor.stop().clone(), supervisor.crew().clone());
        supervisor.engine("load watch", supervisor.stop(), self.clone().watch(sources, stop, crew));
    }

    async fn watch(self, sources: impl Sources, stop: CancellationToken, crew: Crew) {
        let most = sources.memory_bytes();
        metric::MEMORY_MAX.set(most.unwrap_or(0) as f64);
        metric::LOAD_LEVEL.set(0.0);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut gauge, mut given_back) = (Gauge::default(), None::<Instant>);
        loop {
            let due = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                due = ticks.tick() => due,
            };
            // Through the queue of tasks once: a timer's task is run before those that wait there.
            tokio::task::yield_now().await;
            let now = Instant::now();
            let memory = most.zip(sources.resident_bytes()).map_or(0.0, |(most, used)| used as f64 / most as f64);
            let reading = Reading { memory, queue: sources.fullest_queue(), lag: now - due };
            let before = self.level();
            let level = gauge.take(reading, now);
            if level != before {
                self.change(before, level, reading);
            }
            if level > Level::Normal
                && reading.memory_is_scarce()
                && given_back.is_none_or(|at| now - at >= GIVE_BACK_EVERY)
            {
                given_back = Some(now);
                // Not awaited: what it brings shows in a later reading.
                drop(crew.blocking("memory given back", machine::give_back));
            }
        }
    }

    fn change(&self, before: Level, level: Level, reading: Reading) {
        self.0.store(level as u8, Ordering::Relaxed);
        metric::LOAD_LEVEL.set(f64::from(level as u8));
        let (memory, queue) = ((reading.memory * 100.0).round(), (reading.queue * 100.0).round());
        let (load, lag_ms) = (level.name(), u64::try_from(reading.lag.as_millis()).unwrap_or(u64::MAX));
        if level > before {
            tracing::warn!(
                load,
                memory.percent = memory,
                queue.percent = queue,
                lag_ms,
                "more is asked than can be done: the server does less"
            );
        } else {
            tracing::info!(load, memory.percent = memory, queue.percent = queue, lag_ms, "the load has fallen");
        }
    }
}

/// What is read: of this process and its delivery, or as a test says.
pub trait Sources: Send + 'static {
    /// What the process may use of memory; `None`: nobody knows, and it is not looked at.
    fn memory_bytes(&self) -> Option<u64>;

    /// What it uses.
    fn resident_bytes(&self) -> Option<u64> {
        telemetry::resident_bytes()
    }

    /// How full the fullest of delivery's queues is, from 0 to 1.
    fn fullest_queue(&self) -> f64;
}
