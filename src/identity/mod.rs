//! Who somebody is: accounts, sessions, tokens, profiles.
//!
//! Passwords leave here for nobody, keys sign and verify in here only. What others may ask: whose token
//! this is, whose session, and what people are called.

use std::thread::available_parallelism;

use futures_util::future::BoxFuture;
use parlor_protocol::UserId;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::kit::error::Result;

mod code;
mod contact;
mod crowd;
pub mod dossier;
mod guard;
mod key;
mod keyed;
pub mod operator;
mod password;
mod permission;
mod profile;
pub mod revocation;
pub mod role;
mod routes;
mod service;
mod session;
mod store;
pub mod suspension;
mod throttle;
mod token;

pub use code::Purpose;
pub use contact::Contact;
pub use key::Keys;
pub use password::Hashing;
pub use permission::{Needed, Permission, may};
pub use profile::{Change, Profile, PublicProfile};
pub use routes::routes;
pub use service::{Identity, NewAccount, SignedIn};
pub use session::{Device, Grant};
pub use store::{Session, names, session_of};
pub use token::{Access, Token};

/// What else an account begins with; said by identity, `app.rs` connects it.
pub trait Wallets: Send + Sync + 'static {
    /// Opens the user's accounts, in the transaction that makes the user.
    fn open<'c>(&self, conn: &'c mut PgConnection, user: UserId) -> BoxFuture<'c, Result<()>>;

    /// The same for many users at once.
    fn open_all<'c>(&self, conn: &'c mut PgConnection, users: &'c [UserId]) -> BoxFuture<'c, Result<()>>;

    /// Gives the user what newcomers are given. Asked at every way in, so whoever does it does it once.
    fn welcome(&self, user: UserId) -> BoxFuture<'_, Result<()>>;
}

/// Accounts, sign-in and tokens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Minutes for which an access token holds. Default 15.
    pub access_token_minutes: u32,
    /// Days for which a refresh token holds; each exchange begins them anew. Default 30.
    pub refresh_token_days: u32,
    /// Days after which a session ends, however often it is refreshed. Default 180.
    pub session_days: u32,
    /// Seconds for which an exchange whose answer was lost may be repeated. Default 30.
    pub refresh_repeat_seconds: u32,
    /// Minutes for which a room token holds. Default 5.
    pub room_token_minutes: u32,
    /// Passwords hashed at once; each takes a core for some 20 ms, and 19 MiB. Default: one per core.
    pub hash_permits: usize,
    /// Passwords that may wait for a core; beyond it `busy`. Default 64.
    pub hash_queue: usize,
    /// Sign-ins and registrations a minute under one phone number or e-mail address. Default 5.
    pub attempts_per_minute_account: u32,
    /// Sign-ins a minute from one address (of IPv6, one /64). Default 120.
    pub sign_ins_per_minute_address: u32,
    /// Registrations a minute from one address (of IPv6, one /64). Default 60.
    pub registrations_per_minute_address: u32,
    /// Refreshes a minute from one address (of IPv6, one /64). Default 300.
    pub refreshes_per_minute_address: u32,
    /// REST requests a minute of one signed-in user. Default 600.
    pub requests_per_minute_user: u32,
    /// Failed sign-ins in a row under one phone number or e-mail address, the last of which locks it for a
    /// while. Default 5.
    pub failures_account: u32,
    /// Failed sign-ins from one address (of IPv6, one /64), the last of which locks it; twice the longest
    /// lock without any forgets them. Default 100.
    pub failures_address: u32,
    /// Seconds of the first lock; each further failure doubles it. Default 30.
    pub lock_seconds: u32,
    /// Seconds of the longest lock. Default 900.
    pub lock_max_seconds: u32,
    /// Minutes for which a one-time code holds. Default 10.
    pub code_minutes: u32,
    /// Tries at a one-time code. Default 5.
    pub code_tries: u32,
    /// Seconds until another code for the same purpose is sent to the same phone number or e-mail address;
    /// each further one of the day doubles it. Default 60.
    pub code_resend_seconds: u32,
    /// Seconds of the longest such wait. Default 3,600.
    pub code_resend_max_seconds: u32,
    /// Codes a minute that one address (of IPv6, one /64) may have sent. Default 10.
    pub codes_per_minute_address: u32,
    /// Years that one must have lived to say one's birthday. Default 18: live audio among strangers.
    pub minimum_age: u32,
    /// Days until a signature may be changed again. Default 30.
    pub signature_days: u32,
    /// Days after which a signing key is followed by a new one. Default 30.
    pub key_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_token_minutes: 15,
            refresh_token_days: 30,
            session_days: 180,
            refresh_repeat_seconds: 30,
            room_token_minutes: 5,
            hash_permits: available_parallelism().map_or(1, usize::from),
            hash_queue: 64,
            attempts_per_minute_account: 5,
            sign_ins_per_minute_address: 120,
            registrations_per_minute_address: 60,
            refreshes_per_minute_address: 300,
            requests_per_minute_user: 600,
            failures_account: 5,
            failures_address: 100,
            lock_seconds: 30,
            lock_max_seconds: 900,
            code_minutes: 10,
            code_tries: 5,
            code_resend_seconds: 60,
            code_resend_max_seconds: 3_600,
            codes_per_minute_address: 10,
            minimum_age: 18,
            signature_days: 30,
            key_days: 30,
        }
    }
}

impl Settings {
    /// Every value that cannot work, by its name.
    pub fn problems(&self) -> Vec<String> {
        let ranges: [(&str, u64, u64, u64); 24] = [
            ("access_token_minutes", self.access_token_minutes.into(), 1, 60),
            ("refresh_token_days", self.refresh_token_days.into(), 1, 365),
            ("session_days", self.session_days.into(), 1, 3_650),
            ("refresh_repeat_seconds", self.refresh_repeat_seconds.into(), 0, 300),
            ("room_token_minutes", self.room_token_minutes.into(), 1, 60),
            ("hash_permits", self.hash_permits as u64, 1, 256),
            ("hash_queue", self.hash_queue as u64, 1, 10_000),
            ("attempts_per_minute_account", self.attempts_per_minute_account.into(), 1, 10_000),
            ("sign_ins_per_minute_address", self.sign_ins_per_minute_address.into(), 1, 1_000_000),
            ("registrations_per_minute_address", self.registrations_per_minute_address.into(), 1, 1_000_000),
            ("refreshes_per_minute_address", self.refreshes_per_minute_address.into(), 1, 1_000_000),
            ("requests_per_minute_user", self.requests_per_minute_user.into(), 1, 1_000_000),
            ("failures_account", self.failures_account.into(), 1, 1_000),
            ("failures_address", self.failures_address.into(), 1, 1_000_000),
            ("lock_seconds", self.lock_seconds.into(), 1, 3_600),
            ("lock_max_seconds", self.lock_max_seconds.into(), 1, 86_400),
            ("code_minutes", self.code_minutes.into(), 1, 60),
            ("code_tries", self.code_tries.into(), 1, 10),
            ("code_resend_seconds", self.code_resend_seconds.into(), 0, 3_600),
            ("code_resend_max_seconds", self.code_resend_max_seconds.into(), 0, 86_400),
            ("codes_per_minute_address", self.codes_per_minute_address.into(), 1, 1_000_000),
            ("minimum_age", self.minimum_age.into(), 0, 120),
            ("signature_days", self.signature_days.into(), 0, 3_650),
            ("key_days", self.key_days.into(), 1, 365),
        ];
        let outside = ranges.into_iter().filter(|(_, value, low, high)| !(low..=high).contains(&value));
        outside
            .map(|(name, value, low, high)| format!("identity.{name}: {value} is not between {low} and {high}"))
            .collect()
    }
}
