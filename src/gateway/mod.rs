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
mod meter;
pub mod port;
mod progress;
mod rest;
mod routes;
mod session;
mod settings;
mod strangers;
mod upgrade;
mod voice;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::{CloseCode, envelope, event::Notice};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::delivery::{Delivery, Frame};
use crate::http::proxy::Proxies;
use crate::kit::budget::Prices;
use crate::kit::supervise::{Crew, Supervisor};
use crate::presence::Users;
use crate::voice::Voice;
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

/// What the gateway must know of the machine, and of what stands in front of the server.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The proxies whose word about their clients is believed.
    pub proxies: Proxies,
    /// The most connections that the process can have.
    pub connections: usize,
    /// The voice vendor, or none.
    pub voice: Voice,
}

impl Default for Surroundings {
    /// No proxies, and as many connections as anybody may set.
    fn default() -> Self {
        Self { proxies: Proxies::default(), connections: usize::MAX / 2, voice: Voice::off() }
    }
}

/// What all sockets of this process share.
pub struct Shared {
    settings: Settings,
    announced: Announced,
    delivery: Delivery,
    users: Users,
    door: door::Door,
    proxies: Proxies,
    voice: Voice,
    renewals: voice::Renewals,
    /// When the gateway was started; the use of budgets is counted from here.
    began: Instant,
    socket_prices: Prices,
    user_prices: Prices,
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
        surroundings: Surroundings,
        supervisor: &Supervisor,
        sockets: Crew,
    ) -> Self {
        let keep = Duration::from_millis(announced.grace_ms).max(Duration::from_secs(60));
        let ports: Arc<dyn Ports> = Arc::new(ports);
        let stop = supervisor.stop().clone();
        let users = Users::new(keep, settings.devices, ports.clone(), stop.clone(), sockets.clone());
        let ping = Frame::text(&envelope::notice(&Notice::Ping));
        let door = door::Door::new(&settings, surroundings.connections, delivery.load().clone());
        let patience = Arc::<asked::Patience>::default();
        let (kept, stopped) = (patience.clone(), stop.clone());
        let keep = async move { stopped.run_until_cancelled(kept.keep()).await.unwrap_or_default() };
        supervisor.engine("patience of sockets", &stop, keep);
        let (socket_prices, user_prices) = (settings.socket_prices(), settings.user_prices());
        let gateway = Self(Arc::new(Shared {
            settings,
            announced,
            delivery,
            users,
            door,
            proxies: surroundings.proxies,
            voice: surroundings.voice,
            renewals: voice::Renewals::default(),
            began: Instant::now(),
            socket_prices,
            user_prices,
            ports,
            patience,
            stop,
            sockets,
            ping,
        }));
        if gateway.voice.is_on() {
            let (renewed, ends) = (gateway.clone(), supervisor.stop().clone());
            supervisor.engine("renewal of voice tokens", supervisor.stop(), async move {
                let _ = ends.run_until_cancelled(renewed.renew_voice_tokens()).await;
            });
        }
        gateway
    }

    /// The users of this process, through whom user frames are sent.
    pub fn users(&self) -> &Users {
        &self.0.users
    }

    /// Whether this peer is a proxy whose word about its clients is believed.
    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.trust(peer)
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
