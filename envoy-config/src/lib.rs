//! Envoy's configuration from Istio's resources, and the `sailcloth` command's other parts.
//!
//! | room | what |
//! |---|---|
//! | [`input`] | files, folders and standard input, read and checked |
//! | [`silence`] | findings that nobody wants to hear again |
//! | [`render`] | findings as text, JSON, SARIF and for GitHub |
//! | [`codes`] | what each code means, with an example |
//! | [`diff`] | what two sets have otherwise |
//! | [`cluster`], [`route`], [`filter`], [`listener`] | Envoy's resources, typed; each knows how it comes from a set |
//! | [`generate`] | all of them for a set |
//! | [`bootstrap`], [`stats`] | one packaging of them, and what metrics look like |
//! | [`yaml`], [`json`] | how they are printed, and how modules' configuration is written |
//! | [`cases`] | requests and what must come of them: read, and judged |
//! | [`example`], [`source`] | a request to try, and where rules stand in files |
//! | [`explain`] | what becomes of a request, and why |
//! | [`envoy`] | finds Envoy, asks what it is, starts it, and has it end in good order |

pub mod bootstrap;
pub mod cases;
pub mod cluster;
pub mod codes;
pub mod diff;
pub mod envoy;
pub mod example;
pub mod explain;
pub mod filter;
pub mod generate;
pub mod input;
pub mod json;
pub mod listener;
pub mod render;
pub mod route;
pub mod silence;
pub mod source;
pub mod stats;
pub mod traffic;
pub mod wire;
pub mod yaml;

pub use filter::{Packaging, Proxy, http_filters};
pub use generate::{Generated, ListenerParts, Options};
pub use route::route_config;

/// Any of Envoy's resources here as JSON.
pub fn to_json(message: &impl serde::Serialize) -> serde_json::Value {
    // Keys are strings and no number is beyond JSON, so there is nothing that could fail.
    serde_json::to_value(message).unwrap_or_default()
}
