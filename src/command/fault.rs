//! Of the program that tests and load tests use alone: a task that the server lives with is made to fail from outside, so
//! that a test sees a whole process through it. A program that is built for people has none of this.

use tokio::signal::unix::{SignalKind, signal};

use crate::kit::supervise::{Fault, Supervisor};

/// Names the engine task that panics at SIGUSR1.
const NAMED_BY: &str = "PARLOR_TEST_FAULT";

/// An owner of tasks of which the named one can be made to fail; `None`: none was named.
pub(super) fn supervisor() -> Option<Supervisor> {
    let engine = std::env::var(NAMED_BY).ok()?;
    let mut told = signal(SignalKind::user_defined1()).ok()?;
    let supervisor = Supervisor::with_faults();
    let (struck, stop) = (supervisor.clone(), supervisor.stop().clone());
    supervisor.crew().work("fault on purpose", async move {
        if stop.run_until_cancelled(told.recv()).await.is_some() && !struck.fail(&engine, Fault::Panic) {
            tracing::warn!(engine, "there is no such task");
        }
    });
    Some(supervisor)
}
