//! Pieces of work: tasks that may end at any time. Each has an owner, which can wait for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures_util::FutureExt;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::TaskTracker;

use super::{TaskKind, words_of};

/// The owner of pieces of work. All clones are the same owner.
#[derive(Clone, Debug)]
pub struct Crew {
    tasks: TaskTracker,
    count: fn(TaskKind),
}

impl Default for Crew {
    fn default() -> Self {
        Self::counting(|_| {})
    }
}

impl Crew {
    pub(super) fn counting(count: fn(TaskKind)) -> Self {
        Self { tasks: TaskTracker::new(), count }
    }

    /// A new owner that reports panics to the same counter.
    pub(super) fn another(&self) -> Self {
        Self::counting(self.count)
    }

    pub(super) fn count(&self, kind: TaskKind) {
        (self.count)(kind);
    }

    /// Starts a piece of work. If it panics, `name` stands in the log, and whoever awaits the handle gets the panic as
    /// an error.
    pub fn work<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let count = self.count;
        // The task is wrapped in nothing that would make it much larger: there is one for every socket and room.
        self.own(AssertUnwindSafe(task).catch_unwind().map(move |end| ended(name, count, end)))
    }

    /// Starts work that blocks, on a thread for such work; otherwise like [`Crew::work`].
    #[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
    pub fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let count = self.count;
        self.tasks.spawn_blocking(move || ended(name, count, catch_unwind(AssertUnwindSafe(work))))
    }

    /// How many pieces of work have begun and not ended.
    pub fn under_way(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until all work has ended. Work that is started meanwhile is waited for as well.
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
fn ended<T>(task: &'static str, count: fn(TaskKind), end: std::thread::Result<T>) -> T {
    end.unwrap_or_else(|panic| {
        tracing::error!(task, "a piece of work has panicked ({}); nothing else is harmed", words_of(&*panic));
        count(TaskKind::Work);
        resume_unwind(panic)
    })
}

/// Runs work that blocks on a thread for such work, and waits for it. It is for the program's commands, which run no
/// server and so have no owner of tasks.
///
/// # Errors
/// If the work panicked or the runtime is shutting down.
#[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
pub async fn blocking<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(move || ended(name, |_| {}, catch_unwind(AssertUnwindSafe(work)))).await
}

/// Starts a thread, which the caller owns through the handle. A panic in it is logged.
///
/// # Errors
/// If the system gives no further thread.
#[expect(clippy::disallowed_methods, reason = "this is the way that all others are to take")]
pub fn thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<std::thread::JoinHandle<T>> {
    let work = move || ended(name, |_| {}, catch_unwind(AssertUnwindSafe(work)));
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}
