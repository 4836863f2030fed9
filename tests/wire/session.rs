//! The answers of a session to commands that are out of order, without an operation, too many, too frequent or too
//! late.

use std::time::Duration;

use parlor::kit::rate::Rate;
use parlor::room::Request;
use parlor::{delivery, gateway};
use parlor_protocol::command::{Kick, ListPeople, RefreshSession, SendChat, SendGift};
use parlor_protocol::event::Notice;
use parlor_protocol::reply::{Connected, PeoplePage};
use parlor_protocol::{CloseCode, Command, ErrorCode, GiftId, Retry, command::Recipients};
use serde_json::Value;

use super::server::{Server, lock, person, room};
use crate::support::client::{Client, Incoming};

fn a_gift() -> Command {
    let gift = GiftId::new(1).expect("in range");
    Command::GiftSend(SendGift { room: room(1), gift, count: 1, to: Recipients::AllSeats })
}

async fn error_of(client: &mut Client, id: u64, text: &str) -> parlor_protocol::ErrorBody {
    client.text(text).await;
    client.reply::<Value>(id).await.expect_err("refused")
}

#[tokio::test]
async fn invalid_commands_are_answered_with_a_code_and_have_no_effect() {
    let server = Server::start().await;
    let mut client = Client::open(server.address).await;
    assert_eq!(error_of(&mut client, 900, r#"{"id":900,"type":"ping"}"#).await.code, ErrorCode::NotConnected);
    assert_eq!(error_of(&mut client, 901, r#"{"id":901,"type":"fly","data":{}}"#).await.code, ErrorCode::UnknownType);
    client.connect("user:1", "phone").await.expect("a good token");
    client.join(room(1), "room").await.expect("a good token");
    let op = "0199a7c0-0000-7000-8000-000000000000";
    for (text, code) in [
        (r#""type":"fly","data":{}"#.to_owned(), ErrorCode::UnknownType),
        (r#""type":"connect","data":{"token":"user:1","device":"phone"}"#.to_owned(), ErrorCode::AlreadyConnected),
        (r#""type":"chat.send","data":{"room":104000001,"text":"hi"}"#.to_owned(), ErrorCode::OperationRequired),
        (format!(r#""op":"{op}","type":"chat.send","data":{{"room":104000001,"text":" "}}"#), ErrorCode::BadRequest),
        (format!(r#""op":"{op}","type":"chat.send","data":{{"room":"x","text":"hi"}}"#), ErrorCode::BadRequest),
        (format!(r#""op":"{op}","type":"chat.send","data":{{"room":-1,"text":"hi"}}"#), ErrorCode::BadRequest),
        (format!(r#""op":"{op}","type":"chat.send","data":{{"room":104000002,"text":"hi"}}"#), ErrorCode::NotInRoom),
        (format!(r#""op":"{op}","type":"chat.send","data":[]"#), ErrorCode::BadRequest),
        (r#""type":"room.leave","data":{"room":104000002}"#.to_owned(), ErrorCode::NotInRoom),
        (r#""type":"room.join","data":{"room":104000002,"token":"no"}"#.to_owned(), ErrorCode::RoomTokenInvalid),
        (r#""type":"gift.list","data":{"room":104000001,"after":-1}"#.to_owned(), ErrorCode::BadRequest),
    ] {
        let error = error_of(&mut client, 902, &format!(r#"{{"id":902,{text}}}"#)).await;
        assert_eq!(error.code, code, "{text}");
    }
    let done = client.chat(room(1), "still here").await.expect("chat goes on");
    assert_eq!(client.event().await.seq, done.seq);
    assert_eq!(client.inbox().count(), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_refused_and_the_socket_closed() {
    let server = Server::start().await;
    let mut client = Client::open(server.address).await;
    let error = client.connect("stolen", "phone").await.expect_err("a bad token");
    assert_eq!((error.code, error.retry), (ErrorCode::Unauthenticated, Retry::SignIn));
    assert_eq!(client.closed().await, Some(CloseCode::Unauthenticated.number()));
    server.stop().await;
}

#[tokio::test]
async fn a_socket_that_does_not_connect_in_time_is_closed() {
    let settings = gateway::Settings { connect_ms: 100, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::open(server.address).await;
    let closing = client.notice().await;
    assert!(matches!(closing, Notice::Closing { code: 4_003, .. }), "{closing:?}");
    assert_eq!(client.closed().await, Some(CloseCode::ConnectTimeout.number()));
    server.stop().await;
}

#[tokio::test]
async fn the_server_pings_and_closes_a_silent_socket_and_no_other() {
    let settings = gateway::Settings { ping_ms: 50, silence_ms: 400, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut silent = Client::connected(server.address, "user:1", "phone").await;
    let mut lively = Client::connected(server.address, "user:2", "phone").await;
    silent.answers_pings = false;
    let (code, ()) = tokio::join!(silent.closed(), async {
        for _ in 0..12 {
            assert_eq!(lively.notice().await, Notice::Ping);
        }
    });
    assert_eq!(code, Some(CloseCode::Silent.number()));
    lively.ping().await;
    server.stop().await;
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let server = Server::start().await;
    let mut client = Client::connected(server.address, "user:1/150", "phone").await;
    assert_eq!(client.closed().await, Some(CloseCode::Unauthenticated.number()));
    server.stop().await;
}

#[tokio::test]
async fn a_socket_that_refreshes_its_session_outlives_its_first_token() {
    let server = Server::start().await;
    let mut client = Client::connected(server.address, "user:1@7/1500", "phone").await;
    let mut other = Client::connected(server.address, "user:2/1600", "phone").await;
    let expiring = client.notice().await;
    assert!(matches!(expiring, Notice::SessionExpiring { .. }), "{expiring:?}");
    for (token, code) in
        [("stolen", ErrorCode::Unauthenticated), ("user:1@8", ErrorCode::Forbidden), ("user:2@7", ErrorCode::Forbidden)]
    {
        let refused = client.ask::<Value>(refresh(token)).await.expect_err("not this session's");
        assert_eq!(refused.code, code, "{token}");
    }
    client.ask::<Value>(refresh("user:1@7")).await.expect("the same session's");
    assert_eq!(other.closed().await, Some(CloseCode::Unauthenticated.number()));
    client.ping().await;
    assert_eq!(client.inbox().count(), 0, "it is asked again when the new token ends");
    server.stop().await;
}

fn refresh(token: &str) -> Command {
    Command::SessionRefresh(RefreshSession { token: token.to_owned() })
}

#[tokio::test]
async fn a_token_may_come_with_the_handshake() {
    let server = Server::start().await;
    let connect = r#"{"id":900,"type":"connect","data":{"device":"phone"}}"#;
    let open =
        async |bearer: &str| Client::open_with(server.address, &[("authorization", bearer)]).await.expect("open");
    let mut client = open("Bearer user:1").await;
    client.text(connect).await;
    assert_eq!(client.reply::<Connected>(900).await.expect("a good token").user, person(1));
    let mut client = open("Bearer stolen").await;
    assert_eq!(error_of(&mut client, 900, connect).await.code, ErrorCode::Unauthenticated);
    assert_eq!(client.closed().await, Some(CloseCode::Unauthenticated.number()));
    let mut client = open("Bearer user:1").await;
    assert_eq!(client.connect("user:2", "phone").await.expect("the frame's token").user, person(2));
    let mut client = Client::open(server.address).await;
    assert_eq!(error_of(&mut client, 900, connect).await.code, ErrorCode::Unauthenticated);
    server.stop().await;
}

#[tokio::test]
async fn an_account_system_that_does_not_answer_is_a_timeout_to_be_tried_again() {
    let settings = gateway::Settings { answer_ms: 50, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::open(server.address).await;
    let error = client.connect("slow", "phone").await.expect_err("no answer");
    assert_eq!((error.code, error.retry), (ErrorCode::Timeout, Retry::Later));
    client.connect("user:1", "phone").await.expect("the socket is open still");
    server.stop().await;
}

#[tokio::test]
async fn a_waiting_gift_delays_no_other_command_and_is_answered_when_it_is_committed() {
    let server = Server::start().await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.join(room(1), "room").await.expect("a good token");
    let gift = client.send(a_gift()).await;
    client.chat(room(1), "meanwhile").await.expect("chat is not held up");
    // The id of an unanswered command cannot be used again.
    let again = error_of(&mut client, gift, &format!(r#"{{"id":{gift},"type":"ping"}}"#)).await;
    assert_eq!(again.code, ErrorCode::BadRequest);
    let held = lock(&server.room(room(1))).held.pop().expect("the gift waits");
    held.send(Err(ErrorCode::InsufficientFunds.into()));
    let refused = client.reply::<Value>(gift).await.expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InsufficientFunds);
    server.stop().await;
}

#[tokio::test]
async fn a_missing_answer_is_a_timeout() {
    let settings = gateway::Settings { answer_ms: 50, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.join(room(1), "room").await.expect("a good token");
    let error = client.ask::<Value>(a_gift()).await.expect_err("no answer");
    assert_eq!((error.code, error.retry), (ErrorCode::Timeout, Retry::Later));
    server.stop().await;
}

#[tokio::test]
async fn a_late_answer_is_not_given_to_the_next_command_with_its_id() {
    let settings = gateway::Settings { answer_ms: 200, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.join(room(1), "room").await.expect("a good token");
    let gift = client.send(a_gift()).await;
    assert_eq!(client.reply::<Value>(gift).await.expect_err("no answer").code, ErrorCode::Timeout);
    client.send_again(gift, a_gift()).await;
    client.chat(room(1), "the room has heard of the gift before").await.expect("it has the line");
    let mut held = std::mem::take(&mut lock(&server.room(room(1))).held);
    held.remove(0).send(Err(ErrorCode::GiftNotFound.into()));
    held.remove(0).send(Err(ErrorCode::InsufficientFunds.into()));
    assert_eq!(client.reply::<Value>(gift).await.expect_err("refused").code, ErrorCode::InsufficientFunds);
    client.chat(room(1), "nothing else was said").await.expect("the next reply is this one's");
    server.stop().await;
}

#[tokio::test]
async fn a_command_to_a_room_that_ends_without_an_answer_is_room_paused() {
    let server = Server::start().await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.join(room(1), "room").await.expect("a good token");
    let gift = client.send(a_gift()).await;
    client.chat(room(1), "the room has heard of the gift before").await.expect("it has the line");
    lock(&server.room(room(1))).held.clear();
    assert_eq!(client.reply::<Value>(gift).await.expect_err("gone").code, ErrorCode::RoomPaused);
    server.stop().await;
}

#[tokio::test]
async fn the_65th_unanswered_command_is_refused() {
    let settings = gateway::Settings { gift: Rate { count: 1_000, per_ms: 1_000 }, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.join(room(1), "room").await.expect("a good token");
    let mut ids = Vec::new();
    for _ in 0..65 {
        ids.push(client.send(a_gift()).await);
    }
    let error = client.reply::<Value>(ids[64]).await.expect_err("one too many");
    assert_eq!((error.code, error.retry), (ErrorCode::Busy, Retry::Later));
    let held = std::mem::take(&mut lock(&server.room(room(1))).held);
    assert_eq!(held.len(), 64);
    for reply in held {
        reply.send(Err(ErrorCode::GiftNotFound.into()));
    }
    for id in &ids[..64] {
        assert_eq!(client.reply::<Value>(*id).await.expect_err("refused").code, ErrorCode::GiftNotFound);
    }
    client.chat(room(1), "again").await.expect("there is room again");
    server.stop().await;
}

#[tokio::test]
async fn a_user_who_chats_too_often_is_told_on_every_device_how_long_to_wait() {
    let server = Server::start().await;
    let mut phone = Client::connected(server.address, "user:1", "phone").await;
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    phone.join(room(1), "room").await.expect("a good token");
    tablet.join(room(1), "room").await.expect("a good token");
    for _ in 0..5 {
        phone.chat(room(1), "hello").await.expect("within the rate");
    }
    let error = tablet.chat(room(1), "hello").await.expect_err("too fast");
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert!((1..=1_000).contains(&error.retry_after_ms.expect("says how long")), "{error:?}");
    // Seat commands have a rate of their own, which is not used up.
    for _ in 0..5 {
        let kick = Kick { room: room(1), user: person(9).id, duration_ms: None, reason: String::new() };
        phone.ask::<Value>(Command::RoomKick(kick)).await.expect("within the rate");
    }
    let kick = Kick { room: room(1), user: person(9).id, duration_ms: None, reason: String::new() };
    assert_eq!(phone.ask::<Value>(Command::RoomKick(kick)).await.expect_err("too fast").code, ErrorCode::RateLimited);
    server.stop().await;
}

#[tokio::test]
async fn commands_sent_together_are_decided_in_their_order_even_after_connect_and_join() {
    let settings = gateway::Settings { chat: Rate { count: 100, per_ms: 1_000 }, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::open(server.address).await;
    client.text(r#"{"id":1001,"type":"connect","data":{"token":"user:1","device":"phone"}}"#).await;
    client.text(r#"{"id":1002,"type":"room.join","data":{"room":104000001,"token":"room"}}"#).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(client.send(Command::ChatSend(SendChat::of(room(1), number.to_string()))).await);
    }
    // Each reply comes after the event that it names.
    let (mut seen, mut replies) = (0, 0);
    while replies < 22 {
        match client.next().await {
            Incoming::Event(event) => seen = event.seq,
            Incoming::Reply(Some(1_001 | 1_002), Ok(_)) => replies += 1,
            Incoming::Reply(Some(id), Ok(done)) => {
                let index = ids.iter().position(|sent| *sent == id).expect("an id of these");
                let seq = done["seq"].as_u64().expect("a seq");
                assert_eq!(seq, index as u64 + 1, "decided in order");
                assert!(seq <= seen, "the reply to {seq} came before its event");
                replies += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let page = client
        .ask::<PeoplePage>(Command::PeopleList(ListPeople { room: room(1), after: None, search: String::new() }))
        .await;
    assert_eq!(page.expect("in the room").people.iter().map(|there| &there.person).collect::<Vec<_>>(), [&person(1)]);
    server.stop().await;
}

#[tokio::test]
async fn a_drained_server_tells_every_socket_to_come_back() {
    let server = Server::start().await;
    let mut unknown = Client::open(server.address).await;
    let mut known = Client::connected(server.address, "user:1", "phone").await;
    server.gateway.drain(Duration::from_secs(3)).await;
    for client in [&mut unknown, &mut known] {
        let closing = client.notice().await;
        assert!(matches!(closing, Notice::Closing { code: 4_001, after_ms: Some(0..3_000), .. }), "{closing:?}");
        assert_eq!(client.closed().await, Some(CloseCode::Draining.number()));
    }
    server.stop().await;
}

#[tokio::test]
async fn if_the_task_of_a_socket_panics_only_that_socket_ends_and_gives_up_its_place() {
    let server = Server::start().await;
    let mut other = Client::connected(server.address, "user:1", "phone").await;
    let mut bad = Client::connected(server.address, "user:2", "phone").await;
    for client in [&mut other, &mut bad] {
        client.join(room(1), "room").await.expect("may come in");
    }
    bad.send(Command::RoomJoin(bad.join_of(room(2), "panic"))).await;
    assert_eq!(bad.closed().await, None, "it ends without a word");
    server.hears(room(1), |request| matches!(request, Request::Dropped { user, .. } if *user == person(2).id)).await;
    other.ping().await;
    other.chat(room(1), "still here").await.expect("nothing has happened to this one");
    server.stop().await;
}
