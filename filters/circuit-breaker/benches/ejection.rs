//! What is known of a destination where something fails: what a request costs that has to look at it, with more and fewer
//! endpoints that failed. Where nothing fails nobody looks.

use std::hint::black_box;

use circuit_breaker::ejection::{Health, Verdict};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::plan::guard::{Ejection, Endpoints};

fn address(endpoint: usize) -> String {
    format!("10.0.0.{endpoint}:8080")
}

fn rule(endpoints: usize) -> Ejection {
    Ejection {
        errors: Some(5),
        gateway_errors: None,
        local_failures: None,
        split: false,
        base_ms: 30_000,
        interval_ms: 10_000,
        endpoints: Endpoints::Listed((0..endpoints).map(address).collect()),
    }
}

fn looking(criterion: &mut Criterion) {
    for endpoints in [1, 10, 100] {
        let (rule, mut health) = (rule(endpoints), Health::default());
        for endpoint in 0..endpoints {
            health.tell(address(endpoint).as_bytes(), Verdict::Error { gateway: false }, &rule, 1_000);
        }
        let (bytes, last) = (health.encode(), address(endpoints - 1));
        criterion.bench_function(&format!("pass/{endpoints}"), |bencher| {
            bencher.iter(|| Health::decode(black_box(&bytes)).pass(2_000));
        });
        criterion.bench_function(&format!("tell/{endpoints}"), |bencher| {
            bencher.iter(|| {
                let mut health = Health::decode(black_box(&bytes));
                let turns = health.tell(last.as_bytes(), Verdict::Error { gateway: false }, &rule, 2_000);
                (turns, health.encode())
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
    targets = looking
);
criterion_main!(benches);
