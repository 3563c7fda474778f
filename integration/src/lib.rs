//! Sailcloth on real Envoy: what tests start, ask and look at.
//!
//! The interface is blocking, since that is what tests read best in; the servers and clients run on one tokio runtime
//! that the whole process shares. None of it may therefore be called from inside an async task.

pub mod catcatgo;
mod child;
pub mod client;
pub mod conformance;
pub mod corpus;
pub mod difference;
pub mod discovery;
pub mod echo;
pub mod engine;
pub mod envoy;
pub mod istioctl;
pub mod istiod;
pub mod judged;
pub mod metrics;
pub mod native;
pub mod paths;
pub mod random;
pub mod sail;
pub mod soak;
pub mod under_way;

use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};

/// The runtime that every server and client of this process runs on. It is never shut down.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("harness")
            .enable_all()
            .build()
            .expect("a tokio runtime starts")
    })
}
