//! Text in, one located tree out.
//!
//! Modules read JSON ([`json_later`]), which is what the command writes, or a protobuf `Struct` ([`protobuf_later`]), as
//! people write it by hand: a YAML parser would cost every Envoy worker start-up time. The command also reads YAML
//! (feature `yaml`), of which JSON is a part, with the line and column of every value.

mod json;
mod later;
mod protobuf;
mod tree;
#[cfg(feature = "yaml")]
mod yaml;

pub use json::{json, json_later};
pub use later::{Items, Later};
pub use protobuf::{protobuf_later, protobuf_struct};
pub use tree::{Entry, Mark, Node, Value};
#[cfg(feature = "yaml")]
pub(crate) use tree::{Step, steps};
#[cfg(feature = "yaml")]
pub use yaml::{SyntaxError, text, yaml};

/// How deep values may be nested. Kubernetes' resources stay far below; a module's stack is small.
pub const MAX_DEPTH: usize = 100;
