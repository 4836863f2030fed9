//! Admission: the places of connections, and the refusal of sockets while the node is overloaded.
//!
//! A connection begins among the strangers ([`super::strangers`]). With `connect` its socket gets one of the places of
//! people who are in (`max_connections`), so that strangers take none of those. A reserve above them is for users who
//! have a place in a room. A node whose places of people are all taken, or whose load is full, answers handshakes with
//! 503 `busy`.
//!
//! Users who come back to a room are an exception: if they were refused, an overloaded node would lose everybody whose
//! network changes. But a socket's user is known only with `connect`. So a few handshakes at a time are let through
//! undecided, and `connect` decides: users who have a place in a room of this node are let in, and the others are
//! answered `busy`. The number of undecided sockets bounds what that costs.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Settings;
use super::settings::Places;
use super::strangers::{PORCH, Stranger, Strangers};
use crate::kit::limit::Limit;
use crate::load::{COME_BACK_MS, Load};
use crate::telemetry::metric;

/// The size of the reserve in percent of `max_connections`.
const RESERVE_PERCENT: usize = 5;
/// The least and the greatest number of places in the reserve.
const RESERVE: (usize, usize) = (16, 1_024);

/// One undecided socket is allowed for this many places of the reserve.
const UNDECIDED_IN: usize = 16;

/// The greatest value of `max_connections`.
pub(super) const MOST_CONNECTIONS: usize = Semaphore::MAX_PERMITS / 2;

/// The arrivals after which the addresses are forgotten that have not come lately.
const SWEEP_EVERY: usize = 10_000;

/// The places that are kept above `max_connections` for users with a place in a room.
pub(super) fn reserve(max_connections: usize) -> usize {
    (max_connections / 100 * RESERVE_PERCENT).clamp(RESERVE.0, RESERVE.1)
}

/// A connection's place among the strangers.
pub(super) type Permit = Arc<Stranger>;

/// A socket's place among the people who are in.
#[derive(Debug)]
pub(super) struct Inside(Arc<AtomicUsize>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of a socket whose handshake was let through undecided. It is boxed because it is rare: otherwise every
/// socket would be larger by it.
pub(super) type Undecided = Box<OwnedSemaphorePermit>;

/// The error if there is no place for another socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowded;

/// Counts connections and undecided sockets.
pub(super) struct Door {
    inside: Arc<AtomicUsize>,
    places: Places,
    strangers: Strangers,
    arrivals: Limit<IpAddr>,
    arrived: AtomicUsize,
    undecided: Arc<Semaphore>,
    load: Load,
}

impl Door {
    /// A door of a process that can have so many connections.
    pub(super) fn new(settings: &Settings, connections: usize, load: Load) -> Self {
        let places = settings.places(connections);
        let undecided = (reserve(places.most) / UNDECIDED_IN).max(1);
        Self {
            inside: Arc::default(),
            places,
            strangers: Strangers::new(settings.strangers_of_address()),
            arrivals: Limit::per_minute(settings.connections_per_minute_address),
            arrived: AtomicUsize::new(0),
            undecided: Arc::new(Semaphore::new(undecided)),
            load,
        }
    }

    /// A place for a connection that was accepted, in the table of strangers or on their porch. `None` if its address
    /// makes connections too often: then it must be closed at once, which costs less than any answer. An address of
    /// `None` is a trusted proxy.
    pub(super) fn arrive(&self, address: Option<IpAddr>, now: Instant) -> Option<Permit> {
        if let Some(address) = address {
            if self.arrived.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
                self.arrivals.sweep();
            }
            if self.arrivals.check(&address).is_err() {
                metric::SOCKETS_REFUSED.add_of("accept", 1);
                return None;
            }
        }
        let stranger = self.strangers.enter(address, self.strangers_places(), now);
        if stranger.is_on_porch() {
            metric::SOCKETS_REFUSED.add_of("porch", 1);
        }
        Some(Arc::new(stranger))
    }

    /// A place among the strangers for the client of a proxy, whose address is known with the handshake's head.
    ///
    /// # Errors
    /// [`Crowded`], if its address has as many as it may.
    pub(super) fn arrive_proxied(&self, address: IpAddr, now: Instant) -> Result<Permit, Crowded> {
        self.strangers.enter_table(address, self.strangers_places(), now).map(Arc::new).ok_or(Crowded)
    }

    /// The places that strangers have now.
    fn strangers_places(&self) -> usize {
        self.places.strangers_beside(self.inside.load(Ordering::Relaxed))
    }

    /// How many connections have a place at most.
    pub(super) fn all_places(&self) -> usize {
        self.inside.load(Ordering::Relaxed) + self.strangers_places() + PORCH
    }

    /// Whether a connection may become a socket, for sure (`None`) or undecided.
    ///
    /// # Errors
    /// [`Crowded`], if the node is full and as many sockets as allowed are undecided.
    pub(super) fn handshake(&self, stranger: &Stranger) -> Result<Option<Undecided>, Crowded> {
        if stranger.is_on_porch() {
            return Err(Crowded);
        }
        if !self.load.is_full() && self.inside.load(Ordering::Relaxed) < self.places.most {
            return Ok(None);
        }
        self.undecided.clone().try_acquire_owned().map(|undecided| Some(Box::new(undecided))).map_err(|_| Crowded)
    }

    /// Decides about a socket's `connect`, when it is known whether the user has a place in a room. Returns its place
    /// among the people who are in.
    ///
    /// # Errors
    /// `busy`.
    pub(super) fn connect(&self, undecided: bool, has_place: bool) -> Result<Inside, ErrorBody> {
        let may = has_place || !undecided && !self.load.is_full();
        let most = if has_place { self.places.with_reserve } else { self.places.most };
        if may {
            let inside = Inside(self.inside.clone());
            if inside.0.fetch_add(1, Ordering::Relaxed) < most {
                return Ok(inside);
            }
        }
        metric::SOCKETS_REFUSED.add_of("connect", 1);
        Err(busy())
    }
}

/// The answer to a socket that is not let in.
pub(super) fn busy() -> ErrorBody {
    ErrorBody::new(ErrorCode::Busy).message("the server takes no more sockets for now").retry_after_ms(COME_BACK_MS)
}
