//! Voice tokens by REST: what a token of somebody in a room grants follows from their seat.

use hyper::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use parlor_protocol::Command;
use parlor_protocol::command::{OnMap, TakeSeat};
use serde_json::{Value, json};

use super::{APP, CERTIFICATE, KEY, SECRET};
use crate::support::client::{Client, op};
use crate::support::world::World;

const ADDRESS: &str = "wss://project.livekit.cloud";

fn grant(token: &str) -> Value {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[KEY]);
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    decode::<Value>(token, &key, &validation).expect("a token that holds now").claims["video"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_whoever_is_seated_speak_and_others_in_the_room_listen() {
    let world = World::dev()
        .set("PARLOR__VOICE__PROVIDER", "livekit")
        .set("PARLOR__VOICE__LIVEKIT__ADDRESS", ADDRESS)
        .set("PARLOR__VOICE__LIVEKIT__API_KEY", KEY)
        .set("PARLOR__VOICE__LIVEKIT__API_SECRET", SECRET)
        .await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let token = world.token(guest).await;
    let ask = async || world.call(Method::POST, &format!("/v1/rooms/{room}/voice"), &token, None).await;
    let (status, refused) = ask().await;
    assert_eq!((status, &refused["code"]), (409, &json!("not_in_room")));

    let mut socket = Client::connected(world.address, &token, "device").await;
    socket.join(room, &world.room_token(guest, room)).await.expect("may come in");
    let (status, pass) = ask().await;
    assert_eq!((status, &pass["may_speak"]), (200, &json!(false)), "{pass}");
    assert_eq!(
        [&pass["provider"], &pass["place"], &pass["channel"], &pass["identity"]],
        [&json!("livekit"), &json!(ADDRESS), &json!(room.to_string()), &json!(guest.to_string()),]
    );
    let listens = grant(pass["token"].as_str().expect("a token"));
    assert_eq!(
        [&listens["room"], &listens["roomJoin"], &listens["canPublish"]],
        [&pass["channel"], &json!(true), &json!(false)]
    );

    let take = Command::SeatTake(TakeSeat { room, seat: Some(3), version: None });
    let _: parlor_protocol::reply::Done = socket.ask_as(op(), &take).await.expect("a free seat");
    let (_, pass) = ask().await;
    assert_eq!(pass["may_speak"], true);
    assert_eq!(grant(pass["token"].as_str().expect("a token"))["canPublish"], true);

    let leave = Command::SeatLeave(OnMap { room, version: None });
    let _: parlor_protocol::reply::Done = socket.ask_as(op(), &leave).await.expect("their seat");
    let (_, pass) = ask().await;
    assert_eq!(grant(pass["token"].as_str().expect("a token"))["canPublish"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agora_has_its_own_tokens_and_without_a_vendor_there_are_none() {
    let agora = World::dev()
        .set("PARLOR__VOICE__PROVIDER", "agora")
        .set("PARLOR__VOICE__AGORA__APP_ID", APP)
        .set("PARLOR__VOICE__AGORA__CERTIFICATE", CERTIFICATE)
        .await;
    for (world, expected) in [(agora, 200), (World::dev().await, 501)] {
        let owner = world.person("user").await;
        let room = world.room(owner).await;
        let _socket = world.in_room(owner, room).await;
        let token = world.token(owner).await;
        let (status, pass) = world.call(Method::POST, &format!("/v1/rooms/{room}/voice"), &token, None).await;
        assert_eq!(status, expected, "{pass}");
        if status == 200 {
            assert_eq!((&pass["provider"], &pass["place"]), (&json!("agora"), &json!(APP)));
            assert!(pass["token"].as_str().expect("a token").starts_with("007"), "{pass}");
        } else {
            assert_eq!(pass["code"], "feature_off");
        }
    }
}
