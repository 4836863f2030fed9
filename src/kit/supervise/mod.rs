//! The one way to start a task. Every task here has an owner, and none ends in silence.
//!
//! There are two kinds. An **engine task** has a name and lives as long as the server: the server cannot do its work
//! without it. The first one that panics, or ends before it was asked to, is the server's [`Failure`]: whoever runs
//! the server waits for it, says no to new work, and stops in order. A **piece of work** ([`Crew`]) may end at any
//! time: a socket, a room, one request. Its panic is logged and counted, and harms nobody else.
//!
//! `clippy.toml` forbids every other way to start a task or a thread. Nothing here knows a slice, and nothing here
//! decides what a failure leads to.

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

/// What kind of task has failed, for whoever counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One that the server lives with.
    Engine,
    /// One that may end at any time.
    Work,
}

impl Kind {
    /// As metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Work => "work",
        }
    }
}

/// How an engine task has ended that should have gone on. Displayed as a sentence for whoever runs the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The task's name.
    pub task: &'static str,
    /// What the panic said; `None`: it returned although nobody had asked it to.
    pub panic: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, panic } = self;
        match panic {
            Some(said) => write!(f, "the task `{task}` has panicked ({said})")?,
            None => write!(f, "the task `{task}` has ended by itself")?,
        }
        f.write_str(
            ", and the server cannot go on without it: start it again, and report this line with those before it",
        )
    }
}

/// The owner of all tasks of a server. Clones are the same owner.
#[derive(Clone, Default)]
pub struct Supervisor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stop: CancellationToken,
    crew: Crew,
    failure: OnceLock<Failure>,
    failed: CancellationToken,
    /// Where a test makes tasks fail; a server has none.
    faults: Option<Arc<Faults>>,
}

impl Supervisor {
    /// An owner that tells `count` of each task that fails.
    pub fn counting(count: fn(Kind)) -> Self {
        Self(Arc::new(Inner { crew: Crew::counting(count), ..Inner::default() }))
    }

    /// An owner whose tasks a test can make fail; see [`Supervisor::fail`]. The program never makes one.
    pub fn with_faults() -> Self {
        Self(Arc::new(Inner { faults: Some(Arc::default()), ..Inner::default() }))
    }

    /// Ends every engine task when it is cancelled.
    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Who owns the pieces of work that [`Supervisor::finish`] waits for.
    pub fn crew(&self) -> &Crew {
        &self.0.crew
    }

    /// An owner for pieces of work that are waited for apart from all others.
    pub fn another_crew(&self) -> Crew {
        self.0.crew.another()
    }

    /// Starts an engine task. It is to run until `until` is cancelled, which is [`Supervisor::stop`] unless the task
    /// is ended before the others; an end before both is a [`Failure`].
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
        self.0.crew.count(Kind::Engine);
        // The first one is the cause; what falls behind it has its line in the log.
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

    /// The engine tasks that a test can make fail, each as often as it runs. Empty without faults.
    pub fn engines(&self) -> Vec<&'static str> {
        self.0.faults.as_ref().map(|faults| faults.engines()).unwrap_or_default()
    }

    /// Makes one engine task of this name fail, where it waits next. Whether there is one; never without faults.
    pub fn fail(&self, name: &str, fault: Fault) -> bool {
        self.0.faults.as_ref().is_some_and(|faults| faults.strike(name, fault))
    }

    /// Makes the code that next asks for this fault panic: see [`Supervisor::faults`].
    pub fn arm(&self, fault: impl Into<String>) {
        if let Some(faults) = &self.0.faults {
            faults.arm(fault.into());
        }
    }

    /// Where code that a test is to reach asks whether it shall panic; `None` in a server.
    pub fn faults(&self) -> Option<Arc<Faults>> {
        self.0.faults.clone()
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("failure", &self.0.failure.get()).finish_non_exhaustive()
    }
}

/// What a panic said, for whoever has caught one.
pub fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests;
