//! Faults that a test makes, so that what follows a failure is seen. A server has none of this: where there is no
//! [`Faults`], engine tasks are started as they are, and nothing that comes over the network reaches it.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::pending;
use tokio::sync::oneshot;

/// How a task is made to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It panics.
    Panic,
    /// It ends although nobody has asked it to.
    End,
}

/// The engine tasks that can be reached, and the faults that wait to be met.
#[derive(Default)]
pub struct Faults {
    engines: Mutex<Vec<(&'static str, oneshot::Sender<Fault>)>>,
    armed: Mutex<HashSet<String>>,
}

impl Faults {
    /// The task, which fails when it is struck.
    pub(super) fn within_reach<T>(&self, name: &'static str, task: T) -> impl Future<Output = ()> + Send + use<T>
    where
        T: Future<Output = ()> + Send,
    {
        let (sender, fault) = oneshot::channel();
        lock(&self.engines).push((name, sender));
        async move {
            let fault = async {
                match fault.await {
                    Ok(fault) => fault,
                    Err(_) => pending().await,
                }
            };
            tokio::select! {
                biased;
                fault = fault => assert_ne!(fault, Fault::Panic, "a fault on purpose"),
                () = task => {}
            }
        }
    }

    pub(super) fn engines(&self) -> Vec<&'static str> {
        lock(&self.engines).iter().filter(|(_, task)| !task.is_closed()).map(|(name, _)| *name).collect()
    }

    pub(super) fn strike(&self, name: &str, fault: Fault) -> bool {
        let mut engines = lock(&self.engines);
        let found = engines.iter().position(|(engine, task)| *engine == name && !task.is_closed());
        found.is_some_and(|at| engines.swap_remove(at).1.send(fault).is_ok())
    }

    pub(super) fn arm(&self, fault: String) {
        lock(&self.armed).insert(fault);
    }

    /// Panics if a test has armed this fault, once.
    ///
    /// # Panics
    /// That is what it is for.
    pub fn meet(&self, fault: &str) {
        let is_armed = lock(&self.armed).remove(fault);
        assert!(!is_armed, "a fault on purpose: {fault}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
