//! Reading the located tree into typed resources. Every problem is reported with its field path; reading goes on
//! after it, so that a person hears of all of them at once.
//!
//! An [`object!`](crate::model::object) declares a struct and how it is read in one place: a new field is one row.

mod number;
mod object;
mod spelling;

use std::fmt;

use crate::Map;
use crate::finding::{About, Code, Finding, Origin, Report, Severity};
use crate::load::{Entry, Node, Value};

pub use number::{Number, in_quotes, whole};
pub use object::{Fields, object, word};
pub use spelling::{camel, nearest};

/// A field path, kept on the stack while reading descends.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The document itself.
    Root,
    /// A path that is text already.
    Said(&'a str),
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
            Path::Said(path) => f.write_str(path),
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
    pub fn invalid(&mut self, place: Place<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.found(
            Severity::Error,
            Origin::Validation,
            Code::SchemaValidationError,
            place,
            message.as_ref(),
            hint.as_ref(),
        );
    }

    /// The value has another type than the field.
    pub fn expected(&mut self, place: Place<'_>, what: &str) {
        let (message, hint) =
            (format!("expected {what}, found {}", describe(&place.node.value)), hint_for(what, &place.node.value));
        self.invalid(place, message, hint);
    }

    /// Something worth a warning.
    pub fn warn(&mut self, code: Code, place: Place<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.found(Severity::Warning, Origin::Sailcloth, code, place, message.as_ref(), hint.as_ref());
    }

    fn found(&mut self, severity: Severity, origin: Origin, code: Code, place: Place<'_>, message: &str, hint: &str) {
        let (message, hint) = (message.to_owned(), hint.to_owned());
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

/// What stands there, as a message says it.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => format!("the boolean `{value}`"),
        Value::Integer(value) => format!("the number `{value}`"),
        Value::Float(value) => format!("the number `{}`", crate::decimal::text(*value)),
        Value::Text(text) => format!("the string `{}`", shorten(text)),
        Value::List(_) | Value::Later(_) => "a list".into(),
        Value::Map(_) => "a mapping".into(),
    }
}

fn hint_for(what: &str, value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) if what.starts_with("a string") => {
            "write it in quotes; YAML reads it as another type without".into()
        }
        Value::Map(_) if what.starts_with("a list") => "begin the item with `- `".into(),
        Value::Text(text) if cfg!(feature = "yaml") && what.starts_with("a list") => {
            format!("write `[{}]`", shorten(text))
        }
        Value::Integer(number) if cfg!(feature = "yaml") && what.starts_with("a duration") => {
            format!("write `{number}s`")
        }
        _ => String::new(),
    }
}

/// The user's words in a message, at a length that a terminal bears.
pub fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(77).chain("...".chars()).collect() }
}

/// The user's words with control characters made visible, as `\x0a`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii_control() => {
                let digit = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or_default();
                out.extend(['\\', 'x', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(c),
        }
    }
    shorten(&out)
}

/// A value that can be read from one node.
pub trait Read: Sized {
    /// The value, or nothing when a problem was reported.
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// What few rules have is behind a pointer, so that the others have no room for it.
impl<T: Read> Read for Box<T> {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(place, reader).map(Box::new)
    }
}

/// A field of an object, which has a default for when it is absent.
pub trait Field {
    /// Reads what stands there; false when a problem was reported.
    fn fill(&mut self, place: Place<'_>, reader: &mut Reader<'_>) -> bool;
}

impl<T: Read> Field for Option<T> {
    fn fill(&mut self, place: Place<'_>, reader: &mut Reader<'_>) -> bool {
        *self = T::read(place, reader);
        self.is_some()
    }
}

impl<T: Read> Field for Vec<T> {
    fn fill(&mut self, place: Place<'_>, reader: &mut Reader<'_>) -> bool {
        // Thousands of small lists that have room for four each would be most of a configuration.
        self.reserve_exact(place.node.items().map_or(0, |items| items.len()));
        list(place, reader, &mut |place, reader| T::read(place, reader).map(|item| self.push(item)).is_some())
    }
}

impl<T: Read> Field for Map<T> {
    fn fill(&mut self, place: Place<'_>, reader: &mut Reader<'_>) -> bool {
        mapping(place, reader, &mut |key, place, reader| {
            T::read(place, reader).map(|value| self.insert(key.to_owned(), value)).is_some()
        })
    }
}

impl Field for bool {
    fn fill(&mut self, place: Place<'_>, reader: &mut Reader<'_>) -> bool {
        bool::read(place, reader).map(|value| *self = value).is_some()
    }
}

fn list(place: Place<'_>, reader: &mut Reader<'_>, item: &mut dyn FnMut(Place<'_>, &mut Reader<'_>) -> bool) -> bool {
    let Some(items) = place.node.items() else {
        reader.expected(place, "a list");
        return false;
    };
    let mut good = true;
    for (index, node) in items.enumerate() {
        good &= item(Place { node: &node, path: &Path::Index(place.path, index) }, reader);
    }
    good
}

fn mapping(
    place: Place<'_>,
    reader: &mut Reader<'_>,
    entry: &mut dyn FnMut(&str, Place<'_>, &mut Reader<'_>) -> bool,
) -> bool {
    let Value::Map(entries) = &place.node.value else {
        reader.expected(place, "a mapping");
        return false;
    };
    let mut good = true;
    for Entry { key, value: node, .. } in entries {
        good &= entry(key, Place { node, path: &Path::Key(place.path, key) }, reader);
    }
    good
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
