//! Rooms as records: made, listed, found.

use parlor::room::service::{self, NewRoom};
use parlor_protocol::{ErrorCode, RoomId};

use super::{count, open, room, user};

#[tokio::test]
async fn a_room_is_made_with_its_row_in_the_ledger_under_a_free_id() {
    let (database, card) = room().await;
    let mut ids = [500_000_000, 500_000_001].into_iter();
    let new = NewRoom { name: "  another ".into(), seats: 12 };
    let draw = || RoomId::new(ids.next().expect("two are enough")).expect("in range");
    let other = service::create(&database.app, user(1), &new, draw).await.expect("created");
    assert_eq!((other.id.number(), other.name.as_str(), other.seats), (500_000_001, "another", 12));
    assert_eq!(service::find(&database.app, card.id).await.expect("there"), card);
    let unknown = RoomId::new(999_999_999).expect("in range");
    assert_eq!(service::find(&database.app, unknown).await.expect_err("nowhere").code(), ErrorCode::RoomNotFound);
    assert_eq!(count(&database.app, "select count(*) from room_totals").await, 2);
}

#[tokio::test]
async fn a_room_that_does_not_fit_is_refused_with_its_fields() {
    let (database, _) = room().await;
    let new = NewRoom { name: " ".into(), seats: 7 };
    let draw = || RoomId::new(600_000_000).expect("in range");
    let error = service::create(&database.app, user(1), &new, draw).await.expect_err("does not fit");
    assert_eq!(error.code(), ErrorCode::BadRequest);
    assert_eq!(error.body.fields.len(), 2);
}

#[tokio::test]
async fn rooms_are_listed_newest_first_by_pages() {
    let (database, _) = room().await;
    for number in 1..=4 {
        open(&database.app, "a room", 500_000_000 + number).await;
    }
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = service::list(&database.app, cursor, 2).await.expect("listed");
        assert!(page.rooms.len() <= 2);
        listed.extend(page.rooms.iter().map(|room| room.id.number() - 500_000_000));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, [4, 3, 2, 1, 0]);
}
