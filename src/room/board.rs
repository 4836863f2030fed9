//! What a room that is awake shows without being asked: the number of its last announced gift, and who is in it. Its
//! actor writes it, and whoever has a handle reads it, so that a list of rooms sends no room a request.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::room::{Person, Seat};
use parlor_protocol::{Coins, RoomId};

use super::Directory;
use super::ranking::Ranking;
use super::recents::Recents;

/// The most people whom [`Crowd::faces`] names.
pub(super) const FACES: usize = 4;

/// How many people are in a room, and some of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Crowd {
    /// The number of people in the room.
    pub people: u32,
    /// The number of those who sit on a seat.
    pub seated: u32,
    /// The people on the first seats, at most four.
    pub faces: Vec<Person>,
}

/// Who is in which room, which rooms are hot, and where visits are noted, for lists of rooms. Cheap to clone.
#[derive(Clone)]
pub struct Crowds {
    crowd: Arc<dyn Fn(RoomId) -> Crowd + Send + Sync>,
    pub(super) ranking: Ranking,
    pub(super) recents: Recents,
}

impl Crowds {
    /// The crowds of the rooms that are awake on this node. In a room that sleeps is nobody.
    pub fn of(rooms: Directory) -> Self {
        let (ranking, recents) = (rooms.ranking().clone(), rooms.recents().clone());
        let crowd = move |room| rooms.awake(room).map(|room| room.crowd()).unwrap_or_default();
        Self { crowd: Arc::new(crowd), ranking, recents }
    }

    /// Those of a server that serves no rooms: nobody is in any.
    pub fn none() -> Self {
        Self { crowd: Arc::new(|_| Crowd::default()), ranking: Ranking::default(), recents: Recents::default() }
    }

    /// Who is in this room now.
    pub fn in_room(&self, room: RoomId) -> Crowd {
        (self.crowd)(room)
    }
}

impl fmt::Debug for Crowds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Crowds")
    }
}

/// The board of one room.
#[derive(Debug, Default)]
pub struct Board {
    announced: AtomicI64,
    people: AtomicU32,
    /// All coins that were ever spent in the room, as announced.
    coins: AtomicI64,
    /// Whether lists show the room.
    listed: AtomicBool,
    /// One more than the number of the looks that `seated` was made from; 0 before it was made. Only the actor writes it,
    /// so that a decision which changes nothing on the seats takes no lock.
    shown: AtomicU64,
    seated: Mutex<Seated>,
}

/// Who sits.
#[derive(Debug, Default)]
struct Seated {
    count: u32,
    faces: Vec<Person>,
}

impl Board {
    /// The number of the last gift that the room has announced.
    pub(super) fn announced(&self) -> i64 {
        self.announced.load(Ordering::Relaxed)
    }

    pub(super) fn write_announced(&self, gift_no: i64) {
        self.announced.store(gift_no, Ordering::Relaxed);
    }

    /// How many people are in the room, all coins that were spent in it, and whether lists show it.
    pub(super) fn shown(&self) -> (u32, Coins, bool) {
        let coins = Coins(self.coins.load(Ordering::Relaxed));
        (self.people.load(Ordering::Relaxed), coins, self.listed.load(Ordering::Relaxed))
    }

    pub(super) fn write_shown(&self, coins: Coins, listed: bool) {
        self.coins.store(coins.0, Ordering::Relaxed);
        self.listed.store(listed, Ordering::Relaxed);
    }

    pub(super) fn crowd(&self) -> Crowd {
        let people = self.people.load(Ordering::Relaxed);
        let seated = self.lock();
        Crowd { people, seated: seated.count, faces: seated.faces.clone() }
    }

    /// Writes who is in the room. The seats are read only if `looks`, which rises with what they show, is another number
    /// than before.
    pub(super) fn write_crowd(&self, people: u32, seats: &[Seat], looks: u64) {
        self.people.store(people, Ordering::Relaxed);
        let shown = looks.wrapping_add(1);
        if self.shown.load(Ordering::Relaxed) != shown {
            let on_seats = seats.iter().filter_map(|seat| seat.user.as_ref());
            let count = u32::try_from(on_seats.clone().count()).unwrap_or(u32::MAX);
            *self.lock() = Seated { count, faces: on_seats.take(FACES).cloned().collect() };
            self.shown.store(shown, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
