//! The proofs that may run for hours: what each of them shows, its size in every test run, and its size with
//! `./parlor prove NAME`. A proof is a test that takes its size from this table and reports its progress.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// `./parlor prove` sets this variable to the minutes for which the proof goes on. Without it a proof does one pass of
/// its short form.
pub const MINUTES: &str = "PARLOR_PROVE_MINUTES";

/// How often a long proof prints its progress.
const TOLD_EVERY: Duration = Duration::from_secs(3);

/// A proof, with the sizes of its short and its long form.
#[derive(Debug)]
pub struct Proof {
    /// The name that `./parlor prove` takes.
    pub name: &'static str,
    /// The statement that holds if the proof passes.
    pub shows: &'static str,
    /// What the sizes count, in the plural.
    pub unit: &'static str,
    /// The size in every test run: well under two minutes.
    pub short: usize,
    /// The size of one pass of the long form, which has as many passes as the time allows.
    pub long: usize,
    /// Minutes of the long form if `--minutes` is not given.
    pub minutes: u64,
    /// Cargo's arguments for the test binary that has the test: `--lib` or `--test it`.
    pub binary: &'static str,
    /// The test's full name.
    pub test: &'static str,
}

/// All proofs, in the order in which `./parlor prove` lists them.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "kill-storm",
        shows: "gifts, transfers and coin requests while the server and its PostgreSQL are killed: each operation has one \
                outcome, each record has its transfer, each gift is shown once",
        unit: "operations",
        short: 200,
        long: 1_000,
        minutes: 15,
        binary: "--test it",
        test: "faults::kill::money_moves_once_and_gifts_are_shown_once_whatever_dies",
    },
    Proof {
        name: "cuts",
        shows: "a user whose connection is cut anywhere in a frame sees in the end the same as one who never left",
        unit: "cuts",
        short: 60,
        long: 600,
        minutes: 15,
        binary: "--test it",
        test: "faults::cuts::who_is_cut_at_every_point_sees_what_one_sees_who_never_left",
    },
    Proof {
        name: "batches",
        shows: "a batch of gifts in the ledger has the same result as one gift after the other",
        unit: "random batches",
        short: 12,
        long: 100,
        minutes: 10,
        binary: "--test it",
        test: "ledger::random::batches_are_what_one_gift_after_the_other_would_be",
    },
    Proof {
        name: "writers",
        shows: "several writers with the same orders charge each order once and give the same answers",
        unit: "random batches",
        short: 12,
        long: 100,
        minutes: 10,
        binary: "--test it",
        test: "ledger::random::several_writers_over_the_same_orders_are_exact",
    },
    Proof {
        name: "last-coin",
        shows: "three writers that compete for a user's last coin give the same answer",
        unit: "meetings",
        short: 60,
        long: 1_000,
        minutes: 10,
        binary: "--test it",
        test: "ledger::random::writers_that_meet_over_a_last_coin_give_one_answer",
    },
    Proof {
        name: "manipulations",
        shows: "every column of every table that money depends on is watched: whatever a superuser changes in any kind of \
                row, the audit names it",
        unit: "rows of each table",
        short: 2,
        long: 12,
        minutes: 10,
        binary: "--test it",
        test: "ledger::manipulations::columns::every_column_of_every_table_that_money_depends_on_is_watched",
    },
    Proof {
        name: "rooms",
        shows: "a room does the same as a simple model of a room, for any requests in any order",
        unit: "random histories",
        short: 256,
        long: 5_000,
        minutes: 10,
        binary: "--lib",
        test: "room::state::tests::against_a_model::a_room_does_what_the_model_does",
    },
    Proof {
        name: "abuse",
        shows: "whatever one stranger does, nobody else is refused or cut, memory and open files stay in bounds, and the \
                others' p99 is at most 1.5 times that without it (release build, a core for the server and one for the \
                rest)",
        unit: "milliseconds for each abuse",
        short: 1_000,
        long: 6_000,
        minutes: 7,
        binary: "--test it",
        test: "abuse::one_stranger_harms_nobody_else",
    },
    Proof {
        name: "mixed-load",
        shows: "all users of a mixed load see the same, and the ledger agrees with what each of them was shown",
        unit: "seconds",
        short: 5,
        long: 60,
        minutes: 15,
        binary: "--test it",
        test: "load::a_day_in_small_is_seen_the_same_by_everybody",
    },
];

/// A run of a proof.
#[derive(Debug)]
pub struct Run {
    proof: &'static Proof,
    since: Instant,
    /// The length of the long form; `None` for one pass of the short form.
    goes_on: Option<Duration>,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    passes: usize,
}

impl Run {
    /// The proof of this name, in the form that the environment asks for.
    ///
    /// # Panics
    /// If the table has no such proof, or if the variable is no number of minutes.
    pub fn of(name: &str) -> Self {
        let minutes = std::env::var(MINUTES).ok();
        let minutes = minutes.map(|minutes| minutes.parse().unwrap_or_else(|_| panic!("{MINUTES} is {minutes}")));
        Self::new(name, minutes.map(|minutes: u64| Duration::from_secs(minutes * 60)))
    }

    fn new(name: &str, goes_on: Option<Duration>) -> Self {
        let proof = PROOFS.iter().find(|proof| proof.name == name);
        let proof = proof.unwrap_or_else(|| panic!("the table of proofs has no `{name}`"));
        let now = Instant::now();
        Self { proof, since: now, goes_on, told: Mutex::new(Told { at: now, passes: 0 }) }
    }

    /// The size of one pass, in the proof's unit.
    pub fn size(&self) -> usize {
        if self.is_long() { self.proof.long } else { self.proof.short }
    }

    /// Whether this is the long form.
    pub fn is_long(&self) -> bool {
        self.goes_on.is_some()
    }

    /// Prints how far the pass is, in the long form only and at most every few seconds.
    pub fn done(&self, part: usize) {
        let Some(goes_on) = self.goes_on else { return };
        let mut told = self.told.lock().expect("nobody panics with it");
        if told.at.elapsed() >= TOLD_EVERY {
            told.at = Instant::now();
            let Proof { name, unit, .. } = self.proof;
            let (passed, all) = (self.since.elapsed().as_secs(), goes_on.as_secs());
            eprintln!(
                "prove {name}: pass {}, {part} of {} {unit}, {passed} s of {all} s",
                told.passes + 1,
                self.size()
            );
        }
    }

    /// Runs the passes; each is given its size and panics if it fails.
    pub async fn passes(&self, mut pass: impl AsyncFnMut(usize)) {
        pass(self.size()).await;
        while self.goes_on() {
            pass(self.size()).await;
        }
    }

    /// Runs passes that await nothing; each is given its size and panics if it fails.
    pub fn passes_at_once(&self, mut pass: impl FnMut(usize)) {
        pass(self.size());
        while self.goes_on() {
            pass(self.size());
        }
    }

    /// Whether another pass follows the one that has just passed. After the last pass of the long form it prints the
    /// verdict, which `./parlor prove` looks for.
    fn goes_on(&self) -> bool {
        let mut told = self.told.lock().expect("nobody panics with it");
        told.passes += 1;
        let Some(goes_on) = self.goes_on else { return false };
        if self.since.elapsed() < goes_on {
            return true;
        }
        let Proof { name, unit, shows, .. } = self.proof;
        let (passes, took) = (told.passes, self.since.elapsed().as_secs());
        eprintln!("prove {name}: HELD in {passes} passes of {} {unit}, {took} s: {shows}", self.size());
        false
    }
}

/// The list of proofs as `./parlor prove` shows it.
pub fn list() -> String {
    let line = |proof: &Proof| {
        let Proof { name, shows, unit, short, long, minutes, .. } = proof;
        format!(
            "{name:<13} {minutes:>3} min in passes of {long} {unit} ({short} in every test run)\n              {shows}\n"
        )
    };
    PROOFS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_long_form_is_the_longer_one() {
        let names: std::collections::HashSet<_> = PROOFS.iter().map(|proof| proof.name).collect();
        assert_eq!(names.len(), PROOFS.len());
        for proof in PROOFS {
            assert!(proof.long > proof.short && proof.minutes >= 2, "{}", proof.name);
            assert!(list().contains(proof.shows));
        }
    }

    #[test]
    fn the_short_form_is_one_pass_and_the_long_one_as_many_as_the_time_allows() {
        let sizes = |goes_on| {
            let mut sizes = Vec::new();
            Run::new("cuts", goes_on).passes_at_once(|size| sizes.push(size));
            sizes
        };
        assert_eq!(sizes(None), [60]);
        assert_eq!(sizes(Some(Duration::ZERO)), [600]);
        let long = Run::new("cuts", Some(Duration::from_secs(3_600)));
        assert!(long.goes_on() && long.goes_on());
    }
}
