//! What a room that is awake shows without being asked: the number of its last announced gift, and who is in it. Its
//! actor writes it, and whoever has a handle reads it, so that a list of rooms sends no room a request.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parlor_protocol::RoomId;
use parlor_protocol::room::{Person, Seat};

use super::Directory;

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

/// Who is in which room, for lists of rooms. Cheap to clone.
#[derive(Clone)]
pub struct Crowds(Arc<dyn Fn(RoomId) -> Crowd + Send + Sync>);

impl Crowds {
    /// The crowds of the rooms that are awake on this node. In a room that sleeps is nobody.
    pub fn of(rooms: Directory) -> Self {
        Self(Arc::new(move |room| rooms.awake(room).map(|room| room.crowd()).unwrap_or_default()))
    }

    /// Those of a server that serves no rooms: nobody is in any.
    pub fn none() -> Self {
        Self(Arc::new(|_| Crowd::default()))
    }

    /// Who is in this room now.
    pub fn in_room(&self, room: RoomId) -> Crowd {
        self.0(room)
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
    /// The crowd, and the version of the seats that it was taken from.
    crowd: Mutex<(Crowd, Option<u64>)>,
}

impl Board {
    /// The number of the last gift that the room has announced.
    pub(super) fn announced(&self) -> i64 {
        self.announced.load(Ordering::Relaxed)
    }

    pub(super) fn write_announced(&self, gift_no: i64) {
        self.announced.store(gift_no, Ordering::Relaxed);
    }

    pub(super) fn crowd(&self) -> Crowd {
        self.lock().0.clone()
    }

    /// Writes who is in the room. The seats are read only if their version is another one than before.
    pub(super) fn write_crowd(&self, people: u32, seats: &[Seat], version: u64) {
        let mut crowd = self.lock();
        crowd.0.people = people;
        if crowd.1 != Some(version) {
            let on_seats = seats.iter().filter_map(|seat| seat.user.as_ref());
            crowd.0.seated = u32::try_from(on_seats.clone().count()).unwrap_or(u32::MAX);
            crowd.0.faces = on_seats.take(FACES).cloned().collect();
            crowd.1 = Some(version);
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Crowd, Option<u64>)> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
