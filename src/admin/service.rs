//! The list of rooms that are live on this node, and the queries for those of bans and mutes, for staff.

use std::time::Duration;

use futures_util::future::join_all;
use parlor_protocol::{RoomId, UserId};

use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::room::{Answer, Directory, Present, Request, Sight};

/// How long staff's request waits for a room's answer.
pub(super) const ROOM_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Carries out what staff asks of rooms. It is cheap to clone and is part of the routes' state.
#[derive(Clone)]
pub struct Office {
    pub(super) rooms: Directory,
}

crate::list! {
    /// The query of `GET /v1/staff/rooms`, ordered by the room's id.
    pub struct LiveRoomList: "live.rooms" by i64 {}
}

crate::list! {
    /// The query of `GET /v1/staff/rooms/{id}/people`, ordered by the user's id.
    pub struct StaffPeopleList: "live.people" by i64 {}
}

crate::list! {
    /// The query of `GET /v1/staff/rooms/{id}/bans`: newest first, ordered by the number of the ban.
    pub struct StaffBanList: "staff.room.bans" by i64 {}
}

crate::list! {
    /// The query of `GET /v1/staff/rooms/{id}/mutes`: newest first, ordered by the number of the mute.
    pub struct StaffMuteList: "staff.room.mutes" by i64 {}
}

impl Office {
    /// An office for the rooms of this directory.
    pub const fn new(rooms: Directory) -> Self {
        Self { rooms }
    }

    /// A page of the rooms that are live on this node, by id. A room that goes to sleep meanwhile, or does not answer
    /// in five seconds, is left out.
    pub async fn live_rooms(&self, window: &Window<LiveRoomList>) -> Page<Sight> {
        let live = self.rooms.all_awake();
        let mut rooms: Vec<RoomId> = live.into_iter().filter(|room| Some(room.number()) > window.behind()).collect();
        rooms.truncate(window.limit() + 1);
        let page = window.page(rooms, |room| room.number());
        let looks = join_all(page.items.iter().map(|room| self.look(*room))).await;
        Page { items: looks.into_iter().flatten().collect(), next: page.next }
    }

    /// A page of those who are in a room that is live on this node, by id; nobody if it does not answer in five seconds.
    pub async fn people(&self, room: RoomId, window: &Window<StaffPeopleList>) -> Page<Present> {
        let request = Request::Roster { after: window.behind().and_then(UserId::new), limit: window.limit() + 1 };
        let answer = match self.rooms.awake(room) {
            Some(handle) => tokio::time::timeout(ROOM_ANSWERS_WITHIN, handle.call(request)).await,
            None => return Page { items: Vec::new(), next: None },
        };
        let people = if let Ok(Ok(Answer::Roster(people))) = answer { people } else { Vec::new() };
        window.page(people, |present| present.user.id.number())
    }

    async fn look(&self, room: RoomId) -> Option<Sight> {
        let handle = self.rooms.awake(room)?;
        match tokio::time::timeout(ROOM_ANSWERS_WITHIN, handle.call(Request::Look)).await {
            Ok(Ok(Answer::Sight(sight))) => Some(sight),
            _ => None,
        }
    }
}
