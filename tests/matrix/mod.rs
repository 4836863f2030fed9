//! Who may do what: each operation of the API and each command of the socket, asked by each kind of
//! person, on what is theirs and on what is another's. Every cell is asserted. An operation or a command
//! that is new fails here until it has its line.
//!
//! A cell says what becomes of the asking:
//! `.` it is let through (it may still be refused for the state of things: 402, 409, 422), `1` who asks is
//! not known, `3` may not, `4` there is no such thing for them, `b` what the body names is nothing of
//! theirs, `o` they are outside of the room.

mod commands;
mod operations;

use std::collections::HashMap;

use parlor_protocol::{RoomId, UserId};

use crate::support::client::Client;
use crate::support::world::World;

/// The kinds of people, in the order of the cells.
const KINDS: [&str; 8] = ["anonymous", "user", "suspended", "reseller", "support", "moderator", "manager", "admin"];

/// What becomes of an answer with this status and code.
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

/// Somebody who asks.
struct Asker {
    kind: &'static str,
    /// `None`: nobody is signed in.
    user: Option<UserId>,
    /// A room of theirs; nobody's in particular where nobody is signed in.
    own_room: RoomId,
}

/// The world with one of each kind, and what belongs to others.
struct Scene {
    world: World,
    askers: Vec<Asker>,
    /// A plain user.
    user: UserId,
    /// An admin who is none of the askers.
    admin: UserId,
    /// Whose room `other_room` is.
    owner: UserId,
    other_room: RoomId,
}

impl Scene {
    async fn set() -> Self {
        let world = World::new().await;
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

    /// A token of a sign-in that nothing was done with; empty where nobody is signed in.
    async fn token(&self, asker: &Asker) -> String {
        match asker.user {
            Some(user) => self.world.token(user).await,
            None => String::new(),
        }
    }

    /// Somebody new, in this room for as long as the answer lives.
    async fn guest(&self, room: RoomId) -> (UserId, Client) {
        let guest = self.world.person("user").await;
        (guest, self.world.in_room(guest, room).await)
    }

    /// The words that stand for things in every line.
    fn words(&self, asker: &Asker) -> HashMap<&'static str, String> {
        HashMap::from([
            ("{self}", asker.user.map_or_else(|| "1".to_owned(), |user| user.to_string())),
            ("{user}", self.user.to_string()),
            ("{admin}", self.admin.to_string()),
            ("{own_room}", asker.own_room.to_string()),
            ("{other_room}", self.other_room.to_string()),
        ])
    }
}

fn filled(text: &str, words: &HashMap<&'static str, String>) -> String {
    words.iter().fold(text.to_owned(), |text, (word, meant)| text.replace(word, meant))
}
