//! Envoy's format strings in header values: `%REQ(x-user?x-old):8%`, `%START_TIME(%s)%`, `%%`.
//!
//! What Envoy refuses is refused here, of a value that is read as of one in a module: this is the only parser there is,
//! and what it makes is what is carried out. What stands behind a percent sign is Envoy's
//! `%([A-Z]|[0-9]|_)+(\(.*?\))?(:[0-9]+)?%`, the first that fits; [`operators`] knows the names.

mod arguments;
pub mod operators;
pub mod time;

use super::read::{Place, Read, Reader, shorten, visible};
use crate::finding::Code;
use operators::{Meaning, Operator};

/// A header's value: the text as it was written, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    /// None where the text stands for itself, as nearly all do.
    parts: Box<[Part]>,
}

/// What follows each other in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(Box<str>),
    /// What the request, the response or the proxy says, up to so many bytes of it.
    Value {
        /// What is asked for.
        what: Operator,
        /// The most bytes of it.
        most: Option<usize>,
    },
}

/// What is wrong with a value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Wrong {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Wrong {
        Wrong { message: message.into(), hint: hint.into() }
    }

    /// A header that begins as Sailcloth's own do.
    pub(crate) fn internal_header(name: &str) -> Wrong {
        let message = format!("`{}` is a header of Sailcloth's own, which nobody else sets or asks for", shorten(name));
        Wrong::new(message, "take a name that does not begin with `x-sailcloth-`")
    }
}

impl Template {
    /// Reads a value.
    ///
    /// # Errors
    /// What Envoy would refuse, and headers that are internal.
    pub fn parse(text: &str) -> Result<Template, Wrong> {
        parse(text).map(|(template, _)| template)
    }

    /// An operator in a form that Istio's webhook refuses, which is Envoy's parser of old.
    pub fn foreign_to_istio(&self) -> Option<&str> {
        let mut rest = &*self.text;
        while let Some((_, after)) = rest.split_once('%') {
            let escaped = after.strip_prefix('%').map(|after| (None, after));
            let (command, after) =
                escaped.or_else(|| Command::split(after).map(|(command, after)| (Some(command), after)))?;
            if let Some(command) = command.filter(|command| !command.is_known_to_istio()) {
                return Some(command.text);
            }
            rest = after;
        }
        None
    }

    /// The text, as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What follows each other; nothing where the text stands for itself.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The request headers that it asks for.
    pub fn request_headers<'t>(&'t self, tell: &mut dyn FnMut(&'t [u8])) {
        for part in &self.parts {
            if let Part::Value { what, .. } = part {
                what.request_headers(tell);
            }
        }
    }
}

impl Read for Template {
    /// A value that is refused is read as an empty one, so that one hears of all that is wrong with its resource.
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(place, reader)?;
        // Istio's `ValidateHTTPHeaderValue`; Envoy minds line breaks and NUL alone.
        let read = if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            let message = format!("`{}` has a control character, which no header may have", visible(&text));
            Err(Wrong::new(message, ""))
        } else {
            parse(&text).map_err(|Wrong { message, hint }| {
                Wrong::new(format!("`{}` is not a header's value: {message}", shorten(&text)), hint)
            })
        };
        match read {
            Ok((template, unknown)) => {
                if let Some(operator) = unknown {
                    let operator = shorten(operator);
                    let message = format!("`%{operator}%` is not supported by Sailcloth and stands for nothing");
                    let hint = "the table of operators that no filter can know is in filters/README.md";
                    reader.warn(Code::UnsupportedOperator, place, message, hint);
                }
                Some(template)
            }
            Err(Wrong { message, hint }) => {
                reader.invalid(place, message, hint);
                Some(Template { text: "".into(), parts: Box::default() })
            }
        }
    }
}

/// The value, and an operator that Sailcloth cannot carry out.
fn parse(text: &str) -> Result<(Template, Option<&str>), Wrong> {
    let (mut parts, mut literal, mut unknown) = (Vec::new(), String::new(), None);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            literal.push('%');
            rest = after;
            continue;
        }
        let Some((command, after)) = Command::split(after) else {
            let message = format!("expected `%OPERATOR%` or `%%`, found `%{}`", shorten(after));
            return Err(Wrong::new(message, "a percent sign itself is written `%%`"));
        };
        rest = after;
        match operators::meaning(&command)? {
            Meaning::Text(text) => literal.push_str(text),
            Meaning::Unknown => unknown = unknown.or(Some(command.text)),
            Meaning::Value(what) => {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal).into()));
                }
                // Envoy takes a length of this one, and does not look at it.
                let most = command.most.filter(|_| !matches!(what, Operator::ClientCertificate(_)));
                parts.push(Part::Value { what, most });
            }
        }
    }
    literal.push_str(rest);
    if (!literal.is_empty() || parts.is_empty()) && literal != text {
        parts.push(Part::Text(literal.into()));
    }
    Ok((Template { text: text.into(), parts: parts.into() }, unknown))
}

/// What stands between two percent signs.
#[derive(Debug)]
pub(super) struct Command<'t> {
    text: &'t str,
    name: &'t str,
    /// Between the brackets; nothing is as good as no brackets.
    arguments: &'t str,
    has_brackets: bool,
    /// Behind the colon.
    most: Option<usize>,
}

impl<'t> Command<'t> {
    /// The command that `text` begins with, and what follows it.
    fn split(text: &'t str) -> Option<(Command<'t>, &'t str)> {
        let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        let (name, behind) = text.split_at_checked(text.bytes().take_while(is_name).count())?;
        if name.is_empty() {
            return None;
        }
        let (mut arguments, mut end) = ("", length(behind));
        let inside = behind.strip_prefix('(');
        if let Some(inside) = inside {
            // Up to the first closing bracket that can be the last one.
            let mut at = 0;
            while end.is_none() {
                at += inside.get(at..)?.find(')')?;
                arguments = inside.get(..at)?;
                at += 1;
                end = length(inside.get(at..)?);
            }
        }
        let (most, after) = end?;
        // Without its closing percent sign.
        let text = text.get(..text.len() - after.len() - 1)?;
        Some((Command { text, name, arguments, has_brackets: inside.is_some(), most }, after))
    }

    /// Whether Istio's `validateHeaderValue` takes it, which is Envoy's parser of old.
    fn is_known_to_istio(&self) -> bool {
        let fits = |byte: u8| !matches!(byte, b'"' | b'\\' | b')');
        let fits = self.arguments.starts_with('[') || self.arguments.bytes().all(fits);
        let says_something = !self.has_brackets || self.arguments.bytes().any(|byte| byte != b' ');
        self.most.is_none() && fits && says_something
    }
}

/// `%` or `:LENGTH%`, and what follows. More than an address can count is no bound.
fn length(text: &str) -> Option<(Option<usize>, &str)> {
    let Some(rest) = text.strip_prefix(':') else { return Some((None, text.strip_prefix('%')?)) };
    let (digits, after) = rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())?;
    let number: u64 = digits.parse().ok()?;
    Some((Some(usize::try_from(number).unwrap_or(usize::MAX)), after.strip_prefix('%')?))
}

#[cfg(test)]
mod tests;
