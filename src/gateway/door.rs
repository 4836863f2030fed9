//! Admission: the bound on TCP connections (`max_connections`), and the refusal of sockets while the node is
//! overloaded.
//!
//! Above `max_connections` there is a reserve, in which requests are served as usual and handshakes are answered 503
//! `busy`. Above the reserve a connection is closed at once, which costs least. A node whose load is full answers
//! handshakes in the same way.
//!
//! Users who come back to a room are an exception: if they were refused, an overloaded node would lose everybody whose
//! network changes. But a socket's user is known only with `connect`. So a few handshakes at a time are let through
//! undecided, and `connect` decides: users who have a place in a room of this node are let in, and the others are
//! answered `busy`. The number of undecided sockets bounds what that costs.

use std::sync::Arc;

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::load::{COME_BACK_MS, Load};
use crate::telemetry::metric;

/// The size of the reserve in percent of `max_connections`.
const RESERVE_PERCENT: usize = 5;
/// The least and the greatest number of connections in the reserve.
const RESERVE: (usize, usize) = (16, 1_024);

/// One undecided socket is allowed for this many connections of the reserve.
const UNDECIDED_IN: usize = 16;

/// The greatest value of `max_connections`.
pub(super) const MOST_CONNECTIONS: usize = Semaphore::MAX_PERMITS - RESERVE.1;

/// A connection's place in the count. A socket keeps that of its connection.
#[derive(Clone, Debug)]
pub(super) struct Permit(#[allow(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

/// The place of a socket whose handshake was let through undecided. It is boxed because it is rare: otherwise every
/// socket would be larger by it.
pub(super) type Undecided = Box<OwnedSemaphorePermit>;

/// The error if there is no place for another socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowded;

/// Counts connections and undecided sockets.
#[derive(Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    reserve: usize,
    undecided: Arc<Semaphore>,
    load: Load,
}

impl Door {
    pub(super) fn new(max_connections: usize, load: Load) -> Self {
        let reserve = (max_connections / 100 * RESERVE_PERCENT).clamp(RESERVE.0, RESERVE.1);
        Self {
            places: Arc::new(Semaphore::new(max_connections + reserve)),
            reserve,
            undecided: Arc::new(Semaphore::new(reserve / UNDECIDED_IN)),
            load,
        }
    }

    /// A place for a connection, the reserve included. `None` if there is none: the connection must be closed at once.
    pub(super) fn place(&self) -> Option<Permit> {
        let place = self.places.clone().try_acquire_owned();
        if place.is_err() {
            metric::SOCKETS_REFUSED.add_of("accept", 1);
        }
        place.ok().map(|place| Permit(Arc::new(place)))
    }

    /// Whether a connection that has a place may become a socket, for sure (`None`) or undecided.
    ///
    /// # Errors
    /// [`Crowded`], if the node is full and as many sockets as allowed are undecided.
    pub(super) fn handshake(&self) -> Result<Option<Undecided>, Crowded> {
        if !self.load.is_full() && self.places.available_permits() >= self.reserve {
            return Ok(None);
        }
        self.undecided.clone().try_acquire_owned().map(|undecided| Some(Box::new(undecided))).map_err(|_| Crowded)
    }

    /// Decides about a socket's `connect`, when it is known whether the user has a place in a room.
    ///
    /// # Errors
    /// `busy`.
    pub(super) fn connect(&self, undecided: bool, has_place: bool) -> Result<(), ErrorBody> {
        if has_place || !undecided && !self.load.is_full() {
            return Ok(());
        }
        metric::SOCKETS_REFUSED.add_of("connect", 1);
        Err(busy())
    }
}

/// The answer to a socket that is not let in.
pub(super) fn busy() -> ErrorBody {
    ErrorBody::new(ErrorCode::Busy).message("the server takes no more sockets for now").retry_after_ms(COME_BACK_MS)
}
