//! Roles and seats over the wire: by socket and REST, and over a kill of the server.

use hyper::Method;
use parlor_protocol::command::OnUser;
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::reply::{Done, Joined};
use parlor_protocol::room::RoomRole;
use parlor_protocol::{Command, ErrorCode, Event, RoomId, UserId};
use serde_json::Value;

use crate::support::client::{Client, op};
use crate::support::world::World;

/// A room of user 1, in which the others are too, each by a socket.
struct Scene {
    world: World,
    room: RoomId,
    users: Vec<UserId>,
    sockets: Vec<Client>,
}

impl Scene {
    async fn of(people: usize) -> Self {
        let world = World::new().await;
        let mut users = Vec::new();
        for _ in 0..people {
            users.push(world.person("user").await);
        }
        let room = world.room(users[0]).await;
        let mut sockets = Vec::new();
        for user in &users {
            sockets.push(world.in_room(*user, room).await);
        }
        Self { world, room, users, sockets }
    }

    /// What user `number` is answered by REST.
    async fn rest(&self, number: usize, method: Method, what: &str, body: Option<Value>) -> Result<Value, String> {
        let token = self.world.token(self.users[number - 1]).await;
        let (status, answer) = self.world.call(method, &format!("/v1/rooms/{}/{what}", self.room), &token, body).await;
        if status == 200 { Ok(answer) } else { Err(answer["code"].as_str().unwrap_or_default().to_owned()) }
    }

    /// What user `number` is answered on their socket.
    async fn ask(&mut self, number: usize, command: Command) -> Result<Done, ErrorCode> {
        self.sockets[number - 1].ask_as(op(), &command).await.map_err(|error| error.code)
    }

    /// A new socket of user `number`, and what it is told of the room.
    async fn back(&self, number: usize) -> (Client, Joined) {
        let user = self.users[number - 1];
        let mut client = Client::connected(self.world.address, &self.world.token(user).await, "another").await;
        let joined = client.join(self.room, &self.world.room_token(user, self.room)).await.expect("may come in");
        (client, joined)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_decides_about_others_and_is_one_after_a_kill() {
    let mut scene = Scene::of(3).await;
    let (room, admin, listener) = (scene.room, scene.users[1], scene.users[2]);
    let path = format!("admins/{admin}");
    assert_eq!(scene.rest(3, Method::PUT, &path, None).await, Err("forbidden".into()));
    scene.rest(1, Method::PUT, &path, None).await.expect("the owner may");
    let admins = |event: &EventFrame| match &event.event {
        Event::AdminsChanged { admins, .. } => Some(admins.clone()),
        _ => None,
    };
    assert_eq!(scene.sockets[2].event_where("an admin", admins).await, [admin]);
    scene.rest(2, Method::PUT, "seats/3/lock", None).await.expect("an admin may");
    let promote = |user| Command::AdminPromote(OnUser { room, user });
    assert_eq!(scene.ask(2, promote(listener)).await, Err(ErrorCode::Forbidden));
    scene.world.kill().await;
    scene.world.start_again().await;
    let (mut socket, joined) = scene.back(2).await;
    let snapshot = joined.snapshot.expect("a new epoch begins with a snapshot");
    assert_eq!((snapshot.own.role, snapshot.admins), (RoomRole::Admin, vec![admin]));
    let step_down = Command::AdminDemote(OnUser { room, user: admin });
    let _: Done = socket.ask_as(op(), &step_down).await.expect("an admin may step down");
    assert!(socket.event_where("no admin", admins).await.is_empty());
    assert_eq!(scene.rest(2, Method::PUT, "seats/4/lock", None).await, Err("forbidden".into()));
}
