//! The settings of coin requests.

crate::settings! {
    /// The bounds of coin requests.
    pub struct Settings at "coin_request", checked by Self::contradictions {
        /// The fewest coins that one request may ask for.
        min_coins: i64 = 70, in 1..=1_000_000_000;
        /// The most coins that one request may ask for. At least `coin_request.min_coins`.
        max_coins: i64 = 70_000, in 1..=1_000_000_000;
        /// The most pending requests that a user may have.
        open_max: i64 = 3, in 1..=100;
        /// Hours after which a request that nobody has settled expires.
        expire_hours: i64 = 48, in 1..=720;
    }
}

impl Settings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.max_coins < self.min_coins {
            problems.push("coin_request.max_coins: at least coin_request.min_coins".to_owned());
        }
    }

    /// The milliseconds after which a request expires.
    pub(super) fn expire_ms(&self) -> i64 {
        self.expire_hours * 3_600_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problems_and_every_bad_value_is_named() {
        assert_eq!(Settings::default().problems(), Vec::<String>::new());
        assert_eq!(Settings { min_coins: 5, max_coins: 4, open_max: 0, expire_hours: 0 }.problems().len(), 3);
    }
}
