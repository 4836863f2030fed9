//! How others see a user: by name and picture. Whoever commits a change of these holds a [`ChangeNote`] over the commit, and
//! `app` tells rooms and sockets, which identity does not know.
//!
//! A note is lost if the process ends before it was told. The sockets end with it, and rooms wake with the names that are
//! stored.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use parlor_protocol::UserId;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Identity, store};
use crate::kit::error::Result;
use crate::kit::tx::Tx;

/// The most users whom [`Identity::changed_people`] names at once.
const AT_ONCE: usize = 64;

/// A change of a user's name or picture that is being committed. It is noted when this is dropped, whatever ended the
/// commit: its success, a failure whose outcome is unknown, or a client that went away, with which its handler is dropped.
/// What is told is read from the store, so a change that was not committed after all is no news to anybody.
#[must_use = "it is held over the commit"]
pub struct ChangeNote {
    identity: Identity,
    user: UserId,
}

impl Drop for ChangeNote {
    fn drop(&mut self) {
        self.identity.0.changes.note(self.user);
    }
}

/// The users whose name or picture has changed and who were not told of yet. A user stands in it once, so its size is
/// bounded by the number of users, and a burst of changes is told as its last.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: Mutex<BTreeSet<UserId>>,
    news: Notify,
}

impl Changes {
    fn note(&self, user: UserId) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
        self.news.notify_one();
    }

    fn take(&self) -> Vec<UserId> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while taken.len() < AT_ONCE
            && let Some(user) = waiting.pop_first()
        {
            taken.push(user);
        }
        taken
    }
}

impl Identity {
    /// Counts one change of the user's name or picture; `rate_limited` if there were too many, because each is told to a
    /// whole room.
    pub fn admit_change(&self, user: UserId) -> Result<()> {
        self.0.changes_allowed.check(&user)
    }

    /// Stores which picture the user has, by the id of its upload; `None` if they have none any more. The caller holds a
    /// [`Identity::note_change`] over the commit.
    pub async fn set_picture(&self, tx: &mut Tx, user: UserId, upload: Option<Uuid>) -> Result<()> {
        store::set_picture(tx, user, upload.map(mark)).await
    }

    /// Notes, when it is dropped, that a change of the user's name or picture is committed, so that it is told to whoever
    /// sees them. It is taken before the commit and dropped behind it.
    pub fn note_change(&self, user: UserId) -> ChangeNote {
        ChangeNote { identity: self.clone(), user }
    }

    /// Waits for users with a committed change that was not told yet, and returns them, at most 64.
    pub async fn changed_people(&self) -> Vec<UserId> {
        loop {
            let taken = self.0.changes.take();
            if !taken.is_empty() {
                return taken;
            }
            self.0.changes.news.notified().await;
        }
    }
}

/// The number that stands for a picture: the last seven hexadecimal digits of its upload's id, which are random.
fn mark(upload: Uuid) -> i32 {
    (upload.as_u128() & 0x0fff_ffff) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_changed_user_is_named_once_and_none_is_lost() {
        let changes = Changes::default();
        let user = |number| UserId::new(number).expect("in range");
        for number in (1..=100).chain(1..=100) {
            changes.note(user(number));
        }
        assert_eq!(changes.take(), (1..=64).map(user).collect::<Vec<_>>());
        assert_eq!(changes.take(), (65..=100).map(user).collect::<Vec<_>>());
        assert_eq!(changes.take(), []);
        changes.news.notified().await;
    }

    #[test]
    fn a_pictures_mark_is_that_of_the_migration() {
        let upload = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_fabc_def1);
        assert_eq!(mark(upload), 0x0abc_def1);
    }
}
