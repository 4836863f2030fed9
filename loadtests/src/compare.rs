//! A round of Parlor held against the same at its references: ratios are taken within a round, and of those the median.

use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::meter::{Measured, some};
use crate::reference::{Reference, Which, crowd};
use crate::report::{Figure, median};
use crate::rest::Away;
use crate::run::Order;
use crate::stage::Stage;

/// Bytes of a frame's header.
const HEADER: f64 = 4.0;

/// What came of it, in the report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Compared {
    /// CPU time for one delivery in terms of the floor's.
    pub floor_ratio: Option<f64>,
    /// The same of the floor that gathers frames.
    pub coalesced_floor_ratio: Option<f64>,
    /// CPU time for one delivery in terms of the textbook server's; of gifts: gifts a second in terms of its.
    pub textbook_ratio: Option<f64>,
    /// The same of a textbook that keeps no rows for the system's accounts.
    pub lean_textbook_ratio: Option<f64>,
    /// The floor's own figure, in microseconds.
    pub floor_cpu_us_per_delivery: Option<f64>,
    /// From the intended time of sending to the screen at the floor: one in a hundred is slower, in milliseconds.
    pub floor_p99_ms: Option<f64>,
    /// Parlor's in terms of it.
    pub floor_p99_ratio: Option<f64>,
    /// The textbook's own figure: microseconds, or gifts a second.
    pub textbook_figure: Option<f64>,
    /// From the intended time of sending to the screen at the textbook server: one in a hundred is slower.
    pub textbook_p99_ms: Option<f64>,
    /// Parlor's in terms of it.
    pub textbook_p99_ratio: Option<f64>,
    /// The lowest and highest of the ratios over rounds.
    pub ratio_spread: Option<(f64, f64)>,
}

impl Compared {
    /// For people.
    pub fn figures(&self) -> impl Iterator<Item = Figure> {
        [
            ("the floor's CPU a delivery, us", self.floor_cpu_us_per_delivery),
            ("in terms of the floor", self.floor_ratio),
            ("in terms of the gathering floor", self.coalesced_floor_ratio),
            ("the floor's screen p99, ms", self.floor_p99_ms),
            ("p99 in terms of it", self.floor_p99_ratio),
            ("the textbook's own figure", self.textbook_figure),
            ("in terms of the textbook", self.textbook_ratio),
            ("in terms of the lean textbook", self.lean_textbook_ratio),
            ("the textbook's screen p99, ms", self.textbook_p99_ms),
            ("p99 in terms of it", self.textbook_p99_ratio),
        ]
        .into_iter()
    }
}

/// Each round's figures.
#[derive(Default)]
pub struct Rounds {
    floor: Vec<f64>,
    coalesced: Vec<f64>,
    textbook: Vec<f64>,
    lean: Vec<f64>,
    floor_us: Vec<f64>,
    textbook_own: Vec<f64>,
    floor_p99: P99s,
    textbook_p99: P99s,
}

/// The slowest hundredth at a reference, and Parlor's in terms of it.
#[derive(Default)]
struct P99s {
    own: Vec<f64>,
    ratios: Vec<f64>,
}

impl P99s {
    fn add(&mut self, parlor: &Measured, reference: &Measured) {
        if let (Some(parlor), Some(reference)) = (some(parlor.screen), some(reference.screen)) {
            self.own.push(reference.p99_ms);
            self.ratios.push(parlor.p99_ms / reference.p99_ms);
        }
    }
}

impl Rounds {
    /// A round of gifts: gifts a second here, at the textbook, and at the lean one.
    pub fn add_gifts(&mut self, rate: f64, full: f64, lean: f64) {
        self.textbook.push(rate / full);
        self.lean.push(rate / lean);
        self.textbook_own.push(full);
    }

    /// A round of chat: puts the same lines on the references that the order names.
    ///
    /// # Errors
    /// `Away` when one does not take everybody.
    pub async fn add_chat(&mut self, order: &Order<'_>, stage: &Stage, own: &Measured, what: &str) -> Result<(), Away> {
        let Some((own_us, _)) = own.us_per_delivery() else { return Ok(()) };
        let (bytes, deliveries) = (&stage.tally.bytes, &stage.tally.deliveries);
        let mean = bytes.load(Ordering::Relaxed) as f64 / deliveries.load(Ordering::Relaxed).max(1) as f64;
        let frame_bytes = (mean + HEADER) as usize;
        // As long as a chat command, and of the textbook's frame about as long as ours.
        let line = format!(r#"{{"room":104233871,"text":"{}"}}"#, ".".repeat((mean as usize).saturating_sub(48)));
        let mut all = Vec::new();
        if order.with_floor {
            all.extend([Which::Floor, Which::CoalescedFloor]);
        }
        if order.with_textbook {
            all.push(Which::Textbook);
        }
        for which in all {
            let reference = Reference::start(which, frame_bytes).map_err(Away)?;
            let name = format!("{what}, {}", which.argument());
            let measured = crowd::drive(&reference, order.plan, &line, &name).await?;
            let Some((us, _)) = measured.us_per_delivery() else { continue };
            match which {
                Which::Floor => {
                    self.floor.push(own_us / us);
                    self.floor_us.push(us);
                    self.floor_p99.add(own, &measured);
                }
                Which::CoalescedFloor => self.coalesced.push(own_us / us),
                Which::Textbook => {
                    self.textbook.push(own_us / us);
                    self.textbook_own.push(us);
                    self.textbook_p99.add(own, &measured);
                }
            }
        }
        Ok(())
    }

    /// The medians.
    pub fn medians(self) -> Compared {
        let spread = [&self.floor, &self.textbook].into_iter().find(|ratios| !ratios.is_empty());
        let ratio_spread = spread.map(|all| {
            (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        });
        Compared {
            floor_ratio: median(self.floor),
            coalesced_floor_ratio: median(self.coalesced),
            textbook_ratio: median(self.textbook),
            lean_textbook_ratio: median(self.lean),
            floor_cpu_us_per_delivery: median(self.floor_us),
            floor_p99_ms: median(self.floor_p99.own),
            floor_p99_ratio: median(self.floor_p99.ratios),
            textbook_figure: median(self.textbook_own),
            textbook_p99_ms: median(self.textbook_p99.own),
            textbook_p99_ratio: median(self.textbook_p99.ratios),
            ratio_spread,
        }
    }
}
