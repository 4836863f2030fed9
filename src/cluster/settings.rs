//! What an operator may set about nodes.

use std::time::Duration;

/// The node and its lease.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The node's name: one row in `nodes`, kept over restarts. Default `main`.
    pub node_id: String,
    /// Milliseconds for which a renewal holds, by the database's clock. Default 6,000.
    pub lease_ms: u64,
    /// Milliseconds between renewals; at most a third of the lease. Default 1,500.
    pub renew_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { node_id: "main".into(), lease_ms: 6_000, renew_ms: 1_500 }
    }
}

impl Settings {
    /// How long a renewal proves the lease to the node itself, from before it was sent: five sixths, so
    /// that the node pauses well before the database sees the lease end.
    pub(super) fn proved(&self) -> Duration {
        Duration::from_millis(self.lease_ms - self.lease_ms / 6)
    }

    /// Every value that does not hold, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.node_id.is_empty() || self.node_id.len() > 64 {
            problems.push("cluster.node_id: 1 to 64 bytes".into());
        }
        if !(1_000..=600_000).contains(&self.lease_ms) {
            problems.push("cluster.lease_ms: 1000 to 600000".into());
        }
        if self.renew_ms < 100 || self.renew_ms.saturating_mul(3) > self.lease_ms {
            problems.push("cluster.renew_ms: at least 100, and at most a third of cluster.lease_ms".into());
        }
        problems
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
