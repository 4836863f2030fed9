//! What staff sees of the rooms that are live on this node.

use std::time::Duration;

use futures_util::future::join_all;
use parlor_protocol::RoomId;

use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::room::{Answer, Directory, Request, Sight};

/// How long a room is waited for.
pub(super) const ROOM_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Where staff's acts come in. Cheap to clone; a part of the state of routes.
#[derive(Clone)]
pub struct Office {
    pub(super) rooms: Directory,
}

crate::list! {
    /// What `GET /v1/staff/rooms` is asked with: by the room's id.
    pub struct LiveRoomList: "live.rooms" by i64 {}
}

impl Office {
    /// An office over these rooms.
    pub const fn new(rooms: Directory) -> Self {
        Self { rooms }
    }

    /// A page of the rooms that are live on this node, by id. One that goes to sleep meanwhile, or is too
    /// busy to be looked at, is left out.
    pub async fn live_rooms(&self, window: &Window<LiveRoomList>) -> Page<Sight> {
        let live = self.rooms.all_awake();
        let mut rooms: Vec<RoomId> = live.into_iter().filter(|room| Some(room.number()) > window.behind()).collect();
        rooms.truncate(window.limit() + 1);
        let page = window.page(rooms, |room| room.number());
        let looks = join_all(page.items.iter().map(|room| self.look(*room))).await;
        Page { items: looks.into_iter().flatten().collect(), next: page.next }
    }

    async fn look(&self, room: RoomId) -> Option<Sight> {
        let handle = self.rooms.awake(room)?;
        match tokio::time::timeout(ROOM_ANSWERS_WITHIN, handle.call(Request::Look)).await {
            Ok(Ok(Answer::Sight(sight))) => Some(sight),
            _ => None,
        }
    }
}
