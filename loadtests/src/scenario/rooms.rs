//! Rooms under more than they can drink: bursts, and people who do not read.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use parlor_protocol::Command;
use parlor_protocol::command::SendChat;
use tokio::time::Instant;

use super::SHORT;
use crate::latency::nanos;
use crate::rest::Away;
use crate::stage::{LINE_CHARS, Stage, op};
use crate::watcher::timed_line;

/// Lines that are outstanding in a burst.
const OUTSTANDING: usize = 16;
/// One in so many reads nothing.
const ASLEEP: usize = 20;
/// Characters of a line that fills outboxes.
const LONG: usize = 1_900;
/// Looks at those who wake up.
const LOOKS: u32 = 25;

/// In each room 16 people, each with one line outstanding, as fast as they are answered.
pub(super) async fn burst(stage: &Stage) {
    let end = Instant::now() + stage.plan.length();
    let speakers = stage.rooms.iter().flat_map(|room| room.iter().take(OUTSTANDING));
    let speak = speakers.map(|member| async move {
        while Instant::now() < end {
            let now = nanos();
            let chat = SendChat { room: member.room(), text: timed_line(now, LINE_CHARS) };
            let answer = member.begin(now, Some(op()), &Command::ChatSend(chat)).await;
            // A lost socket is counted where it is seen.
            if answer.await.is_err() {
                break;
            }
        }
    });
    join_all(speak.collect::<Vec<_>>()).await;
}

/// Some stop reading while long lines are said; in the end they wake up, and come back where they were closed.
pub(super) async fn slow_readers(stage: &Stage) -> Result<(), Away> {
    let sleepers: Vec<_> = stage.members.iter().filter(|member| member.index % ASLEEP == ASLEEP - 1).collect();
    for member in &sleepers {
        // With little room in the kernel: what is told waits in the server.
        member.vanish();
        member.narrow.store(true, Ordering::Relaxed);
        member.arrive().await?;
        member.asleep.store(true, Ordering::Relaxed);
    }
    stage.chat(stage.plan.rate.unwrap_or(150.0), stage.plan.length(), LONG).await;
    for member in &sleepers {
        member.asleep.store(false, Ordering::Relaxed);
    }
    // Whoever was closed learns it by reading; then they come back as an app does.
    for _ in 0..LOOKS {
        tokio::time::sleep(SHORT).await;
        for member in sleepers.iter().filter(|member| !member.is_connected()) {
            member.arrive().await?;
        }
    }
    Ok(())
}
