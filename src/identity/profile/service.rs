//! The rules of profiles, signatures and finding people.

use std::collections::HashSet;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Change, Profile, PublicProfile, signature, store};
use crate::db;
use crate::identity::{Identity, names, suspension};
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::kit::tx::Tx;

/// How often a random signature is tried. The last tries choose among a million numbers.
const TRIES: u32 = 16;
/// The fewest characters of a text that is searched by similarity; shorter texts are similar to anything.
const LIKE_CHARS: usize = 3;

/// The position after which a search goes on: a user whose name begins with the text, or one whose name is similar to
/// it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Key {
    /// The user's folded name and id.
    Begins(String, i64),
    /// The distance of the user's name from the text, and the user's id.
    Like(f32, i64),
}

crate::list! {
    /// The query of `GET /v1/users`, the best match first.
    pub struct PeopleList: "people" by Key {
        /// A signature, or a name or the beginning of one; case, accents and marks make no difference.
        #[param(min_length = 1, max_length = 40)]
        q: String,
    }
}

impl Identity {
    /// The profile of the signed-in user.
    pub async fn profile(&self, conn: &mut PgConnection, user: UserId) -> Result<Profile> {
        let profile = store::profile(conn, user).await?;
        profile.ok_or_else(|| Error::new(ErrorCode::UserNotFound))
    }

    /// The user's id and display name.
    ///
    /// # Errors
    /// `user_not_found`.
    pub async fn person(&self, conn: &mut PgConnection, user: UserId) -> Result<Person> {
        let people = names(conn, &[user]).await?;
        people.into_iter().next().ok_or_else(|| Error::new(ErrorCode::UserNotFound))
    }

    /// The public profile of a user; `user_not_found` also for one who is suspended.
    pub async fn public_profile(&self, conn: &mut PgConnection, user: UserId) -> Result<PublicProfile> {
        if suspension::of(conn, user).await?.is_some() {
            return Err(Error::new(ErrorCode::UserNotFound));
        }
        Ok(self.profile(conn, user).await?.public)
    }

    /// Changes a profile, and gives it. If the name changed, the caller holds a [`Identity::note_change`] over the
    /// commit.
    pub async fn change_profile(&self, tx: &mut Tx, user: UserId, change: &Change) -> Result<Profile> {
        store::change(tx, user, change).await?;
        self.profile(tx, user).await
    }

    /// Changes the user's signature to `wanted`, or to a random one. Nobody can get the former signature.
    ///
    /// # Errors
    /// `signature_taken`, also for a reserved one; `rate_limited` with the time to wait, if it was changed not long
    /// ago.
    pub async fn change_signature(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        user: UserId,
        wanted: Option<&str>,
    ) -> Result<String> {
        let taken = || Error::new(ErrorCode::SignatureTaken);
        if wanted.is_some_and(signature::is_reserved) {
            return Err(taken());
        }
        let days = i32::try_from(self.0.settings.signature_days).unwrap_or(i32::MAX);
        match store::retire_signature(tx, user, days).await? {
            None | Some(0) => {}
            Some(ms) => {
                let wait = u64::try_from(ms).unwrap_or(0);
                return Err(ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(wait).into());
            }
        }
        let signature = match wanted {
            Some(wanted) if store::take_signature(tx, user, wanted, true).await? => wanted.to_owned(),
            Some(_) => return Err(taken()),
            None => give_signature(tx, chance, user, true).await?,
        };
        Ok(signature)
    }

    /// Finds users: first the one with exactly this signature, then those whose name begins with the text, then those
    /// whose name is similar to it.
    pub async fn find_people(
        &self,
        conn: &mut PgConnection,
        text: &str,
        window: &Window<PeopleList>,
    ) -> Result<Page<PublicProfile>> {
        let (after, most) = (window.after(), window.one_more());
        let folded = db::folded(conn, text).await?;
        let exact = match signature::parse(&folded.text) {
            Ok(signature) => store::by_signature(conn, &signature).await?,
            Err(_) => None,
        };
        let but = exact.as_ref().map(|exact| exact.id);
        let mut rows: Vec<(PublicProfile, Key)> = Vec::new();
        if after.is_none() {
            rows.extend(exact.map(|exact| (exact, Key::Begins(String::new(), 0))));
        }
        let begins_after = match after {
            Some(Key::Like(..)) => None,
            Some(Key::Begins(name, id)) => Some(Some((name.as_str(), *id))),
            None => Some(None),
        };
        if let Some(begins_after) = begins_after.filter(|_| !folded.text.is_empty()) {
            let wanted = most - rows.len() as i64;
            let found = store::beginning(conn, &folded.text, begins_after, but, wanted).await?;
            rows.extend(found.into_iter().map(|found| {
                let key = Key::Begins(found.search_name, found.profile.id.number());
                (found.profile, key)
            }));
        }
        let wanted = most - rows.len() as i64;
        if wanted > 0 && folded.text.chars().count() >= LIKE_CHARS {
            let like_after = match after {
                Some(Key::Like(distance, id)) => Some((*distance, *id)),
                _ => None,
            };
            let found = store::like(conn, &folded, like_after, but, wanted).await?;
            rows.extend(found.into_iter().map(|found| {
                let key = Key::Like(found.distance, found.profile.id.number());
                (found.profile, key)
            }));
        }
        Ok(window.page(rows, |(_, key)| key.clone()).map(|(profile, _)| profile))
    }
}

/// Gives the user a random signature. `changed` says that the user asked for it, so that they must wait before the next
/// change.
pub(in crate::identity) async fn give_signature(
    tx: &mut Tx,
    chance: &Chance,
    user: UserId,
    changed: bool,
) -> Result<String> {
    for attempt in 0..TRIES {
        let signature = signature::generated(chance, attempt);
        if store::take_signature(tx, user, &signature, changed).await? {
            return Ok(signature);
        }
    }
    Err(Error::internal("no free signature was found"))
}

/// Gives many users random signatures at once. Each of them may change it at any time.
pub(in crate::identity) async fn give_signatures(tx: &mut Tx, chance: &Chance, users: &[UserId]) -> Result<()> {
    let mut without: Vec<i64> = users.iter().map(|user| user.number()).collect();
    for attempt in 0..TRIES {
        let signatures: Vec<String> = without.iter().map(|_| signature::generated(chance, attempt)).collect();
        let given: HashSet<i64> = store::take_signatures(tx, &without, &signatures).await?.into_iter().collect();
        without.retain(|user| !given.contains(user));
        if without.is_empty() {
            return Ok(());
        }
    }
    Err(Error::internal("no free signatures were found"))
}
