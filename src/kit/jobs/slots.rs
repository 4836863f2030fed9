//! How many jobs of which kind a node runs at once: a share for each kind, so that one that hangs leaves slots to the
//! others, and for each periodic kind a slot of its own besides, so that none ever waits for anything but itself.

use super::kinds::Kinds;
use super::settings::Settings;
use super::worker::MARK_WITHIN;

/// A kind as the table's statements need it.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) attempts: i32,
    pub(super) lease_seconds: f64,
    is_periodic: bool,
    /// Its jobs that this node runs.
    running: usize,
}

/// Some kinds, and for how many more jobs of each there is room: what one statement takes.
#[derive(Default)]
pub(super) struct Room {
    pub(super) kinds: Vec<String>,
    pub(super) attempts: Vec<i32>,
    pub(super) lease_seconds: Vec<f64>,
    /// For each kind.
    pub(super) each: Vec<i64>,
    /// For all of them together.
    pub(super) all: usize,
    /// There are kinds for which there is no room.
    leaves_out: bool,
}

impl Room {
    /// Whether more jobs of these kinds may wait than those that were taken.
    pub(super) fn is_used_up<'a>(&self, taken: impl Iterator<Item = &'a str> + Clone) -> bool {
        let of = |kind: &str| taken.clone().filter(|taken| *taken == kind).count();
        let each: Vec<usize> = self.kinds.iter().map(|kind| of(kind)).collect();
        self.leaves_out
            || each.iter().sum::<usize>() >= self.all
            || each.iter().zip(&self.each).any(|(taken, room)| i64::try_from(*taken).is_ok_and(|taken| taken >= *room))
    }
}

/// The slots of a node.
pub(super) struct Slots {
    at_once: usize,
    of_one_kind: usize,
    kinds: Vec<Known>,
}

impl Slots {
    /// The slots that the settings give, all of them free.
    pub(super) fn new(settings: &Settings, kinds: &Kinds) -> Self {
        let is_periodic = |name: &str| kinds.periods.iter().any(|period| period.kind == name);
        let known = kinds.all().map(|kind| Known {
            name: kind.name(),
            attempts: i32::try_from(kind.retry().attempts).unwrap_or(i32::MAX),
            lease_seconds: (kind.time_limit() + MARK_WITHIN).as_secs_f64(),
            is_periodic: is_periodic(kind.name()),
            running: 0,
        });
        Self { at_once: settings.at_once, of_one_kind: settings.of_one_kind, kinds: known.collect() }
    }

    /// The room that periodic kinds have, and the room of all others. Kinds of which least runs come first.
    pub(super) fn room(&self) -> [Room; 2] {
        [true, false].map(|periodic| {
            let mut kinds: Vec<&Known> = self.kinds.iter().filter(|kind| kind.is_periodic == periodic).collect();
            kinds.sort_by_key(|kind| kind.running);
            let leaves_out = kinds.iter().any(|kind| kind.running >= self.share(kind));
            let all = if periodic { kinds.len() } else { self.free() };
            let mut room = Room { all, leaves_out, ..Room::default() };
            for kind in kinds.into_iter().filter(|kind| kind.running < self.share(kind)) {
                room.kinds.push(kind.name.to_owned());
                room.attempts.push(kind.attempts);
                room.lease_seconds.push(kind.lease_seconds);
                room.each.push(i64::try_from(self.share(kind) - kind.running).unwrap_or(i64::MAX));
            }
            room
        })
    }

    /// A job of this kind runs.
    pub(super) fn take(&mut self, kind: &str) {
        self.kind(kind).running += 1;
    }

    /// A job of this kind has ended.
    pub(super) fn give_back(&mut self, kind: &str) {
        self.kind(kind).running -= 1;
    }

    fn kind(&mut self, name: &str) -> &mut Known {
        self.kinds.iter_mut().find(|kind| kind.name == name).expect("only known kinds are taken")
    }

    fn share(&self, kind: &Known) -> usize {
        if kind.is_periodic { 1 } else { self.of_one_kind.min(self.at_once) }
    }

    fn free(&self) -> usize {
        let running: usize = self.kinds.iter().filter(|kind| !kind.is_periodic).map(|kind| kind.running).sum();
        self.at_once.saturating_sub(running)
    }
}
