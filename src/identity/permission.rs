//! The permissions of the platform's staff. The database stores which role has which permissions; the code says here
//! which permissions it asks for. When the server starts, both lists must contain the same permissions.

use std::fmt;

use serde::Serialize;

/// A permission as a type, for the extractor that asks for it: `Staff<may::SuspendUsers>`.
pub trait Needed: Send + Sync + 'static {
    /// The permission that this type stands for.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A permission of the platform's staff.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Permission {
            $($(#[$doc])* $variant,)*
        }

        impl Permission {
            /// Every permission that the code asks for.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The permission's name in the database and on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The permission of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }

        /// Each permission as a type, for the extractor `Staff`.
        pub mod may {
            use super::{Needed, Permission};

            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug)]
                pub struct $variant;

                impl Needed for $variant {
                    const PERMISSION: Permission = Permission::$variant;
                }
            )*
        }
    };
}

permissions! {
    /// Find users, and read one.
    ReadUsers = "users.read";
    /// Suspend users, and lift suspensions.
    SuspendUsers = "users.suspend";
    /// Sign users out, on one device or everywhere.
    RevokeSessions = "sessions.revoke";
    /// Give and take roles that have no permission which the giver does not have.
    GrantRoles = "roles.grant";
    /// See which rooms are live.
    ReadRooms = "rooms.read";
    /// Put everybody out of a room.
    CloseRooms = "rooms.close";
    /// Close a room so that its owner cannot open it, and open it again.
    SuspendRooms = "rooms.suspend";
    /// Put a room before all others in lists.
    PinRooms = "rooms.pin";
    /// Read what happened in a room, and who was in it.
    ReadTimelines = "rooms.timeline";
    /// Put somebody out of any room.
    KickFromRooms = "rooms.kick";
    /// See who is banned from a room or muted in it, ban and mute users there, and lift that.
    ModerateRooms = "rooms.moderate";
    /// Recall a line of any room's chat.
    RecallLines = "rooms.recall";
    /// Read the audit log.
    ReadAudit = "audit.read";
    /// See the server's jobs, also those that failed.
    ReadJobs = "jobs.read";
    /// Have a failed job tried again.
    RetryJobs = "jobs.retry";
    /// Take a transfer of coins or diamonds back.
    ReverseTransfers = "transfers.reverse";
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Permission;

    #[test]
    fn a_permission_is_found_by_its_name() {
        for permission in Permission::ALL {
            assert_eq!(Permission::from_name(permission.name()), Some(*permission));
        }
        assert_eq!(Permission::from_name("users.delete"), None);
    }
}
