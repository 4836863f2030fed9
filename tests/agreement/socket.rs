//! What AsyncAPI allows the socket takes, and what it forbids the socket refuses as malformed: each command, in frames that
//! are made of the document.

use serde_json::{Value, json};

use super::variation::{Schemas, Variation};
use crate::support::raw::{Raw, text};
use crate::support::world::World;

/// The id of pings between the frames. No frame has it.
const FENCE: i64 = 1 << 50;

/// The codes by which a frame is refused for its form.
const MALFORMED: [&str; 4] = ["bad_request", "bad_frame", "unknown_type", "operation_required"];

/// What a schema does not say, with the reason.
fn is_beyond_a_schema(name: &str, about: &str, is_allowed: bool) -> bool {
    // `null` counts as absent, as docs/protocol.md says: many languages write what is absent so.
    let is_absent = !is_allowed && about.ends_with(" = null");
    // A room is joined once; a reply is to a line that was posted; and an image is an upload of one's own, of which there is none.
    let by_state = ["data.joins = ", "data.reply_to"].iter().any(|field| about.starts_with(field));
    is_absent || (is_allowed && (by_state || name == "ChatImageCommand"))
}

/// The code of the refusal of this frame, or `taken`. Each frame is answered once, with its id or with none.
async fn code(socket: &mut Raw, frame: &Value) -> String {
    socket.send(&text(&frame.to_string())).await;
    let answer = answer(socket).await;
    // A ping, which is readable: after three frames in a row that are not the socket would be closed.
    socket.send(&text(&json!({"id": FENCE, "type": "ping"}).to_string())).await;
    while self::answer(socket).await["id"] != FENCE {}
    answer["error"]["code"].as_str().unwrap_or("taken").to_owned()
}

/// The next answer to a frame; what the room and the server say unasked is left out.
async fn answer(socket: &mut Raw) -> Value {
    loop {
        let (_, payload) = socket.frame().await.expect("the connection goes on");
        let text = String::from_utf8_lossy(&payload).into_owned();
        let frame: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("the socket was closed: {text}"));
        if frame.get("id").is_some() {
            return frame;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_refused_exactly_when_the_document_forbids_it() {
    let world = World::new().await;
    let (user, token) = world.entered("user").await;
    let room = world.room(user).await;
    let mut socket = Raw::open(world.address).await;
    let join = json!({"room": room.number(), "token": world.room_token(user, room)});
    let connect = json!({"token": token, "device": "phone", "joins": [join]});
    let connected = code(&mut socket, &json!({"id": 1, "type": "connect", "data": connect})).await;
    assert_eq!(connected, "taken");
    let document: Value = serde_json::from_str(include_str!("../../protocol/schema/asyncapi.v1.json")).expect("JSON");
    let messages = document["components"]["messages"].as_object().expect("there are messages");
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (name, message) in messages.iter().filter(|(name, _)| name.ends_with("Command")) {
        let schema = &message["payload"];
        let mut whole = schema.clone();
        whole["components"] = document["components"].clone();
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        let validator = options.build(&whole).expect("a good schema");
        let mut good = message["examples"][0]["payload"].clone();
        if good["data"].get("room").is_some() {
            good["data"]["room"] = json!(room.number());
        }
        assert!(validator.is_valid(&good), "{name}: its example: {good}");
        for Variation { about, mut value } in Schemas(&document).around(schema, &good) {
            let is_new = value["op"].as_str().is_some_and(|op| good["op"] == op);
            if is_new {
                value["op"] = json!(uuid::Uuid::now_v7());
            }
            asked += 1;
            let code = code(&mut socket, &value).await;
            let (is_allowed, is_refused) = (validator.is_valid(&value), MALFORMED.contains(&&*code));
            assert_ne!(code, "internal", "{name}: {about}");
            if is_allowed == is_refused && !is_beyond_a_schema(name, &about, is_allowed) {
                let words = if is_allowed { "allowed and refused" } else { "forbidden and taken" };
                wrong.push(format!("{name}: {words}: {about}: {code}"));
            }
        }
    }
    println!("{asked} frames were sent");
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
}
