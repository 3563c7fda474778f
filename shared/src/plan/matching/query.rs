//! `queryParams`: the first value of a parameter, as it stands in the URL.

use std::fmt;

use super::selector::Selector;
use super::text::Text;
use crate::decide::Request;
use crate::resolve::parts::Block;

/// What a query parameter must be.
#[derive(Debug)]
pub struct QueryCondition {
    name: Box<[u8]>,
    text: Text,
}

impl QueryCondition {
    pub(super) fn compile(block: Block<'_>) -> Vec<QueryCondition> {
        let mut all = Vec::new();
        block.query_params(&mut |name, text| {
            all.push(QueryCondition { name: name.as_bytes().into(), text: Text::compile(text) });
        });
        all
    }

    #[inline]
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        request.query(&self.name).is_some_and(|value| self.text.holds(value))
    }

    #[inline]
    pub(super) fn selector(&self) -> Option<(Selector<'_>, &[u8])> {
        self.text.only().map(|value| (Selector::Query(&self.name), value))
    }
}

impl fmt::Display for QueryCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queryParams `{}` {}", String::from_utf8_lossy(&self.name), self.text)
    }
}
