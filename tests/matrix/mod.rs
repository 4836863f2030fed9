//! Tests who may do what: each kind of user sends each operation of the API and each command of the socket, about their
//! own things and about those of others. Every cell of the matrix is checked, and a new operation or command fails
//! until it has a line.
//!
//! A cell is the expected result:
//! - `.`: allowed (it may still be refused because of the state: 402, 409, 422)
//! - `1`: the caller is not signed in
//! - `3`: the caller has no right to do it
//! - `4`: the thing does not exist for the caller
//! - `b`: the body names something that is not the caller's
//! - `o`: the caller is not in the room

mod commands;
pub mod operations;

use std::collections::HashMap;

use parlor_protocol::{RoomId, UserId};

use crate::support::client::Client;
use crate::support::world::World;

/// The kinds of users, in the order of the cells.
const KINDS: [&str; 8] = ["anonymous", "user", "suspended", "reseller", "support", "moderator", "manager", "admin"];

/// The cell for an answer with this status and code.
fn cell(status: u16, code: &str) -> char {
    match (status, code) {
        (_, "not_in_room") => 'o',
        (401, _) => '1',
        (403, _) => '3',
        (404, _) => '4',
        (400, "bad_request") => 'b',
        (200..=399 | 402 | 409 | 422, _) => '.',
        _ => '?',
    }
}

/// A user who sends the operation or command.
pub struct Asker {
    pub kind: &'static str,
    /// The access token; `None` if nobody is signed in.
    pub user: Option<UserId>,
    /// A room of the user; some other room if nobody is signed in.
    pub own_room: RoomId,
}

/// A world with a user of each kind, and with things of other users.
pub struct Scene {
    pub world: World,
    pub askers: Vec<Asker>,
    /// A plain user.
    user: UserId,
    /// An admin who sends nothing.
    admin: UserId,
    /// The owner of `other_room`.
    owner: UserId,
    other_room: RoomId,
}

impl Scene {
    pub async fn set() -> Self {
        let voice = World::dev()
            .roomy()
            .lease(1_000)
            .set("PARLOR__VOICE__PROVIDER", "livekit")
            .set("PARLOR__VOICE__LIVEKIT__ADDRESS", "ws://127.0.0.1:9")
            .set("PARLOR__VOICE__LIVEKIT__API_KEY", "key")
            .set("PARLOR__VOICE__LIVEKIT__API_SECRET", "a-secret-of-32-characters-or-more");
        Self::on(voice.await).await
    }

    /// The same on this world.
    pub async fn on(world: World) -> Self {
        let (user, admin, owner) =
            (world.person("user").await, world.person("admin").await, world.person("user").await);
        let other_room = world.room(owner).await;
        let mut askers = Vec::new();
        for kind in KINDS {
            let role = if ["anonymous", "suspended"].contains(&kind) { "user" } else { kind };
            let user = world.person(role).await;
            let own_room = world.room(user).await;
            if kind == "suspended" {
                sqlx::query("insert into suspensions (user_id, reason) values ($1, 'spam')")
                    .bind(user.number())
                    .execute(&world.database.app)
                    .await
                    .expect("a suspension");
            }
            let user = (kind != "anonymous").then_some(user);
            askers.push(Asker { kind, user, own_room });
        }
        Self { world, askers, user, admin, owner, other_room }
    }

    /// The token of a new session of the user; empty if nobody is signed in.
    pub async fn token(&self, asker: &Asker) -> String {
        match asker.user {
            Some(user) => self.world.token(user).await,
            None => String::new(),
        }
    }

    /// A new user who is in this room as long as the returned value lives.
    async fn guest(&self, room: RoomId) -> (UserId, Client) {
        let guest = self.world.person("user").await;
        (guest, self.world.in_room(guest, room).await)
    }

    /// The placeholders of the lines, with the values for this user.
    pub fn words(&self, asker: &Asker) -> HashMap<&'static str, String> {
        HashMap::from([
            ("{self}", asker.user.map_or_else(|| "1".to_owned(), |user| user.to_string())),
            ("{user}", self.user.to_string()),
            ("{admin}", self.admin.to_string()),
            ("{own_room}", asker.own_room.to_string()),
            ("{other_room}", self.other_room.to_string()),
        ])
    }
}

pub fn filled(text: &str, words: &HashMap<&'static str, String>) -> String {
    words.iter().fold(text.to_owned(), |text, (word, meant)| text.replace(word, meant))
}
