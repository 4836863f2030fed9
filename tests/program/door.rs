//! Who is let into a room: by its privacy, while it is closed, and by staff.

use hyper::Method;
use parlor_protocol::command::{CloseRoom, InRoom};
use parlor_protocol::event::RemovalCause;
use parlor_protocol::record::ClosedBy;
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, RoomId, UserFrame, UserId};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::world::World;

type User = (UserId, String);

/// A world with a room of the first of these users.
async fn scene() -> (World, [User; 3], RoomId) {
    let world = World::serve().roomy().await;
    let users = [world.entered("user").await, world.entered("user").await, world.entered("user").await];
    let room = world.room(users[0].0).await;
    (world, users, room)
}

/// Asks for a room token with this shown, and gives the status and the code or `token`.
async fn enters(world: &World, user: &User, room: RoomId, shown: Value) -> String {
    let (status, answer) = world.post(&format!("/v1/rooms/{room}/token"), &user.1, shown).await;
    if status == 200 { "token".to_owned() } else { answer["code"].as_str().expect("a code").to_owned() }
}

async fn set(world: &World, owner: &User, room: RoomId, body: Value) {
    let (status, answer) = world.call(Method::PUT, &format!("/v1/rooms/{room}/privacy"), &owner.1, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
}

fn owned(room: RoomId, what: &str) -> String {
    format!("/v1/rooms/{room}/{what}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_once_and_guessing_is_locked() {
    let (mut world, [owner, layla, mallory], room) = scene().await;
    let none = json!({"version": 1, "privacy": "password"});
    let (status, problem) = world.call(Method::PUT, &owned(room, "privacy"), &owner.1, Some(none)).await;
    assert_eq!((status, &problem["fields"][0]["field"]), (400, &json!("password")), "{problem}");
    set(&world, &owner, room, json!({"version": 1, "privacy": "password", "password": "open sesame"})).await;
    assert_eq!(enters(&world, &owner, room, json!({})).await, "token", "the owner's own room");
    assert_eq!(enters(&world, &layla, room, json!({})).await, "wrong_password");
    assert_eq!(enters(&world, &layla, room, json!({"password": "open barley"})).await, "wrong_password");
    assert_eq!(enters(&world, &layla, room, json!({"password": "open sesame"})).await, "token");
    assert_eq!(enters(&world, &layla, room, json!({})).await, "token", "once is enough");
    let guessed = "select count(*) from usages where kind = 'room_passwords'";
    assert_eq!(world.count(guessed).await, 1, "the right password is no guess at the room");
    // Five guesses, whether at the same time or not, and the right one is then refused too, also after a kill.
    let guesses = (0..8).map(|guess| enters(&world, &mallory, room, json!({"password": format!("guess {guess}")})));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|answer| *answer == "wrong_password").count(), 5, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| *answer == "rate_limited").count(), 3, "{answers:?}");
    world.kill().await;
    world.start_again().await;
    assert_eq!(enters(&world, &mallory, room, json!({"password": "open sesame"})).await, "rate_limited");
    assert_eq!(enters(&world, &layla, room, json!({})).await, "token");
    // A new password must be entered by everybody; without passwords nobody is kept out.
    set(&world, &owner, room, json!({"version": 2, "privacy": "password", "password": "another one"})).await;
    assert_eq!(enters(&world, &layla, room, json!({})).await, "wrong_password");
    set(&world, &owner, room, json!({"version": 3, "privacy": "public"})).await;
    assert_eq!(enters(&world, &mallory, room, json!({})).await, "token");
    assert_eq!(world.count("select count(*) from room_passwords").await, 0);
    // Neither the password nor its hash is told or logged.
    let stored = "select count(*) from room_facts where fact::text like '%sesame%' or fact::text like '%argon%'";
    assert_eq!(world.count(stored).await, 0);
    let said = world.program.said();
    assert!(!said.contains("sesame") && !said.contains("$argon2id"), "a secret in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invited_users_and_those_with_a_link_are_let_in_and_nobody_else() {
    let (world, [owner, layla, omar], room) = scene().await;
    set(&world, &owner, room, json!({"version": 1, "privacy": "invited"})).await;
    assert_eq!(enters(&world, &layla, room, json!({})).await, "not_permitted");
    assert_eq!(world.put(&owned(room, &format!("guests/{}", layla.0)), &owner.1).await, 204);
    assert_eq!(world.put(&owned(room, &format!("guests/{}", omar.0)), &layla.1).await, 403, "a guest invites nobody");
    assert_eq!(enters(&world, &layla, room, json!({})).await, "token");
    let (_, guests) = world.get(&owned(room, "guests"), &owner.1).await;
    assert_eq!(guests["items"][0]["id"], json!(layla.0));
    assert_eq!(world.delete(&owned(room, &format!("guests/{}", layla.0)), &owner.1).await, 204);
    assert_eq!(enters(&world, &layla, room, json!({})).await, "not_permitted");

    let (status, link) = world.post(&owned(room, "links"), &owner.1, json!({"minutes": 1})).await;
    assert_eq!(status, 200, "{link}");
    assert_eq!(enters(&world, &layla, room, json!({"link": "0000"})).await, "not_permitted");
    assert_eq!(enters(&world, &layla, room, json!({"link": link["link"]})).await, "token");
    world.superuser("update room_links set expires_at = clock_timestamp() - interval '1 second'").await;
    assert_eq!(enters(&world, &omar, room, json!({"link": link["link"]})).await, "not_permitted", "it has ended");
    assert_eq!(enters(&world, &layla, room, json!({})).await, "token", "who came by it stays a guest");
    let mut links = Vec::new();
    for _ in 0..21 {
        links.push(world.post(&owned(room, "links"), &owner.1, json!({})).await.1["link"].clone());
    }
    assert_eq!(world.count("select count(*) from room_links").await, 20);
    assert_eq!(enters(&world, &omar, room, json!({"link": links[0]})).await, "not_permitted", "the oldest of 21");
    assert_eq!(world.delete(&owned(room, "links"), &owner.1).await, 204);
    assert_eq!(enters(&world, &omar, room, json!({"link": links[20]})).await, "not_permitted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_room_is_in_no_list_and_whoever_knows_its_id_enters() {
    let (world, [owner, layla, _], room) = scene().await;
    let (_, before) = world.get(&format!("/v1/rooms?q={room}"), &layla.1).await;
    assert_eq!(before["items"][0]["id"], json!(room));
    set(&world, &owner, room, json!({"version": 1, "privacy": "hidden"})).await;
    for list in ["/v1/rooms".to_owned(), format!("/v1/rooms?q={room}")] {
        let (status, page) = world.get(&list, &layla.1).await;
        assert_eq!((status, &page["items"]), (200, &json!([])), "{list}");
    }
    assert_eq!(enters(&world, &layla, room, json!({})).await, "token");
    let (_, card) = world.get(&format!("/v1/rooms/{room}"), &layla.1).await;
    assert_eq!((&card["privacy"], &card["version"]), (&json!("hidden"), &json!(2)));
}

/// The frame by which this socket was put out.
async fn put_out(socket: &mut Client) -> (RemovalCause, String) {
    loop {
        if let UserFrame::RoomRemoved { cause, reason, .. } = socket.user_frame().await {
            return (cause, reason);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_room_puts_everybody_out_and_lets_nobody_in_until_it_is_opened_also_over_a_kill() {
    let (mut world, [owner, layla, _], room) = scene().await;
    let mut inside = world.in_room(layla.0, room).await;
    let mut owners = world.in_room(owner.0, room).await;
    let token = world.room_token(layla.0, room);
    let close = Command::RoomClose(CloseRoom { room, reason: "until Friday".to_owned() });
    assert_eq!(inside.ask::<Done>(close.clone()).await.expect_err("a guest").code, ErrorCode::Forbidden);
    let _: Done = owners.ask(close).await.expect("the owner's room");
    assert_eq!(put_out(&mut inside).await, (RemovalCause::Closed, "until Friday".to_owned()));
    assert_eq!(put_out(&mut owners).await.0, RemovalCause::Closed);
    // A token that was given before does not help either.
    assert_eq!(inside.join(room, &token).await.expect_err("closed").code, ErrorCode::RoomClosed);
    for user in [&layla, &owner] {
        assert_eq!(enters(&world, user, room, json!({})).await, "room_closed");
    }
    world.kill().await;
    world.start_again().await;
    assert_eq!(enters(&world, &layla, room, json!({})).await, "room_closed");
    let mut again = Client::connected(world.address, &owner.1, "phone").await;
    assert_eq!(
        again.join(room, &world.room_token(owner.0, room)).await.expect_err("closed").code,
        ErrorCode::RoomClosed
    );
    // Nobody is in a closed room, so no socket opens it.
    let open = Command::RoomOpen(InRoom { room });
    assert_eq!(again.ask::<Done>(open).await.expect_err("outside").code, ErrorCode::NotInRoom);
    let (status, answer) = world.call(Method::DELETE, &owned(room, "closing"), &owner.1, None).await;
    assert_eq!(status, 200, "{answer}");
    let joined = again.join(room, &world.pass(&owner.1, room).await).await.expect("open");
    let card = joined.snapshot.expect("a first visit").room;
    assert_eq!((card.closed, card.version), (None, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_staff_has_closed_only_staff_opens_and_both_are_in_the_log() {
    let (world, [owner, layla, _], room) = scene().await;
    let (_, moderator) = world.entered("moderator").await;
    let mut inside = world.in_room(layla.0, room).await;
    let path = format!("/v1/staff/rooms/{room}/suspension");
    let reason = json!({"reason": "a police matter"});
    assert_eq!(world.call(Method::PUT, &path, &owner.1, Some(reason.clone())).await.0, 403);
    let (status, answer) = world.call(Method::PUT, &path, &moderator, Some(reason)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(put_out(&mut inside).await, (RemovalCause::Closed, "a police matter".to_owned()));
    let (_, card) = world.get(&format!("/v1/rooms/{room}"), &owner.1).await;
    assert_eq!(card["closed"], json!({"by": ClosedBy::Staff, "reason": "a police matter"}));
    let (status, problem) = world.call(Method::DELETE, &owned(room, "closing"), &owner.1, None).await;
    assert_eq!((status, &problem["code"]), (403, &json!("not_permitted")), "{problem}");
    assert_eq!(enters(&world, &layla, room, json!({})).await, "room_closed");
    assert_eq!(world.call(Method::DELETE, &path, &moderator, None).await.0, 200);
    assert_eq!(enters(&world, &layla, room, json!({})).await, "token");
    assert_eq!(world.count("select count(*) from audit_log where act in ('room.suspended', 'room.restored')").await, 2);
}
