//! Platform roles: what each brings, who has which, and who may change that.
//!
//! Two rules keep rights from growing by themselves: nobody gives or takes a role that has a permission
//! beyond their own, and nobody acts on somebody who may do what they may not. A room's roles are the
//! room's, and none of this.

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

/// The role that at least one person always has who is not suspended.
pub const ADMIN: &str = "admin";

/// What somebody may do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rights(BTreeSet<Permission>);

impl Rights {
    /// This permission is among them.
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// All of those are among them.
    pub fn cover(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// `forbidden`, where one of those is missing.
    fn must_cover(&self, others: &Self, why: &str) -> Result<()> {
        if self.cover(others) { Ok(()) } else { Err(forbidden(why)) }
    }
}

/// A name that this program does not know gives no right: another version's.
impl FromIterator<String> for Rights {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().filter_map(|name| Permission::from_name(&name)).collect())
    }
}

/// A role and what it brings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Role {
    /// Its name.
    #[schema(example = "moderator")]
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The names of its permissions.
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
    fn rights_cover_what_is_among_them_and_nothing_beyond() {
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
