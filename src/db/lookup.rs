//! Reads the rows that many callers ask for at the same time in one query. Keys that are asked for while a query runs
//! go into the next one, so a crowd that reconnects costs a few queries instead of one each. There is no timer: a
//! caller that comes alone is answered at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parlor_protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::kit::error::{Error, Result};
use crate::kit::supervise::Supervisor;

/// The most keys of one query.
const BATCH: usize = 256;
/// The longest that a query may take. A connection that has died silently must not block later callers.
const WITHIN: Duration = Duration::from_secs(3);
/// The most keys that wait for their query. When there are more, callers wait until there is room.
const QUEUE: usize = 4_096;

/// A key, and where its row is sent.
type Asked<K, V> = (K, oneshot::Sender<Result<Option<V>>>);

/// Reads rows by key, for many callers in one query. Cheap to clone.
#[derive(Debug)]
pub struct Lookup<K, V>(mpsc::Sender<Asked<K, V>>);

impl<K, V> Clone for Lookup<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Lookup<K, V>
where
    K: Eq + Hash + Copy + Send + 'static,
    V: Clone + Send + 'static,
{
    /// Starts the engine task of this name, which reads until the supervisor stops. `read` returns the rows of those
    /// keys that have one.
    pub fn start<F>(name: &'static str, supervisor: &Supervisor, read: impl Fn(Vec<K>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>>> + Send,
    {
        let (queue, mut waiting) = mpsc::channel::<Asked<K, V>>(QUEUE);
        let until = supervisor.stop().child_token();
        supervisor.engine(name, &until.clone(), async move {
            let mut batch = Vec::with_capacity(BATCH);
            while let Some(1..) = until.run_until_cancelled(waiting.recv_many(&mut batch, BATCH)).await {
                // Keys whose callers have stopped waiting are not read.
                batch.retain(|(_, reply)| !reply.is_closed());
                if batch.is_empty() {
                    continue;
                }
                let rows = timeout(WITHIN, read(batch.iter().map(|(key, _)| *key).collect())).await;
                let rows = rows.unwrap_or_else(|_| Err(Error::away("the store did not answer in time")));
                answer(rows, batch.drain(..));
            }
            // Every `Lookup` is gone, so nobody can ask any more. The supervisor reads from this token that the end is
            // no failure.
            until.cancel();
        });
        Self(queue)
    }

    /// The row of this key, or `None` if there is none.
    ///
    /// # Errors
    /// The error of the query, for every caller whose key was in it. Only one of them gets its cause, so that it is
    /// logged once.
    pub async fn get(&self, key: K) -> Result<Option<V>> {
        let gone = || Error::new(ErrorCode::StoreUnavailable);
        let (reply, row) = oneshot::channel();
        self.0.send((key, reply)).await.map_err(|_| gone())?;
        row.await.map_err(|_| gone())?
    }
}

/// Sends each caller the row of its key. A send fails only if the caller has stopped waiting, and is then ignored.
fn answer<K: Eq + Hash, V: Clone>(rows: Result<HashMap<K, V>>, asked: impl Iterator<Item = Asked<K, V>>) {
    match rows {
        Ok(rows) => asked.for_each(|(key, reply)| drop(reply.send(Ok(rows.get(&key).cloned())))),
        Err(Error { body, mut source }) => {
            asked.for_each(|(_, reply)| drop(reply.send(Err(Error { body: body.clone(), source: source.take() }))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn keys_that_are_asked_for_during_a_query_go_into_the_next_one() {
        let (queries, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (counted, held) = (queries.clone(), gate.clone());
        let lookup = Lookup::start("look-up", &Supervisor::default(), move |keys: Vec<u32>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let held = held.clone();
            async move {
                held.acquire().await.expect("open").forget();
                Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * 10)).collect())
            }
        });
        let ask = |key| {
            let lookup = lookup.clone();
            tokio::spawn(async move { lookup.get(key).await })
        };
        let first = ask(2);
        while queries.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = [4, 5, 4].map(ask).into();
        while lookup.0.capacity() > QUEUE - 3 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(first.await.expect("no panic").expect("read"), Some(20));
        let rows = join_all(others).await.into_iter().map(|row| row.expect("no panic").expect("read"));
        assert_eq!(rows.collect::<Vec<_>>(), [Some(40), None, Some(40)]);
        assert_eq!(queries.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_that_hangs_does_not_block_later_callers() {
        let hangs = AtomicUsize::new(1);
        let lookup = Lookup::start("look-up", &Supervisor::default(), move |keys: Vec<u32>| {
            let hangs = hangs.swap(0, Ordering::Relaxed) == 1;
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                Ok(keys.into_iter().map(|key| (key, key)).collect())
            }
        });
        let error = lookup.get(1).await.expect_err("no answer in time");
        assert_eq!(error.code(), ErrorCode::StoreUnavailable);
        assert_eq!(lookup.get(1).await.expect("read"), Some(1));
    }

    #[tokio::test]
    async fn a_query_that_fails_fails_for_all_its_callers_and_only_one_gets_the_cause() {
        let (sender, first) = oneshot::channel();
        let (other, second) = oneshot::channel();
        answer::<u32, ()>(Err(Error::away("no route")), [(1, sender), (2, other)].into_iter());
        let errors = [first, second].map(|mut answer| answer.try_recv().expect("answered").expect_err("failed"));
        assert!(errors.iter().all(|error| error.code() == ErrorCode::StoreUnavailable));
        assert_eq!(errors.map(|error| error.source.is_some()), [true, false]);
    }
}
