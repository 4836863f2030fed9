//! What can be set of the sockets' edge.

use parlor_protocol::limit;
use serde::{Deserialize, Serialize};

use super::door::MOST_CONNECTIONS;
use crate::kit::rate::Rate;
use crate::presence::Kind;

/// The sockets' edge.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Web origins that may open sockets, as `https://app.example`. Empty (the default): only the
    /// server's own host. A request without `Origin` comes from no browser and is let in.
    #[serde(deserialize_with = "crate::config::list::with_commas")]
    pub origins: Vec<String>,
    /// TCP connections at a time, sockets and requests together; a socket over it is refused with `busy`, and with more
    /// than a small reserve of connections one more is closed at once. Default 100,000.
    pub max_connections: usize,
    /// Milliseconds for the head of an HTTP request. Default 10,000.
    pub head_ms: u64,
    /// Milliseconds after the handshake within which `connect` has to succeed. Default 10,000.
    pub connect_ms: u64,
    /// Milliseconds between the server's pings, give or take a tenth. Default 25,000.
    pub ping_ms: u64,
    /// Milliseconds of silence after which a socket is closed. Default 45,000.
    pub silence_ms: u64,
    /// Milliseconds that a room, an account or the ledger may take for an answer. Default 5,000.
    pub answer_ms: u64,
    /// Bytes of one message from a client, over all its fragments. Default 64 KiB.
    pub message_bytes: usize,
    /// Bytes that the system keeps for one socket and has not sent; what comes then waits in the socket's outbox, where
    /// it is counted. Without it a reader that has stopped holds megabytes first. Default 64 KiB.
    pub unsent_bytes: u32,
    /// Unanswered commands of one socket. Default 64.
    pub unanswered_commands: usize,
    /// Devices of one user that are connected at a time; one more replaces the oldest. Default 10.
    pub devices: usize,
    /// Sockets that one user connects. Default 30 in 60 s.
    pub connect: Rate,
    /// Chat lines of one user. Default 5 in 5 s.
    pub chat: Rate,
    /// Gifts of one user. Default 20 in 1 s.
    pub gift: Rate,
    /// Seat commands and kicks of one user. Default 5 in 10 s.
    pub seat: Rate,
    /// Rooms that one user joins. Default 10 in 60 s.
    pub join: Rate,
    /// Lists that one user reads (`gift.list`, `people.list`). Default 20 in 10 s.
    pub list: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_connections: 100_000,
            head_ms: 10_000,
            connect_ms: limit::CONNECT_MS,
            ping_ms: limit::PING_MS,
            silence_ms: limit::SILENCE_MS,
            answer_ms: 5_000,
            message_bytes: limit::MESSAGE_BYTES,
            unsent_bytes: 64 * 1024,
            unanswered_commands: limit::UNANSWERED_COMMANDS,
            devices: 10,
            connect: Rate { count: 30, per_ms: 60_000 },
            chat: Rate { count: 5, per_ms: 5_000 },
            gift: Rate { count: 20, per_ms: 1_000 },
            seat: Rate { count: 5, per_ms: 10_000 },
            join: Rate { count: 10, per_ms: 60_000 },
            list: Rate { count: 20, per_ms: 10_000 },
        }
    }
}

impl Settings {
    /// The rate of this kind.
    pub(super) const fn rate(&self, kind: Kind) -> Rate {
        match kind {
            Kind::Chat => self.chat,
            Kind::Gift => self.gift,
            Kind::Seat => self.seat,
            Kind::Join => self.join,
            Kind::List => self.list,
            Kind::Connect => self.connect,
        }
    }

    /// Every value that cannot be served with.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for origin in &self.origins {
            if !origin.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/')) {
                problems.push(format!("gateway.origins: {origin:?} is no origin like https://app.example"));
            }
        }
        if self.max_connections == 0 || self.max_connections > MOST_CONNECTIONS {
            problems.push("gateway.max_connections: 1 or more".into());
        }
        for (name, ms) in [
            ("head_ms", self.head_ms),
            ("connect_ms", self.connect_ms),
            ("ping_ms", self.ping_ms),
            ("silence_ms", self.silence_ms),
            ("answer_ms", self.answer_ms),
        ] {
            if !(1..=3_600_000).contains(&ms) {
                problems.push(format!("gateway.{name}: 1 to 3600000 ms"));
            }
        }
        if self.silence_ms <= self.ping_ms {
            problems.push("gateway.silence_ms: longer than gateway.ping_ms".into());
        }
        if !(1_024..=1_048_576).contains(&self.message_bytes) {
            problems.push("gateway.message_bytes: 1024 to 1048576 bytes".into());
        }
        if !(4_096..=16 * 1_048_576).contains(&self.unsent_bytes) {
            problems.push("gateway.unsent_bytes: 4096 to 16777216 bytes".into());
        }
        if !(1..=1_024).contains(&self.unanswered_commands) {
            problems.push("gateway.unanswered_commands: 1 to 1024".into());
        }
        if !(1..=1_024).contains(&self.devices) {
            problems.push("gateway.devices: 1 to 1024".into());
        }
        for (name, rate) in [
            ("connect", self.connect),
            ("chat", self.chat),
            ("gift", self.gift),
            ("seat", self.seat),
            ("join", self.join),
            ("list", self.list),
        ] {
            if rate.count == 0 || rate.per_ms == 0 {
                problems.push(format!("gateway.{name}: count and per_ms are 1 or more"));
            }
        }
        problems
    }
}
