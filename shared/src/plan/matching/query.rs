//! `queryParams`: the first value of a parameter, as it stands in the URL.

use std::fmt;

use super::selector::Selector;
use super::text::{Text, shown};
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

    pub(super) fn looks_at(&self) -> &[u8] {
        b":path"
    }

    pub(super) fn because(&self, request: &Request<'_>) -> Option<String> {
        if self.holds(request) {
            return None;
        }
        let why = match request.query(&self.name) {
            Some(value) => format!("does not match {}{}", shown(value), self.text.nearly(value)),
            None => format!("asks for a parameter that the URL does not have: it has {}", names(request)),
        };
        Some(format!("{self} {why}"))
    }

    #[inline]
    pub(super) fn selector(&self) -> Option<(Selector<'_>, &[u8])> {
        self.text.only().map(|value| (Selector::Query(&self.name), value))
    }
}

/// The parameters of a request.
fn names(request: &Request<'_>) -> String {
    let query = request.path_and_query().splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
    let names = query.split(|byte| *byte == b'&').filter_map(|pair| pair.split(|byte| *byte == b'=').next());
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(shown).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl fmt::Display for QueryCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queryParams `{}` {}", String::from_utf8_lossy(&self.name), self.text)
    }
}
