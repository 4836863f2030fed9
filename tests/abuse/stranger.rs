//! The stranger as a process of its own. It goes on until its input ends, and then says what it has done.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use super::tally::{Tally, counted};
use super::{Target, act};

/// The variable that says what the process is to do.
const ABUSE: &str = "PARLOR_ABUSE";

/// The connections that stand on the server's porch at most (`gateway/strangers.rs`).
pub(super) const PORCH: usize = 64;

/// A process that does one abuse.
pub(super) struct Stranger(Child);

impl Stranger {
    /// Begins this abuse.
    pub(super) fn acts(target: &Target) -> Self {
        let itself = std::env::current_exe().expect("this program has a path");
        let child = Command::new("nice")
            .args(["-n", "19"])
            .arg(itself)
            .args(["--exact", "abuse::stranger::acts_as_it_is_told", "--ignored"])
            .env(ABUSE, serde_json::to_string(target).expect("JSON"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("`nice` is there"))
    }
}

impl Stranger {
    /// Whether it is still at it: an abuse has no end of its own.
    pub(super) fn goes_on(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Ends it, and gives what it has done.
    pub(super) fn ends(mut self) -> Tally {
        drop(self.0.stdin.take());
        let mut said = String::new();
        let mut output = self.0.stdout.take().expect("it was piped");
        output.read_to_string(&mut said).expect("a stranger speaks UTF-8");
        let tally = said.lines().find_map(|line| serde_json::from_str(line).ok());
        tally.unwrap_or_else(|| panic!("the stranger does not say what it has done: {said}"))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "the process of a stranger, which the test of the table starts"]
async fn acts_as_it_is_told() {
    let target: Target = serde_json::from_str(&std::env::var(ABUSE).expect("what to do")).expect("a target");
    let (.., abuse) = act::TABLE.iter().find(|(name, ..)| *name == target.name).expect("one of the table");
    let told_to_end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        () = abuse(target) => unreachable!("an abuse has no end of its own"),
        ended = told_to_end => drop(ended.expect("it reads").expect("a pipe")),
    }
    // Past the harness, which keeps what a test prints to itself.
    let said = serde_json::to_string(&counted()).expect("JSON");
    write!(std::io::stdout(), "\n{said}\n").expect("somebody reads it");
}
