//! Simulated users of a reference: they connect and listen, and one of each room sends the same lines as at Parlor.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Reference;
use crate::latency::{moment, nanos};
use crate::meter::{Measured, Meter};
use crate::rest::Away;
use crate::socket::{Incoming, Socket};
use crate::stage::Plan;
use crate::tally::Tally;

/// Lines of a room that may be under way at once in a burst.
const OUTSTANDING: u64 = 16;
/// Users that connect at the same time.
const ARRIVALS: usize = 64;

struct Room {
    speaker: Arc<Socket>,
    /// The intended time of each line; the n-th line that arrives is the n-th of these.
    said: Mutex<Vec<u64>>,
    /// How many lines the speaker itself has received.
    heard: AtomicU64,
}

/// Runs a chat scenario against a reference. `line` is the text of each message, as long as a command of Parlor's.
///
/// # Errors
/// `Away` when the reference does not accept all users.
pub async fn drive(reference: &Reference, plan: Plan, line: &str, what: &str) -> Result<Measured, Away> {
    let tally = Arc::new(Tally::default());
    let rooms = plan.rooms();
    let sockets = stream::iter((0..plan.users).map(|index| open(reference.address, index, index % rooms)));
    let sockets: Vec<Arc<Socket>> =
        sockets.buffered(ARRIVALS).collect::<Vec<_>>().await.into_iter().collect::<Result<_, _>>()?;
    let by_room: Vec<Arc<Room>> = sockets[..rooms]
        .iter()
        .map(|speaker| Arc::new(Room { speaker: speaker.clone(), said: Mutex::default(), heard: AtomicU64::new(0) }))
        .collect();
    let mut listeners = JoinSet::new();
    for (index, socket) in sockets.into_iter().enumerate() {
        listeners.spawn(listen(socket, by_room[index % rooms].clone(), index < rooms, tally.clone()));
    }
    let meter = Meter::begin(&tally, Some(reference.pid()), what, plan.length());
    match plan.rate {
        Some(rate) => steadily(&by_room, rate, plan.length(), line).await,
        None => in_bursts(&by_room, plan.length(), line).await,
    }
    quiet(&tally).await;
    Ok(meter.end(Measured::default()))
}

async fn open(server: SocketAddr, index: usize, room: usize) -> Result<Arc<Socket>, Away> {
    Ok(Arc::new(Socket::open(server, &format!("/r/{room}"), index, false).await?))
}

async fn listen(socket: Arc<Socket>, room: Arc<Room>, speaks: bool, tally: Arc<Tally>) {
    let (mut partial, mut at) = (Vec::new(), 0);
    loop {
        let mut came = 0;
        let read = socket
            .read(&mut partial, |incoming| {
                if let Incoming::Text(_) = incoming {
                    came += 1;
                }
            })
            .await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        tally.deliveries.fetch_add(came as u64, Ordering::Relaxed);
        let said = room.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().skip(at).take(came).for_each(|intended| tally.delivery.since(*intended));
        drop(said);
        at += came;
        if speaks {
            room.heard.store(at as u64, Ordering::Relaxed);
        }
    }
}

impl Room {
    async fn say(&self, intended: u64, line: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(intended);
        // If the reference is gone it delivers nothing, and the figures show that.
        let _ = self.speaker.say(line).await;
    }
}

async fn steadily(rooms: &[Arc<Room>], rate: f64, length: Duration, line: &str) {
    let total = rate * rooms.len() as f64;
    let begin = nanos();
    for number in 0..(total * length.as_secs_f64()).round() as u64 {
        let due = begin + (number as f64 * 1e9 / total) as u64;
        tokio::time::sleep_until(moment(due).into()).await;
        rooms[number as usize % rooms.len()].say(due, line).await;
    }
}

async fn in_bursts(rooms: &[Arc<Room>], length: Duration, line: &str) {
    let end = Instant::now() + length;
    let speak = rooms.iter().map(|room| async move {
        let mut said = 0;
        while Instant::now() < end {
            if said - room.heard.load(Ordering::Relaxed).min(said) < OUTSTANDING {
                room.say(nanos(), line).await;
                said += 1;
            } else {
                tokio::task::yield_now().await;
            }
        }
    });
    join_all(speak).await;
}

/// Waits until no more lines arrive.
async fn quiet(tally: &Tally) {
    let (mut last, mut same) = (u64::MAX, 0);
    while same < 5 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = tally.deliveries.load(Ordering::Relaxed);
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
}
