//! The stranger as a process of its own, which ends when this is dropped.

use std::process::{Child, Command, Stdio};

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
            .stdin(Stdio::null())
            .stdout(Stdio::null())
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
    abuse(target).await;
}
