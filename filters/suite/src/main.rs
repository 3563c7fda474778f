//! `suite.wasm`: every behaviour in one module, in the order of the chain. The fast default.

host::main!("suite", (circuit_breaker::CircuitBreaker, router::Router));
