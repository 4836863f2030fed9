//! The table of users: the sockets of each, the one room that they are in, and how much they have asked lately.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use parlor_protocol::event::RemovalCause;
use parlor_protocol::room::Person;
use parlor_protocol::{CloseCode, RateClass, RoomId, UserFrame, UserId, envelope};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Rooms;
use crate::delivery::{Connection, ConnectionId, Frame};
use crate::kit::budget::Budget;
use crate::kit::rate::{Pace, Use};
use crate::kit::supervise::Crew;
use crate::room::Request;

/// The number of arrivals after which users who have long been gone are forgotten.
const SWEEP_EVERY: usize = 1_024;

/// One socket of a user.
struct Device {
    /// The device's name, chosen by the client: a user has at most one socket for each name.
    name: Box<str>,
    /// The session by which the socket was opened.
    session: Uuid,
    connection: Connection,
    /// The room that this socket is in.
    room: Option<RoomId>,
}

#[derive(Default)]
struct Entry {
    /// The oldest comes first.
    devices: Vec<Device>,
    /// The one room that the user is in, on any device. It is kept through the grace period.
    room: Option<RoomId>,
    /// Whether the user is in `room` because they chose it: some device has joined it without a position, which a device
    /// that comes back by itself always has.
    chosen: bool,
    /// Locked while the user joins or leaves a room, so that these happen one after the other.
    moving: Arc<tokio::sync::Mutex<()>>,
    /// The user as others see them; `None` before the first socket.
    person: Option<Person>,
    uses: [Use; RateClass::ALL.len()],
    /// What all sockets of the user may send together. It outlives them, so that a new socket is no new budget.
    budget: Arc<Budget>,
    /// Since when the user has no device; `None` while there is one.
    gone: Option<Instant>,
}

pub(super) struct Inner {
    entries: DashMap<UserId, Entry>,
    arrivals: AtomicUsize,
    keep: Duration,
    most_devices: usize,
    pub(super) rooms: Arc<dyn Rooms>,
    pub(super) stop: CancellationToken,
    pub(super) crew: Crew,
}

/// The users of this process. Cheap to clone; all clones are the same table.
#[derive(Clone)]
pub struct Users(pub(super) Arc<Inner>);

/// The room that a user has left by joining another.
pub struct Former {
    /// The room that was left.
    pub room: RoomId,
    /// The user's other sockets that were in the room.
    pub others: Vec<Connection>,
}

impl Users {
    /// An empty table. The room and the rates of a user without a socket are remembered for `keep`. A user may have
    /// `most_devices` sockets. Requests to rooms whose mailbox is full are repeated by work of `crew`, until `stop`.
    pub fn new(
        keep: Duration,
        most_devices: usize,
        rooms: Arc<dyn Rooms>,
        stop: CancellationToken,
        crew: Crew,
    ) -> Self {
        let (entries, arrivals) = (DashMap::new(), AtomicUsize::new(0));
        Self(Arc::new(Inner { entries, arrivals, keep, most_devices, rooms, stop, crew }))
    }

    /// Sends the frame to each socket of the user. Nothing happens if there is none.
    pub async fn send(&self, user: UserId, frame: &UserFrame) {
        let connections = self.connections(user);
        if connections.is_empty() {
            return;
        }
        let frame = Frame::text(&envelope::user(user, frame));
        for connection in connections {
            connection.send(frame.clone()).await;
        }
    }

    /// Sends the frame to each socket of this session that is in the room. Returns whether there is one.
    pub async fn send_in(&self, user: UserId, session: Uuid, room: RoomId, frame: &UserFrame) -> bool {
        let connections: Vec<_> = self.0.entries.get(&user).map_or_else(Vec::new, |entry| {
            let there = entry.devices.iter().filter(|device| device.session == session && device.room == Some(room));
            there.map(|device| device.connection.clone()).collect()
        });
        let frame = Frame::text(&envelope::user(user, frame));
        for connection in &connections {
            connection.send(frame.clone()).await;
        }
        !connections.is_empty()
    }

    /// Whether a socket of this session is in the room.
    pub fn is_in(&self, user: UserId, session: Uuid, room: RoomId) -> bool {
        let there = |device: &Device| device.session == session && device.room == Some(room);
        self.0.entries.get(&user).is_some_and(|entry| entry.devices.iter().any(there))
    }

    /// The user as others see them: as of their last sign-in, or of a change since.
    pub fn person(&self, user: UserId) -> Option<Person> {
        self.0.entries.get(&user).and_then(|entry| entry.person.clone())
    }

    /// Notes that a user has another name or picture, and tells each of their sockets. Nothing happens if it is known.
    pub async fn changed(&self, person: &Person) {
        let is_news = self.0.entries.get_mut(&person.id).is_some_and(|mut entry| {
            let known = entry.person.as_mut().filter(|known| *known != person);
            known.map(|known| known.clone_from(person)).is_some()
        });
        if is_news {
            self.send(person.id, &UserFrame::PersonChanged { person: person.clone() }).await;
        }
    }

    fn connections(&self, user: UserId) -> Vec<Connection> {
        let entry = self.0.entries.get(&user);
        entry.map(|entry| entry.devices.iter().map(|device| device.connection.clone()).collect()).unwrap_or_default()
    }

    /// The number of users that have at least one socket.
    pub fn count(&self) -> usize {
        self.0.entries.iter().filter(|entry| !entry.devices.is_empty()).count()
    }

    /// Adds a socket of a user who has just signed in, for as long as the returned [`Presence`] lives. If the device has a
    /// socket already, or if there are too many, the device's or the oldest one is removed and returned; the caller closes
    /// it.
    pub fn enter(
        &self,
        person: &Person,
        device: &str,
        session: Uuid,
        connection: &Connection,
        now: Instant,
    ) -> (Presence, Option<Connection>) {
        self.sweep(now);
        let mut entry = self.0.entries.entry(person.id).or_default();
        entry.person = Some(person.clone());
        let known = entry.devices.iter().position(|known| &*known.name == device);
        let oldest = (entry.devices.len() >= self.0.most_devices).then_some(0);
        let replaced = known.or(oldest).map(|at| entry.devices.remove(at).connection);
        entry.devices.reserve_exact(1);
        entry.devices.push(Device { name: device.into(), session, connection: connection.clone(), room: None });
        entry.gone = None;
        let (user, budget) = (person.id, entry.budget.clone());
        (Presence { users: self.clone(), user, connection: connection.id(), budget }, replaced)
    }

    /// At every [`SWEEP_EVERY`]th call, forgets the users who have been gone for longer than `keep`.
    fn sweep(&self, now: Instant) {
        if self.0.arrivals.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.0.entries.retain(|_, entry| entry.gone.is_none_or(|gone| now < gone + self.0.keep));
        }
    }

    /// Counts one command of this class. A user without a socket, who asks by REST, is remembered like one whose last
    /// socket has just gone.
    ///
    /// # Errors
    /// The time to wait, if it is one too many.
    pub fn admit(&self, user: UserId, class: RateClass, pace: Pace, now: Instant) -> Result<(), Duration> {
        let mut entry = match self.0.entries.get_mut(&user) {
            Some(entry) => entry,
            None => {
                self.sweep(now);
                self.0.entries.entry(user).or_default()
            }
        };
        if entry.devices.is_empty() {
            entry.gone = Some(now);
        }
        entry.uses[class as usize].one(pace, now)
    }

    /// Waits until no other join or leave of this user is under way, and keeps others waiting while the guard lives.
    pub async fn moving(&self, user: UserId) -> tokio::sync::OwnedMutexGuard<()> {
        let moving = self.0.entries.entry(user).or_default().moving.clone();
        moving.lock_owned().await
    }

    /// The room that the user is in, as far as this process knows.
    pub fn room(&self, user: UserId) -> Option<RoomId> {
        self.0.entries.get(&user).and_then(|entry| entry.room)
    }

    /// Whether a device of the user may come back to this room by itself: not if the user has chosen another room since.
    /// What is automatic does not undo what was deliberate.
    pub fn may_come_back(&self, user: UserId, room: RoomId) -> bool {
        let entry = self.0.entries.get(&user);
        entry.is_none_or(|entry| !entry.chosen || entry.room.is_none_or(|current| current == room))
    }

    /// Notes that the user has joined this room on this socket, and is in no other room. `chosen` if the user chose the
    /// room, and the device did not come back by itself. Returns the room that the user was in before, if it was
    /// another.
    pub fn came_in(&self, user: UserId, connection: ConnectionId, room: RoomId, chosen: bool) -> Option<Former> {
        let mut entry = self.0.entries.entry(user).or_default();
        let former = entry.room.replace(room);
        entry.chosen = chosen || (entry.chosen && former == Some(room));
        let former = former.filter(|former| *former != room);
        let mut others = Vec::new();
        for device in &mut entry.devices {
            if device.connection.id() == connection {
                device.room = Some(room);
            } else if device.room.is_some() && device.room != Some(room) {
                device.room = None;
                others.push(device.connection.clone());
            }
        }
        former.map(|room| Former { room, others })
    }

    /// Notes that a room, which was restored from its checkpoint, has this user as a member and awaits them: they chose
    /// it before the restart. `false` if they are in another room by now; the room must then let them go.
    pub fn returned(&self, user: UserId, room: RoomId) -> bool {
        let mut entry = self.0.entries.entry(user).or_default();
        if entry.devices.is_empty() {
            entry.gone.get_or_insert_with(Instant::now);
        }
        let is_here = *entry.room.get_or_insert(room) == room;
        entry.chosen |= is_here;
        is_here
    }

    /// Notes that these sockets of the user are no longer in the room, in which the user stays by another one.
    pub fn put_out(&self, user: UserId, room: RoomId, sockets: &[ConnectionId]) {
        if sockets.is_empty() {
            return;
        }
        let Some(mut entry) = self.0.entries.get_mut(&user) else { return };
        let there = |device: &&mut Device| device.room == Some(room) && sockets.contains(&device.connection.id());
        entry.devices.iter_mut().filter(there).for_each(|device| device.room = None);
    }

    /// Notes that the user has left this room. Nothing happens if they are in another one.
    pub fn left(&self, user: UserId, room: RoomId) {
        let Some(mut entry) = self.0.entries.get_mut(&user) else { return };
        if entry.room == Some(room) {
            entry.room = None;
        }
        entry.devices.iter_mut().filter(|device| device.room == Some(room)).for_each(|device| device.room = None);
    }

    /// Makes the user leave the `former` room after they joined another one on this connection: the user's sockets
    /// receive no more of its frames, the other ones are told why, and the room is told.
    pub async fn leave_former(&self, connection: &Connection, user: UserId, former: Former) {
        connection.unsubscribe(former.room).await;
        let cause = RemovalCause::JoinedElsewhere;
        let removed = UserFrame::RoomRemoved { room: former.room, cause, until: None, reason: String::new() };
        let removed = Frame::text(&envelope::user(user, &removed));
        for other in former.others {
            // They are unsubscribed before the room hears of it, so that the room does not tell them a second time.
            other.unsubscribe(former.room).await;
            other.send(removed.clone()).await;
        }
        self.insist(former.room, Request::Leave { user });
    }

    /// Ends a session: its sockets are closed with the code `why`, and the user leaves their room at once, unless a
    /// socket of another session is in it. A suspended user leaves the room even if their socket was lost before.
    /// Calling it again changes nothing.
    pub async fn end_session(&self, user: UserId, session: Uuid, why: CloseCode) {
        let (connections, left) = self.forget_session(user, session, why);
        for connection in connections {
            connection.close(why, None).await;
        }
        if let Some(room) = left {
            self.insist(room, Request::Leave { user });
        }
    }

    /// Returns the sockets of an ended session, and the room that the user leaves with them: `None` if a socket of
    /// another session is in it. A suspended user also leaves a room that is only kept for them by the grace period.
    fn forget_session(&self, user: UserId, session: Uuid, why: CloseCode) -> (Vec<Connection>, Option<RoomId>) {
        let Some(mut entry) = self.0.entries.get_mut(&user) else { return (Vec::new(), None) };
        let ended = entry.devices.iter_mut().filter(|device| device.session == session);
        let (connections, rooms): (Vec<_>, Vec<_>) =
            ended.map(|device| (device.connection.clone(), device.room.take())).unzip();
        let room = entry.room.filter(|room| why == CloseCode::Suspended || rooms.contains(&Some(*room)));
        let left = room.filter(|room| !entry.devices.iter().any(|device| device.room == Some(*room)));
        if left.is_some() {
            entry.room = None;
        }
        (connections, left)
    }

    /// Whether another socket of the user is in this room.
    pub fn elsewhere(&self, user: UserId, connection: ConnectionId, room: RoomId) -> bool {
        self.0.entries.get(&user).is_some_and(|entry| {
            entry.devices.iter().any(|device| device.connection.id() != connection && device.room == Some(room))
        })
    }
}

/// The entry of one socket in the table; dropping it removes the socket.
pub struct Presence {
    users: Users,
    user: UserId,
    connection: ConnectionId,
    /// What all sockets of the user may send together.
    pub budget: Arc<Budget>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let Some(mut entry) = self.users.0.entries.get_mut(&self.user) else { return };
        entry.devices.retain(|device| device.connection.id() != self.connection);
        if entry.devices.is_empty() {
            entry.devices = Vec::new();
            entry.gone = Some(Instant::now());
        }
    }
}
