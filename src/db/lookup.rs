//! Rows that many ask for at once, read together: what is asked while a query is under way goes with the next one, so
//! a crowd that comes back costs a few queries and not one each. There is no timer: who comes alone is read at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parlor_protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::kit::error::{Error, Result};
use crate::kit::supervise::Supervisor;

/// Keys of one query at most.
const BATCH: usize = 256;
/// How long a query may take. A connection that died without a word must not keep those who come later waiting.
const WITHIN: Duration = Duration::from_secs(3);
/// Keys that wait for their query; who finds no place waits for one.
const QUEUE: usize = 4_096;

type Asked<K, V> = (K, oneshot::Sender<Result<Option<V>>>);

/// Reads rows by their key, those of many callers in one query.
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
    /// Starts the task of this name, which reads until the supervisor stops. `read` gives the rows that there are.
    pub fn start<F>(name: &'static str, supervisor: &Supervisor, read: impl Fn(Vec<K>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>>> + Send,
    {
        let (queue, mut waiting) = mpsc::channel::<Asked<K, V>>(QUEUE);
        let until = supervisor.stop().child_token();
        supervisor.engine(name, &until.clone(), async move {
            let mut batch = Vec::with_capacity(BATCH);
            while let Some(1..) = until.run_until_cancelled(waiting.recv_many(&mut batch, BATCH)).await {
                // Who has stopped waiting is asked for nothing.
                batch.retain(|(_, reply)| !reply.is_closed());
                if batch.is_empty() {
                    continue;
                }
                let rows = timeout(WITHIN, read(batch.iter().map(|(key, _)| *key).collect())).await;
                let rows = rows.unwrap_or_else(|_| Err(Error::away("the store did not answer in time")));
                answer(rows, batch.drain(..));
            }
            // Nobody is left who could ask.
            until.cancel();
        });
        Self(queue)
    }

    /// The row of this key; `None`: there is none.
    ///
    /// # Errors
    /// What the query came to, for everybody who was in it; its cause is in one of the answers.
    pub async fn get(&self, key: K) -> Result<Option<V>> {
        let gone = || Error::new(ErrorCode::StoreUnavailable);
        let (reply, row) = oneshot::channel();
        self.0.send((key, reply)).await.map_err(|_| gone())?;
        row.await.map_err(|_| gone())?
    }
}

/// Gives everybody their row. Who has stopped waiting does not want it.
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
    async fn what_is_asked_while_a_query_is_under_way_goes_with_the_next_one() {
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
    async fn a_query_that_hangs_keeps_nobody_waiting_who_comes_later() {
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
    async fn a_query_that_fails_fails_for_all_who_were_in_it_and_its_cause_is_told_once() {
        let (sender, first) = oneshot::channel();
        let (other, second) = oneshot::channel();
        answer::<u32, ()>(Err(Error::away("no route")), [(1, sender), (2, other)].into_iter());
        let errors = [first, second].map(|mut answer| answer.try_recv().expect("answered").expect_err("failed"));
        assert!(errors.iter().all(|error| error.code() == ErrorCode::StoreUnavailable));
        assert_eq!(errors.map(|error| error.source.is_some()), [true, false]);
    }
}
