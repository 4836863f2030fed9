//! The images of the last lines that have one: whose they are, and which upload each is, so that a recall can take the picture
//! back after a restart too. The oldest are forgotten first; their pictures go when their time is over.

use parlor_protocol::UserId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kit::clock::Timestamp;

/// The images that are known.
const KNOWN: usize = 128;

/// An image that a line shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownImage {
    pub(super) epoch: i64,
    pub(super) seq: u64,
    pub(super) user: UserId,
    pub(super) upload: Uuid,
    pub(super) at: Timestamp,
}

/// An image of a line as a checkpoint keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptImage {
    epoch: i64,
    seq: u64,
    user: UserId,
    upload: Uuid,
    /// How long ago the line was posted, by the clock of the room that keeps it.
    age_ms: i64,
}

/// The images of lines, oldest first. Most rooms have none, so they are boxed.
#[derive(Clone, Debug, Default)]
pub(super) struct Images(Option<Box<Shown>>);

#[derive(Clone, Debug, Default)]
struct Shown(Vec<ShownImage>);

impl Images {
    fn all(&self) -> &[ShownImage] {
        self.0.as_ref().map_or(&[], |shown| &shown.0)
    }

    pub(super) fn of(&self, epoch: i64, seq: u64) -> Option<&ShownImage> {
        self.all().iter().rev().find(|image| (image.epoch, image.seq) == (epoch, seq))
    }

    pub(super) fn show(&mut self, image: ShownImage) {
        let shown = &mut self.0.get_or_insert_default().0;
        if shown.len() >= KNOWN {
            shown.remove(0);
        }
        shown.push(image);
    }

    pub(super) fn hide(&mut self, epoch: i64, seq: u64) {
        if let Some(shown) = &mut self.0 {
            shown.0.retain(|image| (image.epoch, image.seq) != (epoch, seq));
        }
    }

    pub(super) fn kept(&self, now: Timestamp) -> Vec<KeptImage> {
        let kept = |image: &ShownImage| {
            let ShownImage { epoch, seq, user, upload, at } = *image;
            KeptImage { epoch, seq, user, upload, age_ms: now.ms_since(at) }
        };
        self.all().iter().map(kept).collect()
    }

    pub(super) fn restore(kept: &[KeptImage], now: Timestamp) -> Self {
        let shown = |image: &KeptImage| {
            let KeptImage { epoch, seq, user, upload, age_ms } = *image;
            ShownImage { epoch, seq, user, upload, at: now.plus_ms(-age_ms.max(0)) }
        };
        Self((!kept.is_empty()).then(|| Box::new(Shown(kept.iter().map(shown).collect()))))
    }
}
