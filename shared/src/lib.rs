//! What Istio's traffic resources mean, with no proxy in sight.
//!
//! Data moves one way through the rooms of this crate:
//!
//! | room | in | out |
//! |---|---|---|
//! | [`load`] | text (JSON; YAML with the feature `yaml`) | one tree in which every value knows its place |
//! | [`model`] | the tree | Istio's resources as people write them, every problem collected |
//! | [`check`] | the resources | [`Finding`]s: what is wrong, what is suspicious, what to write instead |
//! | [`plan`] | the resources and who this proxy is | an immutable, compiled [`plan::Plan`] |
//! | [`decide`] | the plan, a request, random draws | a [`decide::Decision`], and why if somebody asks |
//! | [`act`] | the plan, the decision, the request | header changes and replies, told to whoever carries them out |
//! | [`simulate`] | the plan, a request, what chance decides | what becomes of it, from the first behaviour to the answer |
//!
//! Nothing here reads a clock, draws a random number or knows of Envoy's interfaces: time, randomness and headers
//! come in as arguments.
#![forbid(unsafe_code)]

pub mod act;
pub mod check;
pub mod decide;
mod decimal;
pub mod finding;
pub mod load;
mod map;
pub mod model;
pub mod names;
pub mod order;
pub mod plan;
pub mod policy;
pub mod re2;
pub mod registry;
pub mod resolve;
pub mod simulate;
pub mod table;

pub use finding::{Finding, Report, Severity};
pub use map::{Map, Names};
