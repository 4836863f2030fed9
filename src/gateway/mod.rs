//! A socket's life: upgrade, connection, session, dispatch.
//!
//! `listen` accepts, `upgrade` makes a socket of a request, `connection` reads frames from it, `session`
//! knows whose it is and what it has asked, `dispatch` sends every command where it belongs, `connect` and `join` answer
//! those that change it; `presence` knows where each user is. `routes` is the way of the same commands by REST. Nothing here decides what a room or the
//! ledger does, and nothing here writes to a socket: that is delivery's.

mod asked;
mod assembly;
mod connect;
mod connection;
mod dispatch;
mod door;
mod handshake;
mod join;
pub mod listen;
pub mod port;
mod rest;
mod routes;
mod session;
mod settings;
mod upgrade;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::{CloseCode, envelope, event::Notice};
use tokio_util::sync::CancellationToken;

use crate::delivery::{Delivery, Frame};
use crate::kit::supervise::{Crew, Supervisor};
use crate::presence::Users;
pub use port::{Named, Ports, SignedIn};
pub use routes::routes;
pub use settings::Settings;
pub use upgrade::refused;

/// What the connect reply tells of other parts' settings.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// `delivery.outbox_bytes`.
    pub outbox_bytes: usize,
    /// The room's grace period, in milliseconds.
    pub grace_ms: u64,
}

/// What all sockets share.
pub struct Shared {
    settings: Settings,
    announced: Announced,
    delivery: Delivery,
    users: Users,
    door: door::Door,
    ports: Arc<dyn Ports>,
    patience: Arc<asked::Patience>,
    stop: CancellationToken,
    sockets: Crew,
    /// The server's ping, one for all.
    ping: Frame,
}

/// The gateway, as the socket's handler needs it.
#[derive(Clone)]
pub struct GatewayState(Arc<Shared>);

impl GatewayState {
    /// A gateway that speaks to these ports. Its sockets are work of that crew; they end when delivery closes
    /// them, and at once when the supervisor stops.
    pub fn new(
        settings: Settings,
        announced: Announced,
        delivery: Delivery,
        ports: impl Ports,
        supervisor: &Supervisor,
        sockets: Crew,
    ) -> Self {
        let keep = Duration::from_millis(announced.grace_ms).max(Duration::from_secs(60));
        let ports: Arc<dyn Ports> = Arc::new(ports);
        let stop = supervisor.stop().clone();
        let users = Users::new(keep, settings.devices, ports.clone(), stop.clone(), sockets.clone());
        let ping = Frame::text(&envelope::notice(&Notice::Ping));
        let door = door::Door::new(settings.max_connections, delivery.load().clone());
        let patience = Arc::<asked::Patience>::default();
        let (kept, stopped) = (patience.clone(), stop.clone());
        let keep = async move { stopped.run_until_cancelled(kept.keep()).await.unwrap_or_default() };
        supervisor.engine("patience of sockets", &stop, keep);
        Self(Arc::new(Shared { settings, announced, delivery, users, door, ports, patience, stop, sockets, ping }))
    }

    /// Who is connected: the way for user frames.
    pub fn users(&self) -> &Users {
        &self.0.users
    }

    /// Tells every socket to come back within `spread`, each at a time of its own, and closes it.
    pub async fn drain(&self, spread: Duration) {
        self.0.delivery.close_all(CloseCode::Draining, spread).await;
    }
}

impl std::ops::Deref for GatewayState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for GatewayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewayState")
    }
}
