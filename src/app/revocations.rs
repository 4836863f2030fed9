//! Closes the sockets of this node whose sessions have ended. It learns of these from the table `revocations` alone,
//! and needs no bus between nodes.

use std::time::Duration;

use parlor_protocol::CloseCode;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::GatewayState;
use crate::identity::revocation::{self, Ended, Reason};
use crate::kit::edge::Reads;
use crate::kit::error::{Error, Result};
use crate::telemetry::metric;

/// The time between two readings of the table. Sockets are closed within two seconds.
const EVERY: Duration = Duration::from_secs(1);
/// The longest that one reading may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Closes the sockets of sessions that end, until `stop`. Each reading reaches back by `overlap`, for two reasons: a
/// transaction may commit later than the time in its row, and a socket whose token was checked before the session ended
/// may only now stand among its user's sockets. Closing a closed socket changes nothing.
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
        // After an outage this reaches back to the last reading that succeeded.
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
                tracing::warn!(%error, "ended sessions cannot be read: their sockets stay open until they can");
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
