//! Where everybody stands, as far as the voice vendor must know it: what follows from seats, mutes, kicks and bans.

use parlor_protocol::room::Seat;
use parlor_protocol::{Event, UserId};

use super::{Change, RoomState};
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;
use crate::voice::{Rights, Standing};

impl RoomState {
    /// Where the user stands now.
    pub fn standing(&self, user: UserId, now: Timestamp) -> Standing {
        if let Some(until) = self.bans.term(user, now) {
            return Standing::Barred { until };
        }
        if let Some(until) = self.kicks.get(&user).filter(|until| **until > now) {
            return Standing::Barred { until: Some(*until) };
        }
        if self.is_out(user) {
            return Standing::Out;
        }
        Standing::In(self.voice_rights(user))
    }

    /// Where the user stands of whom the vendor knows from before the room woke. While such users may be on their way back
    /// they are not out.
    pub(in crate::room) fn standing_since_wake(&self, user: UserId, now: Timestamp) -> Standing {
        match self.standing(user, now) {
            Standing::Out if now < self.settled_at && self.card.closed.is_none() => Standing::In(Rights::Listen),
            standing => standing,
        }
    }

    /// What a user who is in the room may do with its sound.
    pub(super) fn voice_rights(&self, user: UserId) -> Rights {
        let seat = self.seats.of(user);
        Rights::of(seat.is_some(), seat.is_some_and(|seat| seat.muted || seat.self_muted))
    }

    /// Whether the user is not in the room.
    pub(in crate::room) fn is_out(&self, user: UserId) -> bool {
        self.presence.person(user).is_none()
    }

    /// Adds the users who may stand elsewhere after this change. It is asked before the change is made.
    pub(in crate::room) fn concerned(&self, change: &Change, users: &mut Vec<UserId>) {
        let sits = |seat: &Seat| seat.user.as_ref().map(|user| user.id);
        match change {
            Change::Event(Event::SeatsChanged { seats, .. }) => {
                users.extend(seats.iter().filter_map(sits));
                users.extend(seats.iter().filter_map(|seat| self.seats.seat(seat.no).ok().and_then(sits)));
            }
            Change::Event(Event::LayoutChanged { .. }) => users.extend(self.seats.all().iter().filter_map(sits)),
            Change::Event(Event::ParticipantKicked { user, .. } | Event::ParticipantBanned { user, .. })
            | Change::Departed { user } => users.push(*user),
            _ => {}
        }
    }

    /// The users who lose a right, or a bar, by this fact as the room is now. They are written with the fact. What changes
    /// until the fact is announced comes behind.
    pub(in crate::room) fn foreseen(&self, fact: &Fact) -> Vec<(UserId, Standing)> {
        let on = |are_meant: &dyn Fn(&Seat) -> bool| {
            let seats = self.seats.all().iter().filter(|seat| are_meant(seat));
            let users = seats.filter_map(|seat| seat.user.as_ref());
            users.map(|user| (user.id, Standing::In(Rights::Listen))).collect()
        };
        let barred = |user: UserId, until: Option<i64>| vec![(user, Standing::Barred { until: until.map(Timestamp) })];
        match fact {
            Fact::SeatMuted { seat } => on(&|there| there.no == *seat),
            Fact::SeatLocked { seat } => on(&|there| there.no == *seat && !there.locked),
            Fact::SeatsLocked { seats } => on(&|there| seats.contains(&there.no) && !there.locked),
            Fact::LayoutChanged { seats } => on(&|there| there.no >= *seats),
            Fact::Kicked { user, until, .. } => barred(*user, Some(*until)),
            Fact::Banned { user, until, .. } => barred(*user, *until),
            Fact::Unbanned { user } if self.is_out(*user) => vec![(*user, Standing::Out)],
            Fact::DoorChanged { closed: Some(_) } | Fact::Closed { .. } => {
                let users = self.presence.participants().map(|participant| participant.person.id);
                users.map(|user| (user, Standing::Out)).collect()
            }
            _ => Vec::new(),
        }
    }
}
