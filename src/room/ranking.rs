//! The order of the hot rooms: of the rooms that are awake here, by how many people are in them now and how many coins were spent
//! in them of late. It is made anew every few seconds in memory, from what rooms show on their boards; no room is asked.
//!
//! A walk through the list goes through the order that its first page had, so that it misses and doubles nothing while rooms rise
//! and fall. Such an order is kept for a while; after that the walk must begin anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::{Coins, RoomId};
use tokio::time::{Duration, Instant};

/// What one person in a room counts; a coin that was spent just now counts 1.
const PERSON: f64 = 50.0;
/// After this time a coin counts half.
const HALF: Duration = Duration::from_secs(15 * 60);
/// A room whose coins count less than this is forgotten once nobody is in it.
const LEAST: f64 = 1.0;
/// The rooms of an order at most.
const RANKED: usize = 10_000;
/// Between two orders.
pub(super) const EVERY: Duration = Duration::from_secs(2);
/// How long an order is kept for those who walk through it.
const KEPT: Duration = Duration::from_secs(600);
/// The orders that are kept at most; above it the oldest goes.
const ORDERS: usize = 320;

/// What a room shows of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shown {
    pub room: RoomId,
    /// Whether lists show the room.
    pub listed: bool,
    /// The people who are in it now.
    pub people: u32,
    /// All coins that were ever spent in it.
    pub coins: Coins,
}

/// The orders of hot rooms. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Ranking(Arc<Mutex<Orders>>);

#[derive(Default)]
struct Orders {
    heat: HashMap<RoomId, Heat>,
    /// The orders that are kept, oldest first: the number of each, when it was made, and its rooms.
    kept: VecDeque<(i64, Instant, Arc<[RoomId]>)>,
    /// Whether the newest one was given to somebody, so that it must be kept.
    is_read: bool,
}

/// What the coins of a room count.
#[derive(Clone, Copy)]
struct Heat {
    coins: Coins,
    warmth: f64,
    at: Instant,
}

impl Heat {
    /// What the coins count now, after these were spent in all.
    fn now(self, coins: Coins, now: Instant) -> Self {
        let halves = now.saturating_duration_since(self.at).as_secs_f64() / HALF.as_secs_f64();
        let spent = coins.0.saturating_sub(self.coins.0).max(0);
        Self { coins, warmth: self.warmth * (-halves).exp2() + spent as f64, at: now }
    }
}

impl Ranking {
    /// Makes the order anew. `number` is that of the order; each is above the one before.
    pub(super) fn renew(&self, shown: &[Shown], number: i64, now: Instant) {
        let mut orders = self.lock();
        let mut ranked = Vec::with_capacity(shown.len());
        let mut heat = HashMap::with_capacity(shown.len());
        for Shown { room, listed, people, coins } in shown.iter().copied() {
            let first = Heat { coins, warmth: 0.0, at: now };
            let warm = orders.heat.get(&room).copied().unwrap_or(first).now(coins, now);
            if people > 0 || warm.warmth >= LEAST {
                if listed {
                    ranked.push((f64::from(people) * PERSON + warm.warmth, room));
                }
                heat.insert(room, warm);
            } else {
                heat.insert(room, Heat { warmth: 0.0, ..warm });
            }
        }
        orders.heat = heat;
        ranked.sort_unstable_by(|(a, room), (b, other)| b.total_cmp(a).then(room.cmp(other)));
        let order: Arc<[RoomId]> = ranked.into_iter().take(RANKED).map(|(_, room)| room).collect();
        if !orders.is_read {
            orders.kept.pop_back();
        }
        while orders.kept.len() >= ORDERS
            || orders.kept.front().is_some_and(|(_, at, _)| now.saturating_duration_since(*at) > KEPT)
        {
            orders.kept.pop_front();
        }
        let number = number.max(orders.kept.back().map_or(i64::MIN, |(last, ..)| last.saturating_add(1)));
        orders.kept.push_back((number, now, order));
        orders.is_read = false;
    }

    /// The newest order, with its number; an empty one before the first was made.
    pub(super) fn newest(&self) -> (i64, Arc<[RoomId]>) {
        let mut orders = self.lock();
        orders.is_read = true;
        orders.kept.back().map_or_else(|| (0, Arc::from([])), |(number, _, order)| (*number, order.clone()))
    }

    /// The order of this number, if it is still kept.
    pub(super) fn of(&self, number: i64) -> Option<Arc<[RoomId]>> {
        let orders = self.lock();
        orders.kept.iter().find(|(kept, ..)| *kept == number).map(|(_, _, order)| order.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(number: i64) -> RoomId {
        RoomId::new(number).expect("in range")
    }

    fn shown(number: i64, people: u32, coins: i64) -> Shown {
        Shown { room: room(number), listed: true, people, coins: Coins(coins) }
    }

    fn order(ranking: &Ranking) -> Vec<i64> {
        ranking.newest().1.iter().map(|room| room.number()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn people_count_fifty_and_coins_half_as_much_after_a_quarter_of_an_hour() {
        let (ranking, start) = (Ranking::default(), Instant::now());
        // What was spent before the room was first seen is history.
        ranking.renew(&[shown(1, 2, 0), shown(2, 1, 9_000), shown(3, 0, 5)], 1, start);
        assert_eq!(order(&ranking), [1, 2]);
        ranking.renew(&[shown(1, 2, 0), shown(2, 1, 9_101), shown(3, 0, 5)], 2, start);
        assert_eq!(order(&ranking), [2, 1], "50 + 101 above 100");
        ranking.renew(&[shown(1, 2, 0), shown(2, 1, 9_101), shown(3, 0, 6)], 3, start + HALF);
        assert_eq!(order(&ranking), [2, 1, 3], "50 + 50.5 above 100, and one coin");
        ranking.renew(&[shown(1, 2, 0), shown(2, 1, 9_101), shown(3, 0, 6)], 4, start + HALF + EVERY);
        assert_eq!(order(&ranking), [2, 1], "less than a coin is nothing");
        ranking.renew(&[shown(1, 2, 0), shown(2, 1, 9_101)], 5, start + HALF * 2);
        assert_eq!(order(&ranking), [1, 2]);
        let hidden = Shown { listed: false, ..shown(1, 2, 0) };
        ranking.renew(&[hidden, shown(2, 1, 9_101)], 6, start + HALF * 2);
        assert_eq!(order(&ranking), [2], "what no list shows is not ranked");
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_was_read_is_kept_for_ten_minutes_and_one_that_was_not_is_replaced() {
        let (ranking, start) = (Ranking::default(), Instant::now());
        ranking.renew(&[shown(1, 2, 0)], 10, start);
        ranking.renew(&[shown(2, 2, 0)], 20, start);
        assert!(ranking.of(10).is_none(), "nobody has read it");
        let (read, _) = ranking.newest();
        ranking.renew(&[shown(3, 2, 0)], 20, start);
        let (next, _) = ranking.newest();
        assert!(next > read, "each has a number of its own");
        assert_eq!(ranking.of(read).map(|order| order.to_vec()), Some(vec![room(2)]));
        ranking.renew(&[shown(3, 2, 0)], 30, start + KEPT + EVERY);
        assert!(ranking.of(read).is_none() && ranking.of(next).is_none(), "their time is over");
        for number in 0..2 * ORDERS as i64 {
            ranking.newest();
            ranking.renew(&[shown(3, 2, 0)], 100 + number, start + KEPT + EVERY);
        }
        assert!(ranking.lock().kept.len() <= ORDERS);
    }
}
