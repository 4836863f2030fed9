//! Notes which rooms users were let into, for the list of their latest rooms. It is written a moment later, many at once, so that
//! a token costs no write; what a kill loses is that the list does not have it.

use std::collections::HashMap;

use parlor_protocol::{RoomId, UserId};
use tokio::sync::mpsc;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use super::lists;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::supervise::Supervisor;

/// The visits that wait to be written. When there are more, further ones are not noted.
const WAITING: usize = 4_096;
/// The visits of one statement.
const BATCH: usize = 512;
/// How long visits are gathered.
const GATHERED: Duration = Duration::from_millis(250);

/// Where visits are noted. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Recents(Option<mpsc::Sender<(UserId, RoomId)>>);

impl Recents {
    /// Starts the task that writes visits.
    pub(super) fn start(edge: Edge, stop: &CancellationToken, supervisor: &Supervisor) -> Self {
        let (sender, visits) = mpsc::channel(WAITING);
        supervisor.engine("writer of visits", stop, run(edge, visits, stop.clone()));
        Self(Some(sender))
    }

    /// Notes that this user was let into this room.
    pub(super) fn note(&self, user: UserId, room: RoomId) {
        if let Some(visits) = &self.0 {
            // The list may miss a visit.
            let _ = visits.try_send((user, room));
        }
    }
}

async fn run(edge: Edge, mut visits: mpsc::Receiver<(UserId, RoomId)>, stop: CancellationToken) {
    let mut failing = false;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        let next = async {
            let taken = visits.recv_many(&mut batch, BATCH).await;
            sleep(GATHERED).await;
            while batch.len() < BATCH
                && let Ok(visit) = visits.try_recv()
            {
                batch.push(visit);
            }
            taken
        };
        let Some(taken) = stop.run_until_cancelled(next).await else { return };
        if taken == 0 {
            // The supervisor reads from this token that the end is no failure: nobody is left who could note a visit.
            stop.cancelled().await;
            return;
        }
        match write(&edge, &batch).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "visits to rooms could not be written; the lists of latest rooms miss some");
            }
            Err(_) => {}
        }
    }
}

async fn write(edge: &Edge, visits: &[(UserId, RoomId)]) -> Result<()> {
    // Of several visits of one user in so short a time the last one counts.
    let last: HashMap<UserId, RoomId> = visits.iter().copied().collect();
    let (users, rooms): (Vec<i64>, Vec<i64>) =
        last.into_iter().map(|(user, room)| (user.number(), room.number())).unzip();
    let mut tx = edge.begin().await?;
    lists::put_visits(&mut tx, &users, &rooms).await?;
    tx.commit().await
}
