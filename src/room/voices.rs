//! What the voice vendor is told of rooms that wake, and of those that sleep although it may have somebody connected: a
//! process that was killed has not told everything.

use parlor_protocol::{RoomId, UserId};
use tokio::time::{Duration, MissedTickBehavior, interval, sleep};

use super::directory::Directory;
use super::request::Request;

/// The time between two looks for rooms that sleep.
const EVERY: Duration = Duration::from_secs(30);
/// The wait before the store or the room is asked again.
const AGAIN: Duration = Duration::from_millis(500);

impl Directory {
    /// Has the vendor told where everybody stands whom it may have connected for a room that wakes; and again, of those
    /// who have not come back, when their time for that is over. Nobody waits for it.
    pub(super) fn recall_voices(&self, room: RoomId) {
        if !self.0.voice.is_on() {
            return;
        }
        let (directory, stop) = (self.clone(), self.0.stop.clone());
        self.0.crew.work("voices of a waking room", async move {
            let recall = async {
                let users = directory.voices(room).await;
                if users.is_empty() {
                    return;
                }
                directory.tell_voices(room, &users, true).await;
                sleep(Duration::from_millis(directory.0.settings.grace_ms)).await;
                directory.tell_voices(room, &users, false).await;
            };
            // At the stop nothing is lost: the next wake begins anew.
            let _ = stop.run_until_cancelled(recall).await;
        });
    }

    async fn voices(&self, room: RoomId) -> Vec<UserId> {
        loop {
            match self.0.voice.inside(room).await {
                Ok(users) => return users,
                Err(error) => tracing::debug!(room.id = room.number(), %error, "voice rights cannot be read"),
            }
            sleep(AGAIN).await;
        }
    }

    /// Asks the room until it takes the request. A room that is not awake any more wakes with this anew.
    async fn tell_voices(&self, room: RoomId, users: &[UserId], all: bool) {
        while let Some(handle) = self.awake(room) {
            if handle.call(Request::Voices { users: users.to_vec(), all }).await.is_ok() {
                return;
            }
            drop(handle);
            sleep(AGAIN).await;
        }
    }

    /// Wakes the rooms that sleep although the vendor may have somebody connected, at the start and then periodically.
    pub(super) async fn watch_voices(self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let look = async {
                ticks.tick().await;
                let rooms = match self.0.voice.rooms().await {
                    Ok(rooms) => rooms,
                    Err(error) => return tracing::warn!(%error, "voice rights cannot be read; it is tried again"),
                };
                for room in rooms.into_iter().filter(|room| self.awake(*room).is_none()) {
                    if let Err(error) = self.wake(room).await {
                        tracing::debug!(room.id = room.number(), %error, "a room was not woken for its voices");
                    }
                }
            };
            if self.0.stop.run_until_cancelled(look).await.is_none() {
                return;
            }
        }
    }
}
