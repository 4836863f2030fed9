//! One user with several sockets: sockets that are replaced, closed or lost.

use parlor::kit::rate::Rate;
use parlor::room::Request;
use parlor::{delivery, gateway};
use parlor_protocol::event::{Notice, RemovalCause};
use parlor_protocol::room::Position;
use parlor_protocol::{CloseCode, Currency, ErrorBody, ErrorCode, Event, Retry, UserFrame};
use serde_json::Value;
use uuid::Uuid;

use super::server::{Server, person, room};
use crate::support::client::Client;

fn removed(number: i64, cause: RemovalCause) -> UserFrame {
    UserFrame::RoomRemoved { room: room(number), cause, until: None, reason: String::new() }
}

fn count(number: u32) -> Event {
    Event::ParticipantsChanged { joined: Vec::new(), left: Vec::new(), count: number }
}

#[tokio::test]
async fn the_same_device_replaces_its_older_socket_and_stays_in_the_room() {
    let server = Server::start().await;
    let mut old = Client::connected(server.address, "user:1", "phone").await;
    old.join(room(1), "room").await.expect("a good token");
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    let mut new = Client::open(server.address).await;
    let joins = vec![old.join_of(room(1), "room")];
    let connected = new.connect_and_join("user:1", "phone", joins).await.expect("a good token");
    assert_eq!(connected.joins.len(), 1);
    assert_eq!(old.closed().await, Some(CloseCode::Replaced.number()));
    // The room learns that a socket was lost, and not that a user left.
    server.hears(room(1), |request| matches!(request, Request::Dropped { .. })).await;
    server.publish(room(1), count(1)).await;
    assert_eq!(new.event().await.event, count(1));
    assert!(!server.heard(room(1)).iter().any(|request| matches!(request, Request::Leave { .. })));
    tablet.ping().await;
    let frame = UserFrame::BalanceChanged { currency: Currency::Coin, amount: 5, version: 9 };
    server.gateway.users().send(person(1).id, &frame).await;
    assert_eq!(new.user_frame().await, frame);
    assert_eq!(tablet.user_frame().await, frame);
    assert_eq!(server.gateway.users().count(), 1);
    server.stop().await;
}

#[tokio::test]
async fn joining_another_room_leaves_the_first_on_every_device() {
    let server = Server::start().await;
    let mut phone = Client::connected(server.address, "user:1", "phone").await;
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    let mut watch = Client::connected(server.address, "user:1", "watch").await;
    phone.join(room(1), "room").await.expect("a good token");
    tablet.join(room(1), "room").await.expect("a good token");
    phone.join(room(2), "room").await.expect("a good token");
    assert_eq!(tablet.user_frame().await, removed(1, RemovalCause::JoinedElsewhere));
    server.hears(room(1), |request| matches!(request, Request::Leave { .. })).await;
    server.publish(room(1), count(1)).await;
    server.publish(room(2), count(2)).await;
    assert_eq!(phone.event().await.room, room(2));
    for client in [&mut phone, &mut tablet, &mut watch] {
        client.ping().await;
        assert_eq!(client.inbox().count(), 0, "{:?}", client.inbox().collect::<Vec<_>>());
    }
    // When the phone's socket is lost, only the second room learns of it.
    phone.cut();
    server.hears(room(2), |request| matches!(request, Request::Dropped { .. })).await;
    server.stop().await;
}

#[tokio::test]
async fn regression_a_device_that_comes_back_by_itself_does_not_undo_a_newer_choice() {
    let server = Server::start().await;
    let mut phone = Client::connected(server.address, "user:1", "phone").await;
    phone.join(room(1), "room").await.expect("a good token");
    let lost_at = phone.cut();
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    tablet.join(room(2), "room").await.expect("the user chose it");

    // By a join of its own, with the connect, and after the tablet has come back to its room by itself as well.
    let mut phone = Client::open(server.address).await;
    phone.stand_where(lost_at.clone());
    let joins = vec![phone.join_of(room(1), "room")];
    let connected = phone.connect_and_join("user:1", "phone", joins).await.expect("a good token");
    assert_eq!(connected.joins.len(), 1);
    let refusal = |refused: ErrorBody| (refused.code, refused.retry);
    let elsewhere = (ErrorCode::JoinedElsewhere, Retry::Never);
    assert_eq!(refusal(phone.join(room(1), "room").await.expect_err("the user is elsewhere")), elsewhere);
    let tablet_at = tablet.cut();
    server.hears(room(2), |request| matches!(request, Request::Dropped { .. })).await;
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    tablet.stand_where(tablet_at);
    tablet.join(room(2), "room").await.expect("it was there");
    assert_eq!(refusal(phone.join(room(1), "room").await.expect_err("still elsewhere")), elsewhere);
    server.publish(room(2), count(1)).await;
    assert_eq!(tablet.event().await.event, count(1));
    assert!(!server.heard(room(2)).iter().any(|request| matches!(request, Request::Leave { .. })));

    // The user chooses the first room on the phone: now the tablet is the one that may not come back.
    phone.stand_where(Default::default());
    phone.join(room(1), "room").await.expect("the user chose it");
    assert_eq!(tablet.user_frame().await, removed(2, RemovalCause::JoinedElsewhere));
    assert_eq!(refusal(tablet.join(room(2), "room").await.expect_err("the user is elsewhere")), elsewhere);
    // Nothing is undone where nothing was chosen: the user has left.
    phone.leave(room(1)).await.expect("in the room");
    tablet.join(room(2), "room").await.expect("the user is nowhere");
    server.stop().await;
}

#[tokio::test]
async fn a_restored_room_counts_as_chosen_for_its_members() {
    let server = Server::start().await;
    let users = server.gateway.users().clone();
    assert!(users.returned(person(1).id, room(2)), "the tablet was there before the restart");
    let mut phone = Client::connected(server.address, "user:1", "phone").await;
    phone.stand_where([(room(1), Position { epoch: 1, seq: 1, gift_no: None })].into());
    let refused = phone.join(room(1), "room").await.expect_err("the user is elsewhere");
    assert_eq!(refused.code, ErrorCode::JoinedElsewhere);
    server.stop().await;
}

#[tokio::test]
async fn a_lost_socket_keeps_its_place_and_a_closed_one_leaves() {
    let server = Server::start().await;
    let mut lost = Client::connected(server.address, "user:1", "phone").await;
    lost.join(room(1), "room").await.expect("a good token");
    let positions = lost.cut();
    server.hears(room(1), |request| matches!(request, Request::Dropped { .. })).await;
    assert!(!server.heard(room(1)).iter().any(|request| matches!(request, Request::Leave { .. })));

    let mut back = Client::connected(server.address, "user:1", "phone").await;
    back.stand_where(positions);
    server.publish(room(1), count(7)).await;
    let joined = back.join(room(1), "room").await.expect("a good token");
    assert!(joined.recovered);
    assert_eq!(joined.events.len(), 1);
    back.close(1_000).await;
    server.hears(room(1), |request| matches!(request, Request::Leave { .. })).await;
    server.stop().await;
}

#[tokio::test]
async fn leaving_ends_the_events_of_the_room_and_not_the_socket() {
    let server = Server::start().await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.join(room(1), "room").await.expect("a good token");
    client.leave(room(1)).await.expect("in the room");
    server.publish(room(1), count(1)).await;
    assert_eq!(client.chat(room(1), "hello?").await.expect_err("left").code, ErrorCode::NotInRoom);
    assert_eq!(client.leave(room(1)).await.expect_err("left").code, ErrorCode::NotInRoom);
    assert_eq!(client.inbox().count(), 0);
    assert!(client.ask::<Value>(parlor_protocol::Command::Ping(Default::default())).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn the_end_of_a_session_closes_its_sockets_and_no_others() {
    let server = Server::start().await;
    let mut phone = Client::connected(server.address, "user:1@1", "phone").await;
    let mut watch = Client::connected(server.address, "user:1@1", "watch").await;
    let mut tablet = Client::connected(server.address, "user:1@2", "tablet").await;
    let mut stranger = Client::connected(server.address, "user:2@1", "phone").await;
    for client in [&mut phone, &mut tablet] {
        client.join(room(1), "room").await.expect("a good token");
    }
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    for _ in 0..2 {
        server.gateway.users().end_session(person(1).id, one, CloseCode::SignedOut).await;
    }
    for client in [&mut phone, &mut watch] {
        let closing = client.notice().await;
        assert!(
            matches!(&closing, Notice::Closing { code: 4_503, reason, .. } if reason == "signed_out"),
            "{closing:?}"
        );
        assert_eq!(client.closed().await, Some(CloseCode::SignedOut.number()));
    }
    server.publish(room(1), count(1)).await;
    assert_eq!(tablet.event().await.event, count(1), "the user is in the room by the tablet");
    assert!(!server.heard(room(1)).iter().any(|request| matches!(request, Request::Leave { .. })));
    // The last socket leaves at once, because nobody can come back to that place.
    server.gateway.users().end_session(person(1).id, two, CloseCode::Suspended).await;
    assert_eq!(tablet.closed().await, Some(CloseCode::Suspended.number()));
    server.hears(room(1), |request| matches!(request, Request::Leave { .. })).await;
    stranger.ping().await;
    server.stop().await;
}

#[tokio::test]
async fn a_user_lost_just_before_a_suspension_leaves_the_room_but_not_one_who_was_signed_out() {
    let server = Server::start().await;
    for number in [1, 2] {
        let mut lost = Client::connected(server.address, &format!("user:{number}@{number}"), "phone").await;
        lost.join(room(number), "room").await.expect("a good token");
        lost.cut();
        server.hears(room(number), |request| matches!(request, Request::Dropped { .. })).await;
    }
    server.gateway.users().end_session(person(1).id, Uuid::from_u128(1), CloseCode::SignedOut).await;
    server.gateway.users().end_session(person(2).id, Uuid::from_u128(2), CloseCode::Suspended).await;
    let left = |request: &Request| matches!(request, Request::Leave { .. });
    server.hears(room(2), left).await;
    assert!(!server.heard(room(1)).iter().any(left), "who comes back with another sign-in finds their place");
    server.stop().await;
}

#[tokio::test]
async fn one_device_too_many_replaces_the_oldest() {
    let settings = gateway::Settings { devices: 2, ..gateway::Settings::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut phone = Client::connected(server.address, "user:1", "phone").await;
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    let mut stranger = Client::connected(server.address, "user:2", "phone").await;
    let mut watch = Client::connected(server.address, "user:1", "watch").await;
    assert_eq!(phone.closed().await, Some(CloseCode::Replaced.number()));
    let mut new_watch = Client::connected(server.address, "user:1", "watch").await;
    assert_eq!(watch.closed().await, Some(CloseCode::Replaced.number()));
    for client in [&mut tablet, &mut new_watch, &mut stranger] {
        client.ping().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_user_who_connects_too_often_must_wait_and_others_need_not() {
    let connect = Rate { count: 2, per_ms: 600_000 };
    let settings = gateway::Settings { connect, ..gateway::Settings::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut first = Client::connected(server.address, "user:1", "phone").await;
    let mut second = Client::connected(server.address, "user:1", "tablet").await;
    let mut third = Client::open(server.address).await;
    for device in ["phone", "watch"] {
        let refused = third.connect("user:1", device).await.expect_err("too often");
        assert_eq!(refused.code, ErrorCode::RateLimited);
        assert!(refused.retry_after_ms.is_some_and(|ms| (200_000..=300_000).contains(&ms)), "{refused:?}");
    }
    // The command is refused and the socket stays open, because another user may connect on it.
    third.connect("user:2", "phone").await.expect("of their own");
    for client in [&mut first, &mut second, &mut third] {
        client.ping().await;
    }
    server.stop().await;
}
