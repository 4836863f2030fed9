//! The settings of connections and sockets.

use parlor_protocol::{RateClass, limit};

use super::door::MOST_CONNECTIONS;
use crate::kit::rate::Rate;

crate::settings! {
    /// Connections, sockets, and the rates of users.
    pub struct Settings at "gateway", checked by Self::contradictions {
        /// The web origins whose pages may open sockets, as `https://app.example`. If there are none, only pages of the
        /// server's own host may. A request without `Origin` does not come from a browser and is let in.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        origins: Vec<String> = Vec::new();
        /// The most TCP connections at a time, sockets and requests together. Above it a handshake is answered 503
        /// `busy`; above a reserve of 5 % (16 to 1,024) a connection is closed at once.
        max_connections: usize = 100_000, in 1..=MOST_CONNECTIONS as i128;
        /// Milliseconds within which the head of an HTTP request must come.
        head_ms: u64 = 10_000, in 1..=3_600_000;
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
        /// The rate of lists (`gift.list`, `people.list`) and of `session.refresh` for each user.
        list: Rate = Rate { count: 20, per_ms: 10_000 };
    }
}

impl Settings {
    /// The rate of this class.
    pub(super) const fn rate(&self, class: RateClass) -> Rate {
        match class {
            RateClass::Chat => self.chat,
            RateClass::Gift => self.gift,
            RateClass::Seat => self.seat,
            RateClass::Join => self.join,
            RateClass::List => self.list,
            RateClass::Connect => self.connect,
        }
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        for origin in &self.origins {
            if !origin.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/')) {
                problems.push(format!("gateway.origins: {origin:?} is not an origin; write it as https://app.example"));
            }
        }
        if self.silence_ms <= self.ping_ms {
            problems.push("gateway.silence_ms: must be longer than gateway.ping_ms".into());
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
}
