//! Match blocks. Every kind of condition is a file of its own and one row of the table below; nothing else knows
//! which kinds there are.
//!
//! A condition's file has a type with `compile` (what the block asks for, if anything), `holds`, `because` (why it does
//! not, for people), `looks_at`, `selector` (what an index may look it up by) and `Display`.

mod header;
mod pseudo;
mod query;
mod selector;
mod text;
mod uri;

use std::fmt;

pub(super) use selector::Selector;
pub use uri::PathMatch;

use crate::decide::Request;
use crate::resolve::parts::Block;

macro_rules! conditions {
    ($($(#[$doc:meta])* $Kind:ident: $module:ident::$Type:ident,)+) => {
        /// One thing that a request must have.
        #[derive(Debug)]
        pub enum Condition { $($(#[$doc])* $Kind($module::$Type),)+ }

        impl Condition {
            fn all(block: Block<'_>) -> Box<[Condition]> {
                let mut all = Vec::new();
                $(all.extend($module::$Type::compile(block).into_iter().map(Condition::$Kind));)+
                all.into()
            }

            /// Whether the request has it.
            #[inline]
            pub fn holds(&self, request: &Request<'_>) -> bool {
                match self { $(Condition::$Kind(condition) => condition.holds(request),)+ }
            }

            /// The header that it looks at, pseudo headers included.
            pub fn looks_at(&self) -> &[u8] {
                match self { $(Condition::$Kind(condition) => condition.looks_at(),)+ }
            }

            /// The only value of what it looks at with which it holds, where there is just one.
            pub fn only_value(&self) -> Option<&[u8]> {
                self.selector().map(|(_, value)| value)
            }

            /// Why the request does not have it, in the words of the resource and with both values: `` uri exact `/` does
            /// not match `/x` ``. Nothing where it has it.
            pub fn because(&self, request: &Request<'_>) -> Option<String> {
                match self { $(Condition::$Kind(condition) => condition.because(request),)+ }
            }

            #[inline]
            fn selector(&self) -> Option<(Selector<'_>, &[u8])> {
                match self { $(Condition::$Kind(condition) => condition.selector(),)+ }
            }
        }

        /// In the words of the resource: `` uri prefix `/api` ``.
        impl fmt::Display for Condition {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Condition::$Kind(condition) => condition.fmt(f),)+ }
            }
        }
    };
}

conditions! {
    /// `uri`, `ignoreUriCase`.
    Uri: uri::UriCondition,
    /// `method`, `scheme`, `authority`.
    Pseudo: pseudo::PseudoCondition,
    /// `headers` and `withoutHeaders`.
    Header: header::HeaderCondition,
    /// `queryParams`.
    Query: query::QueryCondition,
}

/// One match block: everything in it must hold.
#[derive(Debug)]
pub struct Match {
    /// What must hold, cheapest first.
    pub conditions: Box<[Condition]>,
    /// What `match[].name` says.
    pub name: Option<Box<str>>,
}

impl Match {
    /// Compiles a block.
    pub fn compile(block: Block<'_>) -> Match {
        Match { conditions: Condition::all(block), name: block.name().map(|name| name.as_ref().into()) }
    }

    /// What a rule without a match block asks for: any path.
    pub fn any() -> Match {
        Match { conditions: Box::new([Condition::Uri(uri::UriCondition::any())]), name: None }
    }

    /// Whether the request matches.
    #[inline]
    pub fn holds(&self, request: &Request<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(request))
    }

    /// Why the request does not match: the first condition that it does not meet. Nothing where it matches.
    pub fn because(&self, request: &Request<'_>) -> Option<String> {
        self.conditions.iter().find_map(|condition| condition.because(request))
    }

    /// What every path that matches begins with.
    #[inline]
    pub fn path_literal(&self) -> &[u8] {
        self.uri().map_or(&[], uri::UriCondition::literal)
    }

    /// The values that every request that matches has in some place, by the conditions that ask for them.
    pub(super) fn selectors(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.conditions).map(|(index, _)| index).filter(|index| self.selector(*index).is_some())
    }

    /// The value that every request that matches has in some place, if this condition takes no other.
    #[inline]
    pub(super) fn selector(&self, condition: u32) -> Option<(Selector<'_>, &[u8])> {
        // Of an empty value nobody knows whether it is there at all.
        self.conditions.get(condition as usize)?.selector().filter(|(_, value)| !value.is_empty())
    }

    /// How the path matches, which is what rewrites and redirects replace.
    #[inline]
    pub fn path(&self) -> PathMatch<'_> {
        self.uri().map_or(PathMatch::Prefix(b"/"), uri::UriCondition::path)
    }

    #[inline]
    fn uri(&self) -> Option<&uri::UriCondition> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::Uri(uri) => Some(uri),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
