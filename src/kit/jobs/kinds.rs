//! The kinds of jobs that a program knows. A worker looks a kind up by the name that stands in the table.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::upkeep::Upkeep;
use super::{Failure, Kind, Retry, Running};

/// A kind whose payload type is erased, so that all kinds stand in one map.
pub(super) trait Erased: Send + Sync {
    fn name(&self) -> &'static str;
    fn retry(&self) -> Retry;
    fn time_limit(&self) -> Duration;
    fn run<'a>(&'a self, job: &'a mut Running, payload: Value) -> BoxFuture<'a, Result<(), Failure>>;
}

impl<K: Kind> Erased for K {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn retry(&self) -> Retry {
        Kind::retry(self)
    }

    fn time_limit(&self) -> Duration {
        Kind::time_limit(self)
    }

    fn run<'a>(&'a self, job: &'a mut Running, payload: Value) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let payload = serde_json::from_value(payload);
            // Serde's message is dropped because it quotes the payload, which staff must not see.
            let payload = payload.map_err(|_| Failure::Final("the payload is not one of this kind".to_owned()))?;
            Kind::run(self, job, payload).await
        }
        .boxed()
    }
}

/// A kind that is enqueued periodically, and the time between two of its jobs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Period {
    pub(super) kind: &'static str,
    pub(super) every: Duration,
}

/// The kinds of a program, those that are enqueued periodically, and what each node does for itself. Each is
/// registered by one line.
#[derive(Default)]
pub struct Kinds {
    kinds: HashMap<&'static str, Box<dyn Erased>>,
    pub(super) periods: Vec<Period>,
    pub(super) upkeep: Vec<Upkeep>,
}

impl Kinds {
    /// No kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds this kind, whose jobs are enqueued by a slice.
    ///
    /// # Panics
    /// If another kind has the same name.
    #[must_use]
    pub fn with<K: Kind>(mut self, kind: K) -> Self {
        let former = self.kinds.insert(K::NAME, Box::new(kind));
        assert!(former.is_none(), "{} is the name of one kind", K::NAME);
        self
    }

    /// Adds this kind, and has a job of it enqueued periodically, by one node of the cluster. A period is skipped
    /// while the previous job still waits or runs, and when no node was up.
    ///
    /// # Panics
    /// If another kind has the same name.
    #[must_use]
    pub fn every<K: Kind<Payload = ()>>(mut self, every: Duration, kind: K) -> Self {
        self.periods.push(Period { kind: K::NAME, every });
        self.with(kind)
    }

    /// Adds work that each node does periodically to what it has in memory.
    #[must_use]
    pub fn on_each_node<F>(
        mut self,
        name: &'static str,
        every: Duration,
        work: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.upkeep.push(Upkeep { name, every, work: Box::new(move || work().boxed()) });
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&dyn Erased> {
        self.kinds.get(name).map(|kind| &**kind)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &dyn Erased> {
        self.kinds.values().map(|kind| &**kind)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}
