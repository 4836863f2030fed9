//! The scenario of bursts: chat lines as fast as they are answered.

use futures_util::future::join_all;
use parlor_protocol::Command;
use parlor_protocol::command::SendChat;
use tokio::time::Instant;

use crate::latency::nanos;
use crate::stage::{LINE, Stage, op};
use crate::watcher::timed_line;

/// Members of each room who speak, each with one unanswered line.
const OUTSTANDING: usize = 16;

/// In each room 16 members send lines, each the next one as soon as the last is answered.
pub(super) async fn burst(stage: &Stage) {
    let end = Instant::now() + stage.plan.length();
    let speakers = stage.rooms.iter().flat_map(|room| room.iter().take(OUTSTANDING));
    let speak = speakers.map(|member| async move {
        while Instant::now() < end {
            let now = nanos();
            let chat = SendChat::of(member.room(), timed_line(now, LINE.chars, LINE.filler));
            let answer = member.begin(now, Some(op()), &Command::ChatSend(chat)).await;
            // A lost socket is counted where it is seen.
            if answer.await.is_err() {
                break;
            }
        }
    });
    join_all(speak.collect::<Vec<_>>()).await;
}
