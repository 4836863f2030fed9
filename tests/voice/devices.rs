//! Two devices of one user: only the one that has the seat may speak.

use hyper::Method;
use parlor_protocol::command::{InRoom, TakeSeat};
use parlor_protocol::reply::{Done, VoicePass};
use parlor_protocol::{Command, ErrorCode, RoomId, UserFrame};
use serde_json::json;

use super::livekit::Fake;
use super::{KEY, SECRET};
use crate::support::client::{Client, op};
use crate::support::time::moment;
use crate::support::world::World;

async fn asks(client: &mut Client, room: RoomId) -> VoicePass {
    client.ask(Command::VoiceToken(InRoom { room })).await.expect("they are in the room")
}

/// The next token that the device is sent.
async fn renewed(client: &mut Client) -> VoicePass {
    loop {
        if let UserFrame::VoiceRenewed { pass, .. } = client.user_frame().await {
            return pass;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_device_that_has_the_seat_speaks_and_another_claims_it_by_socket_and_rest() {
    let (_fake, url) = Fake::start().await;
    let world = World::serve()
        .roomy()
        .set("PARLOR__VOICE__PROVIDER", "livekit")
        .set("PARLOR__VOICE__LIVEKIT__ADDRESS", url.replacen("http", "ws", 1))
        .set("PARLOR__VOICE__LIVEKIT__API_KEY", KEY)
        .set("PARLOR__VOICE__LIVEKIT__API_SECRET", SECRET)
        .await;
    let (owner, user) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let tokens = [world.token(user).await, world.token(user).await];
    let mut phone = Client::connected(world.address, &tokens[0], "phone").await;
    let mut tablet = Client::connected(world.address, &tokens[1], "tablet").await;
    for socket in [&mut phone, &mut tablet] {
        socket.join(room, &world.room_token(user, room)).await.expect("may come in");
    }
    let claim = Command::SeatClaim(InRoom { room });
    let refused = tablet.ask_as::<Done>(op(), &claim).await.expect_err("no seat");
    assert_eq!(refused.code, ErrorCode::NotSeated);
    let sit = Command::SeatTake(TakeSeat { room, seat: Some(3), version: None });
    let _: Done = phone.ask_as(op(), &sit).await.expect("a free seat");
    assert!(asks(&mut phone, room).await.may_speak);
    assert!(!asks(&mut tablet, room).await.may_speak);

    let _: Done = tablet.ask_as(op(), &claim).await.expect("their own seat");
    assert!(renewed(&mut tablet).await.may_speak);
    assert!(!renewed(&mut phone).await.may_speak);
    let path = format!("/v1/rooms/{room}/seat/device");
    let (status, answer) = world.call(Method::PUT, &path, &tokens[0], None).await;
    assert_eq!(status, 200, "{answer}");
    assert!(renewed(&mut phone).await.may_speak);
    assert!(!renewed(&mut tablet).await.may_speak);
    let (status, pass) = world.call(Method::POST, &format!("/v1/rooms/{room}/voice"), &tokens[0], None).await;
    assert_eq!((status, &pass["may_speak"]), (200, &json!(true)), "{pass}");

    // Nobody is sent a second one for the same change.
    moment(1_200..1_500).await;
    for socket in [&mut phone, &mut tablet] {
        socket.ping().await;
        let more = socket.inbox().filter(|frame| format!("{frame:?}").contains("VoiceRenewed")).count();
        assert_eq!(more, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_replaced_in_the_room_is_told_so_and_its_socket_goes_on() {
    let world = World::serve().roomy().set("PARLOR__ROOM__DEVICES", "replace").await;
    let (owner, user) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let mut phone = Client::connected(world.address, &world.token(user).await, "phone").await;
    let mut tablet = Client::connected(world.address, &world.token(user).await, "tablet").await;
    phone.join(room, &world.room_token(user, room)).await.expect("may come in");
    tablet.join(room, &world.room_token(user, room)).await.expect("may come in");
    let UserFrame::RoomRemoved { cause, .. } = phone.user_frame().await else { panic!("another frame") };
    assert_eq!(cause, parlor_protocol::event::RemovalCause::Replaced);
    assert_eq!(phone.chat(room, "still here?").await.expect_err("it is out").code, ErrorCode::NotInRoom);
    phone.ping().await;
    tablet.chat(room, "I am").await.expect("it is in");
    // The user leaves with the device that is in the room, at once, although the other's socket is open.
    tablet.close(1000).await;
    let mut another = world.in_room(owner, room).await;
    let alone = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        parlor_protocol::Event::ParticipantsChanged { count, .. } => (*count == 1).then_some(()),
        _ => None,
    };
    another.event_where("the owner is alone", alone).await;
}
