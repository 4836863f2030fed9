//! Measures the judging of a batch of gifts, without its transaction.

use criterion::{BatchSize, Criterion, Throughput};
use parlor::economy::gift::bench::Batch;

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(512));
    for (name, receivers) in [("judge 512 gifts to one star", 1), ("judge 512 gifts to 256 receivers", 256)] {
        let batch = Batch::of_gifts(512, receivers);
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(|| batch.clone(), Batch::judge, BatchSize::SmallInput);
        });
    }
    group.finish();
}
