//! Faults that a test injects to see what follows a failure. A server has no [`Faults`]: its engine tasks are started
//! unchanged, and nothing that comes over the network can inject a fault.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::pending;
use tokio::sync::oneshot;

/// The way in which a task is made to fail.
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
    /// The task, extended so that [`strike`](Self::strike) can make it fail.
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

    /// Panics if a test has armed this fault; each arming causes one panic.
    ///
    /// # Panics
    /// On purpose, as said above.
    pub fn meet(&self, fault: &str) {
        let is_armed = lock(&self.armed).remove(fault);
        assert!(!is_armed, "a fault on purpose: {fault}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
