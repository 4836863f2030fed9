//! Who is connected: each user's sockets, the one room they are in, and how much they have asked lately.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use parlor_protocol::event::RemovalCause;
use parlor_protocol::{CloseCode, RateClass, RoomId, UserFrame, UserId, envelope};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Rooms;
use crate::delivery::{Connection, ConnectionId, Frame};
use crate::kit::rate::{Pace, Use};
use crate::kit::supervise::Crew;
use crate::room::Request;

/// Arrivals after which users who have been gone for long are forgotten.
const SWEEP_EVERY: usize = 1_024;

/// One socket of a user.
struct Device {
    name: Box<str>,
    /// The sign-in it stands on.
    session: Uuid,
    connection: Connection,
    /// The room it is in.
    room: Option<RoomId>,
}

#[derive(Default)]
struct Entry {
    /// The oldest first.
    devices: Vec<Device>,
    /// The one room the user is in, on whichever device; kept through the grace period.
    room: Option<RoomId>,
    /// Held while the user comes into a room or leaves one: these are done one after the other.
    moving: Arc<tokio::sync::Mutex<()>>,
    uses: [Use; RateClass::ALL.len()],
    /// Since when there is no device.
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

/// The users of this process.
#[derive(Clone)]
pub struct Users(pub(super) Arc<Inner>);

/// A room that a user has left by coming into another.
pub struct Former {
    /// Which room.
    pub room: RoomId,
    /// The user's other sockets that were in it.
    pub others: Vec<Connection>,
}

impl Users {
    /// Users without a socket are remembered for `keep`: their room and their rates. What a full room has not
    /// heard yet is told by work of the crew, until `stop`.
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

    /// Sends this to each socket of the user.
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

    fn connections(&self, user: UserId) -> Vec<Connection> {
        let entry = self.0.entries.get(&user);
        entry.map(|entry| entry.devices.iter().map(|device| device.connection.clone()).collect()).unwrap_or_default()
    }

    /// How many users have a socket.
    pub fn count(&self) -> usize {
        self.0.entries.iter().filter(|entry| !entry.devices.is_empty()).count()
    }

    /// Adds a socket for as long as the answer lives. A socket of the same device is replaced, or the
    /// oldest where there are too many: it is no longer one of the user's, and the caller closes it.
    pub fn enter(
        &self,
        user: UserId,
        device: &str,
        session: Uuid,
        connection: &Connection,
        now: Instant,
    ) -> (Presence, Option<Connection>) {
        self.sweep(now);
        let mut entry = self.0.entries.entry(user).or_default();
        let known = entry.devices.iter().position(|known| &*known.name == device);
        let oldest = (entry.devices.len() >= self.0.most_devices).then_some(0);
        let replaced = known.or(oldest).map(|at| entry.devices.remove(at).connection);
        entry.devices.reserve_exact(1);
        entry.devices.push(Device { name: device.into(), session, connection: connection.clone(), room: None });
        entry.gone = None;
        (Presence { users: self.clone(), user, connection: connection.id() }, replaced)
    }

    /// Now and then, forgets who has been gone for long.
    fn sweep(&self, now: Instant) {
        if self.0.arrivals.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.0.entries.retain(|_, entry| entry.gone.is_none_or(|gone| now < gone + self.0.keep));
        }
    }

    /// Counts one command of this class, or says how long to wait. Of a user without a socket, who asks by
    /// REST, it is remembered as of one who has just gone.
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

    /// Waits until nothing else moves this user between rooms.
    pub async fn moving(&self, user: UserId) -> tokio::sync::OwnedMutexGuard<()> {
        let moving = self.0.entries.entry(user).or_default().moving.clone();
        moving.lock_owned().await
    }

    /// The room the user is in, as far as this process knows.
    pub fn room(&self, user: UserId) -> Option<RoomId> {
        self.0.entries.get(&user).and_then(|entry| entry.room)
    }

    /// The user is in this room now, on this socket, and in no other.
    pub fn came_in(&self, user: UserId, connection: ConnectionId, room: RoomId) -> Option<Former> {
        let mut entry = self.0.entries.entry(user).or_default();
        let former = entry.room.replace(room).filter(|former| *former != room);
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

    /// A room's checkpoint has brought this user back, and awaits them. `false`: they are in another room
    /// by now. Otherwise they are in this one, and leave it when they come into another.
    pub fn returned(&self, user: UserId, room: RoomId) -> bool {
        let mut entry = self.0.entries.entry(user).or_default();
        if entry.devices.is_empty() {
            entry.gone.get_or_insert_with(Instant::now);
        }
        *entry.room.get_or_insert(room) == room
    }

    /// The user has left this room.
    pub fn left(&self, user: UserId, room: RoomId) {
        let Some(mut entry) = self.0.entries.get_mut(&user) else { return };
        if entry.room == Some(room) {
            entry.room = None;
        }
        entry.devices.iter_mut().filter(|device| device.room == Some(room)).for_each(|device| device.room = None);
    }

    /// The user has come into another room on this connection: the former one is left, and the user's other
    /// sockets there are told.
    pub async fn leave_former(&self, connection: &Connection, user: UserId, former: Former) {
        connection.unsubscribe(former.room).await;
        let cause = RemovalCause::JoinedElsewhere;
        let removed = UserFrame::RoomRemoved { room: former.room, cause, until: None, reason: String::new() };
        let removed = Frame::text(&envelope::user(user, &removed));
        for other in former.others {
            // Not subscribed any more when the room hears of it, they are told once.
            other.unsubscribe(former.room).await;
            other.send(removed.clone()).await;
        }
        self.insist(former.room, Request::Leave { user });
    }

    /// The session has ended: its sockets are told why and closed, and the user leaves the room that
    /// they were in at once, unless a socket of another session is in it; whoever is suspended does so
    /// even where their socket was lost before. Once more changes nothing.
    pub async fn end_session(&self, user: UserId, session: Uuid, why: CloseCode) {
        let (connections, left) = self.forget_session(user, session, why);
        for connection in connections {
            connection.close(why, None).await;
        }
        if let Some(room) = left {
            self.insist(room, Request::Leave { user });
        }
    }

    /// The session has ended. Says which sockets stand on it, and which room the user has left with
    /// them: none, where another of their sockets is in it. Who is suspended leaves the room that is kept
    /// for them through the grace period too.
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

    /// Another socket of the user is in this room.
    pub fn elsewhere(&self, user: UserId, connection: ConnectionId, room: RoomId) -> bool {
        self.0.entries.get(&user).is_some_and(|entry| {
            entry.devices.iter().any(|device| device.connection.id() != connection && device.room == Some(room))
        })
    }
}

/// A socket's place among its user's; dropping it takes the socket out.
pub struct Presence {
    users: Users,
    user: UserId,
    connection: ConnectionId,
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
