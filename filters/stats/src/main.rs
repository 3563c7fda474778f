//! `stats.wasm`: the stats in a module of their own.

host::main!("stats", host::Alone<stats::Stats>);
