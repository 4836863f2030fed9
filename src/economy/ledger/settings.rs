//! What an operator can set about the ledger.

use std::time::Duration;

use parlor_protocol::Coins;

/// Transfers in one transaction at most; the sequence `transfers` hands out ids in blocks of this size.
pub(super) const BLOCK: usize = 512;

/// Coins that a newcomer is given in `dev`, so that the first gift needs no shop.
const DEV_WELCOME: i64 = 10_000;

/// The ledger's settings.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Orders in one transaction at most, 1 to 512. Larger batches only make everybody wait longer.
    pub batch_max: usize,
    /// Orders that may wait; beyond it the answer is `busy`.
    pub queue: usize,
    /// Milliseconds after which an order that could not be committed is answered `store_unavailable`.
    pub answer_ms: u64,
    /// Milliseconds for one transaction; beyond it its connection is given up and the batch sent again.
    pub attempt_ms: u64,
    /// Milliseconds before the second attempt to connect; each further one waits twice as long.
    pub backoff_min_ms: u64,
    /// Milliseconds between attempts to connect at most.
    pub backoff_max_ms: u64,
    /// Coins that a newcomer is given from the promotion account. Default: none, and 10,000 in `dev`.
    pub welcome_coins: Option<i64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_max: BLOCK,
            queue: 4_096,
            answer_ms: 8_000,
            attempt_ms: 3_000,
            backoff_min_ms: 20,
            backoff_max_ms: 1_000,
            welcome_coins: None,
        }
    }
}

impl Settings {
    /// Every value that does not hold, by its name.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        check((1..=BLOCK).contains(&self.batch_max), "ledger.batch_max: 1 to 512");
        check(self.queue >= self.batch_max, "ledger.queue: at least ledger.batch_max");
        check(self.queue <= 1_000_000, "ledger.queue: at most 1,000,000");
        check((100..=600_000).contains(&self.attempt_ms), "ledger.attempt_ms: 100 to 600,000");
        check(self.answer_ms >= self.attempt_ms, "ledger.answer_ms: at least ledger.attempt_ms");
        check(self.answer_ms <= 600_000, "ledger.answer_ms: at most 600,000");
        check(self.backoff_min_ms >= 1, "ledger.backoff_min_ms: at least 1");
        check(self.backoff_max_ms >= self.backoff_min_ms, "ledger.backoff_max_ms: at least ledger.backoff_min_ms");
        check(self.backoff_max_ms <= 60_000, "ledger.backoff_max_ms: at most 60,000");
        check(
            self.welcome_coins.is_none_or(|coins| (0..=1_000_000).contains(&coins)),
            "ledger.welcome_coins: 0 to 1,000,000",
        );
        problems
    }

    /// What newcomers are given, in `dev` or elsewhere.
    pub fn welcome(&self, dev: bool) -> Coins {
        Coins(self.welcome_coins.unwrap_or(if dev { DEV_WELCOME } else { 0 }))
    }

    pub(super) fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }

    pub(super) fn attempt(&self) -> Duration {
        Duration::from_millis(self.attempt_ms)
    }

    /// How long to wait before the attempt after so many that failed. The first comes at once: a
    /// connection that died while nobody used it is the common case.
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
