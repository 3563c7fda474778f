//! `router.wasm`: the router in a module of its own.

host::main!("router", host::Alone<router::Router>);
