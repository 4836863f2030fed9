//! How long a guess has to wait, from the guesses of the last day. This is pure: ages are arguments.

use crate::identity::{Settings, throttle};
use crate::kit::usage::DAY_MS;

/// The guesses of the last day that limit the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Past {
    /// How many this guesser has made at this account.
    pub(super) own: i64,
    /// The age of the last of these, in milliseconds.
    pub(super) own_age_ms: Option<i64>,
    /// The age of that guess of strangers at this account before which there is room for no other one; `None` if there
    /// is room.
    pub(super) account_age_ms: Option<i64>,
    /// The same for the guesses of this guesser at all accounts.
    pub(super) guesser_age_ms: Option<i64>,
}

/// The milliseconds that the next guess has to wait; 0 for none. The last two counts do not concern a known device.
pub(super) fn wait_ms(past: Past, known: bool, settings: &Settings) -> i64 {
    let own = past.own_age_ms.map_or(0, |age| growing_ms(past.own, settings) - age);
    let full = |age: Option<i64>| age.filter(|_| !known).map_or(0, |age| DAY_MS - age);
    own.max(full(past.account_age_ms)).max(full(past.guesser_age_ms)).max(0)
}

/// The wait after so many guesses of one guesser at one account.
fn growing_ms(guesses: i64, settings: &Settings) -> i64 {
    throttle::growing_ms(guesses, settings.failures_account, settings.lock_seconds, settings.lock_max_seconds)
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, Past, wait_ms};
    use crate::identity::Settings;

    const NONE: Past = Past { own: 0, own_age_ms: None, account_age_ms: None, guesser_age_ms: None };

    /// When a guesser who never rests makes guesses in a day, in seconds.
    fn tireless(settings: &Settings) -> Vec<i64> {
        let (mut now, mut made) = (0, Vec::new());
        while now < DAY_MS {
            let age = made.last().map(|last| now - last);
            let past = Past { own: made.len() as i64, own_age_ms: age, ..NONE };
            match wait_ms(past, false, settings) {
                0 => made.push(now),
                wait => now += wait,
            }
        }
        made.iter().map(|at| at / 1_000).collect()
    }

    #[test]
    fn five_guesses_are_free_and_each_further_one_waits_twice_as_long_up_to_an_hour() {
        let made = tireless(&Settings::default());
        assert_eq!(made[..5], [0; 5]);
        let waits: Vec<i64> = made[4..].windows(2).map(|two| two[1] - two[0]).collect();
        assert_eq!(waits[..8], [30, 60, 120, 240, 480, 960, 1_920, 3_600]);
        assert!(waits[8..].iter().all(|wait| *wait == 3_600));
        // The figures of docs/rest.md: one address does not use up what all strangers together have.
        assert_eq!(made.len(), 34);
        assert!(made.len() < Settings::default().failures_account_day as usize);
    }

    #[test]
    fn what_others_have_guessed_stops_strangers_only() {
        let settings = Settings::default();
        let full = Past { account_age_ms: Some(DAY_MS - 7), ..NONE };
        assert_eq!((wait_ms(full, false, &settings), wait_ms(full, true, &settings)), (7, 0));
        let full = Past { guesser_age_ms: Some(DAY_MS - 7), ..NONE };
        assert_eq!((wait_ms(full, false, &settings), wait_ms(full, true, &settings)), (7, 0));
        let own = Past { own: 5, own_age_ms: Some(1_000), ..NONE };
        assert_eq!((wait_ms(own, false, &settings), wait_ms(own, true, &settings)), (29_000, 29_000));
    }
}
