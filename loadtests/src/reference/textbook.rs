//! The chat server of the tutorials: axum's WebSocket, a broadcast channel for each room, two tasks for each socket.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

type Rooms = Arc<Mutex<HashMap<u64, broadcast::Sender<String>>>>;

/// Lines that may wait for one socket; further ones are lost without notice.
const CAPACITY: usize = 1_024;

/// Prints its address and serves until it is killed.
///
/// # Errors
/// An error of a system call.
pub fn serve() -> io::Result<()> {
    // The limit may be as high as it can be already.
    let _ = crate::process::allow_files(19_900, "the reference");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new().route("/r/{room}", get(upgrade)).with_state(Rooms::default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, router).await
    })
}

async fn upgrade(State(rooms): State<Rooms>, Path(room): Path<u64>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| chat(socket, rooms, room))
}

async fn chat(socket: WebSocket, rooms: Rooms, room: u64) {
    let sender = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(room).or_insert_with(|| broadcast::channel(CAPACITY).0).clone()
    };
    let mut receiver = sender.subscribe();
    let (mut out, mut input) = socket.split();
    let mut telling = tokio::spawn(async move {
        while let Ok(line) = receiver.recv().await {
            if out.send(Message::text(line)).await.is_err() {
                break;
            }
        }
    });
    let mut hearing = tokio::spawn(async move {
        while let Some(Ok(Message::Text(text))) = input.next().await {
            let Ok(Value::Object(said)) = serde_json::from_str::<Value>(&text) else { continue };
            let line = json!({"room": room, "from": "somebody", "text": said.get("text")});
            // It fails only if nobody listens.
            let _ = sender.send(line.to_string());
        }
    });
    tokio::select! {
        _ = &mut telling => hearing.abort(),
        _ = &mut hearing => telling.abort(),
    }
}
