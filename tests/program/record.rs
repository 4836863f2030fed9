//! A room's record: changed by REST and by socket, told to the room, shown in lists, and kept over a kill.

use hyper::Method;
use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::Who;
use parlor_protocol::reply::Done;
use parlor_protocol::room::RoomCard;
use parlor_protocol::{Command, ErrorCode, Event, RoomId, UserId};
use serde_json::{Value, json};

use crate::agreement::uploads;
use crate::support::client::{Client, op};
use crate::support::world::World;

/// Changes the record as the user of this token, and gives the status and the answer.
async fn change(world: &World, token: &str, room: RoomId, body: Value) -> (u16, Value) {
    world.call(Method::PATCH, &format!("/v1/rooms/{room}"), token, Some(body)).await
}

async fn card(world: &World, token: &str, room: RoomId) -> RoomCard {
    let (status, card) = world.get(&format!("/v1/rooms/{room}"), token).await;
    assert_eq!(status, 200, "{card}");
    serde_json::from_value(card).expect("a card")
}

#[track_caller]
fn refused((status, problem): (u16, Value), code: ErrorCode) -> Value {
    assert_eq!((status, &problem["code"]), (code.status(), &code.name().into()), "{problem}");
    problem
}

fn fields(problem: &Value) -> Vec<&str> {
    let fields = problem["fields"].as_array().expect("fields");
    fields.iter().map(|field| field["field"].as_str().expect("a name")).collect()
}

/// A world with user 1, who owns a room, and user 2.
async fn scene() -> (World, [(String, UserId); 2], RoomId) {
    let world = World::dev().roomy().await;
    let people = [world.demo(1).await, world.demo(2).await];
    let room = world.made(&people[0].0, "A room").await;
    (world, people, room)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_told_to_the_room_and_shown_to_newcomers_and_in_lists() {
    let (world, [(owner, omar), (guest, _)], room) = scene().await;
    let mut inside = Client::connected(world.address, &guest, "phone").await;
    inside.join(room, &world.pass(&guest, room).await).await.expect("may come in");
    let body = json!({"version": 1, "name": " Majlis ", "announcement": "Poetry at nine\nBring a poem", "language": "ar",
        "country": "JO", "tags": ["Poetry", "Oud"], "capacity": 40, "theme": "ocean", "may_chat": "seated"});
    let (status, done) = change(&world, &owner, room, body).await;
    assert_eq!(status, 200, "{done}");
    let told = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::RoomChanged { room, by } => Some(((**room).clone(), *by)),
        _ => None,
    };
    let (told_card, by) = inside.event_where("the change", told).await;
    let now = card(&world, &guest, room).await;
    assert_eq!((&told_card, by), (&now, omar));
    assert_eq!((now.version, &*now.name, &*now.announcement), (2, "Majlis", "Poetry at nine\nBring a poem"));
    assert_eq!(
        (now.language.as_deref(), now.country.as_deref(), now.theme.as_deref()),
        (Some("ar"), Some("JO"), Some("ocean"))
    );
    assert_eq!((now.tags.as_slice(), now.capacity), (&["poetry".to_owned(), "oud".to_owned()][..], Some(40)));
    let (_, list) = world.get("/v1/rooms?q=majlis", &guest).await;
    assert_eq!(
        (&list["items"][0]["version"], &list["items"][0]["tags"]),
        (&json!(2), &json!(["poetry", "oud"])),
        "{list}"
    );
    // What the record says holds at once, also by socket.
    assert_eq!(inside.chat(room, "standing").await.expect_err("seated only").code, ErrorCode::NotPermitted);

    // The same by socket; the operation is known by REST too.
    let mut owners = Client::connected(world.address, &owner, "phone").await;
    let joined = owners.join(room, &world.pass(&owner, room).await).await.expect("may come in");
    assert_eq!(joined.snapshot.expect("a first visit").room, now);
    let (op, all) =
        (op(), ChangeRoom { may_chat: Some(Who::All), theme: Some(String::new()), ..ChangeRoom::of(room, 2) });
    let done: Done = owners.ask_as(op, &Command::RoomChange(all)).await.expect("changed");
    let same = json!({"version": 2, "may_chat": "all", "theme": ""});
    let (status, again) =
        world.call_as(Some(op), Method::PATCH, &format!("/v1/rooms/{room}"), &owner, Some(same)).await;
    assert_eq!((status, &again["replayed"], &again["seq"]), (200, &json!(true), &json!(done.seq)), "{again}");
    let (after, _) = inside.event_where("the second change", told).await;
    assert_eq!((after.version, after.theme.as_deref(), &*after.name), (3, None, "Majlis"));
    inside.chat(room, "standing").await.expect("everybody may");
    refused(change(&world, &owner, room, json!({"version": 2, "name": "Late"})).await, ErrorCode::RoomChanged);
    refused(change(&world, &guest, room, json!({"version": 3, "name": "Mine"})).await, ErrorCode::Forbidden);
    assert_eq!(card(&world, &guest, room).await, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sleeping_room_is_changed_and_a_kill_takes_nothing_back() {
    let (mut world, [(owner, _), (guest, _)], room) = scene().await;
    let (status, done) =
        change(&world, &owner, room, json!({"version": 1, "name": "Asleep", "may_sit": "admins"})).await;
    assert_eq!(status, 200, "{done}");
    let (status, done) = change(&world, &owner, room, json!({"version": 2, "announcement": "At nine"})).await;
    assert_eq!(status, 200, "{done}");
    world.kill().await;
    world.start_again().await;
    let now = card(&world, &guest, room).await;
    assert_eq!((now.version, &*now.name, &*now.announcement, now.may_sit), (3, "Asleep", "At nine", Who::Admins));
    let mut inside = Client::connected(world.address, &guest, "phone").await;
    let joined = inside.join(room, &world.pass(&guest, room).await).await.expect("may come in");
    assert_eq!(joined.snapshot.expect("a first visit").room, now);
    let seat = Command::SeatTake(parlor_protocol::command::TakeSeat { room, seat: Some(1), version: None });
    assert_eq!(inside.ask::<Done>(seat).await.expect_err("admins only").code, ErrorCode::NotPermitted);
    refused(change(&world, &owner, room, json!({"version": 2})).await, ErrorCode::RoomChanged);
    assert_eq!(change(&world, &owner, room, json!({"version": 3, "may_sit": "all"})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_named_by_its_field_and_changes_nothing() {
    let (world, [(owner, _), _], room) = scene().await;
    let long = |chars: usize| "x".repeat(chars);
    for (body, names) in [
        (json!({"name": long(61)}), &["name"][..]),
        (json!({"name": " "}), &["name"]),
        (json!({"announcement": long(501), "name": "a\u{7}b"}), &["name", "announcement"]),
        (json!({"language": "xx", "country": "jo"}), &["language", "country"]),
        (json!({"tags": ["a", "b", "c", "d", "e", "f"]}), &["tags"]),
        (json!({"tags": ["a", " ", long(25)]}), &["tags[1]", "tags[2]"]),
        (json!({"tags": ["a\nb"]}), &["tags[0]"]),
        (json!({"capacity": 1_000_001}), &["capacity"]),
        (json!({"capacity": 1_501}), &["capacity"]),
        (json!({"theme": "Evening"}), &["theme"]),
        (json!({"theme": "emperor"}), &["theme"]),
        (json!({"theme": "gold"}), &["theme"]),
        (json!({"theme": "festival"}), &["theme"]),
        (json!({"background": "01990000-0000-7000-8000-000000000001"}), &["background"]),
        (json!({"may_chat": "nobody"}), &["may_chat"]),
        (json!({"privacy": "none"}), &["privacy"]),
    ] {
        let mut asked = body;
        asked["version"] = json!(1);
        let problem = refused(change(&world, &owner, room, asked.clone()).await, ErrorCode::BadRequest);
        assert_eq!(fields(&problem), names, "{asked}: {problem}");
    }
    let problem = refused(change(&world, &owner, room, json!({"name": "No version"})).await, ErrorCode::BadRequest);
    assert_eq!(fields(&problem), ["version"]);
    let now = card(&world, &owner, room).await;
    assert_eq!((now.version, &*now.name), (1, "A room"));
    let (status, themes) = world.get("/v1/room-themes", &owner).await;
    let names: Vec<_> =
        themes["themes"].as_array().expect("themes").iter().map(|theme| theme["name"].clone()).collect();
    assert_eq!((status, names), (200, ["plain", "evening", "ocean", "gold"].map(Value::from).to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_is_an_upload_of_ones_own_that_stays_while_the_room_has_it() {
    let folder = uploads::folder();
    let world = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let (omar, owner) = world.entered("user").await;
    let (_, stranger) = world.entered("user").await;
    let rooms = [world.room(omar).await, world.room(omar).await];
    let (picture, next) = (
        uploads::ready(&world, &owner, "room_background").await,
        uploads::ready(&world, &owner, "room_background").await,
    );
    let (foreign, logo) =
        (uploads::ready(&world, &stranger, "room_background").await, uploads::ready(&world, &owner, "room_logo").await);
    for upload in [&foreign, &logo] {
        let problem = refused(
            change(&world, &owner, rooms[0], json!({"version": 1, "background": upload})).await,
            ErrorCode::BadRequest,
        );
        assert_eq!(fields(&problem), ["background"]);
    }
    let attached = |upload: &str| {
        let upload: uuid::Uuid = upload.parse().expect("an id");
        let pool = world.database.superuser.clone();
        async move {
            let of = sqlx::query_scalar::<_, bool>("select attached from uploads where id = $1").bind(upload);
            of.fetch_one(&pool).await.expect("it is there")
        }
    };
    assert_eq!(change(&world, &owner, rooms[0], json!({"version": 1, "background": picture})).await.0, 200);
    assert!(attached(&picture).await, "the clean-up leaves it alone");
    let first = card(&world, &owner, rooms[0]).await.background.expect("a number");
    let (status, head, _) = tokio::task::block_in_place(|| {
        world.program.ask("GET", &format!("/v1/rooms/{}/background?v={first}", rooms[0]), &[])
    });
    assert!(status == 302 && head.to_lowercase().contains("location: /media/public/room_background/"), "{head}");
    // It is the background of one room.
    let problem = refused(
        change(&world, &owner, rooms[1], json!({"version": 1, "background": picture})).await,
        ErrorCode::BadRequest,
    );
    assert_eq!(fields(&problem), ["background"]);
    assert_eq!(change(&world, &owner, rooms[0], json!({"version": 2, "background": next})).await.0, 200);
    assert_eq!((attached(&picture).await, attached(&next).await), (false, true));
    let nothing = json!({"version": 3, "background": "00000000-0000-0000-0000-000000000000"});
    assert_eq!(change(&world, &owner, rooms[0], nothing).await.0, 200);
    assert_eq!((attached(&next).await, card(&world, &owner, rooms[0]).await.background), (false, None));
    assert!(!world.program.said().contains("ERROR"));
    std::fs::remove_dir_all(&folder).expect("it is there");
}
