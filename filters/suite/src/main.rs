//! `suite.wasm`: every behaviour in one module, in the order of the chain. The fast default.

host::main!("suite", (mirror::Mirror, router::Router));
