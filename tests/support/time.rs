//! The two ways in which a test lets real time pass. There is no third: a wait for something that this process is
//! told of waits for that event.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt as _;

/// How long [`until`] waits before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Asks until there is an answer, for what nobody tells of: the readiness or the metrics of another process, a client
/// that tries again, a server that is to refuse from some moment on. Fails the test with what was awaited when the
/// time is over.
pub async fn until<T>(awaited: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(since.elapsed() < within, "{awaited}: not within {within:?}");
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// The same in a test without a runtime.
pub fn until_blocking<T>(awaited: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(since.elapsed() < within, "{awaited}: not within {within:?}");
        thread::sleep(AGAIN_AFTER);
    }
}

/// A moment of so many milliseconds at random, so that what comes next falls where nobody chose: a death, somebody's
/// next tap, a race with a deadline. Nothing is awaited by it.
pub async fn moment(ms: Range<u64>) {
    let ms = rand::rng().random_range(ms);
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// The same in a test without a runtime.
pub fn moment_blocking(ms: Range<u64>) {
    thread::sleep(Duration::from_millis(rand::rng().random_range(ms)));
}
