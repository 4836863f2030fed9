//! What an operator can set about transfers between users.

crate::settings! {
    /// The bounds of transfers between users. Days are UTC's.
    pub struct Settings at "transfer", checked by Self::contradictions {
        /// Coins that one transfer moves at least.
        min_coins: i64 = 10, in 1..=1_000_000_000;
        /// Coins that one transfer moves at most; a reseller's may move what a day allows. At least
        /// `transfer.min_coins`.
        max_coins: i64 = 20_000, in 1..=1_000_000_000;
        /// Coins that a user may send in a day. At least `transfer.max_coins`.
        day_coins: i64 = 50_000, in 1..=1_000_000_000;
        /// Coins that a reseller may send in a day. At least `transfer.max_coins`.
        reseller_day_coins: i64 = 2_000_000, in 1..=1_000_000_000_000;
        /// The day of an account's life from which it may send; the day of its making is the first. A reseller may
        /// at once.
        account_day: i64 = 3, in 1..=365;
        /// The wealth level from which a user may send. A reseller may at any.
        wealth_level: i64 = 3, in 0..=100;
        /// What the sender pays on top, in basis points of the coins; parts of a coin are left out.
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
