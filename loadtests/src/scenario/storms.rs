//! Everybody at once: coming, and coming back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::SHORT;
use crate::member::Member;
use crate::process::Cpu;
use crate::rest::Away;
use crate::stage::{LINE_CHARS, Stage};
use crate::world;

/// Cuts in the time that is measured.
const CUTS: u32 = 3;
/// Those who were cut come back within.
const SPREAD: Duration = Duration::from_secs(2);
/// Arrivals at a time.
const AT_ONCE: usize = 256;
/// Looks at a server that is to become quiet, and what one uses between two of them when it is.
const LOOKS: u32 = 50;
const IDLE: Duration = Duration::from_millis(10);

/// Everybody leaves, and the server has done with it.
pub(super) async fn leave(stage: &Stage) {
    stage.clear().await;
    let cpu = || stage.server.cpu().map_or(Duration::ZERO, Cpu::total);
    for _ in 0..LOOKS {
        let before = cpu();
        tokio::time::sleep(SHORT).await;
        if cpu().saturating_sub(before) <= IDLE {
            return;
        }
    }
}

/// Everybody who has left comes in anew.
pub(super) async fn joins(stage: &Stage) -> Result<(), Away> {
    world::arrive(&stage.members, AT_ONCE).await
}

/// While lines are said in every room, all sockets are cut at once, several times; everybody comes back
/// with the position they had.
pub(super) async fn reconnects(stage: &Stage) -> Result<(), Away> {
    let pause = stage.plan.length() / (CUTS + 1);
    let chat = stage.chat(stage.plan.rate.unwrap_or(1.0), stage.plan.length(), LINE_CHARS);
    let cuts = async {
        let mut chance = StdRng::seed_from_u64(1);
        for _ in 0..CUTS {
            tokio::time::sleep(pause).await;
            stage.members.iter().for_each(|member| member.vanish());
            let waits = stage.members.iter().map(|member| (member, chance.random_range(Duration::ZERO..SPREAD)));
            let back = join_all(waits.map(|(member, wait)| come_back(member, wait)).collect::<Vec<_>>()).await;
            back.into_iter().collect::<Result<Vec<()>, _>>()?;
        }
        Ok(())
    };
    tokio::join!(chat, cuts).1
}

async fn come_back(member: &Arc<Member>, wait: Duration) -> Result<(), Away> {
    tokio::time::sleep(wait).await;
    member.arrive().await
}
