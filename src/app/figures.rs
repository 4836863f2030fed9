//! The figures that are not counted where something happens but read when Prometheus asks, and the listener at which
//! it asks.

use std::time::Duration;

use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cluster::Node;
use crate::delivery::Delivery;
use crate::economy::ledger::Ledger;
use crate::identity::Identity;
use crate::load::Sources;
use crate::room::Directory;
use crate::router;
use crate::telemetry::{self, metric};

/// The time between two settlings of the histograms, which keeps them small while nobody asks for metrics.
const SETTLE: Duration = Duration::from_secs(5);

/// The parts whose figures are read.
#[derive(Clone)]
pub(super) struct Figures {
    pub pool: PgPool,
    pub pool_max: u32,
    pub node: Node,
    pub delivery: Delivery,
    pub rooms: Directory,
    pub ledger: Ledger,
    pub identity: Identity,
}

/// What the node's load is measured by.
pub(super) struct Machine {
    /// The bytes of memory that the process may use, if they are known.
    pub memory: Option<u64>,
    pub delivery: Delivery,
}

impl Sources for Machine {
    fn memory_bytes(&self) -> Option<u64> {
        self.memory
    }

    fn fullest_queue(&self) -> f64 {
        self.delivery.fullest()
    }
}

impl Figures {
    /// Reads every figure and sets its metric.
    fn sample(&self) {
        let (size, idle) = (self.pool.size() as usize, self.pool.num_idle());
        metric::POOL.set_of("idle", idle as f64);
        metric::POOL.set_of("busy", size.saturating_sub(idle) as f64);
        metric::POOL_MAX.set(f64::from(self.pool_max));
        metric::LEASE_LEFT.set(self.node.lease().left().as_secs_f64());

        let queued: Vec<usize> = self.delivery.queued().collect();
        metric::SHARD_QUEUE.set_of("all", queued.iter().sum::<usize>() as f64);
        metric::SHARD_QUEUE.set_of("fullest", queued.into_iter().max().unwrap_or(0) as f64);
        let (waiting, most) = self.delivery.waiting();
        metric::OUTBOX.set(waiting as f64);
        metric::OUTBOX_MAX.set(most as f64);
        let mailboxes = self.rooms.mailboxes();
        metric::ROOMS_AWAKE.set(mailboxes.len() as f64);
        metric::MAILBOX.set_of("all", mailboxes.iter().sum::<usize>() as f64);
        metric::MAILBOX.set_of("fullest", mailboxes.into_iter().max().unwrap_or(0) as f64);

        let (waiting, most) = self.ledger.queue();
        metric::LEDGER_QUEUE.set(waiting as f64);
        metric::LEDGER_QUEUE_MAX.set(most as f64);
        metric::LEDGER_WELL.set(f64::from(u8::from(self.ledger.is_well())));

        let hashing = self.identity.hashing();
        metric::HASHES.set_of("running", hashing.running as f64);
        metric::HASHES.set_of("waiting", hashing.waiting as f64);
    }

    /// Answers Prometheus on this listener until `stop`.
    pub(super) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let settled = async {
            let mut ticks = interval(SETTLE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                telemetry::settle();
            }
        };
        let router = router::metrics(move || {
            self.sample();
            telemetry::render()
        });
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = settled => {}
            served = axum::serve(listener, router) => {
                if let Err(error) = served {
                    tracing::error!(%error, "metrics are no longer served");
                }
            }
        }
    }
}
