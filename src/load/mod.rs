//! The load of the node, as one level that the parts look up which can do less.
//!
//! Every queue has its bound, but when a node is overloaded, bounds alone fail the users who are connected as much as
//! those who arrive. So a small task reads four times a second what can run out, and the server does less in this
//! order:
//!
//! - **shedding**: the signals of rooms are left out, and the rates of senders fall to a quarter. Nothing that has a
//!   `seq` is dropped, and nobody is sent away.
//! - **full**: new sockets are refused with `busy`, at the handshake or at `connect`. Users who have a place in a room
//!   of
//!   this node are let in, because they would lose it when its grace period ends. REST is served, and `/readyz`
//!   says yes: if a load balancer dropped every full node, much load would become an outage.
//!
//! Three things are read: the resident memory against `server.memory_bytes`, as the kernel counts it; the fullest queue
//! of delivery's shards; and how late the reading task itself is run, which every task of the runtime is then. `gauge`
//! turns them into a level. Looking the level up is one relaxed load of a byte: delivery does it for each signal and
//! the gateway for each command, but nothing does it for each frame of each socket.

mod files;
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

pub use files::open_files;
pub use machine::{give_large_blocks_back, memory_bytes};

/// The time between two readings.
const EVERY: Duration = Duration::from_millis(250);

/// The least time between two givings back of unused memory, which happen only while memory is scarce: each walks
/// through the heap.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(5);

/// The number by which the rates of senders are divided while load is shed.
const SLOWER: u32 = 4;

/// The milliseconds that a client is told to wait if it is refused because of load. It adds its own back-off and
/// jitter.
pub const COME_BACK_MS: u64 = 5_000;

/// The load level of the node. Each level includes the measures of those below it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Everything is done.
    #[default]
    Normal,
    /// Signals are left out, and senders are slowed.
    Shedding,
    /// New sockets are refused.
    Full,
}

impl Level {
    const ALL: [Self; 3] = [Self::Normal, Self::Shedding, Self::Full];

    /// The level's name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Shedding => "shedding",
            Self::Full => "full",
        }
    }
}

/// The load level of this node. Cheap to clone; all clones show the same level.
#[derive(Clone, Debug, Default)]
pub struct Load(Arc<AtomicU8>);

impl Load {
    /// The present level.
    pub fn level(&self) -> Level {
        Level::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }

    /// Whether signals are to be left out.
    pub fn is_shedding(&self) -> bool {
        self.level() >= Level::Shedding
    }

    /// Whether new sockets are to be refused.
    pub fn is_full(&self) -> bool {
        self.level() == Level::Full
    }

    /// The number by which the rates of senders are divided now.
    pub fn slower(&self) -> u32 {
        if self.is_shedding() { SLOWER } else { 1 }
    }

    /// Starts the engine task that reads these sources and sets the level.
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
            // A task that a timer wakes is run before those that wait in the runtime's queue. By yielding once it goes
            // through that queue too, so that the lag includes the wait in it.
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
                // It is not awaited: its effect shows in a later reading.
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
                "the node is overloaded: the server does less"
            );
        } else {
            tracing::info!(load, memory.percent = memory, queue.percent = queue, lag_ms, "the load has fallen");
        }
    }
}

/// The sources of readings: this process and its delivery, or in tests what the test says.
pub trait Sources: Send + 'static {
    /// The bytes of memory that the process may use; `None` if that is unknown: then memory does not count.
    fn memory_bytes(&self) -> Option<u64>;

    /// The bytes of memory that the process uses.
    fn resident_bytes(&self) -> Option<u64> {
        telemetry::resident_bytes()
    }

    /// How full the fullest of delivery's queues is, from 0 to 1.
    fn fullest_queue(&self) -> f64;
}
