//! Who hashes a password next. Only a few do at the same time, a bounded number waits, and those who wait take turns by
//! who asks: an address that sends a hundred passwords waits for its own, and everybody else waits for one of them.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::UserId;
use tokio::sync::oneshot;

use super::memory::Memory;

/// Who asks for a hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::identity) enum Asker {
    /// A network address (of IPv6, one /64), before anybody is signed in.
    Address(IpAddr),
    /// A user who is signed in.
    User(UserId),
    /// The operator of the server, or the server itself.
    Operator,
}

/// The turns of those who hash passwords. All clones are the same turns.
#[derive(Clone, Debug)]
pub(in crate::identity) struct Turns(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many hash at the same time.
    most: usize,
    /// How many may wait.
    queue: usize,
    line: Mutex<Line>,
}

/// Somebody waits only while as many hash as may.
#[derive(Default, Debug)]
struct Line {
    running: usize,
    waiting: usize,
    /// Those with somebody in `of`, in the order of their turns.
    next: VecDeque<Asker>,
    of: HashMap<Asker, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to hash one password now, with the memory for it. When it is dropped, the next one gets both; if nobody
/// waits, the memory goes back to the system.
#[derive(Debug)]
pub(in crate::identity) struct Turn {
    /// `None` only after it was handed on.
    held: Option<(Arc<Inner>, Memory)>,
}

impl Turns {
    /// Turns of at most `most` at the same time, for which `queue` may wait.
    pub(in crate::identity) fn new(most: usize, queue: usize) -> Self {
        Self(Arc::new(Inner { most, queue, line: Mutex::default() }))
    }

    /// Waits for a turn. `None` if too many wait, and nobody has more of them than this one who asks; or if, while it
    /// waits, others need the place more. Who stops to wait loses nothing but the place.
    pub(in crate::identity) async fn take(&self, asker: Asker) -> Option<Turn> {
        let turn = {
            let mut line = self.0.line();
            if line.running < self.0.most {
                line.running += 1;
                return Some(Turn { held: Some((Arc::clone(&self.0), Memory::default())) });
            }
            line.wait(asker, self.0.queue)?
        };
        turn.await.ok()
    }

    /// How many hash and how many wait.
    pub(in crate::identity) fn figures(&self) -> (usize, usize) {
        let line = self.0.line();
        (line.running, line.waiting)
    }
}

impl Inner {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// A place in the line; `None` if there is none. If all are taken, whoever has most of them loses their last one to
    /// somebody who would have fewer.
    fn wait(&mut self, asker: Asker, queue: usize) -> Option<oneshot::Receiver<Turn>> {
        if self.waiting >= queue {
            self.leave_out_gone();
        }
        if self.waiting >= queue {
            let own = self.of.get(&asker).map_or(0, VecDeque::len);
            let most = self.of.values_mut().max_by_key(|places| places.len())?;
            if most.len() <= own + 1 {
                return None;
            }
            most.pop_back();
            self.waiting -= 1;
        }
        let (sender, turn) = oneshot::channel();
        let places = self.of.entry(asker).or_default();
        if places.is_empty() {
            self.next.push_back(asker);
        }
        places.push_back(sender);
        self.waiting += 1;
        Some(turn)
    }

    /// Takes the next one out of the line.
    fn call(&mut self) -> Option<oneshot::Sender<Turn>> {
        let asker = self.next.pop_front()?;
        let places = self.of.get_mut(&asker)?;
        let first = places.pop_front();
        if places.is_empty() {
            self.of.remove(&asker);
        } else {
            self.next.push_back(asker);
        }
        self.waiting -= 1;
        first
    }

    /// Takes those out of the line who have stopped to wait.
    fn leave_out_gone(&mut self) {
        for places in self.of.values_mut() {
            places.retain(|place| !place.is_closed());
        }
        self.of.retain(|_, places| !places.is_empty());
        self.next.retain(|asker| self.of.contains_key(asker));
        self.waiting = self.of.values().map(VecDeque::len).sum();
    }
}

impl Turn {
    /// The memory to hash in.
    pub(in crate::identity) fn memory(&mut self) -> &mut Memory {
        let (_, memory) = self.held.as_mut().expect("only a turn that is being dropped has none");
        memory
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((inner, mut memory)) = self.held.take() else { return };
        loop {
            let next = {
                let mut line = inner.line();
                let next = line.call();
                if next.is_none() {
                    line.running -= 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Turn { held: Some((Arc::clone(&inner), memory)) }) {
                Ok(()) => return,
                // Nobody waits there any more. The turn is emptied, so that its end hands on nothing.
                Err(mut refused) => match refused.held.take() {
                    Some((_, same)) => memory = same,
                    None => return,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::{Asker, Turn, Turns};

    fn address(last: u8) -> Asker {
        Asker::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    /// Waits for a turn, and has asked for it already.
    fn asked(turns: &Turns, asker: Asker) -> BoxFuture<'static, Option<Turn>> {
        let turns = turns.clone();
        let mut taken = async move { turns.take(asker).await }.boxed();
        match (&mut taken).now_or_never() {
            Some(turn) => std::future::ready(turn).boxed(),
            None => taken,
        }
    }

    #[tokio::test]
    async fn those_who_wait_take_turns_by_who_asks() {
        let turns = Turns::new(1, 64);
        let running = turns.take(address(1)).await.expect("nobody is before it");
        let crowd: Vec<_> = (0..10).map(|_| asked(&turns, address(1))).collect();
        let mut bystander = asked(&turns, address(2));
        assert_eq!(turns.figures(), (1, 11));
        drop(running);
        let mut crowd = crowd.into_iter();
        let first = crowd.next().expect("ten").await.expect("its turn");
        assert!((&mut bystander).now_or_never().is_none(), "one of the crowd is before it");
        drop(first);
        let turn = bystander.await.expect("the second turn of eleven");
        assert_eq!(turns.figures(), (1, 9));
        drop(turn);
    }

    #[tokio::test]
    async fn in_a_full_line_only_who_has_most_of_it_is_refused() {
        let turns = Turns::new(1, 4);
        let running = turns.take(address(1)).await.expect("nobody is before it");
        let mut crowd: Vec<_> = (0..4).map(|_| asked(&turns, address(1))).collect();
        assert!(asked(&turns, address(1)).await.is_none(), "the crowd's fifth");
        let bystanders = [asked(&turns, address(2)), asked(&turns, address(3))];
        assert!(crowd.pop().expect("four").await.is_none(), "its last place went to somebody else");
        assert!(crowd.pop().expect("three").await.is_none());
        let last = asked(&turns, address(4));
        assert!(asked(&turns, address(5)).await.is_none(), "each has one place now");
        assert_eq!(turns.figures(), (1, 4));
        drop((running, crowd));
        for bystander in bystanders.into_iter().chain([last]) {
            assert!(bystander.await.is_some());
        }
    }

    #[tokio::test]
    async fn who_stops_to_wait_gives_the_place_and_the_turn_to_others() {
        let turns = Turns::new(1, 2);
        let running = turns.take(address(1)).await.expect("nobody is before it");
        let gone = [asked(&turns, address(1)), asked(&turns, address(1))];
        drop(gone);
        let waits = [asked(&turns, address(1)), asked(&turns, address(2))];
        assert_eq!(turns.figures(), (1, 2));
        let [first, second] = waits;
        drop(second);
        drop(running);
        drop(first.await.expect("its turn"));
        assert_eq!(turns.figures(), (0, 0), "whoever has gone holds nothing");
        assert!(turns.take(address(3)).now_or_never().is_some());
    }

    #[tokio::test]
    async fn memory_goes_to_whoever_waits_and_else_back() {
        let turns = Turns::new(1, 2);
        let mut running = turns.take(address(1)).await.expect("nobody is before it");
        let next = asked(&turns, address(2));
        let at = running.memory().blocks(16).expect("there is memory").as_ptr();
        drop(running);
        let mut next = next.await.expect("its turn");
        assert!(next.memory().is_held() && next.memory().blocks(16).expect("there is memory").as_ptr() == at);
        drop(next);
        assert!(!turns.take(address(1)).await.expect("free").memory().is_held());
    }
}
