//! Pieces of work: tasks that may end at any time, each with an owner that can wait for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures_util::FutureExt;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::TaskTracker;

use super::{Kind, words_of};

/// The owner of pieces of work. Clones are the same owner.
#[derive(Clone, Debug)]
pub struct Crew {
    tasks: TaskTracker,
    count: fn(Kind),
}

impl Default for Crew {
    fn default() -> Self {
        Self::counting(|_| {})
    }
}

impl Crew {
    pub(super) fn counting(count: fn(Kind)) -> Self {
        Self { tasks: TaskTracker::new(), count }
    }

    /// Another owner, which counts in the same place.
    pub(super) fn another(&self) -> Self {
        Self::counting(self.count)
    }

    pub(super) fn count(&self, kind: Kind) {
        (self.count)(kind);
    }

    /// Starts a piece of work. `name` says what it is when it panics; whoever awaits it hears of that too.
    pub fn work<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let count = self.count;
        // Nothing is laid around the task that would make it larger: sockets and rooms are such tasks.
        self.own(AssertUnwindSafe(task).catch_unwind().map(move |end| ended(name, count, end)))
    }

    /// The same for work that blocks, on a thread for that.
    #[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
    pub fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let count = self.count;
        self.tasks.spawn_blocking(move || ended(name, count, catch_unwind(AssertUnwindSafe(work))))
    }

    /// Waits until all of it has ended. Work that is still started meanwhile is waited for as well.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    #[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
    pub(super) fn own<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.tasks.spawn(task)
    }
}

/// Logs and counts a panic, and lets it go on to whoever awaits the task.
fn ended<T>(task: &'static str, count: fn(Kind), end: std::thread::Result<T>) -> T {
    end.unwrap_or_else(|panic| {
        tracing::error!(task, "a piece of work has panicked ({}); nothing else is harmed", words_of(&*panic));
        count(Kind::Work);
        resume_unwind(panic)
    })
}

/// Does work that blocks, on a thread for that, where the caller waits for it: for commands of the program, which
/// have no server and so no owner of tasks.
///
/// # Errors
/// The work panicked, or the program ends.
#[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
pub async fn blocking<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(move || ended(name, |_| {}, catch_unwind(AssertUnwindSafe(work)))).await
}

/// Starts a thread that its holder joins or outlives. A panic in it is logged.
///
/// # Errors
/// The system has no thread to give.
#[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
pub fn thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<std::thread::JoinHandle<T>> {
    let work = move || ended(name, |_| {}, catch_unwind(AssertUnwindSafe(work)));
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}
