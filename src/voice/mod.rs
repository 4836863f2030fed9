//! The rights of people at the voice vendor that carries a room's sound: who may listen and who may speak.
//!
//! Parlor carries no sound. A client connects to the vendor with a token that Parlor has signed, and what the token
//! grants follows from the person's seat ([`Rights`]). A [`VoiceProvider`] says what its vendor needs: the token, and the
//! request that changes or ends the rights of somebody who is connected. It is pure: it draws nothing but from the
//! [`Chance`] that it is given, knows no time but `now`, and sends nothing. [`Caller`] sends its requests.
//!
//! The two vendors take a right away in different ways:
//! - LiveKit checks a token only while a client connects. The rights of somebody who is connected are changed by its
//!   server API, the whole permission at once.
//! - Agora checks each privilege of a token for as long as it is used. So the privilege to publish is short and is
//!   renewed while the person may speak; its API, which takes ten calls a second from an account, is called only to
//!   put somebody out.
//!
//! The table `voice_rights` has a row for each participant who was handed a token, with the newest state that the room
//! wants. A hard act of a room writes it in its own transaction, every other change is written behind the room, each with a
//! job that tells the vendor. The job reads the newest state when it runs, so no older one is told after it.

mod agora;
mod call;
mod desk;
mod livekit;
mod service;
mod settings;
mod store;
mod tell;

use std::time::Duration;

use parlor_protocol::{RoomId, UserId};

use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::error::Result;

pub use agora::{Agora, AgoraKeys};
pub use call::{Call, Caller, Taken};
pub use livekit::{LiveKit, LiveKitKeys};
pub use service::{Pass, Voice};
pub use settings::{AgoraSettings, LiveKitSettings, Provider, Settings};
pub use tell::{ForgetRights, TellVendor};

/// Somebody in a room, as the vendors call them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participant {
    /// The room, whose id is the name of the room or channel at the vendor.
    pub room: RoomId,
    /// The user, whose id is the identity at LiveKit and the number (uid) at Agora.
    pub user: UserId,
    /// The name that LiveKit shows to the others.
    pub name: String,
}

/// What somebody may do with the room's sound. Whoever is in the room may listen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Only listen: no seat, or a muted one.
    Listen,
    /// Listen, and publish a microphone.
    Speak,
}

impl Rights {
    /// The rights of somebody in the room: who is seated and not muted may speak.
    pub const fn of(seated: bool, muted: bool) -> Self {
        if seated && !muted { Self::Speak } else { Self::Listen }
    }
}

/// Where somebody stands, as far as the vendor must know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Not in the room.
    Out,
    /// Not in the room, because they were kicked or banned.
    Barred {
        /// Until when; `None`: until the ban is lifted.
        until: Option<Timestamp>,
    },
    /// In the room, with these rights.
    In(Rights),
}

/// Where somebody stands from a moment on. Of two notices about a participant the one with the higher number, epoch before
/// turn, is the newer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub user: UserId,
    /// The epoch of the room in which it holds.
    pub epoch: i64,
    /// The number of the notice within the epoch.
    pub turn: i64,
    /// Where the user stands.
    pub standing: Standing,
}

/// What has changed for somebody who may be connected to the vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The rights are these from now on.
    Rights(Rights),
    /// The person has left the room, and may come back with a new token at once.
    Left,
    /// The person may come in again whom this rule of the vendor keeps out.
    Lifted {
        /// The number of the rule at the vendor.
        rule: i64,
    },
    /// The person is put out. No token that was signed until now lets the person in again.
    Out {
        /// How long the person stays out; nothing: the person may come back with a new token at once.
        stays_out: Duration,
    },
}

/// A token for a vendor, and until when it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct VoiceToken {
    /// The token. It is a secret and is never logged.
    pub token: String,
    /// The client must have a new token by then, or it loses a right that it has.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for VoiceToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A voice vendor, as far as Parlor deals with it.
pub trait VoiceProvider: Send + Sync + 'static {
    /// A token with which the client connects to the vendor and may do what `rights` say.
    ///
    /// # Errors
    /// `internal` if the token cannot be signed.
    fn token(&self, who: &Participant, rights: Rights, now: Timestamp, chance: &Chance) -> Result<VoiceToken>;

    /// The request that makes `change` hold for somebody who is connected; `None` if the vendor needs none, because
    /// the rights end with the token.
    ///
    /// # Errors
    /// `internal` if the request cannot be signed.
    fn call(&self, who: &Participant, change: Change, now: Timestamp) -> Result<Option<Call>>;

    /// Whether the vendor is called when rights change, and not only when somebody is put out.
    fn is_told_rights(&self) -> bool;

    /// For how long somebody can connect with a token that is signed now.
    fn connects_for(&self, rights: Rights) -> Duration;

    /// How long a call may take.
    fn patience(&self) -> Duration;
}

/// The time in whole seconds since 1970, as the tokens of both vendors have it.
const fn seconds(now: Timestamp) -> i64 {
    now.0.div_euclid(1_000)
}
