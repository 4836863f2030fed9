//! What changes for participants, on its way to the table: from rooms, which do not wait for it, and in the transactions of
//! hard acts. Each change is written together with the job that tells the vendor.
//!
//! What waits here is lost when the process is killed. A room that wakes therefore notes anew where everybody stands who
//! may be connected to the vendor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlor_protocol::{RoomId, UserId};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::store::{self, Changed, TokenNoted};
use super::tell::{TellVendor, Whom};
use super::{Notice, Rights, Standing, Voice};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::jobs;
use crate::kit::tx::Tx;

/// The most notices of one transaction.
const BATCH: usize = 256;
/// The longest that one transaction may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The wait before a transaction that failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long the last notices may take when the server stops.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// The notices that wait. Of each participant only the newest does, so there are never more than people in rooms who have
/// a token. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk(Arc<Inner>);

struct Inner {
    waiting: Mutex<HashMap<(RoomId, UserId), Notice>>,
    news: Notify,
    /// The users whose devices need another token, until somebody asks: who may speak who could not, and, marked `true`,
    /// whose devices have changed places. They are in rooms and have a token, so there are no more of them than of those.
    gains: Mutex<HashMap<(RoomId, UserId), bool>>,
    gained: Notify,
    /// Whether the vendor is told rights, and not only who is barred.
    tells_rights: bool,
}

impl Desk {
    pub(super) fn new(tells_rights: bool) -> Self {
        let (waiting, gains) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { waiting, news: Notify::new(), gains, gained: Notify::new(), tells_rights }))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<(RoomId, UserId), Notice>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts notices in the queue; an older one of a participant is replaced.
    fn add(&self, notices: impl IntoIterator<Item = Notice>) {
        let mut waiting = self.waiting();
        for notice in notices {
            let known = waiting.entry((notice.room, notice.user)).or_insert(notice);
            if (known.epoch, known.turn) < (notice.epoch, notice.turn) {
                *known = notice;
            }
        }
        drop(waiting);
        self.0.news.notify_one();
    }

    fn gains(&self) -> MutexGuard<'_, HashMap<(RoomId, UserId), bool>> {
        self.0.gains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who may speak from now on.
    fn gain(&self, notices: &[Notice]) {
        let speaks = |notice: &&Notice| notice.standing == Standing::In(Rights::Speak);
        for notice in notices.iter().filter(speaks) {
            self.renew((notice.room, notice.user), false);
        }
    }

    /// Notes that devices of this user need another token: those that may not speak, or all.
    fn renew(&self, who: (RoomId, UserId), all: bool) {
        *self.gains().entry(who).or_default() |= all;
        self.0.gained.notify_one();
    }

    fn take(&self) -> Vec<Notice> {
        let mut waiting = self.waiting();
        let keys: Vec<_> = waiting.keys().copied().take(BATCH).collect();
        keys.into_iter().filter_map(|key| waiting.remove(&key)).collect()
    }

    /// Writes what waits, until `until`; then what is left, once.
    pub(super) async fn write(self, edge: Edge, until: CancellationToken) {
        let mut failing = false;
        while until.run_until_cancelled(self.0.news.notified()).await.is_some() {
            loop {
                let batch = self.take();
                if batch.is_empty() {
                    break;
                }
                let written = timeout(WITHIN, self.put(&edge, batch.clone())).await;
                match written.unwrap_or_else(|_| Err(Error::away("the store is silent"))) {
                    Ok(()) => failing = false,
                    Err(error) => {
                        if !failing {
                            tracing::warn!(%error, "changed voice rights cannot be written; it is tried again");
                        }
                        failing = true;
                        self.add(batch);
                        if until.run_until_cancelled(sleep(AGAIN)).await.is_none() {
                            return;
                        }
                    }
                }
            }
        }
        let last = async {
            loop {
                let batch = self.take();
                if batch.is_empty() {
                    return Ok::<_, Error>(());
                }
                self.put(&edge, batch).await?;
            }
        };
        if !matches!(timeout(LAST_WITHIN, last).await, Ok(Ok(()))) {
            tracing::warn!("the last changed voice rights were not written; they are noted anew when their rooms wake");
        }
    }

    async fn put(&self, edge: &Edge, mut batch: Vec<Notice>) -> Result<()> {
        batch.sort_by_key(|notice| (notice.room.number(), notice.user.number()));
        let mut tx = edge.begin().await?;
        let changed = store::put(&mut tx, &batch).await?;
        self.enqueue(&mut tx, changed).await?;
        tx.commit().await
    }

    /// Writes what a fact changes, in the fact's transaction.
    async fn put_with_fact(&self, tx: &mut Tx, notices: &[Notice]) -> Result<()> {
        let changed = store::put_with_fact(tx, notices).await?;
        self.enqueue(tx, changed).await
    }

    /// Notes a token that is handed out, and returns where its user stands by the newest state.
    pub(super) async fn note_token(
        &self,
        edge: &Edge,
        notice: &Notice,
        rights: Rights,
        lasts: Duration,
    ) -> Result<Standing> {
        let mut tx = edge.begin().await?;
        let TokenNoted { newest, has_rule, is_untold } = store::put_token(&mut tx, notice, rights, lasts).await?;
        // The token may have overtaken the notice of the same change, which is then not written any more.
        if is_untold || has_rule && matches!(newest, Standing::In(_)) {
            let (room, user) = (notice.room.number(), notice.user.number());
            self.enqueue(&mut tx, vec![Changed { room, user, is_barred: false, has_rule }]).await?;
        }
        tx.commit().await?;
        Ok(newest)
    }

    /// Enqueues the jobs of those of whom the vendor must be told.
    async fn enqueue(&self, tx: &mut Tx, changed: Vec<Changed>) -> Result<()> {
        let is_told = |changed: &Changed| self.0.tells_rights || changed.is_barred || changed.has_rule;
        let mut jobs: Vec<_> = changed
            .into_iter()
            .filter(is_told)
            .map(|Changed { room, user, .. }| (format!("{room}/{user}"), Whom { room, user }))
            .collect();
        jobs.sort_by(|(a, _), (b, _)| a.cmp(b));
        jobs::enqueue_unique::<TellVendor>(tx, &jobs).await
    }
}

impl Voice {
    /// Takes what has changed for participants, and returns at once.
    pub fn note(&self, notices: Vec<Notice>) {
        if let Some(vendor) = self.vendor()
            && !notices.is_empty()
        {
            vendor.desk.gain(&notices);
            vendor.desk.add(notices);
        }
    }

    /// Notes that another device of the user has their seat.
    pub fn claimed(&self, room: RoomId, user: UserId) {
        if let Some(vendor) = self.vendor() {
            vendor.desk.renew((room, user), true);
        }
    }

    /// Waits until there are users whose devices need another token, and returns them: of those marked `true` all devices,
    /// of the others those that may not speak. Without a vendor it waits for ever.
    pub async fn gained(&self) -> HashMap<(RoomId, UserId), bool> {
        let Some(vendor) = self.vendor() else { return std::future::pending().await };
        loop {
            let gains = std::mem::take(&mut *vendor.desk.gains());
            if !gains.is_empty() {
                return gains;
            }
            vendor.desk.0.gained.notified().await;
        }
    }

    /// Writes what a hard act changes for participants, in the transaction that writes the act.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn note_with_fact(&self, tx: &mut Tx, notices: &[Notice]) -> Result<()> {
        match self.vendor() {
            Some(vendor) if !notices.is_empty() => vendor.desk.put_with_fact(tx, notices).await,
            _ => Ok(()),
        }
    }

    /// The users of a room whom the vendor may have connected.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn inside(&self, room: RoomId) -> Result<Vec<UserId>> {
        let Some(vendor) = self.vendor() else { return Ok(Vec::new()) };
        store::inside(&mut *vendor.edge.read().await?, room).await
    }

    /// The rooms of which the vendor may have somebody connected.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn rooms(&self) -> Result<Vec<RoomId>> {
        let Some(vendor) = self.vendor() else { return Ok(Vec::new()) };
        store::rooms(&mut *vendor.edge.read().await?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(user: i64, epoch: i64, turn: i64, rights: Rights) -> Notice {
        let (room, user) = (RoomId::new(7).expect("an id"), UserId::new(user).expect("an id"));
        Notice { room, user, epoch, turn, standing: Standing::In(rights) }
    }

    #[test]
    fn of_a_participant_only_the_newest_notice_waits_whatever_comes_first() {
        let desk = Desk::new(true);
        let newest = notice(1, 2, 1, Rights::Listen);
        desk.add([notice(1, 1, 9, Rights::Speak), notice(2, 1, 1, Rights::Speak)]);
        desk.add([newest]);
        // What could not be written comes back.
        desk.add([notice(1, 1, 10, Rights::Speak)]);
        let mut waits = desk.take();
        waits.sort_by_key(|notice| notice.user.number());
        assert_eq!(waits, [newest, notice(2, 1, 1, Rights::Speak)]);
        assert!(desk.take().is_empty());
    }
}
