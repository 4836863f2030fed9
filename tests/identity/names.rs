//! A changed name is one truth: people in the room, newcomers and the user's other devices are shown the same.

use std::time::Duration;

use hyper::Method;
use parlor_protocol::command::TakeSeat;
use parlor_protocol::reply::{Done, Joined};
use parlor_protocol::room::Person;
use parlor_protocol::{Command, Event, RoomId, UserFrame, UserId};
use serde_json::json;

use crate::support::client::Client;
use crate::support::time::until;
use crate::support::world::World;

/// A user with a socket in a room, on seat 1.
struct Sitting {
    id: UserId,
    token: String,
    socket: Client,
}

impl Sitting {
    async fn new(world: &World, name: &str, room: Option<RoomId>) -> (Self, RoomId) {
        let grant = world.registered(name).await;
        let token = grant["access_token"].as_str().expect("a token").to_owned();
        let id = UserId::new(grant["user"]["id"].as_i64().expect("an id")).expect("in range");
        let room = match room {
            Some(room) => room,
            None => world.made(&token, "Majlis").await,
        };
        let mut socket = world.in_room(id, room).await;
        let take = Command::SeatTake(TakeSeat { room, seat: None, version: None });
        socket.ask::<Done>(take).await.expect("a free seat");
        (Self { id, token, socket }, room)
    }
}

async fn rename(world: &World, token: &str, name: &str) -> u16 {
    world.call(Method::PATCH, "/v1/me", token, Some(json!({ "name": name }))).await.0
}

/// The name of this user by the next event that says so.
async fn told(client: &mut Client, user: UserId) -> String {
    let name = |frame: &parlor_protocol::envelope::EventFrame| match &frame.event {
        Event::PersonChanged { person } if person.id == user => Some(person.name.clone()),
        _ => None,
    };
    client.event_where("another name", name).await
}

fn on_seat(joined: &Joined, user: UserId) -> Option<Person> {
    let seats = &joined.snapshot.as_ref().expect("a snapshot").seats;
    seats.iter().filter_map(|seat| seat.user.clone()).find(|person| person.id == user)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_name_is_told_to_the_room_to_newcomers_and_to_other_devices() {
    let world = World::serve().roomy().await;
    let (mut layla, room) = Sitting::new(&world, "layla", None).await;
    let (mut omar, _) = Sitting::new(&world, "omar", Some(room)).await;
    let mut tablet = Client::connected(world.address, &world.token(layla.id).await, "tablet").await;

    assert_eq!(rename(&world, &layla.token, "Layla K").await, 200);
    assert_eq!(told(&mut omar.socket, layla.id).await, "Layla K");
    assert_eq!(told(&mut layla.socket, layla.id).await, "Layla K");
    let UserFrame::PersonChanged { person } = tablet.user_frame().await else { panic!("another name") };
    assert_eq!((person.id, &*person.name), (layla.id, "Layla K"));

    // What she says from now on has it too, on the socket that was connected with the old one.
    layla.socket.chat(room, "good evening").await.expect("posted");
    let from = |frame: &parlor_protocol::envelope::EventFrame| match &frame.event {
        Event::ChatPosted { from, .. } => Some(from.name.clone()),
        _ => None,
    };
    assert_eq!(omar.socket.event_where("a line", from).await, "Layla K");

    // A newcomer and the lobby.
    let (noor, _) = world.entered("user").await;
    let mut newcomer = Client::connected(world.address, &world.token(noor).await, "phone").await;
    let joined = newcomer.join(room, &world.room_token(noor, room)).await.expect("may come in");
    assert_eq!(on_seat(&joined, layla.id).expect("she sits").name, "Layla K");
    let snapshot = joined.snapshot.expect("a snapshot");
    assert_eq!(snapshot.room.owner.name, "Layla K");
    assert!(snapshot.people.iter().all(|person| person.id != layla.id || person.name == "Layla K"));
    let (_, card) = world.get(&format!("/v1/rooms?q={}", room.number()), &layla.token).await;
    assert_eq!(card["items"][0]["on_seats"][0]["name"], "Layla K", "{card}");
    assert_eq!(card["items"][0]["owner"]["name"], "Layla K", "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_at_once_end_with_the_last_and_are_bounded() {
    let world = World::serve().roomy().set("PARLOR__IDENTITY__CHANGES_PER_MINUTE_USER", "20").await;
    let (layla, room) = Sitting::new(&world, "layla", None).await;
    let (mut omar, _) = Sitting::new(&world, "omar", Some(room)).await;
    let changes = (0..20).map(|number| {
        let (world, token) = (&world, &layla.token);
        async move { rename(world, token, &format!("Layla {number}")).await }
    });
    let answers = futures_util::future::join_all(changes).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    let more = futures_util::future::join_all((0..40).map(|_| rename(&world, &layla.token, "Layla"))).await;
    assert!(more.contains(&429), "each is told to a whole room: {more:?}");
    assert_eq!(world.call(Method::PATCH, "/v1/me", &layla.token, Some(json!({"bio": "Oud"}))).await.0, 200);

    let stored = world.get("/v1/me", &layla.token).await.1["name"].as_str().expect("a name").to_owned();
    let mut name = String::new();
    while name != stored {
        name = told(&mut omar.socket, layla.id).await;
    }
    omar.socket.ping().await;
    let later = omar.socket.events();
    let is_renamed = |event: &Event| matches!(event, Event::PersonChanged { .. });
    assert!(!later.iter().any(|frame| is_renamed(&frame.event)), "nothing after the last: {later:?}");
}

/// The change is committed, and the server ends before it has told anybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_was_told_of_is_shown_after_the_restart_and_at_the_next_join() {
    let mut world = World::serve().roomy().lease(1_000).await;
    let (layla, room) = Sitting::new(&world, "layla", None).await;
    let (omar, _) = Sitting::new(&world, "omar", Some(room)).await;
    until("the seats are in a checkpoint", Duration::from_secs(10), async || {
        let stored = "select count(*) from room_checkpoints where jsonb_array_length(state -> 'seats') = 2";
        (world.count(stored).await == 1).then_some(())
    })
    .await;
    world.superuser("update users set name = 'Layla K' where name = 'layla'").await;
    world.kill().await;
    world.start_again().await;

    let mut back = Client::connected(world.address, &omar.token, "phone").await;
    let joined = back.join(room, &world.room_token(omar.id, room)).await.expect("may come back");
    assert_eq!(on_seat(&joined, layla.id).expect("she is awaited").name, "Layla K", "as it is stored");

    // And without a restart: at the user's next join.
    world.superuser("update users set name = 'Layla M' where name = 'Layla K'").await;
    let mut again = Client::connected(world.address, &layla.token, "phone").await;
    again.join(room, &world.room_token(layla.id, room)).await.expect("may come back");
    assert_eq!(told(&mut back, layla.id).await, "Layla M");
}

/// The change takes longer to commit than its request may: the request's handler is dropped, and the commit ends well.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_change_whose_handler_is_dropped_during_the_commit_is_told() {
    let world = World::serve().roomy().set("PARLOR__HTTP__TIMEOUT_MS", "2000").await;
    let (layla, room) = Sitting::new(&world, "layla", None).await;
    let (mut omar, _) = Sitting::new(&world, "omar", Some(room)).await;
    world
        .superuser(
            "create function dawdle() returns trigger language plpgsql as $$
             begin
               perform pg_sleep(4);
               return null;
             end $$;
             create constraint trigger dawdle after update of name on users
               deferrable initially deferred for each row execute function dawdle()",
        )
        .await;
    let status = rename(&world, &layla.token, "Layla K").await;
    assert!(status >= 400, "the request was given up: {status}");
    assert_eq!(world.count("select count(*) from users where name = 'Layla K'").await, 0, "before the commit");
    until("the change is told", Duration::from_secs(30), async || {
        omar.socket.ping().await;
        let events = omar.socket.events();
        events
            .iter()
            .any(|frame| matches!(&frame.event, Event::PersonChanged { person } if person.name == "Layla K"))
            .then_some(())
    })
    .await;
}
