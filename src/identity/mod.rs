//! Accounts, sessions, tokens, profiles, roles and suspensions.
//!
//! Passwords and their hashes never leave this slice, and only code in here signs and verifies tokens. Other slices may
//! ask whose token or session something is, what somebody may do, and what people are called.

use std::thread::available_parallelism;

use futures_util::future::BoxFuture;
use parlor_protocol::UserId;

use crate::kit::error::Result;
use crate::kit::tx::Tx;

mod code;
mod contact;
mod crowd;
pub mod current;
mod device;
pub mod dossier;
mod flow;
mod guess;
mod hashing;
mod job;
mod key;
mod keyed;
mod opaque;
pub mod operator;
mod password;
mod permission;
mod phone;
mod profile;
pub mod revocation;
pub mod role;
mod routes;
mod secret;
mod service;
mod session;
mod shown;
mod store;
pub mod suspension;
mod throttle;
mod token;

pub use code::Purpose;
pub use contact::Contact;
pub use current::{CurrentUser, Staff};
pub use key::Keys;
pub use password::Hashing;
pub use permission::{Needed, Permission, may};
pub use profile::{Change, Profile, PublicProfile};
pub use routes::routes;
pub use service::{Identity, NewAccount, SignedIn};
pub use session::{Device, Grant};
pub use store::{Session, names, session_of};
pub use token::{Access, Token};

/// The accounts of money that a new user needs. Identity declares this and does not know the ledger; `app` connects the
/// two.
pub trait Wallets: Send + Sync + 'static {
    /// Opens the user's coin and diamond accounts, in the transaction that makes the user.
    fn open<'c>(&self, tx: &'c mut Tx, user: UserId) -> BoxFuture<'c, Result<()>>;

    /// The same for many users at once.
    fn open_all<'c>(&self, tx: &'c mut Tx, users: &'c [UserId]) -> BoxFuture<'c, Result<()>>;

    /// Gives a new user their welcome coins. It is called at every registration and sign-in, so it must take effect
    /// only once for each user.
    fn welcome(&self, user: UserId) -> BoxFuture<'_, Result<()>>;
}

crate::settings! {
    /// Accounts, sign-in and tokens.
    pub struct Settings at "identity", checked by Self::contradictions {
        /// Minutes for which an access token holds.
        access_token_minutes: u32 = 15, in 1..=60;
        /// Days for which a refresh token holds; each exchange begins them anew.
        refresh_token_days: u32 = 30, in 1..=365;
        /// Days after which a session ends, however often it is refreshed.
        session_days: u32 = 180, in 1..=3_650;
        /// Sessions that a user may have; a further sign-in ends the one that was not used for the longest time.
        sessions_user: u32 = 50, in 1..=10_000;
        /// Seconds for which an exchange whose answer was lost may be repeated.
        refresh_repeat_seconds: u32 = 30, in 0..=300;
        /// Minutes for which a room token holds.
        room_token_minutes: u32 = 5, in 1..=60;
        /// Passwords hashed at the same time, if `identity.hash_memory_bytes` has room for them; each takes a core for
        /// some 20 ms.
        hash_permits: usize = available_parallelism().map_or(1, usize::from), in 1..=256, shown "one a core";
        /// Bytes of memory that hashing may take. Each password takes 19 MiB while it is hashed; one is hashed at any
        /// rate.
        hash_memory_bytes: Option<u64> = None, in 19 << 20..=1 << 40, shown "an eighth of `server.memory_bytes`";
        /// Passwords that may wait to be hashed. Those who wait take turns by their addresses. Beyond that the answer is
        /// `busy`, first to the address with the most passwords in the queue.
        hash_queue: usize = 64, in 1..=10_000;
        /// Sign-ins and registrations a minute under one phone number or e-mail address by one network address, or by
        /// one known device.
        attempts_per_minute_account: u32 = 5, in 1..=10_000;
        /// Sign-ins a minute from one address (of IPv6, one /64).
        sign_ins_per_minute_address: u32 = 120, in 1..=1_000_000;
        /// Registrations a minute from one address (of IPv6, one /64), refused ones included.
        registrations_per_minute_address: u32 = 60, in 1..=1_000_000;
        /// Accounts that may be made in an hour from one address (of IPv6, one /64); 0: any number.
        registrations_per_hour_address: u32 = 20, in 0..=10_000;
        /// Refreshes a minute from one address (of IPv6, one /64).
        refreshes_per_minute_address: u32 = 300, in 1..=1_000_000;
        /// REST requests a minute of one signed-in user.
        requests_per_minute_user: u32 = 600, in 1..=1_000_000;
        /// Failed sign-ins under one phone number or e-mail address that one network address, or one known device, has
        /// in a day before it has to wait between them.
        failures_account: u32 = 5, in 1..=1_000;
        /// Failed sign-ins under one phone number or e-mail address in a day by all addresses together, known devices
        /// left out. Beyond that only known devices may sign in.
        failures_account_day: u32 = 50, in 1..=10_000;
        /// Failed sign-ins in a day from one address (of IPv6, one /64) under any phone number or e-mail address. Beyond
        /// that only known devices may sign in from there.
        failures_address: u32 = 500, in 1..=1_000_000;
        /// Seconds of the first wait; each further failure doubles it.
        lock_seconds: u32 = 30, in 1..=3_600;
        /// Seconds of the longest wait.
        lock_max_seconds: u32 = 3_600, in 1..=86_400;
        /// Days for which a device counts as known after a sign-in.
        known_device_days: u32 = 180, in 1..=3_650;
        /// Minutes for which a one-time code holds; longer if no other may be sent before.
        code_minutes: u32 = 10, in 1..=60;
        /// Tries at a one-time code for whoever asked for it, for each known device, and for each other address; all
        /// other addresses together have twice as many.
        code_tries: u32 = 5, in 1..=10;
        /// Seconds until who asked for a code gets another one for the same purpose at the same phone number or e-mail
        /// address; each further one of the day doubles it.
        code_resend_seconds: u32 = 60, in 0..=3_600;
        /// Seconds of the longest wait for another code.
        code_resend_max_seconds: u32 = 3_600, in 0..=86_400;
        /// Codes that are sent to one phone number or e-mail address in an hour, whoever asks for them. One asker gets at
        /// most three fifths of them, and so do codes for anything but a new password.
        codes_per_hour_contact: u32 = 5, in 1..=1_000;
        /// The same in a day.
        codes_per_day_contact: u32 = 10, in 1..=1_000;
        /// Codes a minute that one address (of IPv6, one /64) may have sent.
        codes_per_minute_address: u32 = 10, in 1..=1_000_000;
        /// The age in years from which a user may enter a birthday, because live audio is among strangers.
        minimum_age: u32 = 18, in 0..=120;
        /// Changes a minute of one user's name and picture, each of which is told to the room that they are in.
        changes_per_minute_user: u32 = 10, in 1..=1_000;
        /// Days until a signature may be changed again.
        signature_days: u32 = 30, in 0..=3_650;
        /// Days after which a signing key is followed by a new one.
        key_days: u32 = 30, in 1..=365;
    }
}

impl Settings {
    /// Sets `hash_memory_bytes`, if it is not set, to an eighth of this memory.
    #[must_use]
    pub fn within(mut self, memory_bytes: Option<u64>) -> Self {
        self.hash_memory_bytes = self.hash_memory_bytes.or(memory_bytes.map(|bytes| bytes / 8));
        self
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.code_resend_max_seconds < self.code_resend_seconds {
            problems.push(
                "identity.code_resend_max_seconds: must be at least identity.code_resend_seconds, because it would cut \
                 even the first wait for another code short"
                    .into(),
            );
        }
    }

    /// How many passwords may be hashed at the same time: as cores and memory allow, at least one.
    fn hashes_at_once(&self) -> usize {
        let room = self.hash_memory_bytes.map_or(u64::MAX, |bytes| bytes / password::MEMORY_BYTES);
        self.hash_permits.min(usize::try_from(room).unwrap_or(usize::MAX)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn the_longest_wait_for_a_code_is_no_shorter_than_the_first() {
        let problems = |first, longest| {
            let mut problems = Vec::new();
            Settings { code_resend_seconds: first, code_resend_max_seconds: longest, ..Settings::default() }
                .contradictions(&mut problems);
            problems
        };
        assert_eq!(problems(60, 60), Vec::<String>::new());
        assert_eq!(problems(0, 0), Vec::<String>::new());
        assert!(problems(60, 59).concat().contains("identity.code_resend_max_seconds"));
    }

    #[test]
    fn hashing_takes_an_eighth_of_memory_and_no_more_than_the_permits() {
        const MIB: u64 = 1 << 20;
        let at_once =
            |memory, permits| Settings { hash_permits: permits, ..Settings::default() }.within(memory).hashes_at_once();
        assert_eq!(at_once(Some(205 * MIB), 16), 1, "a container of 256 MiB");
        assert_eq!(at_once(Some(64 * MIB), 16), 1, "one at any rate");
        assert_eq!(at_once(Some(8 * 4 * 19 * MIB), 16), 4);
        assert_eq!(at_once(Some(1 << 40), 16), 16);
        assert_eq!(at_once(None, 3), 3);
        let set = Settings { hash_memory_bytes: Some(40 * MIB), hash_permits: 16, ..Settings::default() };
        assert_eq!(set.within(Some(1 << 40)).hashes_at_once(), 2, "what is set holds");
    }
}
