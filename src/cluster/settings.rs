//! The settings of the node and its lease.

use std::time::Duration;

crate::settings! {
    /// The node and its lease.
    pub struct Settings at "cluster", checked by Self::contradictions {
        /// The node's name, which is the key of its row in `nodes` and stays the same over restarts.
        node_id: String = "main".into(), in 1..=64;
        /// Milliseconds for which a renewal of the lease holds. When five sixths of them have passed since the last
        /// renewal, by the server's own clock, the rooms pause (`room_paused`). After a crash the next server watches the
        /// lease for this time, by its own clock, before it starts.
        lease_ms: u64 = 6_000, in 1_000..=600_000;
        /// Milliseconds between renewals; at most a third of the lease.
        renew_ms: u64 = 1_500, in 100..=200_000;
    }
}

impl Settings {
    /// For how long a renewal proves the lease to the node itself, counted from before it was sent: five sixths of the
    /// lease, so that the node pauses well before the lease ends in the database.
    pub(super) fn proved(&self) -> Duration {
        Duration::from_millis(self.lease_ms - self.lease_ms / 6)
    }

    /// The length of the lease as the row of the node has it.
    pub(super) fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease_ms).unwrap_or(i64::MAX)
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.renew_ms.saturating_mul(3) > self.lease_ms {
            problems.push("cluster.renew_ms: at most a third of cluster.lease_ms".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_every_bad_value_is_named() {
        assert!(Settings::default().problems().is_empty());
        let bad = Settings { node_id: String::new(), lease_ms: 0, renew_ms: 0 };
        assert_eq!(bad.problems().len(), 3);
    }
}
