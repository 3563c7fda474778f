//! `mirror.wasm`: mirror in a module of its own.

host::main!("mirror", host::Alone<mirror::Mirror>);
