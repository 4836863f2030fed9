//! How the program stops: softly at the first signal, hard at the deadline or the second.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// After a hard stop nothing is waited for longer than this.
const AFTER_HARD: Duration = Duration::from_secs(3);

/// The two stages. Cloned into everything that runs for long.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Take nothing new, finish what is there, then end.
    pub soft: CancellationToken,
    /// End now.
    pub hard: CancellationToken,
}

impl Stop {
    /// Listens for SIGTERM and SIGINT from now on. The first begins the soft stop, if it has not begun from
    /// inside; it becomes hard when `deadline` has passed, or with a further signal at once.
    pub fn on_signals(deadline: Duration) -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = Self::default();
        let told = stop.clone();
        // Owned by the process: it is the one task that nobody stops.
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
                () = either(&mut terminate, &mut interrupt) => tracing::warn!("told again: stopping at once"),
                () = tokio::time::sleep(deadline) => tracing::warn!("the deadline has passed: stopping at once"),
            }
            told.hard.cancel();
            tokio::time::sleep(AFTER_HARD).await;
            tracing::error!("something does not stop: the process ends without it");
            std::process::exit(1);
        });
        Ok(stop)
    }

    /// Begins the soft stop from inside, as when the node finds itself replaced.
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
    async fn regression_a_stop_from_inside_has_the_deadline_too() {
        let stop = Stop::on_signals(Duration::from_secs(10)).expect("signals can be listened for");
        let begun = tokio::time::Instant::now();
        stop.begin();
        stop.hard.cancelled().await;
        assert_eq!(begun.elapsed().as_secs(), 10);
    }
}
