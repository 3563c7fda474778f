//! `canary.wasm`: splits in a module of their own.

host::main!("canary", host::Alone<canary::Canary>);
