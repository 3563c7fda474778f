//! `fault.wasm`: faults in a module of their own.

host::main!("fault", host::Alone<fault::Fault>);
