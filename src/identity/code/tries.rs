//! Who may try a code how often. This is pure.
//!
//! Each has tries of their own, so that a stranger's wrong codes use up nothing of the owner's: whoever asked for the
//! code, each device that was signed in to the account before, and each stranger. All strangers together have twice as
//! many as one of them. So whoever has no known device has three times `code_tries` tries at a code, from however many
//! addresses: with ten codes a day and five tries, 150 in 1,000,000 a day.

/// How often somebody has tried a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tries {
    /// By whom: a keyed hash.
    pub(super) trier: Vec<u8>,
    /// Neither who asked for the code nor a known device.
    pub(super) stranger: bool,
    /// How often.
    pub(super) tries: i32,
}

/// Whether this one may try again, after these tries of everybody at the code.
pub(super) fn may_try(past: &[Tries], trier: &[u8], stranger: bool, most: u32) -> bool {
    let sum = |of: &dyn Fn(&Tries) -> bool| -> i64 {
        past.iter().filter(|tries| of(tries)).map(|tries| i64::from(tries.tries)).sum()
    };
    let most = i64::from(most);
    sum(&|tries| tries.trier == trier) < most && (!stranger || sum(&|tries| tries.stranger) < 2 * most)
}

#[cfg(test)]
mod tests {
    use super::{Tries, may_try};

    const MOST: u32 = 5;

    /// How many tries get through if each of these tries as often as it likes, and the owner comes last.
    fn tried(triers: &[(u8, bool)]) -> Vec<i32> {
        let mut past: Vec<Tries> = Vec::new();
        for (trier, stranger) in triers {
            for _ in 0..100 {
                if !may_try(&past, &[*trier], *stranger, MOST) {
                    break;
                }
                match past.iter_mut().find(|tries| tries.trier == [*trier]) {
                    Some(tries) => tries.tries += 1,
                    None => past.push(Tries { trier: vec![*trier], stranger: *stranger, tries: 1 }),
                }
            }
        }
        let of = |trier: &u8| past.iter().find(|tries| tries.trier == [*trier]).map_or(0, |tries| tries.tries);
        triers.iter().map(|(trier, _)| of(trier)).collect()
    }

    #[test]
    fn a_stranger_takes_no_try_from_who_asked_or_from_a_known_device() {
        assert_eq!(tried(&[(1, true), (2, false), (3, false)]), [5, 5, 5]);
    }

    #[test]
    fn all_strangers_together_have_twice_the_tries_of_one() {
        let crowd: Vec<(u8, bool)> = (0..100).map(|trier| (trier, true)).collect();
        assert_eq!(tried(&crowd).iter().sum::<i32>(), 10);
        let with_owner: Vec<(u8, bool)> = crowd.into_iter().chain([(200, false)]).collect();
        assert_eq!(tried(&with_owner).last(), Some(&5));
    }
}
