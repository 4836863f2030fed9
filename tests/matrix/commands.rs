//! The matrix of the commands of the socket.

use std::collections::HashSet;

use parlor_protocol::{Command, RoomId};
use serde_json::{Value, json};

use super::{Asker, KINDS, Scene, cell, filled};
use crate::support::client::{Client, op};

/// The command; its data; whether the sender has connected and joined the room before (`in`), only connected (`on`), or
/// neither (`off`); and a cell for each kind: anonymous, user, suspended, reseller, support, moderator, manager, admin.
/// A role of the platform gives no rights in a room. `{guest}` is in the room too.
#[rustfmt::skip]
const LINES: &[(&str, &str, &str, &str)] = &[
    ("connect",     r#"{"token":"{token}","device":"x"}"#,                             "off", "1.3....."),
    ("connect",     r#"{"token":"{room_token}","device":"x"}"#,                        "off", "11111111"),
    ("session.refresh", r#"{"token":"{token}"}"#,                                      "on",  "3.3....."),
    ("session.refresh", r#"{"token":"{owners_access}"}"#,                              "on",  "33333333"),
    ("ping",        r#"{}"#,                                                           "on",  "3.3....."),
    ("room.join",   r#"{"room":{own_room},"token":"{room_token}"}"#,                   "on",  "3.3....."),
    ("room.join",   r#"{"room":{other_room},"token":"{other_room_token}"}"#,           "on",  "3.3....."),
    ("room.join",   r#"{"room":{other_room},"token":"{room_token}"}"#,                 "on",  "33333333"),
    ("room.join",   r#"{"room":{other_room},"token":"{owners_token}"}"#,               "on",  "33333333"),
    ("room.leave",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("room.leave",  r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("room.leave",  r#"{"room":{other_room}}"#,                                        "on",  "3o3ooooo"),
    ("room.change", r#"{"room":{own_room},"version":1}"#,                              "in",  "3.3....."),
    ("room.change", r#"{"room":{other_room},"version":1}"#,                            "in",  "33333333"),
    ("room.kick",   r#"{"room":{own_room},"user":{guest}}"#,                           "in",  "3.3....."),
    ("room.kick",   r#"{"room":{other_room},"user":{guest}}"#,                         "in",  "33333333"),
    ("admin.promote", r#"{"room":{own_room},"user":{guest}}"#,                         "in",  "3.3....."),
    ("admin.promote", r#"{"room":{other_room},"user":{guest}}"#,                       "in",  "33333333"),
    ("admin.demote",  r#"{"room":{own_room},"user":{guest}}"#,                         "in",  "34344444"),
    ("admin.demote",  r#"{"room":{other_room},"user":{guest}}"#,                       "in",  "33333333"),
    ("room.ban",    r#"{"room":{own_room},"user":{guest}}"#,                           "in",  "3.3....."),
    ("room.ban",    r#"{"room":{other_room},"user":{guest}}"#,                         "in",  "33333333"),
    ("room.unban",  r#"{"room":{own_room},"user":{guest}}"#,                           "in",  "3.3....."),
    ("room.unban",  r#"{"room":{other_room},"user":{guest}}"#,                         "in",  "33333333"),
    ("chat.mute",   r#"{"room":{own_room},"user":{guest}}"#,                           "in",  "3.3....."),
    ("chat.mute",   r#"{"room":{other_room},"user":{guest}}"#,                         "in",  "33333333"),
    ("chat.unmute", r#"{"room":{own_room},"user":{guest}}"#,                           "in",  "3.3....."),
    ("chat.unmute", r#"{"room":{other_room},"user":{guest}}"#,                         "in",  "33333333"),
    ("chat.rules",  r#"{"room":{own_room},"slow_mode_s":0}"#,                          "in",  "3.3....."),
    ("chat.rules",  r#"{"room":{other_room},"slow_mode_s":0}"#,                        "in",  "33333333"),
    ("seat.take",   r#"{"room":{own_room},"seat":0}"#,                                 "in",  "3.3....."),
    ("seat.take",   r#"{"room":{other_room},"seat":1}"#,                               "in",  "3.3....."),
    ("seat.take",   r#"{"room":{other_room},"seat":0}"#,                               "in",  "33333333"),
    ("seat.take",   r#"{"room":{other_room},"seat":1}"#,                               "on",  "3o3ooooo"),
    ("seat.move",   r#"{"room":{own_room},"seat":2}"#,                                 "in",  "3.3....."),
    ("seat.move",   r#"{"room":{other_room},"seat":2}"#,                               "in",  "3.3....."),
    ("seat.move",   r#"{"room":{other_room},"seat":2}"#,                               "on",  "3o3ooooo"),
    ("seat.leave",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("seat.leave",  r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("seat.claim",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("seat.claim",  r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("seat.lock",   r#"{"room":{own_room},"seat":2}"#,                                 "in",  "3.3....."),
    ("seat.lock",   r#"{"room":{other_room},"seat":2}"#,                               "in",  "33333333"),
    ("seat.unlock", r#"{"room":{own_room},"seat":2}"#,                                 "in",  "3.3....."),
    ("seat.unlock", r#"{"room":{other_room},"seat":2}"#,                               "in",  "33333333"),
    ("seat.lock_all",   r#"{"room":{own_room}}"#,                                      "in",  "3.3....."),
    ("seat.lock_all",   r#"{"room":{other_room}}"#,                                    "in",  "33333333"),
    ("seat.unlock_all", r#"{"room":{own_room}}"#,                                      "in",  "3.3....."),
    ("seat.unlock_all", r#"{"room":{other_room}}"#,                                    "in",  "33333333"),
    ("ownership.offer",    r#"{"room":{own_room},"user":{guest}}"#,                    "in",  "3.3....."),
    ("ownership.offer",    r#"{"room":{other_room},"user":{guest}}"#,                  "in",  "33333333"),
    ("ownership.withdraw", r#"{"room":{own_room}}"#,                                   "in",  "3.3....."),
    ("ownership.withdraw", r#"{"room":{other_room}}"#,                                 "in",  "33333333"),
    ("ownership.accept",   r#"{"room":{own_room}}"#,                                   "in",  "33333333"),
    ("ownership.accept",   r#"{"room":{other_room}}"#,                                 "in",  "3.3....."),
    ("ownership.refuse",   r#"{"room":{own_room}}"#,                                   "in",  "33333333"),
    ("ownership.refuse",   r#"{"room":{other_room}}"#,                                 "in",  "3.3....."),
    ("seat.mute",   r#"{"room":{own_room},"seat":2}"#,                                 "in",  "3.3....."),
    ("seat.mute",   r#"{"room":{other_room},"seat":2}"#,                               "in",  "33333333"),
    ("seat.unmute", r#"{"room":{own_room},"seat":2}"#,                                 "in",  "3.3....."),
    ("seat.unmute", r#"{"room":{other_room},"seat":2}"#,                               "in",  "33333333"),
    ("seat.mode",   r#"{"room":{own_room},"mode":"free"}"#,                            "in",  "3.3....."),
    ("seat.mode",   r#"{"room":{other_room},"mode":"free"}"#,                          "in",  "33333333"),
    ("seat.layout", r#"{"room":{own_room},"seats":8}"#,                                "in",  "3.3....."),
    ("seat.layout", r#"{"room":{other_room},"seats":8}"#,                              "in",  "33333333"),
    ("seat.move_user",   r#"{"room":{own_room},"user":{guest},"seat":2,"policy":"kick"}"#,   "in", "3.3....."),
    ("seat.move_user",   r#"{"room":{other_room},"user":{guest},"seat":2,"policy":"kick"}"#, "in", "33333333"),
    ("seat.remove_user", r#"{"room":{own_room},"user":{guest}}"#,                      "in",  "3.3....."),
    ("seat.remove_user", r#"{"room":{other_room},"user":{guest}}"#,                    "in",  "33333333"),
    ("mic.mute",    r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("mic.mute",    r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("mic.unmute",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("mic.unmute",  r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("hand.raise",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("hand.raise",  r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("hand.raise",  r#"{"room":{other_room}}"#,                                        "on",  "3o3ooooo"),
    ("hand.lower",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("hand.lower",  r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("hand.approve", r#"{"room":{own_room},"user":{guest}}"#,                          "in",  "3.3....."),
    ("hand.approve", r#"{"room":{other_room},"user":{guest}}"#,                        "in",  "33333333"),
    ("hand.refuse", r#"{"room":{own_room},"user":{guest}}"#,                           "in",  "3.3....."),
    ("hand.refuse", r#"{"room":{other_room},"user":{guest}}"#,                         "in",  "33333333"),
    ("hand.list",   r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("hand.list",   r#"{"room":{other_room}}"#,                                        "in",  "33333333"),
    ("invitation.send",   r#"{"room":{own_room},"user":{guest}}"#,                     "in",  "3.3....."),
    ("invitation.send",   r#"{"room":{other_room},"user":{guest}}"#,                   "in",  "33333333"),
    ("invitation.accept", r#"{"room":{own_room}}"#,                                    "in",  "3.3....."),
    ("invitation.accept", r#"{"room":{other_room}}"#,                                  "in",  "3.3....."),
    ("invitation.refuse", r#"{"room":{own_room}}"#,                                    "in",  "3.3....."),
    ("invitation.refuse", r#"{"room":{other_room}}"#,                                  "in",  "3.3....."),
    ("chat.send",   r#"{"room":{own_room},"text":"hello"}"#,                           "in",  "3.3....."),
    ("chat.send",   r#"{"room":{other_room},"text":"hello"}"#,                         "in",  "3.3....."),
    ("chat.send",   r#"{"room":{other_room},"text":"hello"}"#,                         "on",  "3o3ooooo"),
    // No asker has an upload, and nobody but the owner, the admins and the author recalls a line.
    ("chat.image",  r#"{"room":{own_room},"image":"01990000-0000-7000-8000-000000000001"}"#,   "in", "3b3bbbbb"),
    ("chat.image",  r#"{"room":{other_room},"image":"01990000-0000-7000-8000-000000000001"}"#, "in", "3b3bbbbb"),
    ("chat.image",  r#"{"room":{other_room},"image":"01990000-0000-7000-8000-000000000001"}"#, "on", "3o3ooooo"),
    ("chat.recall", r#"{"room":{own_room},"epoch":1,"seq":1}"#,                        "in",  "3.3....."),
    ("chat.recall", r#"{"room":{other_room},"epoch":1,"seq":1}"#,                      "in",  "33333333"),
    ("chat.react",  r#"{"room":{own_room},"epoch":1,"seq":1,"reaction":"like"}"#,      "in",  "34344444"),
    ("chat.react",  r#"{"room":{other_room},"epoch":1,"seq":1,"reaction":"like"}"#,    "in",  "34344444"),
    ("chat.react",  r#"{"room":{other_room},"epoch":1,"seq":1,"reaction":"like"}"#,    "on",  "3o3ooooo"),
    ("chat.typing", r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("chat.typing", r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("chat.typing", r#"{"room":{other_room}}"#,                                        "on",  "3o3ooooo"),
    ("mic.speaking", r#"{"room":{own_room}}"#,                                         "in",  "3.3....."),
    ("mic.speaking", r#"{"room":{other_room}}"#,                                       "in",  "3.3....."),
    ("gift.send",   r#"{"room":{own_room},"gift":1,"count":1,"to":{"users":[{guest}]}}"#,   "in", "3.3....."),
    ("gift.send",   r#"{"room":{other_room},"gift":1,"count":1,"to":{"users":[{guest}]}}"#, "in", "3.3....."),
    ("gift.send",   r#"{"room":{other_room},"gift":1,"count":1,"to":{"users":[{guest}]}}"#, "on", "3o3ooooo"),
    ("gift.list",   r#"{"room":{own_room},"after":0}"#,                                "in",  "3.3....."),
    ("gift.list",   r#"{"room":{other_room},"after":0}"#,                              "in",  "3.3....."),
    ("gift.list",   r#"{"room":{other_room},"after":0}"#,                              "on",  "3o3ooooo"),
    ("people.list", r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("people.list", r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("people.list", r#"{"room":{other_room}}"#,                                        "on",  "3o3ooooo"),
    ("voice.token", r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("voice.token", r#"{"room":{other_room}}"#,                                        "in",  "3.3....."),
    ("voice.token", r#"{"room":{other_room}}"#,                                        "on",  "3o3ooooo"),
    // Nobody is let into a closed room, so this comes last.
    ("room.open",   r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
    ("room.open",   r#"{"room":{other_room}}"#,                                        "in",  "33333333"),
    ("room.close",  r#"{"room":{other_room}}"#,                                        "in",  "33333333"),
    ("room.close",  r#"{"room":{own_room}}"#,                                          "in",  "3.3....."),
];

#[test]
fn every_command_has_a_line() {
    let classified: HashSet<_> = LINES.iter().map(|(kind, ..)| *kind).collect();
    let known: HashSet<_> = Command::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(classified, known, "to be classified, or gone");
    for (kind, data, _, cells) in LINES {
        assert_eq!(cells.len(), KINDS.len(), "{kind} {data}");
        let about = LINES.iter().filter(|(other, ..)| other == kind).count();
        assert!(about > 1 || !data.contains("room"), "{kind}: in one's own room and in another's");
    }
}

impl Scene {
    /// A socket of the sender, who has connected and joined as far as the line says and as they may.
    async fn socket(&self, asker: &Asker, token: &str, stage: &str, room: RoomId) -> Client {
        let mut client = Client::open(self.world.address).await;
        if let Some(user) = asker.user.filter(|_| asker.kind != "suspended" && stage != "off") {
            client.connect(token, "matrix").await.expect("may connect");
            if stage == "in" {
                client.join(room, &self.world.room_token(user, room)).await.expect("may come in");
            }
        }
        client
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_user_may_send_what_its_cells_say() {
    let scene = Scene::set().await;
    let mut wrong = Vec::new();
    for (kind, data, stage, cells) in LINES {
        let mut found = String::new();
        let mut answers = Vec::new();
        for asker in &scene.askers {
            let room = if data.contains("{own_room}") { asker.own_room } else { scene.other_room };
            let whoever = asker.user.unwrap_or(scene.user);
            let mut words = scene.words(asker);
            let token = scene.token(asker).await;
            words.insert("{token}", token.clone());
            words.insert("{owners_access}", scene.world.token(scene.owner).await);
            words.insert("{room_token}", scene.world.room_token(whoever, asker.own_room));
            words.insert("{other_room_token}", scene.world.room_token(whoever, scene.other_room));
            words.insert("{owners_token}", scene.world.room_token(scene.owner, scene.other_room));
            let guest = if data.contains("{guest}") { Some(scene.guest(room).await) } else { None };
            if let Some((guest, _)) = &guest {
                words.insert("{guest}", guest.to_string());
            }
            let mut client = scene.socket(asker, &token, stage, room).await;
            let data: Value = serde_json::from_str(&filled(data, &words)).expect("JSON");
            let id = 1_000_000;
            client.text(&json!({"id": id, "op": op(), "type": kind, "data": data}).to_string()).await;
            let answer = client.reply::<Value>(id).await;
            let (status, code) = answer.err().map_or((200, "done"), |error| (error.code.status(), error.code.name()));
            found.push(cell(status, code));
            answers.push(format!("{}: {code}", asker.kind));
            // The sender leaves at once, so that the next one finds the room unchanged.
            drop(guest);
            if status != 401 && asker.kind != "suspended" && *stage != "off" {
                client.close(1000).await;
            }
        }
        if found != *cells {
            wrong.push(format!("{kind} {data} ({stage}): {found} and not {cells}: {answers:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
