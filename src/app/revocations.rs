//! Carries the end of sessions to the sockets of this node. The table is the word that holds; a bus
//! between nodes only makes it faster.

use std::time::Duration;

use parlor_protocol::CloseCode;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::GatewayState;
use crate::identity::revocation::{self, Ended, Reason};
use crate::kit::edge::Reads;
use crate::kit::error::{Error, Result};
use crate::telemetry::metric;

/// How often the table is read: sockets are closed within two seconds.
const EVERY: Duration = Duration::from_secs(1);
/// How long one reading may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Closes the sockets of sessions that end, until `stop`. What ended within `overlap` is told again
/// each time: for transactions that committed late, and for sockets that were let in just before and
/// stand among their user's only now. To close what is closed changes nothing.
pub(super) async fn close_revoked(reads: Reads, gateway: GatewayState, overlap: Duration, stop: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut read_at, mut failing) = (Instant::now(), false);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let began = Instant::now();
        // After an outage this reaches back to before it.
        match read(&reads, began - read_at + overlap).await {
            Ok(ended) => {
                (read_at, failing) = (began, false);
                for Ended { user, session, reason } in ended {
                    gateway.users().end_session(user, session, close_code(reason)).await;
                }
            }
            Err(error) if !failing => {
                metric::REVOCATION_FAULTS.add(1);
                failing = true;
                tracing::warn!(%error, "ended sessions cannot be read: their sockets stay until they can");
            }
            Err(_) => metric::REVOCATION_FAULTS.add(1),
        }
    }
}

async fn read(reads: &Reads, within: Duration) -> Result<Vec<Ended>> {
    let read = async { revocation::within(&mut *reads.conn().await?, within).await };
    timeout(PATIENCE, read).await.unwrap_or_else(|_| Err(Error::new(parlor_protocol::ErrorCode::StoreUnavailable)))
}

const fn close_code(reason: Reason) -> CloseCode {
    match reason {
        Reason::SignedOut => CloseCode::SignedOut,
        Reason::Suspended => CloseCode::Suspended,
        Reason::TokenReused => CloseCode::TokenReused,
    }
}
