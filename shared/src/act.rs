//! What is to be done about a decision: header changes and replies, told to whoever carries them out.
//!
//! The order is Envoy's: header operations (those of a weighted destination before the rule's, those of a single one
//! after), then the authority, then the path.

pub mod flags;
mod reply;
mod request;
mod response;
mod scene;
mod why;

pub use reply::{Reply, UNKNOWN_HOST_DETAILS, reply};
pub use request::{INTERNAL_HEADERS, name_route, request, timeout};
pub use response::{kept_for_response, response, touches_response};
pub use scene::{answer_value, route_name};
pub use why::{Why, why};

use crate::plan::format::Source;
use crate::plan::header_ops::{HeaderOp, HeaderOps};
use scene::Moment;

/// Carries out header changes.
pub trait Changes {
    /// In place of all values there are.
    fn set(&mut self, name: &[u8], value: &[u8]);
    /// Beside the values there are.
    fn add(&mut self, name: &[u8], value: &[u8]);
    /// Takes all values away.
    fn remove(&mut self, name: &[u8]);
}

/// Headers that say what they are by now, and take changes.
trait Headers: Source + Changes {
    fn source(&self) -> &dyn Source;
}

impl<S: Source + Changes> Headers for S {
    fn source(&self) -> &dyn Source {
        self
    }
}

/// Applies operations as one of Envoy's header parsers does: everything is removed first, then all values are worked
/// out, then they are set, then added. A value that comes out empty changes nothing.
///
/// It is compiled once for all headers: what it asks of Envoy costs more than finding out whom to ask.
fn apply(ops: &[&HeaderOps], moment: Moment<'_>, headers: &mut dyn Headers) {
    for name in ops.iter().flat_map(|ops| ops.remove()) {
        headers.remove(name);
    }
    let values = |list: fn(&HeaderOps) -> &[HeaderOp], headers: &dyn Headers| -> Vec<(Box<[u8]>, Vec<u8>)> {
        let (all, scene) = (ops.iter().flat_map(|ops| list(ops)), moment.with(headers.source()));
        let rendered = all.map(|(name, template)| (name.clone(), template.render(&scene).into_owned()));
        rendered.filter(|(_, value)| !value.is_empty() && !breaks_line(value)).collect()
    };
    let (set, add) = (values(HeaderOps::set, headers), values(HeaderOps::add, headers));
    for (name, value) in set {
        headers.set(&name, &value);
    }
    for (name, value) in add {
        headers.add(&name, &value);
    }
}

/// Whether a header with this value would be more than one. Envoy writes `%QUERY_PARAM(a)%` as the client has it, with
/// `%0d%0a` decoded; here it writes nothing.
fn breaks_line(value: &[u8]) -> bool {
    value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
