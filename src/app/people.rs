//! Tells rooms and sockets that a user has another name or picture. Identity knows who, presence where they are, and
//! neither knows the other.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parlor_protocol::room::Person;
use parlor_protocol::{RoomId, UserId};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::identity::{self, Identity};
use crate::kit::edge::Reads;
use crate::kit::error::Result;
use crate::presence::Users;
use crate::room::{self, Directory, Request};

/// The wait before a change whose user could not be read is told again.
const AFTER_A_FAILURE: Duration = Duration::from_secs(1);

/// What people and rooms are told through.
pub(super) struct Announcer {
    pub identity: Identity,
    pub reads: Reads,
    pub rooms: Directory,
    pub users: Users,
    /// After this time each change is told a second time. It is longer than a socket or a room takes from reading a name
    /// until it can be told of another: so a name that was read just before the change is put right.
    pub again_after: Duration,
}

/// A change that is to be told.
struct Due {
    at: Instant,
    user: UserId,
    is_last: bool,
}

impl Announcer {
    /// Tells each change in the order of the commits. What is told is read from the store at that moment, so the last one
    /// told is the last one stored. It runs until `until` is cancelled.
    pub(super) async fn run(self, until: CancellationToken) {
        let mut later: VecDeque<Due> = VecDeque::new();
        loop {
            let next = later.front().map(|due| due.at);
            let due = tokio::select! {
                biased;
                () = until.cancelled() => return,
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let now = Instant::now();
                    let ripe = later.iter().take_while(|due| due.at <= now).count();
                    later.drain(..ripe).collect()
                }
                users = self.identity.changed_people() => {
                    let at = Instant::now();
                    users.into_iter().map(|user| Due { at, user, is_last: false }).collect::<Vec<_>>()
                }
            };
            let users: Vec<UserId> = due.iter().map(|due| due.user).collect();
            let Some(told) = until.run_until_cancelled(self.tell(&users)).await else { return };
            if let Err(error) = told {
                tracing::warn!(%error, "rooms were not told of changed names; they are told in a second");
                let at = Instant::now() + AFTER_A_FAILURE;
                due.into_iter().rev().for_each(|due| later.push_front(Due { at, ..due }));
                continue;
            }
            let at = Instant::now() + self.again_after;
            later.extend(due.iter().filter(|due| !due.is_last).map(|due| Due { at, user: due.user, is_last: true }));
        }
    }

    /// Reads these users, and tells their sockets, the room that each is in, and the rooms that each owns.
    async fn tell(&self, users: &[UserId]) -> Result<()> {
        let mut conn = self.reads.conn().await?;
        let people = identity::names(&mut conn, users).await?;
        let mut owned: BTreeMap<UserId, Vec<RoomId>> = BTreeMap::new();
        for (owner, room) in room::owned_by(&mut conn, users).await? {
            owned.entry(owner).or_default().push(room);
        }
        drop(conn);
        for person in people {
            self.users.changed(&person).await;
            let owned = owned.remove(&person.id).unwrap_or_default();
            let current = self.users.room(person.id).filter(|room| !owned.contains(room));
            for room in owned.into_iter().chain(current) {
                self.tell_room(room, &person);
            }
        }
        Ok(())
    }

    fn tell_room(&self, room: RoomId, person: &Person) {
        if self.rooms.awake(room).is_some() {
            self.users.insist(room, Request::Changed { person: person.clone() });
        }
    }
}
