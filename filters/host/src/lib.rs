//! The one seam between Sailcloth's behaviours and proxy-wasm.
//!
//! A behaviour ([`Behaviour`]) is written once against [`RequestPhase`], [`ResponsePhase`] and [`DonePhase`]: each
//! offers just what Envoy allows at that time, so that no call can come in the wrong phase. A [`Chain`] runs one
//! behaviour ([`Alone`]) or several (a tuple) over a stream, stops where one of them waits, and goes on from there when
//! the wait ends, which is on a timer tick of the root context or when another VM has woken this one.
//!
//! Envoy's callbacks come in here and not in the SDK's dispatcher: that has every callback of the ABI, three tables of
//! boxed contexts to look a stream up in, and panics where it does not know one. Each module is some 50 kB smaller without
//! it, and a callback holds no table while Envoy may call back.
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
//! | `dispatch` | from Envoy's callbacks to streams |
//! | `configure` | from the configuration's text to a configured module |
//! | [`start`] | how a module starts; the callbacks |

mod abi;
mod behaviour;
mod configure;
mod dispatch;
mod done;
mod facts;
mod handover;
mod headers;
mod module;
mod phase;
mod reply;
#[doc(hidden)]
pub mod start;
mod stream;
pub mod vm;
mod waits;
mod why;

pub use abi::{Counter, Gauge, Histogram, warn};
pub use behaviour::{Alone, Behaviour, Chain, Step, Wait};
pub use dispatch::Dispatcher;
pub use done::{DonePhase, ServiceField};
pub use phase::{AttendPhase, RequestPhase, ResponsePhase};
pub use reply::Reply;
