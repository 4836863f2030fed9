//! Compares each round of Parlor with the same round at the references. Ratios are taken within a round; the report has
//! the median of the rounds' ratios.

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

/// The comparison's figures in the report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Compared {
    /// CPU time per delivery, divided by the floor's.
    pub floor_ratio: Option<f64>,
    /// The same, divided by that of the floor that gathers frames.
    pub coalesced_floor_ratio: Option<f64>,
    /// CPU time per delivery divided by the textbook server's; in gift scenarios gifts per second divided by the
    /// textbook's.
    pub textbook_ratio: Option<f64>,
    /// The same, compared with the textbook that writes no rows for the system's accounts.
    pub lean_textbook_ratio: Option<f64>,
    /// The floor's CPU time per delivery, in microseconds.
    pub floor_cpu_us_per_delivery: Option<f64>,
    /// The floor's p99 latency from the intended time of sending to the screen, in milliseconds.
    pub floor_p99_ms: Option<f64>,
    /// Parlor's p99 divided by the floor's.
    pub floor_p99_ratio: Option<f64>,
    /// The textbook's own figure: microseconds of CPU per delivery, or gifts per second.
    pub textbook_figure: Option<f64>,
    /// The textbook server's p99 latency from the intended time of sending to the screen, in milliseconds.
    pub textbook_p99_ms: Option<f64>,
    /// Parlor's p99 divided by the textbook's.
    pub textbook_p99_ratio: Option<f64>,
    /// The lowest and the highest ratio of the rounds: to the floor, or to the textbook if there is no floor.
    pub ratio_spread: Option<(f64, f64)>,
}

impl Compared {
    /// The figures with their names, as the terminal shows them.
    pub fn figures(&self) -> impl Iterator<Item = Figure> {
        [
            ("floor's CPU per delivery, us", self.floor_cpu_us_per_delivery),
            ("ratio to the floor", self.floor_ratio),
            ("ratio to the gathering floor", self.coalesced_floor_ratio),
            ("floor's screen p99, ms", self.floor_p99_ms),
            ("p99, ratio to the floor's", self.floor_p99_ratio),
            ("textbook's figure", self.textbook_figure),
            ("ratio to the textbook", self.textbook_ratio),
            ("ratio to the lean textbook", self.lean_textbook_ratio),
            ("textbook's screen p99, ms", self.textbook_p99_ms),
            ("p99, ratio to the textbook's", self.textbook_p99_ratio),
        ]
        .into_iter()
    }
}

/// The figures of each round so far.
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

/// The p99 latencies of a reference, and Parlor's divided by them.
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
    /// Adds a round of gifts: Parlor's gifts per second, the textbook's, and the lean textbook's.
    pub fn add_gifts(&mut self, rate: f64, full: f64, lean: f64) {
        self.textbook.push(rate / full);
        self.lean.push(rate / lean);
        self.textbook_own.push(full);
    }

    /// Adds a round of chat: sends the same lines to the references that the order names.
    ///
    /// # Errors
    /// `Away` when a reference does not accept all users.
    pub async fn add_chat(&mut self, order: &Order<'_>, stage: &Stage, own: &Measured, what: &str) -> Result<(), Away> {
        let Some((own_us, _)) = own.us_per_delivery() else { return Ok(()) };
        let (bytes, deliveries) = (&stage.tally.bytes, &stage.tally.deliveries);
        let mean = bytes.load(Ordering::Relaxed) as f64 / deliveries.load(Ordering::Relaxed).max(1) as f64;
        let frame_bytes = (mean + HEADER) as usize;
        // As long as a chat command of Parlor's; it makes the textbook's frame about as long as Parlor's.
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

    /// The median of each figure over the rounds.
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
