//! How the program stops: softly at the first signal, and hard at a second signal or at the deadline.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The longest that the process lives after a hard stop began.
const AFTER_HARD: Duration = Duration::from_secs(3);

/// The two stages of a stop. Whatever runs for long holds a clone of it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Cancelled when the program is to take no new work, finish what it has, and end.
    pub soft: CancellationToken,
    /// Cancelled when the program is to end at once.
    pub hard: CancellationToken,
}

impl Stop {
    /// Listens for SIGTERM and SIGINT from now on. The first signal begins the soft stop, unless [`Stop::begin`] has
    /// begun it already. The stop becomes hard when `deadline` has passed, or at once with a further signal.
    ///
    /// # Errors
    /// If the signals cannot be listened for.
    pub fn on_signals(deadline: Duration) -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = Self::default();
        let told = stop.clone();
        // The supervisor does not own this task, because it ends the process when the supervisor's tasks hang.
        #[expect(clippy::disallowed_methods, reason = "it outlives every task, to end the process when one hangs")]
        tokio::spawn(async move {
            tokio::select! {
                () = told.soft.cancelled() => {}
                () = either(&mut terminate, &mut interrupt) => {
                    tracing::info!("stopping; a second signal stops at once");
                    told.soft.cancel();
                }
            }
            tokio::select! {
                () = either(&mut terminate, &mut interrupt) => tracing::warn!("a further signal came: stopping at once"),
                () = tokio::time::sleep(deadline) => tracing::warn!("the deadline has passed: stopping at once"),
            }
            told.hard.cancel();
            tokio::time::sleep(AFTER_HARD).await;
            tracing::error!("some task does not stop: the process ends without waiting for it");
            std::process::exit(1);
        });
        Ok(stop)
    }

    /// Begins the soft stop from within the program, as when the node finds that it has been replaced.
    pub fn begin(&self) {
        self.soft.cancel();
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn regression_a_stop_that_the_program_itself_begins_has_the_deadline_too() {
        let stop = Stop::on_signals(Duration::from_secs(10)).expect("signals can be listened for");
        let begun = tokio::time::Instant::now();
        stop.begin();
        stop.hard.cancelled().await;
        assert_eq!(begun.elapsed().as_secs(), 10);
    }
}
