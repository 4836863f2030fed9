//! The platform's roles: which permissions each has, who has which role, and who may change that.
//!
//! Two rules keep staff from gaining rights by themselves: nobody may give or take a role with a permission that they
//! do not have, and nobody may act on a user who has such a permission. The roles within a room are separate, in
//! `room`.

mod service;
mod store;

use std::collections::BTreeSet;

use parlor_protocol::{ErrorBody, ErrorCode};
use serde::Serialize;
use utoipa::ToSchema;

pub use service::{act_on, agree, grant, has, may, of, require, roles, take};
pub(super) use service::{lock_acts, one_admin_stays};

use super::Permission;
use crate::kit::error::{Error, Result};

/// The role of admins. At least one user who is not suspended always has it.
pub const ADMIN: &str = "admin";

/// A set of permissions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rights(BTreeSet<Permission>);

impl Rights {
    /// Whether the set contains this permission.
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// Whether the set contains all permissions of `others`.
    pub fn cover(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// `forbidden`, with this message, unless the set contains all permissions of `others`.
    fn must_cover(&self, others: &Self, why: &str) -> Result<()> {
        if self.cover(others) { Ok(()) } else { Err(forbidden(why)) }
    }
}

/// Collects permissions by their names. A name that this program does not know, because another version added it, is
/// left out.
impl FromIterator<String> for Rights {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().filter_map(|name| Permission::from_name(&name)).collect())
    }
}

/// A role with its permissions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Role {
    /// The role's name.
    #[schema(example = "moderator")]
    pub name: String,
    /// What the role is for.
    pub description: String,
    /// The names of the role's permissions.
    pub permissions: Vec<String>,
}

fn forbidden(why: &str) -> Error {
    ErrorBody::new(ErrorCode::Forbidden).message(why).into()
}

#[cfg(test)]
mod tests {
    use super::{Permission, Rights};

    fn rights(names: &[&str]) -> Rights {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn rights_cover_their_own_permissions_and_nothing_beyond() {
        let moderator = rights(&["users.read", "users.suspend"]);
        assert!(moderator.cover(&rights(&[])) && moderator.cover(&moderator));
        assert!(!moderator.cover(&rights(&["users.read", "roles.grant"])));
        assert!(!rights(&[]).cover(&moderator));
    }

    #[test]
    fn a_name_that_is_not_known_gives_no_right() {
        let odd = rights(&["users.read", "everything.always", ""]);
        assert_eq!(odd, rights(&["users.read"]));
        assert!(odd.has(Permission::ReadUsers) && !odd.has(Permission::GrantRoles));
    }
}
