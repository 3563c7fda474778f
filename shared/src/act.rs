//! What is to be done about a decision: header changes and replies, told to whoever carries them out.
//!
//! The order is Envoy's: header operations (those of a weighted destination before the rule's, those of a single one
//! after), then the authority, then the path.

mod reply;
mod request;
mod response;

pub use reply::{DELEGATED_DETAILS, Reply, reply};
pub use request::{INTERNAL_HEADERS, name_route, request, timeout};
pub use response::{kept_for_response, response, touches_response};

use crate::plan::format::Source;
use crate::plan::header_ops::{HeaderOp, HeaderOps};

/// Carries out header changes.
pub trait Changes {
    /// In place of all values there are.
    fn set(&mut self, name: &[u8], value: &[u8]);
    /// Beside the values there are.
    fn add(&mut self, name: &[u8], value: &[u8]);
    /// Takes all values away.
    fn remove(&mut self, name: &[u8]);
}

/// Applies operations as one of Envoy's header parsers does: everything is removed first, then all values are worked
/// out, then they are set, then added. A value that comes out empty changes nothing.
fn apply<S: Source + Changes>(ops: &[&HeaderOps], headers: &mut S) {
    for name in ops.iter().flat_map(|ops| ops.remove()) {
        headers.remove(name);
    }
    let values = |list: fn(&HeaderOps) -> &[HeaderOp], headers: &S| -> Vec<(Box<[u8]>, Vec<u8>)> {
        let all = ops.iter().flat_map(|ops| list(ops));
        let rendered = all.map(|(name, template)| (name.clone(), template.render(headers).into_owned()));
        rendered.filter(|(_, value)| !value.is_empty()).collect()
    };
    let (set, add) = (values(HeaderOps::set, headers), values(HeaderOps::add, headers));
    for (name, value) in set {
        headers.set(&name, &value);
    }
    for (name, value) in add {
        headers.add(&name, &value);
    }
}
