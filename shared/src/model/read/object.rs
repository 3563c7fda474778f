//! Objects: how a struct says which fields it has, and what becomes of the others.
//!
//! All that can be is done once for all structs and types of fields, through [`Field`]: the modules read 40 structs, and
//! every line here that knew their types would be in them 40 times.

use super::spelling::{camel, nearest, spells};
use super::{Field, Path, Place, Reader, describe, shorten};
use crate::finding::Code;
use crate::load::{Entry, Node, Value};

/// What [`object!`](crate::model::object) says about the fields.
pub struct Fields {
    /// The fields it reads, as Rust spells them.
    pub known: &'static [&'static str],
    /// Those of them that must be there.
    pub required: &'static [&'static str],
    /// Istio's fields that Sailcloth does not act on: each use is a finding.
    pub unsupported: &'static [&'static str],
    /// Fields that do not concern Sailcloth.
    pub ignored: &'static [&'static str],
    /// Whether the object has more of them than could be named, as Kubernetes' own kinds do.
    pub open: bool,
}

/// Reads an object into `slots`, one for each known field; false when a problem was reported. Absent and `null` are the
/// same, as in proto3's JSON.
pub fn object(place: Place<'_>, reader: &mut Reader<'_>, fields: &Fields, slots: &mut [&mut dyn Field]) -> bool {
    let Value::Map(entries) = &place.node.value else {
        reader.expected(place, "a mapping");
        return false;
    };
    let mut seen = vec![false; entries.len()];
    let mut good = true;
    for (name, slot) in fields.known.iter().zip(slots) {
        let at = entries.iter().position(|entry| spells(&entry.key, name));
        if let Some(seen) = at.and_then(|at| seen.get_mut(at)) {
            *seen = true;
        }
        match at.and_then(|at| entries.get(at)) {
            Some(Entry { key, value: node, .. }) if node.value != Value::Null => {
                good &= slot.fill(Place { node, path: &Path::Key(place.path, key) }, reader);
            }
            _ if fields.required.contains(name) => {
                reader.invalid(place, format!("`{}` is missing", camel(name)), "");
                good = false;
            }
            _ => {}
        }
    }
    let others = entries.iter().zip(&seen).filter(|(_, seen)| !**seen);
    others.for_each(|(entry, _)| other(place, entry, fields, reader));
    good
}

/// What was not read is unsupported or unknown, and said so.
fn other(place: Place<'_>, entry: &Entry, fields: &Fields, reader: &mut Reader<'_>) {
    let value = Node { value: Value::Null, mark: entry.mark };
    let place = Place { node: &value, path: &Path::Key(place.path, &entry.key) };
    if fields.unsupported.iter().any(|name| spells(&entry.key, name)) {
        if entry.value.value != Value::Null {
            let message = format!("`{}` is not supported by Sailcloth and has no effect", entry.key);
            reader.warn(Code::Unsupported, place, message, "");
        }
    } else if !fields.open && !fields.ignored.iter().any(|name| spells(&entry.key, name)) {
        let names = || fields.known.iter().chain(fields.unsupported).map(|name| camel(name));
        let hint = match nearest(&entry.key, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the fields here are {}", names().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("unknown field `{}`, which has no effect", shorten(&entry.key));
        reader.warn(Code::UnknownField, place, message, hint);
    }
}

/// Declares a struct together with how it is read: one row a field.
///
/// A field is a [`Field`] (`Option`, `Vec`, `Map`, `bool`) or, marked `= required`, a `Read`. `unsupported`
/// names Istio's fields that Sailcloth does not act on, `ignored` those that are none of its business; `open` says that all
/// others are.
#[macro_export]
macro_rules! object {
    ($(#[$meta:meta])* $visible:vis struct $Name:ident {
        $($(#[$field_meta:meta])* $field:ident: $Type:ty $(= $required:ident)?,)*
    } $(unsupported { $($unsupported:literal),* $(,)? })? $(ignored { $($ignored:literal),* $(,)? })? $(open $open:literal)?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $visible struct $Name { $($(#[$field_meta])* $visible $field: $Type,)* }

        impl $crate::model::read::Read for $Name {
            fn read(
                place: $crate::model::read::Place<'_>,
                reader: &mut $crate::model::read::Reader<'_>,
            ) -> Option<Self> {
                const FIELDS: $crate::model::read::Fields = $crate::model::read::Fields {
                    known: &[$(stringify!($field)),*],
                    required: &[$($($crate::object!(@name $field, $required),)?)*],
                    unsupported: &[$($($unsupported),*)?],
                    ignored: &[$($($ignored),*)?],
                    open: false $(|| $open)?,
                };
                $(let mut $field = <$crate::object!(@slot $Type $(, $required)?)>::default();)*
                if !$crate::model::read::object(place, reader, &FIELDS, &mut [$(&mut $field),*]) {
                    return None;
                }
                Some($Name { $($field: $crate::object!(@take $field $(, $required)?),)* })
            }
        }
    };
    (@slot $Type:ty, required) => { Option<$Type> };
    (@slot $Type:ty) => { $Type };
    (@take $field:ident, required) => { $field? };
    (@take $field:ident) => { $field };
    (@name $field:ident, required) => { stringify!($field) };
}

/// Which of these words it is.
pub fn word(place: Place<'_>, reader: &mut Reader<'_>, words: &[&str], any_case: bool) -> Option<usize> {
    let found = match &place.node.value {
        Value::Text(text) => {
            words.iter().position(|word| text == word || (any_case && text.eq_ignore_ascii_case(word)))
        }
        _ => None,
    };
    if found.is_none() {
        let what = format!("one of `{}`", words.join("` `"));
        let near = match &place.node.value {
            Value::Text(text) if cfg!(feature = "yaml") => nearest(text, words.iter().map(|word| (*word).to_owned())),
            _ => None,
        };
        match near {
            Some(word) => {
                let message = format!("expected {what}, found {}", describe(&place.node.value));
                reader.invalid(place, message, format!("did you mean `{word}`?"));
            }
            None => reader.expected(place, &what),
        }
    }
    found
}

/// Declares an enum of words, read as Istio spells them; `any_case true` takes upper and lower case.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* pub enum $Name:ident {
        $($(#[$word_meta:meta])* $Word:ident = $text:literal,)+
    } $(any_case $any_case:literal)?) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Name { $($(#[$word_meta])* $Word,)+ }

        impl $crate::model::read::Read for $Name {
            fn read(
                place: $crate::model::read::Place<'_>,
                reader: &mut $crate::model::read::Reader<'_>,
            ) -> Option<Self> {
                const WORDS: &[$Name] = &[$($Name::$Word),+];
                const TEXTS: &[&str] = &[$($text),+];
                let index = $crate::model::read::word(place, reader, TEXTS, false $(|| $any_case)?)?;
                WORDS.get(index).copied()
            }
        }
    };
}
