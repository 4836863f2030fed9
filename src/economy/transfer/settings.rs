//! The settings of transfers between users.

crate::settings! {
    /// The bounds of transfers between users. Days are those of UTC.
    pub struct Settings at "transfer", checked by Self::contradictions {
        /// The fewest coins that one transfer may move.
        min_coins: i64 = 10, in 1..=1_000_000_000;
        /// The most coins that one transfer may move; a reseller's may move as many as a day allows. At least
        /// `transfer.min_coins`.
        max_coins: i64 = 20_000, in 1..=1_000_000_000;
        /// The most coins that a user may send in a day. At least `transfer.max_coins`.
        day_coins: i64 = 50_000, in 1..=1_000_000_000;
        /// The most coins that a reseller may send in a day. At least `transfer.max_coins`.
        reseller_day_coins: i64 = 2_000_000, in 1..=1_000_000_000_000;
        /// The day of an account's life from which it may send; a day is 24 hours, and the first begins when the
        /// account is made. A reseller may send at once.
        account_day: i64 = 3, in 1..=365;
        /// The wealth level from which a user may send. A reseller may send at any level.
        wealth_level: i64 = 3, in 0..=100;
        /// The fee that the sender pays in addition, in basis points of the coins, rounded down to whole coins.
        fee_bp: i64 = 0, in 0..=1_000;
    }
}

impl Settings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        let mut check = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        check(self.max_coins >= self.min_coins, "transfer.max_coins: at least transfer.min_coins");
        check(self.day_coins >= self.max_coins, "transfer.day_coins: at least transfer.max_coins");
        check(self.reseller_day_coins >= self.max_coins, "transfer.reseller_day_coins: at least transfer.max_coins");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problems_and_every_bad_value_is_named() {
        assert_eq!(Settings::default().problems(), Vec::<String>::new());
        let bad = Settings { min_coins: 0, account_day: 0, wealth_level: 101, fee_bp: -1, ..Settings::default() };
        assert_eq!(bad.problems().len(), 4);
    }
}
