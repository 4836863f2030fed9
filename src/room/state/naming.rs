//! Names and pictures of people. The room keeps one of each user: it is the same on the seat, with a hand, in the list of people, on
//! the room's card, and with the lines and gifts that the user sends from now on. What was sent keeps the name of its time.

use parlor_protocol::Event;
use parlor_protocol::room::Person;

use super::{Change, RoomState};

impl RoomState {
    /// The change by which this user has this name and picture; `None` if the room has them so already, or if they
    /// neither own it nor are in it.
    ///
    /// It is an event if clients were shown another one. A user whom no event has named yet is named by their arrival, and
    /// in a room that only counts its people those without a seat are not named.
    pub(super) fn renaming(&self, person: &Person) -> Option<Change> {
        let user = person.id;
        let differs = |known: Option<&Person>| known.is_some_and(|known| is_same(known, person) && known != person);
        let sitting = self.seats.of(user).and_then(|seat| seat.user.as_ref());
        let hand = self.hands.of(user).map(|hand| &hand.user);
        let invited = self.invitations.of(user).map(|invitation| &invitation.user);
        let offered = self.offer.as_ref().map(|offer| &offer.user);
        let shown = [Some(&self.card.owner), sitting, hand, invited, offered, self.presence.named(user)];
        if shown.into_iter().any(differs) {
            return Some(Change::Event(Event::PersonChanged { person: person.clone() }));
        }
        differs(self.presence.person(user)).then(|| Change::Renamed(person.clone()))
    }

    /// The change by which a user who has left has this name and picture, should somebody give them a gift now; `None` if
    /// they are not kept, or have them already. It searches through those who have left, so a join, which makes what is
    /// kept of the user useless, does not ask for it.
    pub(super) fn renaming_of_left(&self, person: &Person) -> Option<Change> {
        let differs = self.presence.left(person.id).is_some_and(|known| known != person);
        differs.then(|| Change::Renamed(person.clone()))
    }

    /// The caller as the room knows them, so that a line has the same name as the seat of whoever wrote it.
    pub(super) fn known<'a>(&'a self, caller: &'a Person) -> &'a Person {
        self.presence.person(caller.id).unwrap_or(caller)
    }

    pub(super) fn evolve_person(&mut self, person: &Person) {
        let on_card = &mut self.card.owner;
        if is_same(on_card, person) {
            on_card.clone_from(person);
        }
        self.seats.rename(person);
        self.hands.rename(person);
        self.invitations.rename(person);
        for offered in self.offer.iter_mut().map(|offer| &mut offer.user).filter(|offered| is_same(offered, person)) {
            offered.clone_from(person);
        }
        self.presence.rename(person);
    }
}

/// Whether both are one user, whatever they are called.
fn is_same(one: &Person, other: &Person) -> bool {
    one.id == other.id
}
