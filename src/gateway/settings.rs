//! What can be set of the sockets' edge.

use parlor_protocol::{RateClass, limit};

use super::door::MOST_CONNECTIONS;
use crate::kit::rate::Rate;

crate::settings! {
    /// The sockets' edge.
    pub struct Settings at "gateway", checked by Self::contradictions {
        /// Web origins that may open sockets, as `https://app.example`. Empty (the default): only the server's own
        /// host. A request without `Origin` comes from no browser and is let in.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        origins: Vec<String> = Vec::new();
        /// TCP connections at a time, sockets and requests together. A socket over it is refused with 503 `busy`;
        /// above a reserve of 5 hundredths (16 to 1,024) a connection is closed at once.
        max_connections: usize = 100_000, in 1..=MOST_CONNECTIONS as i128;
        /// Milliseconds for the head of an HTTP request.
        head_ms: u64 = 10_000, in 1..=3_600_000;
        /// Milliseconds after the handshake within which `connect` has to succeed.
        connect_ms: u64 = limit::CONNECT_MS, in 1..=3_600_000;
        /// Milliseconds between the server's pings, give or take a tenth.
        ping_ms: u64 = limit::PING_MS, in 1..=3_600_000;
        /// Milliseconds of silence after which a socket is closed; longer than `gateway.ping_ms`.
        silence_ms: u64 = limit::SILENCE_MS, in 1..=3_600_000;
        /// Milliseconds that a room, an account or the ledger may take for an answer.
        answer_ms: u64 = 5_000, in 1..=3_600_000;
        /// Bytes of one message from a client, over all its fragments.
        message_bytes: usize = limit::MESSAGE_BYTES, in 1_024..=1 << 20;
        /// Bytes that the system keeps for one socket and has not sent; what comes then waits in
        /// `delivery.outbox_bytes`, where it is counted. With more, a reader that has stopped holds megabytes first.
        unsent_bytes: u32 = 64 * 1_024, in 4_096..=16 << 20;
        /// Unanswered commands of one socket.
        unanswered_commands: usize = limit::UNANSWERED_COMMANDS, in 1..=1_024;
        /// Devices of one user that are connected at a time; one more replaces the oldest, with 4502.
        devices: usize = 10, in 1..=1_024;
        /// Sockets that one user connects, as a rate.
        connect: Rate = Rate { count: 30, per_ms: 60_000 };
        /// Chat lines of one user, as a rate.
        chat: Rate = Rate { count: 5, per_ms: 5_000 };
        /// Gifts of one user, as a rate.
        gift: Rate = Rate { count: 20, per_ms: 1_000 };
        /// Seat commands and kicks of one user, as a rate.
        seat: Rate = Rate { count: 5, per_ms: 10_000 };
        /// Rooms that one user joins, as a rate.
        join: Rate = Rate { count: 10, per_ms: 60_000 };
        /// Lists that one user reads (`gift.list`, `people.list`), and `session.refresh`, as a rate.
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
                problems.push(format!("gateway.origins: {origin:?} is no origin like https://app.example"));
            }
        }
        if self.silence_ms <= self.ping_ms {
            problems.push("gateway.silence_ms: longer than gateway.ping_ms".into());
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
