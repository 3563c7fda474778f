//! How a module starts, and the one line that makes a binary into a module.

use crate::abi;

/// Sends what is logged to Envoy's log, and what a panic says, since its VM is dead after it.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Trace => abi::Level::Trace,
            log::Level::Debug => abi::Level::Debug,
            log::Level::Info => abi::Level::Info,
            log::Level::Warn => abi::Level::Warn,
            log::Level::Error => abi::Level::Error,
        };
        abi::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Starts a VM. Called by [`main!`](crate::main), before any callback.
pub fn start() {
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    std::panic::set_hook(Box::new(|panic| abi::log(abi::Level::Critical, &panic.to_string())));
}

/// Room in which Envoy puts what it tells; `abi` takes it over.
pub fn allocate(size: usize) -> *mut u8 {
    std::mem::ManuallyDrop::new(Vec::with_capacity(size)).as_mut_ptr()
}

/// Makes a binary into a module: its name, as in `root_id` and in logs, and its chain.
///
/// Envoy calls whatever callback a module has, for each chunk of a body too, so there are none but these. Without an
/// Envoy around it there is nothing to start; the modules' packages build natively all the same, so that one `cargo`
/// command serves the whole workspace.
#[macro_export]
macro_rules! main {
    ($name:literal, $Chain:ty) => {
        #[cfg(not(target_arch = "wasm32"))]
        fn main() {
            // So that it is checked here too.
            _ = $crate::Dispatcher::<$Chain>::new($name);
        }

        #[cfg(target_arch = "wasm32")]
        fn main() {
            $crate::start::start();
        }

        #[cfg(target_arch = "wasm32")]
        mod callbacks {
            use super::*;

            thread_local! {
                // A VM has one thread.
                static DISPATCHER: $crate::Dispatcher<$Chain> = const { $crate::Dispatcher::new($name) };
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_abi_version_0_2_1() {}

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
                $crate::start::allocate(size)
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_context_create(id: u32, root: u32) {
                DISPATCHER.with(|it| it.context_create(id, root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
                DISPATCHER.with(|it| it.configure(root, size))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_tick(root: u32) {
                DISPATCHER.with(|it| it.tick(root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_queue_ready(root: u32, _queue: u32) {
                DISPATCHER.with(|it| it.queue_ready(root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_headers(id: u32, _headers: u32, _end: u32) -> u32 {
                DISPATCHER.with(|it| it.request_headers(id))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_headers(id: u32, _headers: u32, _end: u32) -> u32 {
                DISPATCHER.with(|it| it.response_headers(id))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_log(id: u32) {
                DISPATCHER.with(|it| it.log(id));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_delete(id: u32) {
                DISPATCHER.with(|it| it.delete(id));
            }
        }
    };
}
