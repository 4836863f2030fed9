//! The gateway: sockets from the accept to their end, and the same commands by REST.
//!
//! `listen` accepts connections, `upgrade` turns a request into a socket, `connection` reads frames from it, and
//! `session` knows the socket's user and unanswered commands. `dispatch` sends every command to where it is decided;
//! `connect` and `join` handle those that change the session. `routes` takes the same commands by REST.
//!
//! Nothing here decides what a room or the ledger decides, and nothing here writes to a socket: delivery does.

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

/// The settings of other parts that the reply to `connect` tells the client.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// `delivery.outbox_bytes`.
    pub outbox_bytes: usize,
    /// The room's grace period, in milliseconds.
    pub grace_ms: u64,
}

/// What all sockets of this process share.
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
    /// The frame of the server's ping, which all sockets share.
    ping: Frame,
}

/// The gateway. Cheap to clone; all clones are the same gateway.
#[derive(Clone)]
pub struct GatewayState(Arc<Shared>);

impl GatewayState {
    /// A gateway that reaches accounts, rooms and gifts by these ports. Its sockets are work of the crew `sockets`.
    /// They end when delivery closes them, and at once when the supervisor stops.
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

    /// The users of this process, through whom user frames are sent.
    pub fn users(&self) -> &Users {
        &self.0.users
    }

    /// Closes every socket. Each is told to reconnect after a time of its own within `spread`.
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
