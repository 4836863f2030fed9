//! The reply to a join, and its order before the room's events.

use parlor::{delivery, gateway};
use parlor_protocol::command::{Kick, ListGifts, Recipients, SendGift};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::{GiftPage, JoinResult};
use parlor_protocol::room::{GiftLine, Person, Position};
use parlor_protocol::{Coins, Command, ErrorCode, Event, GiftId, UserFrame, limit};
use serde_json::Value;

use super::server::{EPOCH, Server, gift, lock, person, room};
use crate::support::client::{Client, Incoming};

fn gifts(numbers: std::ops::RangeInclusive<i64>) -> Event {
    Event::GiftsSent { gifts: numbers.map(gift).collect(), coins: Coins(0) }
}

fn count(number: u32) -> Event {
    Event::ParticipantsChanged { joined: Vec::new(), left: Vec::new(), count: number }
}

fn numbers(gifts: &[parlor_protocol::room::GiftLine]) -> Vec<i64> {
    gifts.iter().map(|gift| gift.gift_no).collect()
}

#[tokio::test]
async fn no_event_is_missed_or_repeated_between_a_join_and_the_next_events() {
    let server = Server::start().await;
    // Another task publishes events of the room all the time.
    let talk = async {
        for number in 1..=400 {
            server.publish(room(1), count(number)).await;
            tokio::task::yield_now().await;
        }
    };
    let listen = async {
        let mut client = Client::connected(server.address, "user:1", "phone").await;
        let mut seen = Vec::new();
        for round in 0..8 {
            let id = client.send(Command::RoomJoin(client.join_of(room(1), "room"))).await;
            loop {
                match client.next().await {
                    Incoming::Reply(reply, Ok(joined)) if reply == Some(id) => {
                        let seq = joined["position"]["seq"].as_u64().expect("a seq");
                        if round == 0 {
                            seen = (1..=seq).collect();
                        }
                        let missed = joined["events"].as_array().cloned().unwrap_or_default();
                        let missed = missed.iter().map(|event| event["seq"].as_u64().expect("a seq"));
                        // Events of the old subscription may still arrive after the position was taken.
                        let last = seen.last().copied().unwrap_or(0);
                        seen.extend(missed.filter(|seq| *seq > last));
                        assert_eq!(seen.last().copied().unwrap_or(0), seq, "the reply's position is where it ends");
                        break;
                    }
                    Incoming::Event(event) => seen.push(event.seq),
                    other => panic!("{other:?}"),
                }
            }
        }
        while seen.last() != Some(&400) {
            seen.push(client.event().await.seq);
        }
        seen
    };
    let ((), seen) = tokio::join!(talk, listen);
    assert_eq!(seen, (1..=400).collect::<Vec<u64>>());
    server.stop().await;
}

#[tokio::test]
async fn a_resume_in_one_round_trip_brings_missed_events_before_new_ones() {
    let server = Server::start().await;
    server.publish(room(1), count(1)).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    let joined = client.join(room(1), "room").await.expect("a good token");
    assert!(!joined.recovered && joined.snapshot.is_some());
    server.publish(room(1), count(2)).await;
    assert_eq!(client.event().await.seq, 2);
    let positions = client.cut();
    server.publish(room(1), gifts(1..=2)).await;
    server.publish(room(1), count(3)).await;

    let mut client = Client::open(server.address).await;
    client.stand_where(positions);
    let joins = vec![client.join_of(room(1), "room"), client.join_of(room(2), "wrong")];
    let connected = client.connect_and_join("user:1", "phone", joins).await.expect("a good token");
    let [JoinResult::Data(joined), JoinResult::Error(error)] = &connected.joins[..] else {
        panic!("{:?}", connected.joins)
    };
    assert_eq!(error.code, ErrorCode::RoomTokenInvalid);
    assert!(joined.recovered && joined.gifts.is_empty() && !joined.more_gifts);
    let missed: Vec<EventFrame> =
        joined.events.iter().map(|event| serde_json::from_str(event.get()).expect("an event")).collect();
    assert_eq!(missed, lock(&server.room(room(1))).events[2..]);
    server.publish(room(1), count(4)).await;
    assert_eq!(client.event().await.seq, 5);
    server.stop().await;
}

#[tokio::test]
async fn gifts_that_a_join_leaves_out_are_read_from_the_table() {
    let server = Server::start().await;
    {
        let pretended = server.room(room(1));
        let mut pretended = lock(&pretended);
        pretended.table = (1..=260).map(gift).collect();
        pretended.announced = 250;
    }
    server.publish(room(1), count(1)).await;
    server.publish(room(1), gifts(241..=250)).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    let first_visit = client.join(room(1), "room").await.expect("a good token");
    assert!(first_visit.gifts.is_empty() && !first_visit.more_gifts);

    let mut join_from = async |epoch, seq, gift_no| {
        client.stand_where([(room(1), Position { epoch, seq, gift_no })].into());
        client.join(room(1), "room").await.expect("a good token")
    };
    let snapshot = join_from(EPOCH - 1, 9, Some(245)).await;
    assert!(!snapshot.recovered);
    assert_eq!((numbers(&snapshot.gifts), snapshot.more_gifts), ((246..=250).collect(), false));
    let long_away = join_from(EPOCH - 1, 9, Some(10)).await;
    assert_eq!((numbers(&long_away.gifts), long_away.more_gifts), ((11..=210).collect(), true));
    let up_to_date = join_from(EPOCH - 1, 9, Some(250)).await;
    assert!(up_to_date.gifts.is_empty() && !up_to_date.more_gifts);
    let shown_by_events = join_from(EPOCH, 1, Some(240)).await;
    assert!(shown_by_events.recovered && shown_by_events.gifts.is_empty() && !shown_by_events.more_gifts);
    let below_the_events = join_from(EPOCH, 1, Some(237)).await;
    assert!(below_the_events.recovered);
    assert_eq!((numbers(&below_the_events.gifts), below_the_events.more_gifts), (vec![238, 239, 240], false));

    let page: GiftPage =
        client.ask(Command::GiftList(ListGifts { room: room(1), after: 10 })).await.expect("in the room");
    assert_eq!((numbers(&page.gifts), page.more), ((11..=210).collect(), true));
    server.stop().await;
}

#[tokio::test]
async fn a_kicked_user_is_told_after_the_last_event_and_keeps_the_socket() {
    let server = Server::start().await;
    let mut owner = Client::connected(server.address, "user:1", "phone").await;
    let mut guest = Client::connected(server.address, "user:2", "phone").await;
    owner.join(room(1), "room").await.expect("a good token");
    guest.join(room(1), "room").await.expect("a good token");
    owner.chat(room(1), "out with you").await.expect("in the room");
    let kick = Kick { room: room(1), user: person(2).id, duration_ms: None, reason: "rude".into() };
    owner.ask::<Value>(Command::RoomKick(kick)).await.expect("the owner may");
    owner.chat(room(1), "peace").await.expect("in the room");
    assert!(matches!(guest.next().await, Incoming::Event(event) if event.seq == 1));
    let Incoming::User(UserFrame::RoomRemoved { cause, reason, .. }) = guest.next().await else { panic!("removed") };
    assert_eq!((cause, reason.as_str()), (RemovalCause::Kicked, "rude"));
    guest.ping().await;
    assert_eq!(guest.inbox().count(), 0, "no event of the room any more");
    server.stop().await;
}

#[tokio::test]
async fn a_gift_may_be_sent_again_from_outside_the_room() {
    let settings = gateway::Settings { answer_ms: 100, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    let to = Recipients::AllSeats;
    let send = Command::GiftSend(SendGift { room: room(1), gift: GiftId::new(1).expect("in range"), count: 1, to });
    let id = client.send(send).await;
    server.hears(room(1), |request| matches!(request, parlor::room::Request::Command { .. })).await;
    lock(&server.room(room(1))).held.pop().expect("it waits").send(Err(ErrorCode::NotInRoom.into()));
    assert_eq!(client.reply::<Value>(id).await.expect_err("refused").code, ErrorCode::NotInRoom);
    server.stop().await;
}

#[tokio::test]
async fn regression_a_kicked_user_cannot_read_the_gifts_of_the_room() {
    let server = Server::start().await;
    let mut owner = Client::connected(server.address, "user:1", "phone").await;
    let mut guest = Client::connected(server.address, "user:2", "phone").await;
    owner.join(room(1), "room").await.expect("a good token");
    guest.join(room(1), "room").await.expect("a good token");
    let list = || Command::GiftList(ListGifts { room: room(1), after: 0 });
    guest.ask::<GiftPage>(list()).await.expect("in the room");
    let kick = Kick { room: room(1), user: person(2).id, duration_ms: None, reason: String::new() };
    owner.ask::<Value>(Command::RoomKick(kick)).await.expect("the owner may");
    assert_eq!(guest.ask::<GiftPage>(list()).await.expect_err("out").code, ErrorCode::NotInRoom);
    owner.ask::<GiftPage>(list()).await.expect("still in the room");
    server.stop().await;
}

#[tokio::test]
async fn regression_the_gifts_of_a_reply_are_bounded_in_bytes_and_none_is_lost() {
    let server = Server::start().await;
    let everybody: Vec<_> = (0..20).map(|at| Person { name: "\u{1F381}".repeat(40), ..person(at) }).collect();
    lock(&server.room(room(1))).table =
        (1..=200).map(|no| GiftLine { to: everybody.clone(), from: everybody[0].clone(), ..gift(no) }).collect();
    lock(&server.room(room(1))).announced = 200;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.stand_where([(room(1), Position { epoch: EPOCH - 1, seq: 9, gift_no: Some(0) })].into());
    let joined = client.join(room(1), "room").await.expect("a good token");
    assert!(joined.more_gifts && !joined.gifts.is_empty());
    let mut seen = numbers(&joined.gifts);
    let mut bytes = serde_json::to_string(&joined.gifts).expect("serializes").len();
    let mut more = joined.more_gifts;
    while more {
        assert!(bytes <= limit::GIFT_PAGE_BYTES, "{bytes} bytes");
        let after = *seen.last().expect("never empty");
        let page: GiftPage =
            client.ask(Command::GiftList(ListGifts { room: room(1), after })).await.expect("in the room");
        bytes = serde_json::to_string(&page.gifts).expect("serializes").len();
        seen.extend(numbers(&page.gifts));
        more = page.more;
    }
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn regression_connect_answers_only_the_last_of_several_joins_with_the_room() {
    let server = Server::start().await;
    let mut client = Client::open(server.address).await;
    let joins = [1, 2].map(|number| client.join_of(room(number), "room")).to_vec();
    let connected = client.connect_and_join("user:1", "phone", joins).await.expect("a good token");
    let [JoinResult::Error(error), JoinResult::Data(joined)] = &connected.joins[..] else {
        panic!("{:?}", connected.joins)
    };
    assert_eq!((error.code, joined.room), (ErrorCode::NotInRoom, room(2)));
    let twice = vec![client.join_of(room(2), "room"); 2];
    let mut other = Client::open(server.address).await;
    let refused = other.connect_and_join("user:2", "phone", twice).await.expect_err("the same room twice");
    assert_eq!((refused.code, refused.fields[0].field.as_str()), (ErrorCode::BadRequest, "joins"));
    server.stop().await;
}
