//! How many messages may go to one contact, whoever asks for them. This is pure: ages are arguments.
//!
//! So many an hour and a day go to a contact in all. One asker gets at most three fifths of them, so that nobody alone
//! uses them up; and codes for anything but a new password get at most three fifths together, so that the owner of an
//! account always gets a code to come back in.

use crate::kit::usage::{DAY_MS, HOUR_MS};

/// How many messages may go to one contact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// In an hour.
    pub(super) hour: u32,
    /// In a day.
    pub(super) day: u32,
}

/// A message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    /// How long ago, in milliseconds.
    pub(super) age_ms: i64,
    /// Whether its code sets a new password.
    pub(super) resets: bool,
    /// Whether the same asker asked for it who asks now.
    pub(super) mine: bool,
}

/// The milliseconds until another message may be sent to the asker of now; 0 if it may be sent at once.
pub(super) fn wait_ms(sent: &[Sent], resets: bool, limits: Limits) -> i64 {
    let mut moments: Vec<i64> = sent.iter().flat_map(|sent| [HOUR_MS - sent.age_ms, DAY_MS - sent.age_ms]).collect();
    moments.push(0);
    moments.retain(|moment| *moment >= 0);
    moments.sort_unstable();
    moments.into_iter().find(|moment| may_be_sent(sent, resets, limits, *moment)).unwrap_or(DAY_MS)
}

/// Whether another message may be sent after so many milliseconds, if none is sent before.
fn may_be_sent(sent: &[Sent], resets: bool, limits: Limits, after_ms: i64) -> bool {
    [(limits.hour, HOUR_MS), (limits.day, DAY_MS)].into_iter().all(|(most, window)| {
        let counted = || sent.iter().filter(move |sent| sent.age_ms + after_ms < window);
        let share = (most - 2 * (most / 5)) as usize;
        counted().count() < most as usize
            && counted().filter(|sent| sent.mine).count() < share
            && (resets || counted().filter(|sent| !sent.resets).count() < share)
    })
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, HOUR_MS, Limits, Sent, wait_ms};

    const LIMITS: Limits = Limits { hour: 5, day: 10 };
    const MINUTE_MS: i64 = 60_000;

    /// Asks at each minute of a day, in turn for each of these, and gives the minutes at which a message was sent.
    fn asked(askers: &[(u8, bool)]) -> Vec<(i64, u8, bool)> {
        let mut sent: Vec<(i64, u8, bool)> = Vec::new();
        for minute in 0..24 * 60 {
            for (asker, resets) in askers {
                let past: Vec<Sent> = sent
                    .iter()
                    .map(|(at, by, resets)| Sent {
                        age_ms: (minute - at) * MINUTE_MS,
                        resets: *resets,
                        mine: by == asker,
                    })
                    .collect();
                if wait_ms(&past, *resets, LIMITS) == 0 {
                    sent.push((minute, *asker, *resets));
                }
            }
        }
        sent
    }

    fn most_within(sent: &[(i64, u8, bool)], minutes: i64) -> usize {
        let within = |from: i64| sent.iter().filter(|(at, ..)| (from..from + minutes).contains(at)).count();
        sent.iter().map(|(at, ..)| within(*at)).max().unwrap_or(0)
    }

    #[test]
    fn thirty_askers_send_five_messages_an_hour_and_ten_a_day() {
        let askers: Vec<(u8, bool)> = (0..30).map(|asker| (asker, true)).collect();
        let sent = asked(&askers);
        assert_eq!((most_within(&sent, 60), sent.len()), (5, 10));
    }

    #[test]
    fn one_asker_leaves_room_for_the_owner() {
        let alone = asked(&[(1, true)]);
        assert_eq!((most_within(&alone, 60), alone.len()), (3, 6));
        let both = asked(&[(1, true), (2, true)]);
        assert!(both.iter().filter(|(_, by, _)| *by == 2).count() >= 4, "{both:?}");
    }

    #[test]
    fn codes_for_other_things_leave_room_for_a_new_password() {
        let askers: Vec<(u8, bool)> = (0..30).map(|asker| (asker, false)).collect();
        let sent = asked(&askers);
        assert_eq!((most_within(&sent, 60), sent.len()), (3, 6));
        let owner: Vec<_> = askers.into_iter().chain([(99, true)]).collect();
        assert_eq!(asked(&owner).iter().filter(|(_, by, _)| *by == 99).count(), 4);
    }

    #[test]
    fn the_wait_ends_when_the_message_that_fills_the_limit_is_too_old() {
        let sent = |ages: &[i64]| -> Vec<Sent> {
            ages.iter().map(|age_ms| Sent { age_ms: *age_ms, resets: true, mine: false }).collect()
        };
        assert_eq!(wait_ms(&[], true, LIMITS), 0);
        assert_eq!(wait_ms(&sent(&[1, 2, 3, 4, 1_000]), true, LIMITS), HOUR_MS - 1_000);
        let day: Vec<i64> = (0..10).map(|hour| hour * HOUR_MS + 1).collect();
        assert_eq!(wait_ms(&sent(&day), true, LIMITS), DAY_MS - 9 * HOUR_MS - 1);
        assert_eq!(wait_ms(&sent(&[DAY_MS; 10]), true, LIMITS), 0);
    }
}
