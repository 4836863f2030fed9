//! What somebody may do on the platform, by name. Which role brings what is data, in the database; what
//! is asked for is code, here. At the start the two lists have to be the same.

use std::fmt;

use serde::Serialize;

/// A permission as a type, for the extractor that asks for it: `Staff<may::SuspendUsers>`.
pub trait Needed: Send + Sync + 'static {
    /// Which.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What staff may be permitted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Permission {
            $($(#[$doc])* $variant,)*
        }

        impl Permission {
            /// Every permission that the code asks about.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The permission as it stands in the database and on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The permission of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }

        /// Each permission as a type.
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
    /// Suspend users, and lift it.
    SuspendUsers = "users.suspend";
    /// Sign users out, on one device or everywhere.
    RevokeSessions = "sessions.revoke";
    /// Give and take roles that have no right beyond one's own.
    GrantRoles = "roles.grant";
    /// See which rooms are live.
    ReadRooms = "rooms.read";
    /// Put everybody out of a room.
    CloseRooms = "rooms.close";
    /// Put somebody out of any room.
    KickFromRooms = "rooms.kick";
    /// Read what staff did.
    ReadAudit = "audit.read";
    /// See what the server has to do, and what of it failed.
    ReadJobs = "jobs.read";
    /// Have a failed job tried again.
    RetryJobs = "jobs.retry";
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
