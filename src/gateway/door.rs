//! Who is let in where there is no place for everybody: TCP connections against `max_connections`, and sockets by the
//! node's load.
//!
//! Above `max_connections` there is a reserve, in which requests are served as ever and handshakes are answered 503
//! `busy`; above that a connection is closed without a word, which costs least. A node that is full answers handshakes
//! the same way. Whose the socket is to be is known only with `connect`, though, and who comes back to a room is not
//! new: without them a node that is full would lose everybody whose network changes. So a few handshakes at a time go
//! through undecided, and `connect` decides: it lets in who has a place in a room of this node, through the grace
//! period and beyond, and answers `busy` to the others. How many may be undecided bounds what that costs.

use std::sync::Arc;

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::load::{COME_BACK_MS, Load};
use crate::telemetry::metric;

/// Connections above `max_connections`: so many hundredths of it, at least and at most so many.
const RESERVE_PERCENT: usize = 5;
const RESERVE: (usize, usize) = (16, 1_024);

/// Undecided sockets in so many of the reserve.
const UNDECIDED_IN: usize = 16;

/// More connections than `max_connections` may ask for.
pub(super) const MOST_CONNECTIONS: usize = Semaphore::MAX_PERMITS - RESERVE.1;

/// A connection's place; a socket takes it along.
#[derive(Clone, Debug)]
pub(super) struct Permit(#[allow(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

/// A handshake has gone through that may have to be refused yet. Boxed: a socket has room for it all its life.
pub(super) type Undecided = Box<OwnedSemaphorePermit>;

/// There is no place for another socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowded;

/// Counts who is in.
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

    /// A place for a connection, the reserve included; without one it is to be closed at once.
    pub(super) fn place(&self) -> Option<Permit> {
        let place = self.places.clone().try_acquire_owned();
        if place.is_err() {
            metric::SOCKETS_REFUSED.add_of("accept", 1);
        }
        place.ok().map(|place| Permit(Arc::new(place)))
    }

    /// Whether a connection that has a place may become a socket.
    pub(super) fn handshake(&self) -> Result<Option<Undecided>, Crowded> {
        if !self.load.is_full() && self.places.available_permits() >= self.reserve {
            return Ok(None);
        }
        self.undecided.clone().try_acquire_owned().map(|undecided| Some(Box::new(undecided))).map_err(|_| Crowded)
    }

    /// Whether a socket may become this user's, once it is known whether they have a place in a room.
    pub(super) fn connect(&self, undecided: bool, has_place: bool) -> Result<(), ErrorBody> {
        if has_place || !undecided && !self.load.is_full() {
            return Ok(());
        }
        metric::SOCKETS_REFUSED.add_of("connect", 1);
        Err(busy())
    }
}

/// What is said to who is not let in.
pub(super) fn busy() -> ErrorBody {
    ErrorBody::new(ErrorCode::Busy).message("the server takes no more sockets for now").retry_after_ms(COME_BACK_MS)
}
