//! The nasty texts through every field of the socket's commands that takes text.

use std::fs;
use std::path::Path;

use futures_util::StreamExt;
use parlor_protocol::text::Rule;
use parlor_protocol::{Event, RoomId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::field::{Field, Place, texts, with_literal};
use super::strings::{Nasty, all};
use crate::support::client::{Client, Incoming};
use crate::support::world::World;

/// Of how many texts one is sent about a guest who had to be let in for it.
const FRESH: usize = 10;

/// The bytes of a text that a frame has room for.
const MOST: usize = 60_000;

/// The same before `connect`, when a socket is a stranger's.
const MOST_OF_STRANGER: usize = 7_000;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../protocol/schema/parlor.v1.schema.json")).expect("JSON")
}

/// Every field of a command that takes text, with the command's type.
fn fields(schema: &Value) -> Vec<Field> {
    let commands =
        schema["$defs"].as_object().expect("definitions").iter().filter(|(name, _)| name.ends_with("Command"));
    commands
        .flat_map(|(_, command)| {
            let kind = command["properties"]["type"]["const"].as_str().expect("a type").to_owned();
            let mut found = Vec::new();
            texts(schema, command, &[], &mut found);
            found.into_iter().map(move |(path, is_closed)| Field {
                of: kind.clone(),
                place: Place::Body(path),
                is_closed,
            })
        })
        .collect()
}

/// The golden example of a command that has most.
fn example(kind: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/golden/v1/command").join(format!("{kind}.jsonl"));
    let text = fs::read_to_string(file).expect("each command has examples");
    let line = text.lines().max_by_key(|line| line.len()).expect("a line");
    serde_json::from_str(line).expect("JSON")
}

struct Scene {
    world: World,
    owner: UserId,
    room: RoomId,
    /// The owner's other room, which is closed again and again.
    closed: RoomId,
    /// Who connects and joins again and again.
    comer: UserId,
    token: String,
}

impl Scene {
    async fn set() -> Self {
        let plan = World::dev().roomy().set("PARLOR__GATEWAY__CONNECT", "1000000 in 60000 ms");
        let plan = plan.set("PARLOR__GATEWAY__CONNECTIONS_PER_MINUTE_ADDRESS", 1_000_000);
        let world = plan.set("PARLOR__GATEWAY__DEVICES", 1_000).await;
        let (owner, comer) = (world.person("user").await, world.person("user").await);
        let (room, closed) = (world.room(owner).await, world.room(owner).await);
        let token = world.token(comer).await;
        Self { world, owner, room, closed, comer, token }
    }

    /// A socket that may send this command. Each is a device of its own, so that none replaces another.
    async fn socket(&self, kind: &str) -> Client {
        if kind == "connect" {
            return Client::open(self.world.address).await;
        }
        let is_comer = ["session.refresh", "room.join"].contains(&kind);
        let user = if is_comer { self.comer } else { self.owner };
        let token = if is_comer { self.token.clone() } else { self.world.token(user).await };
        let mut client = Client::connected(self.world.address, &token, &Uuid::now_v7().to_string()).await;
        if !is_comer {
            client.join(self.room, &self.world.room_token(user, self.room)).await.expect("may come in");
        }
        client
    }

    /// The command's frame about things of this world.
    fn frame(&self, kind: &str, id: u64, user: UserId) -> Value {
        let mut frame = example(kind);
        frame["id"] = id.into();
        if frame.get("op").is_some() {
            frame["op"] = Uuid::now_v7().to_string().into();
        }
        let pass = self.world.room_token(self.comer, self.room);
        let data = &mut frame["data"];
        let room = if kind == "room.close" { self.closed } else { self.room };
        for (name, value) in [("room", json!(room)), ("user", json!(user))] {
            if data.get(name).is_some() {
                data[name] = value;
            }
        }
        if data.get("token").is_some() {
            data["token"] = if kind == "room.join" { pass.as_str() } else { self.token.as_str() }.into();
        }
        if data.get("device").is_some() {
            data["device"] = Uuid::now_v7().to_string().into();
        }
        if data.get("joins").is_some() {
            data["joins"] = json!([{"room": self.room, "token": pass}]);
        }
        if let Some(data) = data.as_object_mut() {
            data.remove("position");
        }
        frame
    }
}

/// Sends each text through one field, and tells what was wrong, and how many texts were taken.
async fn through(scene: &Scene, field: &Field, texts: &[Nasty]) -> (Vec<String>, usize) {
    let Place::Body(path) = &field.place else { unreachable!("a frame has no parameters") };
    let kind = field.of.as_str();
    let most = if kind == "connect" { MOST_OF_STRANGER } else { MOST };
    let mut socket = scene.socket(kind).await;
    let (mut wrong, mut taken) = (Vec::new(), 0);
    // Whoever is banned must not be needed for the other fields.
    let comer = if kind == "room.ban" { scene.world.person("user").await } else { scene.comer };
    for (at, nasty) in texts.iter().enumerate().filter(|(at, _)| !field.is_closed || at % 7 == 0) {
        let guest = if kind == "room.kick" && at % FRESH == 0 {
            let user = scene.world.person("user").await;
            Some((user, scene.world.in_room(user, scene.room).await))
        } else {
            None
        };
        let id = at as u64 + 1;
        let frame = scene.frame(kind, id, guest.as_ref().map_or(comer, |(user, _)| *user));
        socket.text(&with_literal(&frame, path, &nasty.json)).await;
        let mut said = None;
        let is_no_frame = nasty.text.is_none() || field.name() == "type";
        let (why, is_taken) = loop {
            match socket.next().await {
                Incoming::Event(event) => {
                    // Others fill in fields of the same room beside this one.
                    if let Event::ChatPosted { text, op, .. } = event.event
                        && frame["op"] == json!(op)
                    {
                        said = Some(text);
                    }
                }
                Incoming::Reply(Some(of), Ok(_)) if of == id => break (None, true),
                Incoming::Reply(Some(of), Err(error)) if of == id => {
                    let is_typed = error.code.name() != "internal"
                        && (error.code.name() != "bad_request" || !error.fields.is_empty());
                    break ((!is_typed).then(|| error.to_string()), false);
                }
                // Text that is none makes a frame that is none, and so does a type that is no text.
                Incoming::Reply(None, Err(error)) if is_no_frame && error.code.name() == "bad_frame" => {
                    break (None, false);
                }
                Incoming::Closed(Some(_)) if nasty.json.len() > most => break (None, false),
                Incoming::Reply(..) | Incoming::Closed(_) => break (Some("no reply of its own".to_owned()), false),
                _ => {}
            }
        };
        let back = said.filter(|_| field.name() == "text").filter(|back| {
            let sent = nasty.text.as_deref().unwrap_or_default();
            Rule::lines(usize::MAX).apply(sent).ok().as_deref() != Some(back.as_str())
        });
        let why = why.or_else(|| back.map(|back| format!("{back:?} came back")));
        taken += usize::from(is_taken);
        wrong.extend(
            why.map(|why| format!("{kind} {path:?} {}: {why}", nasty.json.chars().take(60).collect::<String>())),
        );
        // A socket that has connected cannot connect again, and one whose frame or token was bad may be closed.
        if kind == "connect" || !is_taken && (kind == "session.refresh" || is_no_frame || nasty.json.len() > MOST) {
            socket = scene.socket(kind).await;
        }
    }
    (wrong, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_command_answers_each_text_typed_or_gives_it_back() {
    let fields = fields(&schema());
    let open = fields.iter().filter(|field| !field.is_closed).count();
    assert!(open >= 9, "the schema has lost fields: {open}");
    let (scene, texts) = (Scene::set().await, all());
    let outcomes: Vec<_> = futures_util::stream::iter(&fields)
        .map(async |field| (field, through(&scene, field, &texts).await))
        .buffer_unordered(4)
        .collect()
        .await;
    let wrong: Vec<_> = outcomes.iter().flat_map(|(_, (wrong, _))| wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} of them:\n{}",
        wrong.len(),
        wrong.iter().take(60).map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
    );
    for (command, name, least) in [("chat.send", "text", 250), ("connect", "device", 180), ("room.kick", "reason", 15)]
    {
        let taken =
            outcomes.iter().find(|(field, _)| field.of == command && field.name() == name).expect("such a field").1.1;
        assert!(taken >= least, "{command} {name}: {taken}");
    }
}
