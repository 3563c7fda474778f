//! Where a request has a value that a match block asks for.

use crate::decide::Request;

/// A place of which a block takes one value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Selector<'a> {
    /// A header, pseudo headers included; any of its values.
    Header(&'a [u8]),
    /// The first value of a query parameter.
    Query(&'a [u8]),
}

impl Selector<'_> {
    /// Tells the values that a request has there.
    pub(crate) fn values<'r>(self, request: &Request<'r>, mut tell: impl FnMut(&'r [u8])) {
        match self {
            Selector::Header(name) => request.values(name).for_each(tell),
            Selector::Query(name) => request.query(name).into_iter().for_each(&mut tell),
        }
    }
}
