//! Objects: how a struct says which fields it has, and what becomes of the others.

use super::spelling::{camel, nearest, spells};
use super::{Field, Path, Place, Read, Reader, shorten};
use crate::finding::Code;
use crate::load::{Entry, Node, Value};

/// What [`object!`](crate::model::object) says about the fields that it does not read.
pub struct Fields {
    /// The fields it reads, as Rust spells them.
    pub known: &'static [&'static str],
    /// Istio's fields that Sailcloth does not act on: each use is a finding.
    pub unsupported: &'static [&'static str],
    /// Whether the object has more fields that do not concern Sailcloth at all, as Kubernetes' own kinds do.
    pub open: bool,
}

/// An object that is being read.
pub struct Object<'a> {
    place: Place<'a>,
    entries: &'a [Entry],
    seen: Vec<bool>,
}

impl<'a> Object<'a> {
    /// Begins to read an object; anything else than a mapping is a finding.
    pub fn open(place: Place<'a>, reader: &mut Reader<'_>) -> Option<Object<'a>> {
        let Value::Map(entries) = &place.node.value else {
            reader.expected(place, "a mapping");
            return None;
        };
        Some(Object { place, entries, seen: vec![false; entries.len()] })
    }

    fn take(&mut self, name: &str) -> Option<(&'a str, &'a Node)> {
        let index = self.entries.iter().position(|entry| spells(&entry.key, name))?;
        if let Some(seen) = self.seen.get_mut(index) {
            *seen = true;
        }
        let entry = self.entries.get(index)?;
        (entry.value.value != Value::Null).then_some((entry.key.as_str(), &entry.value))
    }

    /// A field that may be absent.
    pub fn field<T: Field>(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<T> {
        match self.take(name) {
            Some((key, node)) => T::field(Some(Place { node, path: &Path::Key(self.place.path, key) }), reader),
            None => T::field(None, reader),
        }
    }

    /// A field that must be there.
    pub fn required<T: Read>(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<T> {
        match self.take(name) {
            Some((key, node)) => T::read(Place { node, path: &Path::Key(self.place.path, key) }, reader),
            None => {
                reader.invalid(self.place, format!("`{}` is missing", camel(name)), "");
                None
            }
        }
    }

    /// Ends reading: what was not read is unsupported or unknown, and said so.
    pub fn close(self, fields: &Fields, reader: &mut Reader<'_>) {
        for (entry, _) in self.entries.iter().zip(&self.seen).filter(|(_, seen)| !**seen) {
            let value = Node { value: Value::Null, mark: entry.mark };
            let place = Place { node: &value, path: &Path::Key(self.place.path, &entry.key) };
            if fields.unsupported.iter().any(|name| spells(&entry.key, name)) {
                if entry.value.value != Value::Null {
                    let message = format!("`{}` is not supported by Sailcloth and has no effect", entry.key);
                    reader.warn(Code::Unsupported, place, message, "");
                }
            } else if !fields.open {
                let names = || fields.known.iter().chain(fields.unsupported).map(|name| camel(name));
                let hint = match nearest(&entry.key, names()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("the fields here are {}", names().collect::<Vec<_>>().join(", ")),
                };
                let message = format!("unknown field `{}`, which has no effect", shorten(&entry.key));
                reader.warn(Code::UnknownField, place, message, hint);
            }
        }
    }
}

/// Declares a struct together with how it is read: one row a field.
///
/// A field is a [`Field`] (`Option`, `Vec`, `BTreeMap`, `bool`) or, marked `= required`, a [`Read`]. `unsupported`
/// names Istio's fields that Sailcloth does not act on; `open` says that other fields are none of its business.
#[macro_export]
macro_rules! object {
    ($(#[$meta:meta])* pub struct $Name:ident {
        $($(#[$field_meta:meta])* $field:ident: $Type:ty $(= $required:ident)?,)*
    } $(unsupported { $($unsupported:literal),* $(,)? })? $(open $open:literal)?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Name { $($(#[$field_meta])* pub $field: $Type,)* }

        impl $crate::model::read::Read for $Name {
            fn read(
                place: $crate::model::read::Place<'_>,
                reader: &mut $crate::model::read::Reader<'_>,
            ) -> Option<Self> {
                const FIELDS: $crate::model::read::Fields = $crate::model::read::Fields {
                    known: &[$(stringify!($field)),*],
                    unsupported: &[$($($unsupported),*)?],
                    open: false $(|| $open)?,
                };
                let mut object = $crate::model::read::Object::open(place, reader)?;
                $(let $field: Option<$Type> = $crate::object!(@read object, reader, $field $(, $required)?);)*
                object.close(&FIELDS, reader);
                Some($Name { $($field: $field?,)* })
            }
        }
    };
    (@read $object:ident, $reader:ident, $field:ident, required) => { $object.required(stringify!($field), $reader) };
    (@read $object:ident, $reader:ident, $field:ident) => { $object.field(stringify!($field), $reader) };
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
                const ANY_CASE: bool = false $(|| $any_case)?;
                if let $crate::load::Value::Text(text) = &place.node.value {
                    let is = |word: &str| text == word || (ANY_CASE && text.eq_ignore_ascii_case(word));
                    $(if is($text) {
                        return Some($Name::$Word);
                    })+
                }
                reader.expected(place, concat!("one of", $(" `", $text, "`"),+));
                None
            }
        }
    };
}
