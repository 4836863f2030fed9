//! The ids in the log lines of a socket, and what these lines must never contain.

use super::server::{Server, room};
use crate::support::client::Client;
use crate::support::log::listen;

#[tokio::test]
async fn the_log_lines_of_a_socket_name_connection_user_room_and_operation_and_no_secret() {
    let (log, _guard) = listen();
    let server = Server::start().await;
    let mut client = Client::open(server.address).await;
    client.connect("user:1", "phone").await.expect("a good token");
    client.join(room(1), "room").await.expect("a good token");
    client.chat(room(1), "for nobody's log").await.expect("said");
    server.stop().await;
    let text = log.text();
    let taken = |kind: &str| {
        let kind = format!("kind=\"{kind}\"");
        let line = text.lines().find(|line| line.contains("a command was accepted") && line.contains(&kind));
        line.unwrap_or_else(|| panic!("{kind} is told of:\n{text}"))
    };
    let opened = text.lines().find(|line| line.contains("a socket is open")).expect("it is told of");
    let connection = opened.split([' ', '{', '}']).find(|word| word.starts_with("connection.id=")).expect("it has one");
    let person = format!("user.id={}", super::server::person(1).id.number());
    for (kind, fields) in [
        ("connect", &["socket{", connection][..]),
        ("room.join", &["socket{", connection, "room.id=104000001", &person]),
        ("chat.send", &["socket{", connection, "room.id=104000001", &person, "op="]),
    ] {
        let line = taken(kind);
        for field in fields {
            assert!(line.contains(field), "{field} in {line}");
        }
    }
    assert!(text.contains("a socket is open") && text.contains("a socket has ended"), "{text}");
    assert!(
        !text.contains("for nobody's log") && !text.contains("user:1"),
        "words and tokens are not for logs:\n{text}"
    );
}
