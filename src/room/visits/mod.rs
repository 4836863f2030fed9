//! Who was in which room and on which seat, from when to when.
//!
//! Rooms trace it, and the writer of timelines stores what they traced, many rooms at once. It is no money: what a room
//! could not hand over is lost, and a roll of who is there stands for it. A server that is killed leaves visits open; they
//! ended when it was last seen, and are closed by the next owner of the room or by a job.

mod keep;
mod store;

use std::collections::HashMap;

use parlor_protocol::{RoomId, UserId};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub use self::keep::KeepVisits;
use crate::kit::error::Result;
use crate::kit::list::Window;
use crate::kit::page::Page;

/// What happened to a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// They are in the room from now on.
    Came,
    /// They are in it no more.
    Went,
    /// They have this seat from now on.
    Sat(u8),
    /// They have no seat any more.
    Rose,
}

/// One thing that happened, by the room's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Trace {
    pub user: UserId,
    /// Unix milliseconds.
    pub at: i64,
    pub what: What,
}

/// Who is in a room at a moment, and who sits where. What else is open in the store is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Roll {
    /// Unix milliseconds.
    pub at: i64,
    pub people: Vec<UserId>,
    pub seats: Vec<(u8, UserId)>,
}

/// The time of a user in a room, or on a seat of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spell {
    room: i64,
    epoch: i64,
    user: i64,
    seat: Option<u8>,
    began: i64,
    ended: Option<i64>,
}

/// The end of a spell that is open in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Close {
    room: i64,
    epoch: i64,
    user: i64,
    seated: bool,
    at: i64,
}

/// A roll, without the people on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Called {
    room: i64,
    epoch: i64,
    at: i64,
}

/// What is to be written of many rooms.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Moves {
    called: Vec<Called>,
    closes: Vec<Close>,
    spells: Vec<Spell>,
    /// Spells that have begun and not ended yet, by room, user, and whether it is of a seat.
    open: HashMap<(i64, i64, bool), Spell>,
}

impl Moves {
    /// Adds what a room has told, in its order. Its roll, if there is one, must be the first of the room.
    pub(super) fn add(&mut self, room: RoomId, epoch: i64, roll: Option<&Roll>, traces: &[Trace]) {
        let room = room.number();
        if let Some(Roll { at, people, seats }) = roll {
            self.called.push(Called { room, epoch, at: *at });
            people.iter().for_each(|user| self.begin(room, epoch, user.number(), None, *at));
            seats.iter().for_each(|(no, user)| self.begin(room, epoch, user.number(), Some(*no), *at));
        }
        for Trace { user, at, what } in traces {
            let user = user.number();
            match what {
                What::Came => self.begin(room, epoch, user, None, *at),
                What::Sat(no) => self.begin(room, epoch, user, Some(*no), *at),
                What::Went => self.end(room, epoch, user, false, *at),
                What::Rose => self.end(room, epoch, user, true, *at),
            }
        }
    }

    fn begin(&mut self, room: i64, epoch: i64, user: i64, seat: Option<u8>, at: i64) {
        let spell = Spell { room, epoch, user, seat, began: at, ended: None };
        if let Some(before) = self.open.insert((room, user, seat.is_some()), spell) {
            self.close(before, at);
        }
    }

    fn end(&mut self, room: i64, epoch: i64, user: i64, seated: bool, at: i64) {
        match self.open.remove(&(room, user, seated)) {
            Some(spell) => self.close(spell, at),
            None => self.closes.push(Close { room, epoch, user, seated, at }),
        }
    }

    /// A spell that did not last is none.
    fn close(&mut self, spell: Spell, at: i64) {
        if at > spell.began {
            self.spells.push(Spell { ended: Some(at), ..spell });
        }
    }

    /// Leaves out the rooms of which nothing may be written.
    pub(super) fn retain(&mut self, held: impl Fn(i64, i64) -> bool) {
        self.called.retain(|called| held(called.room, called.epoch));
        self.closes.retain(|close| held(close.room, close.epoch));
        self.spells.retain(|spell| held(spell.room, spell.epoch));
        self.open.retain(|_, spell| held(spell.room, spell.epoch));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.called.is_empty() && self.closes.is_empty() && self.spells.is_empty() && self.open.is_empty()
    }

    /// Writes it. To write it again changes nothing.
    pub(super) async fn put(&self, conn: &mut PgConnection, incarnation: i64) -> sqlx::Result<()> {
        let mut spells: Vec<Spell> = self.spells.iter().chain(self.open.values()).copied().collect();
        spells.sort_unstable_by_key(|spell| (spell.room, spell.user, spell.seat.is_some(), spell.began));
        if !self.called.is_empty() {
            store::close_uncalled(conn, &self.called, &spells).await?;
        }
        if !self.closes.is_empty() {
            store::close(conn, &self.closes, &spells).await?;
        }
        if !spells.is_empty() {
            store::insert(conn, incarnation, &spells).await?;
        }
        Ok(())
    }
}

/// Notes that this server is alive, so that visits which it should leave open are known to have lasted until now.
pub(super) async fn mark(conn: &mut PgConnection, incarnation: i64, now: i64) -> sqlx::Result<()> {
    store::put_seen(conn, incarnation, now).await
}

crate::list! {
    /// The query of `GET /v1/staff/visits`: newest first.
    pub struct VisitList: "visits" by i64 {
        /// Only in this room.
        room: Option<RoomId>,
        /// Only of this user.
        user: Option<UserId>,
        /// Only stays on seats, or only whole visits.
        seated: Option<bool>,
    }
}

/// The time that a user was in a room, or on one of its seats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Visit {
    /// The visit's number.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The room.
    pub room: RoomId,
    /// The user.
    pub user: UserId,
    /// The seat, if it is a stay on one; absent: it is the whole visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 19)]
    pub seat: Option<u8>,
    /// When it began, in Unix milliseconds.
    pub began: i64,
    /// When it ended; absent: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
}

/// A page of visits, and of stays on seats.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn page(conn: &mut PgConnection, list: &VisitList, window: &Window<VisitList>) -> Result<Page<Visit>> {
    let before = window.behind().unwrap_or(i64::MAX);
    let rows = match (list.room, list.user) {
        (Some(room), user) => store::of_room(conn, room, user, list.seated, before, window.one_more()).await?,
        (None, Some(user)) => store::of_user(conn, user, list.seated, before, window.one_more()).await?,
        (None, None) => store::of_all(conn, list.seated, before, window.one_more()).await?,
    };
    Ok(window.page(rows, |visit| visit.id))
}

/// The visits and stays of these users in this room that go on.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn going_on(conn: &mut PgConnection, room: RoomId, users: &[UserId]) -> Result<Vec<Visit>> {
    let users: Vec<i64> = users.iter().map(|user| user.number()).collect();
    Ok(store::open_of(conn, room, &users).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: i64) -> UserId {
        UserId::new(number).expect("in range")
    }

    fn told(roll: Option<Roll>, traces: &[(i64, i64, What)]) -> Moves {
        let mut moves = Moves::default();
        let traces: Vec<Trace> =
            traces.iter().map(|(at, who, what)| Trace { user: user(*who), at: *at, what: *what }).collect();
        moves.add(RoomId::new(104_233_871).expect("in range"), 7, roll.as_ref(), &traces);
        moves
    }

    fn spells(moves: &Moves) -> Vec<(i64, Option<u8>, i64, Option<i64>)> {
        let all = moves.spells.iter().chain(moves.open.values());
        let mut all: Vec<_> = all.map(|spell| (spell.user, spell.seat, spell.began, spell.ended)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn whoever_comes_and_goes_has_a_visit_and_whoever_stays_an_open_one() {
        let moves = told(None, &[(10, 1, What::Came), (20, 2, What::Came), (30, 1, What::Went), (40, 1, What::Came)]);
        assert_eq!(spells(&moves), [(1, None, 10, Some(30)), (1, None, 40, None), (2, None, 20, None)]);
        assert!(moves.closes.is_empty());
    }

    #[test]
    fn whoever_goes_and_came_before_ends_the_open_visit() {
        let moves = told(None, &[(30, 1, What::Rose), (30, 1, What::Went), (50, 1, What::Came)]);
        let closes: Vec<_> = moves.closes.iter().map(|close| (close.user, close.seated, close.at)).collect();
        assert_eq!(closes, [(1, true, 30), (1, false, 30)]);
        assert_eq!(spells(&moves), [(1, None, 50, None)]);
    }

    #[test]
    fn a_stay_on_a_seat_stands_beside_the_visit_and_a_move_ends_it() {
        let moves = told(
            None,
            &[
                (10, 1, What::Came),
                (20, 1, What::Sat(3)),
                (30, 1, What::Rose),
                (30, 1, What::Sat(4)),
                (40, 1, What::Rose),
            ],
        );
        assert_eq!(spells(&moves), [(1, None, 10, None), (1, Some(3), 20, Some(30)), (1, Some(4), 30, Some(40))]);
    }

    #[test]
    fn a_roll_begins_the_visits_of_whoever_is_there() {
        let roll = Roll { at: 5, people: vec![user(1), user(2)], seats: vec![(0, user(2))] };
        let moves = told(Some(roll), &[(9, 1, What::Went)]);
        assert_eq!(moves.called.len(), 1);
        assert_eq!(spells(&moves), [(1, None, 5, Some(9)), (2, None, 5, None), (2, Some(0), 5, None)]);
    }
}
