//! What the hot paths cost, each alone: `cargo bench --bench hot`, or with a part of a name behind it. Compiled by the
//! checks and never timed there.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures the real time, and may start tasks, which end with it"
)]

mod fan_out;
mod ledger;
mod room;
mod wire;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, wire::benches, room::benches, ledger::benches, fan_out::benches);
criterion_main!(benches);
