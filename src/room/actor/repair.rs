//! What a listening shard has missed: found by the gap in the numbers or by the digest, and repaired
//! in order from the ring, or by sending the shard's sockets back for a snapshot.

use super::RoomActor;
use crate::kit::clock::Timestamp;
use crate::room::settings::ms;
use crate::telemetry::metric;

impl RoomActor {
    /// When the shards hear next where the room stands. A room that nobody is in tells nobody.
    pub(super) fn digest_due_at(&self) -> Option<Timestamp> {
        self.state.empty_since().is_none().then_some(self.digest_at)
    }

    pub(super) fn tell_digest(&mut self) {
        let now = self.clock.now();
        if self.digest_due_at().is_some_and(|at| at <= now) {
            self.digest_at = now.plus_ms(ms(self.settings.digest_ms));
            self.audience.digest(self.state.epoch(), self.state.seq());
        }
    }

    /// A shard has everything up to this place and misses what came next.
    pub(super) fn repair(&mut self, shard: usize, (epoch, seq): (i64, u64)) {
        // A paused room says nothing; the shard is found again by the next digest.
        if self.is_paused() {
            return;
        }
        let known = epoch == self.state.epoch();
        let missed = known.then(|| self.ring.since(seq, self.state.seq(), None, self.state.announced())).flatten();
        tracing::warn!(
            room.id = self.state.card().id.number(),
            shard,
            seq,
            events = missed.as_ref().map(|missed| missed.frames.len()),
            "a shard has missed events of the room"
        );
        match missed {
            Some(missed) => {
                metric::REPAIRS.add_of("ring", 1);
                self.audience.repair(shard, epoch, seq + 1, missed.frames);
            }
            None => {
                metric::REPAIRS.add_of("resync", 1);
                for removal in self.state.resync() {
                    metric::RESYNCS.add(1);
                    self.audience.remove_on(shard, removal);
                }
            }
        }
    }
}
