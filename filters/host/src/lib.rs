//! The one seam between Sailcloth's behaviours and proxy-wasm.
//!
//! A behaviour ([`Behaviour`]) is written once against [`RequestPhase`], [`ResponsePhase`] and [`DonePhase`]: each
//! offers just what Envoy allows at that time, so that no call can come in the wrong phase. A [`Chain`] runs one
//! behaviour ([`Alone`]) or several (a tuple) over a stream, stops where one of them waits, and goes on from there when
//! the wait ends, which is on a timer tick of the root context or when another VM has woken this one.
//!
//! Packaging takes one line in the `main.rs` of a binary:
//!
//! ```ignore
//! host::main!("router", host::Alone<router::Router>);
//! ```
//!
//! | file | what |
//! |---|---|
//! | `abi` | every call to Envoy, in bytes; nothing here panics whatever Envoy answers |
//! | `headers` | Envoy's header map, read in place |
//! | `behaviour` | what a behaviour is, and how several become a chain |
//! | `phase`, `done` | what a behaviour may do in each phase |
//! | `handover` | the decision as modules hand it to each other |
//! | `reply` | replies of our own, with the rule's response operations |
//! | `stream` | one request's way through the chain |
//! | `module` | a configured module: its plan, its chain, its waiting streams |
//! | `waits` | who waits until when |
//! | [`vm`] | values that all VMs of a module share, and how one wakes another |
//! | `root` | the SDK's contexts |

mod abi;
mod behaviour;
mod done;
mod facts;
mod handover;
mod headers;
mod module;
mod phase;
mod reply;
mod root;
mod stream;
pub mod vm;
mod waits;

pub use abi::{Counter, Gauge, Histogram};
pub use behaviour::{Alone, Behaviour, Chain, Step, Wait};
pub use done::{DonePhase, ServiceField};
pub use phase::{AttendPhase, RequestPhase, ResponsePhase};
pub use reply::Reply;
pub use root::start;

/// Makes a binary into a module: its name, as in `root_id` and in logs, and its chain.
#[macro_export]
macro_rules! main {
    ($name:literal, $Chain:ty) => {
        fn main() {
            $crate::start::<$Chain>($name);
        }
    };
}
