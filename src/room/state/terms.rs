//! What holds for some users, such as a ban: for a time, or until it is lifted. The reasons are not here but in the tables.

use std::collections::BTreeMap;

use parlor_protocol::{UserId, limit};

use super::ms;
use crate::kit::clock::Timestamp;

/// The users for whom it holds; for those for whom it ends by itself, when. At most [`limit::MEASURES`] hold at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms(BTreeMap<UserId, Option<Timestamp>>);

impl Terms {
    /// What a waking room reads: each user with the milliseconds that are left.
    pub(super) fn woken(terms: &[(UserId, Option<i64>)], now: Timestamp) -> Self {
        // None lasts longer than the longest, even if the database's clock was set back since.
        let left = |left_ms: i64| now.plus_ms(left_ms.min(ms(limit::MEASURE_MAX_MS)));
        Self(terms.iter().map(|(user, left_ms)| (*user, left_ms.map(left))).collect())
    }

    /// Until when it holds for this user; `None` if it does not hold.
    pub(super) fn term(&self, user: UserId, now: Timestamp) -> Option<Option<Timestamp>> {
        self.0.get(&user).copied().filter(|until| holds(*until, now))
    }

    /// Whether it already holds for so many other users that it cannot hold for this one too.
    pub(super) fn is_full_for(&self, user: UserId, now: Timestamp) -> bool {
        let others = self.0.iter().filter(|(known, until)| **known != user && holds(**until, now));
        others.count() >= limit::MEASURES
    }

    /// It holds for this user from now on. Those for whom it has ended are forgotten.
    pub(super) fn put(&mut self, user: UserId, until: Option<Timestamp>, now: Timestamp) {
        self.0.retain(|_, until| holds(*until, now));
        self.0.insert(user, until);
    }

    pub(super) fn lift(&mut self, user: UserId) {
        self.0.remove(&user);
    }

    /// What was put for this user, even if it has ended since and was not forgotten yet.
    pub(super) fn put_for(&self, user: UserId) -> Option<Option<Timestamp>> {
        self.0.get(&user).copied()
    }

    /// The users for whom it was put, and until when, in Unix milliseconds.
    pub(super) fn of(terms: Vec<(UserId, Option<i64>)>) -> Self {
        Self(terms.into_iter().map(|(user, until)| (user, until.map(Timestamp))).collect())
    }

    /// Everything that was put and not forgotten yet.
    pub(super) fn iter(&self) -> impl Iterator<Item = (UserId, Option<Timestamp>)> {
        self.0.iter().map(|(user, until)| (*user, *until))
    }
}

/// Whether what ends at this time, or not by itself, still holds.
fn holds(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| until > now)
}
