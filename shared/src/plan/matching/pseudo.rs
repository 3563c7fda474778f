//! `method`, `scheme` and `authority`: matches on pseudo headers, case-sensitive, the authority with its port.

use std::fmt;

use super::selector::Selector;
use super::text::{Text, shown};
use crate::decide::Request;
use crate::resolve::parts::Block;

#[derive(Clone, Copy, Debug)]
enum Pseudo {
    Method,
    Scheme,
    Authority,
}

/// What a pseudo header must be.
#[derive(Debug)]
pub struct PseudoCondition {
    which: Pseudo,
    text: Text,
}

impl PseudoCondition {
    pub(super) fn compile(block: Block<'_>) -> Vec<PseudoCondition> {
        let asked = [
            (Pseudo::Method, block.method()),
            (Pseudo::Scheme, block.scheme()),
            (Pseudo::Authority, block.authority()),
        ];
        let compiled = asked.into_iter().filter_map(|(which, model)| Some((which, Text::compile(model?))));
        compiled.map(|(which, text)| PseudoCondition { which, text }).collect()
    }

    #[inline]
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        self.text.holds(self.value(request))
    }

    #[inline]
    fn value<'r>(&self, request: &Request<'r>) -> &'r [u8] {
        match self.which {
            Pseudo::Method => request.method(),
            Pseudo::Scheme => request.scheme(),
            Pseudo::Authority => request.authority(),
        }
    }

    pub(super) fn because(&self, request: &Request<'_>) -> Option<String> {
        let value = self.value(request);
        let why = || format!("{self} does not match {}{}", shown(value), self.text.nearly(value));
        (!self.holds(request)).then(why)
    }

    pub(super) fn looks_at(&self) -> &[u8] {
        match self.which {
            Pseudo::Method => b":method",
            Pseudo::Scheme => b":scheme",
            Pseudo::Authority => b":authority",
        }
    }

    #[inline]
    pub(super) fn selector(&self) -> Option<(Selector<'_>, &[u8])> {
        self.text.only().map(|value| (Selector::Header(self.looks_at()), value))
    }
}

impl fmt::Display for PseudoCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.which {
            Pseudo::Method => "method",
            Pseudo::Scheme => "scheme",
            Pseudo::Authority => "authority",
        };
        write!(f, "{name} {}", self.text)
    }
}
