//! The table of a destination: what a request costs that has to look at it, with more and fewer VMs in it.

use std::collections::VecDeque;
use std::hint::black_box;

use circuit_breaker::table::{Mine, Table};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::plan::guard::Limits;

const LIMITS: Limits = Limits { active: 1_000, waiting: 1_000, requests: 1_000 };

/// A table in which so many VMs hold slots, as it lies in shared data.
fn table(vms: u32) -> Vec<u8> {
    let (nobody, mut table) = (VecDeque::new(), Table::default());
    for queue in 0..vms {
        let mine = Mine { queue, active: 3, ended: 0, spare: 0, waiting: &nobody };
        table.admit(&mine, &LIMITS, 1_000, &mut Vec::new());
    }
    table.encode()
}

fn admitting(criterion: &mut Criterion) {
    for vms in [1, 8, 64] {
        let (bytes, nobody) = (table(vms), VecDeque::new());
        criterion.bench_function(&format!("admit/{vms}"), |bencher| {
            bencher.iter(|| {
                let (mut table, mut wake) = (Table::decode(black_box(&bytes)), Vec::new());
                let mine = Mine { queue: 0, active: 3, ended: 0, spare: 0, waiting: &nobody };
                (table.admit(&mine, &LIMITS, 2_000, &mut wake), table.encode())
            });
        });
    }
}

criterion_group!(
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = admitting
);
criterion_main!(benches);
