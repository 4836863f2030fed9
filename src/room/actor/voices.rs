//! What the room tells the voice vendor: where those stand who were handed a token for the room's sound. The room hands it
//! over and waits for nothing.

use std::collections::BTreeMap;

use parlor_protocol::UserId;

use super::RoomActor;
use crate::kit::clock::Timestamp;
use crate::room::facts::HardWrite;
use crate::room::request::VoicePlace;
use crate::voice::{Notice, Rights, Standing, Voice};

/// The users of whom the vendor must know, and what it was last told of each.
pub(super) struct Voices {
    voice: Voice,
    /// The number of the last notice of this epoch.
    turn: i64,
    known: BTreeMap<UserId, Standing>,
}

impl Voices {
    pub(super) const fn new(voice: Voice) -> Self {
        Self { voice, turn: 0, known: BTreeMap::new() }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.known.is_empty()
    }
}

impl RoomActor {
    /// Notes that the user is about to be handed a token. From now on the vendor is told of each change.
    ///
    /// The device may do less than the user, whose seat may be another device's: what the vendor is told is the user's.
    pub(super) fn hears(&mut self, user: UserId, rights: Rights, now: Timestamp) -> VoicePlace {
        let standing = self.state.standing(user, now);
        let Notice { epoch, turn, .. } = self.noted(user, standing);
        VoicePlace { rights, standing, epoch, turn }
    }

    /// Notes that another device of this user has their seat from now on, so that each gets a token for what it may do.
    pub(super) fn seat_claimed(&self, user: UserId) {
        if self.voices.known.contains_key(&user) {
            self.voices.voice.claimed(self.state.card().id, user);
        }
    }

    /// Tells where these users stand now, if the vendor must know it and was told otherwise.
    pub(super) fn tell_voices(&mut self, mut users: Vec<UserId>, now: Timestamp) {
        users.sort_unstable();
        users.dedup();
        let mut notices = Vec::new();
        for user in users {
            let standing = self.state.standing(user, now);
            if self.voices.known.get(&user).is_some_and(|known| *known != standing) {
                notices.push(self.noted(user, standing));
            }
        }
        self.voices.voice.note(notices);
    }

    /// Tells where these users stand, whom the vendor may have connected since before the room woke: all of them, or only
    /// those for whom it is not what was told since.
    pub(super) fn recall_voices(&mut self, standings: Vec<(UserId, Standing)>, all: bool) {
        let mut notices = Vec::new();
        for (user, standing) in standings {
            if all || self.voices.known.get(&user).is_some_and(|known| *known != standing) {
                notices.push(self.noted(user, standing));
            }
        }
        self.voices.voice.note(notices);
    }

    /// Tells where those stand of whom a fact was written to take something, if it has not.
    pub(super) fn confirm_voices(&mut self, foreseen: &[Notice], now: Timestamp) {
        let mut notices = Vec::new();
        for Notice { user, standing: foreseen, .. } in foreseen {
            let standing = self.state.standing(*user, now);
            if standing != *foreseen && self.voices.known.contains_key(user) {
                notices.push(self.noted(*user, standing));
            }
        }
        self.voices.voice.note(notices);
    }

    fn noted(&mut self, user: UserId, standing: Standing) -> Notice {
        self.voices.turn += 1;
        match standing {
            Standing::In(_) => self.voices.known.insert(user, standing),
            Standing::Out | Standing::Barred { .. } => self.voices.known.remove(&user),
        };
        Notice { room: self.state.card().id, user, epoch: self.state.epoch(), turn: self.voices.turn, standing }
    }

    /// Adds to a write what its fact takes from whom the vendor must know.
    pub(super) fn foresee(&self, write: &mut HardWrite) {
        let Ok(fact) = &write.verdict else { return };
        if !self.voices.voice.is_on() {
            return;
        }
        let (room, epoch, turn) = (write.room, write.epoch, self.voices.turn);
        let foreseen = self.state.foreseen(fact).into_iter();
        // Of somebody who is out the room knows nothing, but the table may have a row.
        let is_known = |(user, standing): &(UserId, Standing)| {
            self.voices.known.contains_key(user)
                || self.state.is_out(*user)
                || matches!(standing, Standing::Barred { .. })
        };
        let notices = foreseen.filter(is_known);
        write.voice = notices.map(|(user, standing)| Notice { room, user, epoch, turn, standing }).collect();
    }
}
