//! The reference model: what a room should do, in the simplest form.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::room::ChatRules;
use parlor_protocol::seating::MovePolicy;

use super::super::*;
use super::LAYOUTS;

/// What a room should do, in the simplest form. User 1 is the owner at first.
pub(super) struct Model {
    /// The users in the room; for one without a socket, when their place is lost.
    pub(super) present: BTreeMap<i64, Option<i64>>,
    pub(super) seats: BTreeMap<u8, i64>,
    pub(super) locks: BTreeSet<u8>,
    pub(super) kicks: BTreeMap<i64, i64>,
    pub(super) owner: i64,
    /// To whom the room is offered, and until when.
    pub(super) offer: Option<(i64, i64)>,
    pub(super) admins: BTreeSet<i64>,
    /// Those who are banned; for some, until when.
    pub(super) bans: BTreeMap<i64, Option<i64>>,
    /// Those who are muted in the chat; for some, until when.
    pub(super) mutes: BTreeMap<i64, Option<i64>>,
    pub(super) rules: ChatRules,
    /// When those whom slow mode binds wrote last.
    pub(super) spoken: BTreeMap<i64, i64>,
    /// The number of seats.
    pub(super) count: u8,
    pub(super) seat_mutes: BTreeSet<u8>,
    pub(super) self_muted: BTreeSet<i64>,
    pub(super) applies: bool,
    /// The raised hands: whose, the wish, and until when.
    pub(super) hands: Vec<(i64, Option<u8>, i64)>,
    /// The invitations: the seat, and until when.
    pub(super) invitations: BTreeMap<i64, (Option<u8>, i64)>,
    /// The names of those who have another one than at first.
    pub(super) names: BTreeMap<i64, Person>,
    /// Until this time a user who is not in the room may be on their way back.
    pub(super) settled_at: i64,
    /// How often the record was changed, the room's last name, and who may chat and sit.
    pub(super) changes: u64,
    pub(super) room_name: Option<String>,
    pub(super) may_chat: Who,
    pub(super) may_sit: Who,
    pub(super) lines: Vec<Said>,
}

/// A line: its number, by whom and when it was said, whether it was recalled, and who has reacted to it.
pub(super) struct Said {
    pub(super) number: (i64, u64),
    pub(super) by: i64,
    pub(super) at: i64,
    pub(super) recalled: bool,
    pub(super) reacted: BTreeSet<i64>,
}

/// How long whoever wrote a line may recall it.
pub(super) const RECALL_MS: i64 = 2_000;

impl Model {
    pub(super) fn new() -> Self {
        Self {
            present: BTreeMap::new(),
            seats: BTreeMap::new(),
            locks: BTreeSet::new(),
            kicks: BTreeMap::new(),
            owner: 1,
            offer: None,
            admins: BTreeSet::new(),
            count: LAYOUTS[0],
            bans: BTreeMap::new(),
            mutes: BTreeMap::new(),
            rules: ChatRules::default(),
            spoken: BTreeMap::new(),
            seat_mutes: BTreeSet::new(),
            self_muted: BTreeSet::new(),
            applies: false,
            hands: Vec::new(),
            invitations: BTreeMap::new(),
            names: BTreeMap::new(),
            settled_at: 0,
            changes: 0,
            room_name: None,
            may_chat: Who::All,
            may_sit: Who::All,
            lines: Vec::new(),
        }
    }

    /// The error that is expected, if there is one; otherwise the line is recalled.
    pub(super) fn recall(&mut self, who: i64, which: usize, now: i64) -> Option<ErrorCode> {
        let decides = self.decides(who);
        let said = &mut self.lines[which];
        if !decides && said.by != who {
            return Some(ErrorCode::NotPermitted);
        }
        // What is forgotten of a line by a restart is who wrote it, if it is older than the memory, which never comes here.
        if !decides && said.at + RECALL_MS < now && !said.recalled {
            return Some(ErrorCode::TooLate);
        }
        said.recalled = true;
        None
    }

    /// Nobody has muted themselves who sits nowhere.
    pub(super) fn tidy(&mut self) {
        let sitting: BTreeSet<i64> = self.seats.values().copied().collect();
        self.self_muted.retain(|who| sitting.contains(who));
    }

    pub(super) fn seat_of(&self, who: i64) -> Option<u8> {
        self.seats.iter().find(|(_, sitting)| **sitting == who).map(|(no, _)| *no)
    }

    /// The error for a user who is not in the room.
    pub(super) fn unknown(&self, now: i64) -> ErrorCode {
        if now < self.settled_at { ErrorCode::RoomPaused } else { ErrorCode::UserNotFound }
    }

    pub(super) fn sit(&mut self, who: i64, seat: u8) {
        self.seats.insert(seat, who);
        self.hands.retain(|(whose, ..)| *whose != who);
        self.invitations.remove(&who);
    }

    /// Why the seat cannot be had, if it cannot.
    pub(super) fn unfree(&self, seat: u8) -> Option<ErrorCode> {
        match seat {
            no if self.locks.contains(&no) => Some(ErrorCode::SeatLocked),
            no if self.seats.contains_key(&no) => Some(ErrorCode::SeatTaken),
            _ => None,
        }
    }

    /// The seat of a wish, if there is one.
    pub(super) fn wished(&self, wish: Option<u8>) -> Option<u8> {
        wish.filter(|no| *no < self.count).or_else(|| (1..self.count).find(|no| self.unfree(*no).is_none()))
    }

    /// Whether the user settles hands and invites.
    pub(super) fn settles(&self, who: i64) -> bool {
        self.decides(who) || self.seats.get(&0) == Some(&who)
    }

    pub(super) fn approve(&mut self, by: i64, who: i64, named: Option<u8>) -> Option<ErrorCode> {
        if !self.settles(by) {
            return Some(ErrorCode::Forbidden);
        }
        let Some((_, wish, _)) = self.hands.iter().find(|(whose, ..)| *whose == who) else {
            return Some(ErrorCode::HandSettled);
        };
        let seat = match named {
            Some(no) if no >= self.count => return Some(ErrorCode::SeatNotFound),
            Some(no) => Some(no),
            None => self.wished(*wish),
        };
        match seat {
            None => Some(ErrorCode::SeatTaken),
            Some(0) if by != self.owner => Some(ErrorCode::Forbidden),
            Some(no) => self.unfree(no).or_else(|| {
                self.sit(who, no);
                None
            }),
        }
    }

    pub(super) fn raise(&mut self, who: i64, wish: Option<u8>, now: i64) -> Option<ErrorCode> {
        let known = self.hands.iter().any(|(whose, ..)| *whose == who);
        match wish {
            Some(no) if no >= self.count => Some(ErrorCode::SeatNotFound),
            Some(0) if who != self.owner => Some(ErrorCode::Forbidden),
            _ if self.sits(who) => Some(ErrorCode::AlreadySeated),
            _ if !known && self.hands.len() >= 2 => Some(ErrorCode::QueueFull),
            _ => {
                self.hands.retain(|(whose, ..)| *whose != who);
                self.hands.push((who, wish, now + 1_500));
                None
            }
        }
    }

    pub(super) fn invite(&mut self, by: i64, who: i64, seat: Option<u8>, now: i64) -> Option<ErrorCode> {
        let unfree = seat.and_then(|no| self.unfree(no));
        match seat {
            _ if !self.settles(by) => Some(ErrorCode::Forbidden),
            _ if who == by => Some(ErrorCode::BadRequest),
            Some(no) if no >= self.count => Some(ErrorCode::SeatNotFound),
            Some(0) if by != self.owner => Some(ErrorCode::Forbidden),
            _ if unfree.is_some() => unfree,
            _ if !self.present.contains_key(&who) => Some(self.unknown(now)),
            _ if self.sits(who) => Some(ErrorCode::AlreadySeated),
            _ if !self.invitations.contains_key(&who) && self.invitations.len() >= 2 => Some(ErrorCode::QueueFull),
            _ => {
                self.invitations.insert(who, (seat, now + 2_500));
                None
            }
        }
    }

    pub(super) fn accept(&mut self, who: i64) -> Option<ErrorCode> {
        let Some((wish, _)) = self.invitations.get(&who) else { return Some(ErrorCode::InvitationOver) };
        let Some(no) = self.wished(*wish) else { return Some(ErrorCode::SeatTaken) };
        self.unfree(no).or_else(|| {
            self.sit(who, no);
            None
        })
    }

    pub(super) fn move_user(&mut self, by: i64, who: i64, seat: u8, policy: MovePolicy, now: i64) -> Option<ErrorCode> {
        let sitting = self.seats.get(&seat).copied();
        match self.seat_of(who) {
            _ if !self.decides(by) => Some(ErrorCode::Forbidden),
            _ if seat >= self.count => Some(ErrorCode::SeatNotFound),
            None if !self.present.contains_key(&who) => Some(self.unknown(now)),
            None => Some(ErrorCode::NotSeated),
            Some(own) if own == seat => Some(ErrorCode::AlreadySeated),
            Some(own) if !self.disposes(by, own) => Some(ErrorCode::Forbidden),
            Some(_) if seat == 0 && by != self.owner => Some(ErrorCode::Forbidden),
            Some(_) if self.locks.contains(&seat) => Some(ErrorCode::SeatLocked),
            Some(_) if sitting.is_some() && policy == MovePolicy::GiveUp => Some(ErrorCode::SeatTaken),
            Some(_) if !self.disposes(by, seat) => Some(ErrorCode::Forbidden),
            Some(0) if sitting.is_some() && policy == MovePolicy::Swap && by != self.owner => {
                Some(ErrorCode::Forbidden)
            }
            Some(own) => {
                self.seats.remove(&own);
                self.seats.insert(seat, who);
                if let Some(other) = sitting.filter(|_| policy == MovePolicy::Swap) {
                    self.seats.insert(own, other);
                }
                None
            }
        }
    }

    pub(super) fn remove_user(&mut self, by: i64, who: i64, now: i64) -> Option<ErrorCode> {
        match self.seat_of(who) {
            _ if !self.decides(by) => Some(ErrorCode::Forbidden),
            None if !self.present.contains_key(&who) => Some(self.unknown(now)),
            None => Some(ErrorCode::NotSeated),
            Some(own) if !self.disposes(by, own) => Some(ErrorCode::Forbidden),
            Some(own) => {
                self.seats.remove(&own);
                None
            }
        }
    }

    pub(super) fn layout(&mut self, by: i64, count: u8) -> Option<ErrorCode> {
        if by != self.owner {
            return Some(ErrorCode::Forbidden);
        }
        self.count = count;
        self.seats.retain(|no, _| *no < count);
        self.locks.retain(|no| *no < count);
        self.seat_mutes.retain(|no| *no < count);
        None
    }

    pub(super) fn name(&self, who: i64) -> Person {
        self.names.get(&who).cloned().unwrap_or_else(|| person(who))
    }

    pub(super) fn is_banned(&self, who: i64, now: i64) -> bool {
        self.bans.get(&who).is_some_and(|until| until.is_none_or(|until| until > now))
    }

    /// The error that is expected, if there is one; otherwise the line is posted.
    pub(super) fn say(&mut self, who: i64, now: i64) -> Option<ErrorCode> {
        let slow_ms = i64::from(self.rules.slow_mode_s) * 1_000;
        let is_muted = self.mutes.get(&who).is_some_and(|until| until.is_none_or(|until| until > now));
        if self.decides(who) {
            return None;
        }
        if self.rules.muted || is_muted {
            return Some(ErrorCode::Muted);
        }
        if self.spoken.get(&who).is_some_and(|last| last + slow_ms > now) {
            return Some(ErrorCode::SlowMode);
        }
        if slow_ms > 0 {
            self.spoken.insert(who, now);
        }
        None
    }

    pub(super) fn out(&mut self, who: i64) {
        self.present.remove(&who);
        self.seats.retain(|_, sitting| *sitting != who);
        self.hands.retain(|(whose, ..)| *whose != who);
        self.invitations.remove(&who);
        self.offer = self.offer.filter(|(whose, _)| *whose != who);
    }

    pub(super) fn pass(&mut self, now: i64) {
        let lost: Vec<i64> = self
            .present
            .iter()
            .filter(|(_, until)| until.is_some_and(|until| until <= now))
            .map(|(who, _)| *who)
            .collect();
        lost.into_iter().for_each(|who| self.out(who));
        self.hands.retain(|(.., until)| *until > now);
        self.invitations.retain(|_, (_, until)| *until > now);
        self.offer = self.offer.filter(|(_, until)| *until > now);
    }

    pub(super) fn sits(&self, who: i64) -> bool {
        self.seats.values().any(|sitting| *sitting == who)
    }

    /// Whether the user, who is in the room or owns it, decides about others: the owner and the admins do.
    pub(super) fn decides(&self, who: i64) -> bool {
        who == self.owner || self.admins.contains(&who)
    }

    /// Whether they may decide about this user against the user's will.
    pub(super) fn is_above(&self, who: i64, whom: i64) -> bool {
        who == self.owner && whom != self.owner || self.decides(who) && !self.decides(whom)
    }

    /// Whether they may decide about a seat: nobody sits there, or somebody who is not above them.
    pub(super) fn disposes(&self, who: i64, seat: u8) -> bool {
        self.seats.get(&seat).is_none_or(|sitting| *sitting == who || self.is_above(who, *sitting))
    }

    /// Whether this user is among those.
    pub(super) fn is_one_of(&self, who: i64, those: Who) -> bool {
        self.decides(who) || those == Who::All || (those == Who::Seated && self.sits(who))
    }

    /// The error that is expected, if there is one; otherwise the seat is taken.
    pub(super) fn take(&mut self, who: i64, seat: Option<u8>) -> Option<ErrorCode> {
        if !self.is_one_of(who, self.may_sit) {
            return Some(ErrorCode::NotPermitted);
        }
        match seat {
            Some(no) if no >= self.count => return Some(ErrorCode::SeatNotFound),
            Some(0) if who != self.owner => return Some(ErrorCode::Forbidden),
            _ if self.applies && !self.decides(who) => return Some(ErrorCode::NotPermitted),
            _ if self.sits(who) => return Some(ErrorCode::AlreadySeated),
            _ => {}
        }
        let Some(no) = self.wished(seat) else { return Some(ErrorCode::SeatTaken) };
        self.unfree(no).or_else(|| {
            self.sit(who, no);
            None
        })
    }

    /// The error that is expected, if there is one; otherwise the user moves.
    pub(super) fn move_to(&mut self, who: i64, seat: u8) -> Option<ErrorCode> {
        match (seat, self.seat_of(who)) {
            (no, _) if no >= self.count => Some(ErrorCode::SeatNotFound),
            (0, _) if who != self.owner => Some(ErrorCode::Forbidden),
            (_, None) => Some(ErrorCode::NotSeated),
            (no, Some(own)) if no == own => Some(ErrorCode::AlreadySeated),
            (no, _) if self.locks.contains(&no) => Some(ErrorCode::SeatLocked),
            (no, _) if self.seats.contains_key(&no) => Some(ErrorCode::SeatTaken),
            (no, Some(own)) => {
                self.seats.remove(&own);
                self.seats.insert(no, who);
                None
            }
        }
    }
}
