//! Measures each hot path on its own: `cargo bench --bench hot`, with a part of a name behind it for some of them. The checks
//! compile the benches but never run them.

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
