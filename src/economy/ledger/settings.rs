//! The settings of the ledger.

use std::time::Duration;

use parlor_protocol::Coins;

use super::anchor::AnchorSettings;

/// The most transfers in one transaction. The sequence `transfers` gives out ids in blocks of this size.
pub(super) const BLOCK: usize = 512;

/// The welcome coins in `dev`, so that a first gift can be sent without buying coins.
const DEV_WELCOME: i64 = 10_000;

crate::settings! {
    /// The ledger's settings.
    pub struct Settings at "ledger", checked by Self::contradictions {
        /// The most orders in one transaction. Larger batches only make everybody wait longer.
        batch_max: usize = BLOCK, in 1..=BLOCK as i128;
        /// Orders that may wait; beyond that the answer is `busy`. At least `ledger.batch_max`.
        queue: usize = 4_096, in 1..=1_000_000;
        /// Milliseconds after which an order that could not be committed is answered `store_unavailable`. At least
        /// `ledger.attempt_ms`.
        answer_ms: u64 = 8_000, in 100..=600_000;
        /// Milliseconds for one transaction; after that its connection is given up and the batch is sent again.
        attempt_ms: u64 = 3_000, in 100..=600_000;
        /// Milliseconds before the second attempt to connect; each further one waits twice as long.
        backoff_min_ms: u64 = 20, in 1..=60_000;
        /// The most milliseconds between two attempts to connect.
        backoff_max_ms: u64 = 1_000, in 1..=60_000;
        /// Refusals of one user's operations that are stored in an hour. Beyond that an operation that would be refused
        /// is answered `rate_limited`, and nothing of it is stored.
        refusals_per_hour_user: u32 = 120, in 1..=1_000_000;
        /// Coins that a newcomer is given from the promotion account.
        welcome_coins: Option<i64> = None, in 0..=1_000_000, shown "none; `10000` in `dev`";
        /// The anchors outside the database.
        anchor: AnchorSettings;
    }
}

impl Settings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        let mut check = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        check(self.queue >= self.batch_max, "ledger.queue: at least ledger.batch_max");
        check(self.answer_ms >= self.attempt_ms, "ledger.answer_ms: at least ledger.attempt_ms");
        check(self.backoff_max_ms >= self.backoff_min_ms, "ledger.backoff_max_ms: at least ledger.backoff_min_ms");
    }

    /// The welcome coins, in `dev` or elsewhere.
    pub fn welcome(&self, dev: bool) -> Coins {
        Coins(self.welcome_coins.unwrap_or(if dev { DEV_WELCOME } else { 0 }))
    }

    pub(super) fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }

    pub(super) fn attempt(&self) -> Duration {
        Duration::from_millis(self.attempt_ms)
    }

    /// How long to wait before the next attempt, after `failed` attempts have failed. The second attempt comes at once,
    /// because the usual cause is a connection that died while it was not used.
    pub(super) fn backoff(&self, failed: u32) -> Duration {
        match failed {
            0 | 1 => Duration::ZERO,
            _ => {
                let doubled = self.backoff_min_ms.saturating_mul(1 << (failed - 2).min(16));
                Duration::from_millis(doubled.min(self.backoff_max_ms))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problems_and_every_bad_value_is_named() {
        assert_eq!(Settings::default().problems(), Vec::<String>::new());
        let bad = Settings { batch_max: 0, attempt_ms: 0, backoff_min_ms: 0, ..Settings::default() };
        assert_eq!(bad.problems().len(), 3);
    }

    #[test]
    fn back_off_starts_at_once_and_ends_at_its_maximum() {
        let settings = Settings::default();
        let waits: Vec<_> = [1, 2, 3, 60].map(|failed| settings.backoff(failed).as_millis()).into();
        assert_eq!(waits, [0, 20, 40, 1_000]);
    }
}
