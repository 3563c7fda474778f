//! `circuit_breaker.wasm`: the circuit breaker in a module of its own.

host::main!("circuit_breaker", host::Alone<circuit_breaker::CircuitBreaker>);
