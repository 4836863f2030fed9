//! The only way to start a task. Every task has an owner, and no task ends unnoticed.
//!
//! There are two kinds. An **engine task** has a name and lives as long as the server: the server cannot do its work
//! without it. The first one that panics, or ends before it was asked to, is the server's [`Failure`]: `app` waits for
//! that, refuses new work, and stops in order. A **piece of work** ([`Crew`]) may end at any time: a socket, a room,
//! one request. Its panic is logged and counted, and nothing else is affected.
//!
//! `clippy.toml` forbids every other way to start a task or a thread. This module knows no slice and does not decide
//! what a failure leads to.

mod crew;
mod fault;

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::Either;
use tokio_util::sync::CancellationToken;

pub use crew::{Crew, blocking, thread};
pub use fault::{Fault, Faults};

/// The kind of a task that has failed, for the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskKind {
    /// A task that the server cannot do its work without.
    Engine,
    /// A piece of work, which may end at any time.
    Work,
}

impl TaskKind {
    /// The kind's name as a label of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Work => "work",
        }
    }
}

/// The end of an engine task that should have gone on. It is displayed as a sentence for whoever runs the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The task's name.
    pub task: &'static str,
    /// The panic's message; `None` if the task returned although nobody had asked it to end.
    pub panic: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, panic } = self;
        match panic {
            // One line, as what it asks to be reported.
            Some(said) => write!(f, "the task `{task}` has panicked ({})", said.replace('\n', " "))?,
            None => write!(f, "the task `{task}` has ended by itself")?,
        }
        f.write_str(
            ", and the server cannot go on without it: start it again, and report this line with those before it",
        )
    }
}

/// The owner of all tasks of a server. All clones are the same owner.
#[derive(Clone, Default)]
pub struct Supervisor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stop: CancellationToken,
    crew: Crew,
    failure: OnceLock<Failure>,
    failed: CancellationToken,
    /// The faults that a test injects; `None` in a server.
    faults: Option<Arc<Faults>>,
}

impl Supervisor {
    /// An owner that calls `count` for each task that fails.
    pub fn counting(count: fn(TaskKind)) -> Self {
        Self(Arc::new(Inner { crew: Crew::counting(count), ..Inner::default() }))
    }

    /// An owner whose tasks a test can make fail; see [`Supervisor::fail`]. The program itself never creates one.
    #[cfg(any(test, feature = "bench"))]
    pub fn with_faults() -> Self {
        Self(Arc::new(Inner { faults: Some(Arc::default()), ..Inner::default() }))
    }

    /// The token on whose cancellation every engine task ends.
    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// The owner of the pieces of work that [`Supervisor::finish`] waits for.
    pub fn crew(&self) -> &Crew {
        &self.0.crew
    }

    /// A new owner, for pieces of work that are waited for separately.
    pub fn another_crew(&self) -> Crew {
        self.0.crew.another()
    }

    /// Starts an engine task, which is to run until `until` is cancelled. That is [`Supervisor::stop`], or a token of
    /// the task's own if it ends before the others. If the task ends before either is cancelled, that is a [`Failure`].
    pub fn engine(
        &self,
        name: &'static str,
        until: &CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let (supervisor, until) = (self.clone(), until.clone());
        let task = match &self.0.faults {
            Some(faults) => Either::Right(faults.within_reach(name, task)),
            None => Either::Left(task),
        };
        let watched = AssertUnwindSafe(task).catch_unwind().map(move |end| supervisor.ended(name, &until, end));
        self.0.crew.own(watched);
    }

    fn ended(&self, task: &'static str, until: &CancellationToken, end: Result<(), Box<dyn Any + Send>>) {
        let panic = match end {
            Ok(()) if until.is_cancelled() || self.0.stop.is_cancelled() => return,
            Ok(()) => None,
            Err(panic) => Some(words_of(&*panic).to_owned()),
        };
        let failure = Failure { task, panic };
        tracing::error!(task, "{failure}");
        self.0.crew.count(TaskKind::Engine);
        // The first failure is kept as the cause; those that follow from it only have their lines in the log.
        let _ = self.0.failure.set(failure);
        self.0.failed.cancel();
    }

    /// The first engine task that failed, if one did.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.failure.get()
    }

    /// Returns when an engine task has failed.
    pub async fn failed(&self) {
        self.0.failed.cancelled().await;
    }

    /// Ends every engine task and waits for them, and for every piece of work of [`Supervisor::crew`].
    pub async fn finish(&self) {
        self.0.stop.cancel();
        self.0.crew.finish().await;
    }

    /// The names of the running engine tasks that a test can make fail; a name stands once for each task that has it.
    /// Empty without faults.
    pub fn engines(&self) -> Vec<&'static str> {
        self.0.faults.as_ref().map(|faults| faults.engines()).unwrap_or_default()
    }

    /// Makes one engine task of this name fail when it next waits. Returns whether there is one; always `false` without
    /// faults.
    pub fn fail(&self, name: &str, fault: Fault) -> bool {
        self.0.faults.as_ref().is_some_and(|faults| faults.strike(name, fault))
    }

    /// Arms a fault: the next call of [`Faults::meet`] for it panics.
    pub fn arm(&self, fault: impl Into<String>) {
        if let Some(faults) = &self.0.faults {
            faults.arm(fault.into());
        }
    }

    /// The faults, for code that calls [`Faults::meet`]; `None` in a server.
    pub fn faults(&self) -> Option<Arc<Faults>> {
        self.0.faults.clone()
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("failure", &self.0.failure.get()).finish_non_exhaustive()
    }
}

/// The message of a panic that was caught, or `without words` if it is not text.
pub fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests;
