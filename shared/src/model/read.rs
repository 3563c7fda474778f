//! Reading the located tree into typed resources. Every problem is reported with its field path; reading goes on
//! after it, so that a person hears of all of them at once.
//!
//! An [`object!`](crate::model::object) declares a struct and how it is read in one place: a new field is one row.

use std::collections::BTreeMap;
use std::fmt;

use crate::finding::{About, Code, Finding, Origin, Report, Severity};
use crate::load::{Entry, Node, Value};

/// A field path, kept on the stack while reading descends.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The document itself.
    Root,
    /// A field of an object.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list, from 0.
    Index(&'a Path<'a>, usize),
}

/// As in findings: `spec.http[0].match[1].headers["x.y"]`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(up, key) if key.contains(['.', '[', ']', '/', ' ']) => write!(f, "{up}[\"{key}\"]"),
            Path::Key(Path::Root, key) => f.write_str(key),
            Path::Key(up, key) => write!(f, "{up}.{key}"),
            Path::Index(up, index) => write!(f, "{up}[{index}]"),
        }
    }
}

/// A value and how one came to it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The value.
    pub node: &'a Node,
    /// The field path.
    pub path: &'a Path<'a>,
}

/// Where problems go while one resource is read.
pub struct Reader<'a> {
    about: &'a About,
    report: &'a mut Report,
}

impl<'a> Reader<'a> {
    /// Reads a resource that findings call `about`.
    pub fn new(about: &'a About, report: &'a mut Report) -> Reader<'a> {
        Reader { about, report }
    }

    /// Something that Istio would refuse.
    pub fn invalid(&mut self, place: Place<'_>, message: impl Into<String>, hint: impl Into<String>) {
        self.found(
            Severity::Error,
            Origin::Validation,
            Code::SchemaValidationError,
            place,
            message.into(),
            hint.into(),
        );
    }

    /// The value has another type than the field.
    pub fn expected(&mut self, place: Place<'_>, what: &str) {
        let (message, hint) =
            (format!("expected {what}, found {}", describe(&place.node.value)), hint_for(what, &place.node.value));
        self.invalid(place, message, hint);
    }

    /// Something worth a warning.
    pub fn warn(&mut self, code: Code, place: Place<'_>, message: impl Into<String>, hint: impl Into<String>) {
        self.found(Severity::Warning, Origin::Sailcloth, code, place, message.into(), hint.into());
    }

    fn found(
        &mut self,
        severity: Severity,
        origin: Origin,
        code: Code,
        place: Place<'_>,
        message: String,
        hint: String,
    ) {
        let About { kind, namespace, name, file } = self.about.clone();
        let (path, crate::load::Mark { line, column }) = (place.path.to_string(), place.node.mark);
        self.report.push(Finding {
            severity,
            origin,
            code,
            kind,
            namespace,
            name,
            path,
            file,
            line,
            column,
            message,
            hint,
        });
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => format!("the boolean `{value}`"),
        Value::Integer(value) => format!("the number `{value}`"),
        Value::Float(value) => format!("the number `{value}`"),
        Value::Text(text) => format!("the string `{}`", shorten(text)),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a mapping".into(),
    }
}

fn hint_for(what: &str, value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) if what.starts_with("a string") => {
            "write it in quotes; YAML reads it as another type without".into()
        }
        Value::Text(text) if !what.starts_with("a string") && text.parse::<f64>().is_ok() => {
            "write it without quotes".into()
        }
        Value::Map(_) if what.starts_with("a list") => "begin the item with `- `".into(),
        _ => String::new(),
    }
}

/// The user's words in a message, at a length that a terminal bears.
pub fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(77).chain("...".chars()).collect() }
}

/// A value that can be read from one node.
pub trait Read: Sized {
    /// The value, or nothing when a problem was reported.
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// A field of an object, which may be absent.
pub trait Field: Sized {
    /// The field's value; absent and `null` are the same, as in proto3's JSON.
    fn field(place: Option<Place<'_>>, reader: &mut Reader<'_>) -> Option<Self>;
}

impl<T: Read> Field for Option<T> {
    fn field(place: Option<Place<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        match place {
            Some(place) => T::read(place, reader).map(Some),
            None => Some(None),
        }
    }
}

impl<T: Read> Field for Vec<T> {
    fn field(place: Option<Place<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(place) = place else { return Some(Vec::new()) };
        let Value::List(items) = &place.node.value else {
            reader.expected(place, "a list");
            return None;
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, node)| T::read(Place { node, path: &Path::Index(place.path, index) }, reader))
            .collect();
        read.into_iter().collect()
    }
}

impl<T: Read> Field for BTreeMap<String, T> {
    fn field(place: Option<Place<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(place) = place else { return Some(BTreeMap::new()) };
        let Value::Map(entries) = &place.node.value else {
            reader.expected(place, "a mapping");
            return None;
        };
        let read: Vec<Option<(String, T)>> = entries
            .iter()
            .map(|Entry { key, value, .. }| {
                let value = T::read(Place { node: value, path: &Path::Key(place.path, key) }, reader)?;
                Some((key.clone(), value))
            })
            .collect();
        let read: Option<Vec<(String, T)>> = read.into_iter().collect();
        read.map(crate::order::map)
    }
}

impl Field for bool {
    fn field(place: Option<Place<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Option::<bool>::field(place, reader)?.unwrap_or(false))
    }
}

impl Read for bool {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match place.node.value {
            Value::Bool(value) => Some(value),
            _ => {
                reader.expected(place, "`true` or `false`");
                None
            }
        }
    }
}

impl Read for String {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match &place.node.value {
            Value::Text(text) => Some(text.clone()),
            _ => {
                reader.expected(place, "a string");
                None
            }
        }
    }
}

/// A whole number in `range`, whichever way JSON spells it (a protobuf `Struct` knows only doubles).
pub fn whole(place: Place<'_>, reader: &mut Reader<'_>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let value = match &place.node.value {
        Value::Integer(value) => Some(*value),
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Some(*value as i64),
        // proto3's JSON takes numbers as strings too.
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    match value {
        Some(value) if range.contains(&value) => Some(value),
        _ => {
            reader.expected(place, &format!("a whole number from {} to {}", range.start(), range.end()));
            None
        }
    }
}

impl Read for u32 {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        whole(place, reader, 0..=i64::from(u32::MAX)).and_then(|value| u32::try_from(value).ok())
    }
}

impl Read for i32 {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        whole(place, reader, i64::from(i32::MIN)..=i64::from(i32::MAX)).and_then(|value| i32::try_from(value).ok())
    }
}

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

/// Whether `key` is how JSON or proto spells the field that Rust calls `name`.
fn spells(key: &str, name: &str) -> bool {
    let name = name.strip_prefix("r#").unwrap_or(name);
    if key == name {
        return true;
    }
    let mut upper = false;
    let mut expected = name.chars().filter_map(|c| {
        if c == '_' {
            upper = true;
            return None;
        }
        Some(if std::mem::take(&mut upper) { c.to_ascii_uppercase() } else { c })
    });
    key.chars().all(|c| expected.next() == Some(c)) && expected.next().is_none()
}

/// The JSON spelling of a field.
pub fn camel(name: &str) -> String {
    let mut upper = false;
    name.strip_prefix("r#")
        .unwrap_or(name)
        .chars()
        .filter_map(|c| match c {
            '_' => {
                upper = true;
                None
            }
            c if std::mem::take(&mut upper) => Some(c.to_ascii_uppercase()),
            c => Some(c),
        })
        .collect()
}

/// The candidate that `word` is most likely a misspelling of: within a third of its length in edits.
pub fn nearest(word: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    if word.len() > 64 {
        return None;
    }
    candidates
        .map(|name| (distance(&word.to_ascii_lowercase(), &name.to_ascii_lowercase()), name))
        .filter(|(edits, name)| *edits * 3 <= name.len().max(word.len()))
        .min()
        .map(|(_, name)| name)
}

/// Edits between two words, a swap of neighbours counting as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (get(&last, j) + usize::from(x != y)).min(get(&last, j + 1) + 1).min(get(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(get(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
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

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn names_are_spelt_in_camel_case_or_as_in_proto() {
        assert!(spells("uriRegexRewrite", "uri_regex_rewrite"));
        assert!(spells("uri_regex_rewrite", "uri_regex_rewrite"));
        assert!(spells("consecutive5xxErrors", "consecutive_5xx_errors"));
        assert!(spells("match", "r#match"));
        assert!(!spells("uriregexrewrite", "uri_regex_rewrite"));
        assert!(!spells("uriRegexRewrites", "uri_regex_rewrite"));
    }

    #[test]
    fn the_nearest_name_is_suggested_and_no_far_one() {
        let names = || ["weight", "destination", "headers"].map(String::from).into_iter();
        assert_eq!(nearest("weigth", names()).as_deref(), Some("weight"));
        assert_eq!(nearest("Weight", names()).as_deref(), Some("weight"));
        assert_eq!(nearest("header", names()).as_deref(), Some("headers"));
        assert_eq!(nearest("percentage", names()), None);
    }
}
