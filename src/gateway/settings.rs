//! The settings of connections and sockets.

use parlor_protocol::{RateClass, limit};

use super::door::{MOST_CONNECTIONS, reserve};
use super::strangers::PORCH;
use crate::http::Origin;
use crate::kit::budget::Prices;
use crate::kit::rate::Rate;

crate::settings! {
    /// Connections, sockets, and the rates of users.
    pub struct Settings at "gateway", checked by Self::contradictions {
        /// The web origins whose pages may open sockets, as `https://app.example` or `capacitor://localhost`. Pages of the
        /// server's own host always may. A request without `Origin` does not come from a browser and is let in.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        origins: Vec<String> = Vec::new();
        /// The most sockets at a time whose user is in, which they are with `connect`. Above it a handshake is answered
        /// 503 `busy`; a reserve of 5 % (16 to 1,024) is for users who have a place in a room.
        max_connections: usize = 100_000, in 1..=MOST_CONNECTIONS as i128;
        /// The most connections at a time of strangers: sockets before their `connect`, and connections that only send
        /// requests. When all are taken, a newcomer takes the place of the address that has the most.
        max_strangers: Option<usize> = None, in 16..=MOST_CONNECTIONS as i128, shown "a quarter of `gateway.max_connections`, at least 256";
        /// The most connections at a time of strangers from one address (for IPv6, one /64). Above it the address's own
        /// oldest connection that has waited for a second is closed, or else the new one is answered 503 `busy`.
        strangers_of_address: Option<usize> = None, in 1..=MOST_CONNECTIONS as i128, shown "an eighth of `gateway.max_strangers`, 32 to 1,024";
        /// The most new connections a minute from one address (for IPv6, one /64). All may come at once; further ones are
        /// closed at the accept. Trusted proxies have no such bound.
        connections_per_minute_address: u32 = 6_000, in 1..=100_000_000;
        /// The rate of HTTP requests from one address (for IPv6, one /64), on all of its connections. Above it the next
        /// request of a connection waits. Trusted proxies have no such bound.
        requests: Rate = Rate { count: 5_000, per_ms: 5_000 };
        /// Milliseconds within which the head of an HTTP request must come, from its first byte on.
        head_ms: u64 = 10_000, in 1..=3_600_000;
        /// Milliseconds for which an idle HTTP connection is kept for the next request. It must be longer than whatever
        /// stands in front keeps one, which is often 60 s.
        keep_alive_ms: u64 = 75_000, in 1..=3_600_000;
        /// Milliseconds within which an HTTP answer must make progress while it is written: its reader has to take 4 KiB,
        /// or the rest. Otherwise the connection is closed.
        write_ms: u64 = 10_000, in 1..=3_600_000;
        /// Milliseconds after the handshake within which `connect` must succeed.
        connect_ms: u64 = limit::CONNECT_MS, in 1..=3_600_000;
        /// Milliseconds between the server's pings, give or take a tenth.
        ping_ms: u64 = limit::PING_MS, in 1..=3_600_000;
        /// Milliseconds of silence after which a socket is closed; must be longer than `gateway.ping_ms`.
        silence_ms: u64 = limit::SILENCE_MS, in 1..=3_600_000;
        /// Milliseconds that a room, an account or the ledger may take for an answer; then it is `timeout`.
        answer_ms: u64 = 5_000, in 1..=3_600_000;
        /// The most bytes of one message from a client, over all its fragments.
        message_bytes: usize = limit::MESSAGE_BYTES, in 1_024..=1 << 20;
        /// The most unsent bytes that the operating system holds for one socket. Further ones wait in the socket's
        /// outbox, where `delivery.outbox_bytes` bounds them; without this, a client that does not read could make the
        /// system hold megabytes.
        unsent_bytes: u32 = 64 * 1_024, in 4_096..=16 << 20;
        /// The most unanswered commands of one socket; one more is answered `busy`.
        unanswered_commands: usize = limit::UNANSWERED_COMMANDS, in 1..=1_024;
        /// The most devices of one user that are connected at a time. One more replaces the oldest, which is closed
        /// with 4502.
        devices: usize = 10, in 1..=1_024;
        /// The rate of frames of every kind for each socket. Above it the socket is not read for a while. A socket before
        /// its `connect` has a sixteenth of it.
        frames: Rate = Rate { count: 600, per_ms: 10_000 };
        /// The rate of bytes for each socket; above it, and before `connect`, as for `gateway.frames`.
        bytes: Rate = Rate { count: 1_048_576, per_ms: 10_000 };
        /// The rate of frames of every kind for each user, over all sockets; above it as for `gateway.frames`.
        user_frames: Rate = Rate { count: 1_200, per_ms: 10_000 };
        /// The rate of bytes for each user, over all sockets; above it as for `gateway.frames`.
        user_bytes: Rate = Rate { count: 2_097_152, per_ms: 10_000 };
        /// Milliseconds after which a socket that is above these rates all the time is closed with 4005.
        flood_ms: u64 = 10_000, in 1..=3_600_000;
        /// The rate of `connect` for each user.
        connect: Rate = Rate { count: 30, per_ms: 60_000 };
        /// The rate of chat lines for each user.
        chat: Rate = Rate { count: 5, per_ms: 5_000 };
        /// The rate of gifts for each user.
        gift: Rate = Rate { count: 20, per_ms: 1_000 };
        /// The rate of seat commands and kicks for each user.
        seat: Rate = Rate { count: 5, per_ms: 10_000 };
        /// The rate of joins for each user.
        join: Rate = Rate { count: 10, per_ms: 60_000 };
        /// The rate of reactions, and of saying that one types or speaks, for each user.
        signal: Rate = Rate { count: 20, per_ms: 10_000 };
        /// The rate of lists (`gift.list`, `people.list`) and of `session.refresh` for each user.
        list: Rate = Rate { count: 20, per_ms: 10_000 };
    }
}

/// How many connections of each kind there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// Sockets whose user is in.
    pub most: usize,
    /// The same with the reserve for users who have a place in a room.
    pub with_reserve: usize,
    strangers: usize,
    /// All that people and strangers have together.
    shared: usize,
}

impl Places {
    /// The places of strangers while so many people are in.
    pub(super) fn strangers_beside(&self, inside: usize) -> usize {
        self.strangers.min(self.shared.saturating_sub(inside)).max(1)
    }
}

/// The least number of places of strangers, if it is not set.
const FEWEST_STRANGERS: usize = 256;

/// The least and the greatest number of places of strangers from one address, if it is not set.
const OF_ADDRESS: (usize, usize) = (32, 1_024);

impl Settings {
    /// The places of strangers.
    pub(super) fn strangers(&self) -> usize {
        self.max_strangers.unwrap_or_else(|| (self.max_connections / 4).max(FEWEST_STRANGERS))
    }

    /// The places of strangers from one address.
    pub(super) fn strangers_of_address(&self) -> usize {
        self.strangers_of_address.unwrap_or_else(|| (self.strangers() / 8).clamp(OF_ADDRESS.0, OF_ADDRESS.1))
    }

    /// The places, if the process can have so many connections. All of them are shared: a stranger who comes in needs no
    /// second one. So people may have nearly all, and strangers what people leave, which is never nothing.
    pub(super) fn places(&self, connections: usize) -> Places {
        let shared = connections.saturating_sub(PORCH);
        let most = self.max_connections.min(shared / 25 * 24 + shared % 25).max(1);
        let with_reserve = (most + reserve(most)).min(shared - shared / 50).max(most);
        Places { most, with_reserve, strangers: self.strangers(), shared }
    }

    /// The most sockets whose user is in, if the process can have so many connections.
    pub fn people_of(&self, connections: usize) -> usize {
        self.places(connections).most
    }

    /// The rates of frames and bytes of each socket.
    pub(super) fn socket_prices(&self) -> Prices {
        Prices::of(self.frames, self.bytes)
    }

    /// The rates of frames and bytes of each user.
    pub(super) fn user_prices(&self) -> Prices {
        Prices::of(self.user_frames, self.user_bytes)
    }

    /// The rate of this class.
    pub(super) const fn rate(&self, class: RateClass) -> Rate {
        match class {
            RateClass::Chat => self.chat,
            RateClass::Gift => self.gift,
            RateClass::Seat => self.seat,
            RateClass::Join => self.join,
            RateClass::Signal => self.signal,
            RateClass::List => self.list,
            RateClass::Connect => self.connect,
        }
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        for origin in &self.origins {
            if let Some(why) = Origin::problem(origin) {
                problems.push(format!("gateway.origins: `{origin}` {why}"));
            }
        }
        if self.silence_ms <= self.ping_ms {
            problems.push("gateway.silence_ms: must be longer than gateway.ping_ms".into());
        }
        for (name, rate) in [("bytes", self.bytes), ("user_bytes", self.user_bytes)] {
            if (rate.count as usize) < self.message_bytes {
                problems.push(format!("gateway.{name}: must let through one message of gateway.message_bytes"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_rates_has_its_setting() {
        let changed = Rate { count: 7, per_ms: 70 };
        for class in RateClass::ALL {
            let set = format!(r#"{{"{}":"7 in 70 ms"}}"#, class.name());
            let settings: Settings = serde_json::from_str(&set).expect("the setting has the name of the class");
            assert_eq!(settings.rate(*class), changed, "gateway.{}", class.name());
        }
    }

    #[test]
    fn places_are_held_to_the_connections_that_there_may_be() {
        let default = Settings::default();
        let held = |connections| default.places(connections);
        assert_eq!((held(1_000_000).most, held(1_000_000).with_reserve), (100_000, 101_024));
        assert_eq!(held(1_000_000).strangers_beside(100_000), 25_000);
        for connections in [160, 180, 1_000, 19_862, 100_000] {
            let held = held(connections);
            assert!(
                held.most * 10 >= (connections - PORCH) * 9 && held.most <= held.with_reserve,
                "{connections}: {held:?}"
            );
            for inside in [0, held.most / 2, held.most, held.with_reserve] {
                let strangers = held.strangers_beside(inside);
                let all = inside + strangers + PORCH;
                assert!(strangers > 0 && all <= connections, "{connections}: {inside} and {strangers}");
            }
        }
        assert!(held(19_862).most >= 19_000, "nearly all of 20,000 files");
    }
}
