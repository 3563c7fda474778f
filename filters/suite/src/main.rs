//! `suite.wasm`: every behaviour in one module, in the order of the chain. The fast default.

host::main!(
    "suite",
    (stats::Stats, fault::Fault, canary::Canary, circuit_breaker::CircuitBreaker, mirror::Mirror, router::Router,)
);
