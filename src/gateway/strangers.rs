//! The places of strangers: connections whose user is not in. A connection is a stranger's from its accept until its
//! socket's `connect` has succeeded; a connection that only sends requests is one for as long as it lives.
//!
//! Strangers have places of their own, so whatever they do takes none from the people who are in. Among themselves they
//! are kept fair: one address has a bound, and when all places are taken, a newcomer takes the place of the address that
//! has the most. So whoever holds many connections loses one of them, and somebody who comes back to a room gets in.
//!
//! Whoever finds no place stands on the **porch**, which is short and has no guests for long: the newest pushes out the
//! oldest. There a connection is told why it has no place, and asked for nothing but its health does the server answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::kit::budget::Spent;
use crate::telemetry::metric;

/// The most connections on the porch.
pub(super) const PORCH: usize = 64;

/// For how long a connection may wait before its own address, or one with as few connections, can take its place. It is
/// longer than whoever means to ask something needs to begin, and shorter than a client waits.
const PATIENT: Duration = Duration::from_secs(1);

/// So many of the addresses with the most connections are looked at for one that must give up a place.
const LOOKED_AT: usize = 8;

/// One connection in the table.
struct Entry {
    /// Its number, by which older ones come first.
    number: u64,
    since: Instant,
    /// Whether it is being answered, and not merely waiting for what its peer says.
    busy: AtomicBool,
    /// Whether it has lost its place.
    out: AtomicBool,
    waker: AtomicWaker,
    /// The requests of its address.
    requests: Arc<Spent>,
}

impl Entry {
    fn push_out(&self) {
        self.out.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// The connections of one address.
#[derive(Default)]
struct Holder {
    entries: BTreeMap<u64, Arc<Entry>>,
    requests: Arc<Spent>,
}

#[derive(Default)]
struct Table {
    next: u64,
    count: usize,
    /// By address; `None` has the connections of trusted proxies, whose clients are not known yet.
    holders: HashMap<Option<IpAddr>, Holder>,
    /// How many connections each address has; those with the most come last.
    crowded: BTreeSet<(usize, IpAddr)>,
    porch: VecDeque<Arc<Entry>>,
}

struct Inner {
    of_address: usize,
    table: Mutex<Table>,
}

/// The table of strangers. Cheap to clone; all clones are the same table.
#[derive(Clone)]
pub(super) struct Strangers(Arc<Inner>);

/// Where a stranger stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Table,
    Porch,
}

/// The place of one stranger, which it gives back when this is dropped.
pub(super) struct Stranger {
    strangers: Strangers,
    entry: Arc<Entry>,
    holder: Option<IpAddr>,
    place: Place,
}

/// Which of an address's connections may lose its place.
#[derive(Clone, Copy)]
enum Who {
    /// The oldest that waits and has waited for long enough at this time.
    Patient(Instant),
    /// The oldest that waits, or else the oldest.
    Any,
}

impl Strangers {
    /// A table in which one address may have `of_address` places.
    pub(super) fn new(of_address: usize) -> Self {
        Self(Arc::new(Inner { of_address, table: Mutex::default() }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of this address, in the table, if that has `most` places now, or on the porch. `None`
    /// is a trusted proxy, which has no bound of its own: many people come by it.
    pub(super) fn enter(&self, holder: Option<IpAddr>, most: usize, now: Instant) -> Stranger {
        let mut table = self.table();
        let entry = table.newcomer(holder, now);
        let place = if table.seat(&entry, holder, self.0.of_address, most) {
            Place::Table
        } else {
            table.let_wait(entry.clone());
            Place::Porch
        };
        Stranger { strangers: self.clone(), entry, holder, place }
    }

    /// The same, but only in the table: nobody has to leave the porch for it.
    pub(super) fn enter_table(&self, holder: IpAddr, most: usize, now: Instant) -> Option<Stranger> {
        let (mut table, holder) = (self.table(), Some(holder));
        let entry = table.newcomer(holder, now);
        let has_place = table.seat(&entry, holder, self.0.of_address, most);
        has_place.then(|| Stranger { strangers: self.clone(), entry, holder, place: Place::Table })
    }

    /// How many places are taken.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.table().count
    }
}

impl Table {
    /// A connection that has no place yet. It shares the requests of its address.
    fn newcomer(&mut self, holder: Option<IpAddr>, now: Instant) -> Arc<Entry> {
        let number = self.next;
        self.next += 1;
        let requests = self.holders.get(&holder).map(|of| of.requests.clone()).unwrap_or_default();
        let (busy, out, waker) = (AtomicBool::new(false), AtomicBool::new(false), AtomicWaker::new());
        Arc::new(Entry { number, since: now, busy, out, waker, requests })
    }

    /// Inserts a newcomer, if there is a place or somebody has to give up theirs. Returns whether it is in.
    fn seat(&mut self, entry: &Arc<Entry>, holder: Option<IpAddr>, of_address: usize, most: usize) -> bool {
        let own = self.holders.get(&holder).map_or(0, |of| of.entries.len());
        let has_place = if holder.is_some() && own >= of_address {
            self.push_out(holder, Who::Patient(entry.since))
        } else {
            self.count < most || self.make_room(own, entry.since)
        };
        if has_place {
            self.insert(holder, entry.clone());
        }
        has_place
    }

    /// Takes a newcomer to the porch, from which the oldest goes if it is full.
    fn let_wait(&mut self, entry: Arc<Entry>) {
        if self.porch.len() >= PORCH
            && let Some(oldest) = self.porch.pop_front()
        {
            oldest.push_out();
        }
        self.porch.push_back(entry);
    }

    fn insert(&mut self, holder: Option<IpAddr>, entry: Arc<Entry>) {
        let of = self.holders.entry(holder).or_default();
        if of.entries.is_empty() {
            of.requests = entry.requests.clone();
        }
        of.entries.insert(entry.number, entry);
        let count = of.entries.len();
        self.count += 1;
        self.recount(holder, count - 1, count);
    }

    fn remove(&mut self, holder: Option<IpAddr>, number: u64) -> Option<Arc<Entry>> {
        let of = self.holders.get_mut(&holder)?;
        let entry = of.entries.remove(&number)?;
        let count = of.entries.len();
        if count == 0 {
            self.holders.remove(&holder);
        }
        self.count -= 1;
        self.recount(holder, count + 1, count);
        Some(entry)
    }

    fn recount(&mut self, holder: Option<IpAddr>, before: usize, count: usize) {
        let Some(address) = holder else { return };
        self.crowded.remove(&(before, address));
        if count > 0 {
            self.crowded.insert((count, address));
        }
    }

    /// Frees a place for somebody whose address has `own` places. `false` if nobody has to give up theirs.
    fn make_room(&mut self, own: usize, now: Instant) -> bool {
        let crowded: Vec<_> = self.crowded.iter().rev().take(LOOKED_AT).copied().collect();
        let of_crowded = crowded.into_iter().any(|(count, address)| {
            let who = if count > own + 1 { Who::Any } else { Who::Patient(now) };
            self.push_out(Some(address), who)
        });
        of_crowded || self.push_out(None, Who::Patient(now))
    }

    /// Takes a place from this address. `false` if it has none that may be taken.
    fn push_out(&mut self, holder: Option<IpAddr>, who: Who) -> bool {
        let Some(of) = self.holders.get(&holder) else { return false };
        let mut waiting = of.entries.values().filter(|entry| !entry.busy.load(Ordering::Relaxed));
        let found = match who {
            Who::Patient(now) => waiting.next().filter(|entry| now - entry.since >= PATIENT),
            Who::Any => waiting.next().or_else(|| of.entries.values().next()),
        };
        let Some(number) = found.map(|entry| entry.number) else { return false };
        if let Some(entry) = self.remove(holder, number) {
            metric::SOCKETS_REFUSED.add_of("pushed_out", 1);
            entry.push_out();
        }
        true
    }
}

impl Stranger {
    /// Whether it found no place: then it is only told so.
    pub(super) fn is_on_porch(&self) -> bool {
        self.place == Place::Porch
    }

    /// Whether it came by a trusted proxy, and its client is not known.
    pub(super) fn is_proxied(&self) -> bool {
        self.holder.is_none()
    }

    /// Notes whether it is being answered. One that is loses its place only if none waits.
    pub(super) fn is_busy(&self, busy: bool) {
        self.entry.busy.store(busy, Ordering::Relaxed);
    }

    /// Whether it has lost its place, so that its connection must end.
    pub(super) fn is_out(&self) -> bool {
        self.entry.out.load(Ordering::Acquire)
    }

    /// Ready when it has lost its place. One task at a time may wait for that.
    pub(super) fn poll_out(&self, cx: &Context<'_>) -> Poll<()> {
        self.entry.waker.register(cx.waker());
        if self.is_out() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until it has lost its place.
    pub(super) async fn out(&self) {
        std::future::poll_fn(|cx| self.poll_out(cx)).await;
    }

    /// The requests of its address; `None` if it came by a proxy.
    pub(super) fn requests(&self) -> Option<&Spent> {
        self.holder.is_some().then_some(&*self.entry.requests)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut table = self.strangers.table();
        match self.place {
            Place::Table => drop(table.remove(self.holder, self.entry.number)),
            Place::Porch => table.porch.retain(|entry| entry.number != self.entry.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::budget::Price;
    use crate::kit::rate::Rate;

    const MOST: usize = 16;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn many(strangers: &Strangers, last: u8, count: usize, now: Instant) -> Vec<Stranger> {
        (0..count).map(|_| strangers.enter(address(last), MOST, now)).collect()
    }

    fn out(strangers: &[Stranger]) -> Vec<usize> {
        strangers.iter().enumerate().filter(|(_, stranger)| stranger.is_out()).map(|(at, _)| at).collect()
    }

    #[test]
    fn one_address_has_its_bound_and_loses_its_own_oldest_that_waits() {
        let (strangers, start) = (Strangers::new(4), Instant::now());
        let first = many(&strangers, 1, 4, start);
        let fifth = strangers.enter(address(1), MOST, start + PATIENT / 2);
        assert!(fifth.is_on_porch() && out(&first).is_empty(), "nobody has waited for long");
        first[0].is_busy(true);
        let sixth = strangers.enter(address(1), MOST, start + PATIENT);
        assert!(!sixth.is_on_porch());
        assert_eq!(out(&first), [1], "the oldest that is not being answered");
        assert!(!strangers.enter(address(2), MOST, start).is_on_porch(), "others have their own");
        drop((first, fifth, sixth));
        assert_eq!(strangers.count(), 0);
        assert!(strangers.table().holders.is_empty() && strangers.table().crowded.is_empty());
    }

    #[test]
    fn when_all_places_are_taken_a_newcomer_takes_one_from_whoever_has_the_most() {
        let (strangers, now) = (Strangers::new(8), Instant::now());
        let (mut few, hog) = (many(&strangers, 1, 8, now), many(&strangers, 2, 8, now));
        hog.iter().chain(&few).for_each(|stranger| stranger.is_busy(true));
        hog[5].is_busy(false);
        few.truncate(6);
        let _full = many(&strangers, 3, 2, now);
        let newcomers = many(&strangers, 4, 2, now);
        assert!(newcomers.iter().all(|newcomer| !newcomer.is_on_porch()));
        assert_eq!(out(&hog), [0, 5], "first the one that waits, then the oldest");
        assert_eq!(strangers.count(), 16);
    }

    #[test]
    fn among_equals_only_who_has_waited_makes_room() {
        let (strangers, start) = (Strangers::new(8), Instant::now());
        let one_each: Vec<_> = (1..=8).map(|last| strangers.enter(address(last), 8, start)).collect();
        assert!(strangers.enter(address(9), 8, start).is_on_porch());
        assert!(!strangers.enter(address(9), 8, start + PATIENT).is_on_porch());
        assert_eq!(out(&one_each).len(), 1);
    }

    #[test]
    fn a_proxy_has_no_bound_of_its_own() {
        let (strangers, start) = (Strangers::new(2), Instant::now());
        let proxied: Vec<_> = (0..8).map(|_| strangers.enter(None, 8, start)).collect();
        assert!(proxied.iter().all(|stranger| !stranger.is_on_porch() && stranger.requests().is_none()));
        assert!(!strangers.enter(address(1), 8, start + PATIENT).is_on_porch());
        assert_eq!(out(&proxied), [0]);
    }

    #[test]
    fn the_porch_is_short_and_the_newest_stays() {
        let (strangers, now) = (Strangers::new(1), Instant::now());
        let _one = strangers.enter(address(1), MOST, now);
        let porch = many(&strangers, 1, PORCH + 3, now);
        assert_eq!(out(&porch), [0, 1, 2]);
        drop(porch);
        assert!(strangers.table().porch.is_empty());
    }

    #[test]
    fn regression_who_wants_a_place_in_the_table_only_pushes_nobody_off_the_porch() {
        let (strangers, now) = (Strangers::new(1), Instant::now());
        let _one = strangers.enter(address(1), MOST, now);
        let porch = many(&strangers, 1, PORCH, now);
        assert!(strangers.enter_table(IpAddr::from([192, 0, 2, 1]), MOST, now).is_none());
        assert!(out(&porch).is_empty());
        assert!(strangers.enter_table(IpAddr::from([192, 0, 2, 2]), MOST, now).is_some());
    }

    #[test]
    fn regression_the_only_place_of_an_address_is_no_new_budget_for_requests() {
        let (strangers, start) = (Strangers::new(1), Instant::now());
        let price = Price::of(Rate { count: 1, per_ms: 1_000 });
        let waits = |stranger: &Stranger| stranger.requests().expect("no proxy").take(1, price, 0);
        let first = strangers.enter(address(1), MOST, start);
        assert_eq!(waits(&first), 0);
        let second = strangers.enter(address(1), MOST, start + PATIENT);
        assert!(first.is_out() && waits(&second) > 0);
    }
}
