//! Repairs a shard that has missed events. The shard notices by a gap in the numbers or by the digest. It is given the
//! missed events from the ring; if the ring no longer has them, its sockets are told to join again.

use super::RoomActor;
use crate::kit::clock::Timestamp;
use crate::room::settings::ms;
use crate::telemetry::metric;

impl RoomActor {
    /// When the shards are next told the room's epoch and `seq`; `None` while nobody is in the room.
    pub(super) fn digest_due_at(&self) -> Option<Timestamp> {
        self.state.empty_since().is_none().then_some(self.digest_at)
    }

    /// Tells the shards the room's epoch and `seq`, if that is due.
    pub(super) fn tell_digest(&mut self) {
        let now = self.clock.now();
        if self.digest_due_at().is_some_and(|at| at <= now) {
            self.digest_at = now.plus_ms(ms(self.settings.digest_ms));
            self.audience.digest(self.state.epoch(), self.state.seq());
        }
    }

    /// Repairs a shard that has every event up to this place and misses the next ones.
    pub(super) fn repair(&mut self, shard: usize, (epoch, seq): (i64, u64)) {
        // A paused room publishes nothing. The next digest after the pause shows the gap again.
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
