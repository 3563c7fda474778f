//! A compiled `StringMatch`.

use std::fmt;

use crate::model::StringMatch;
use crate::re2::Re2;

/// What a value must be, in bytes.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Regex(Re2),
    Any,
}

impl Text {
    pub(super) fn compile(model: &StringMatch) -> Text {
        match model {
            StringMatch::Exact(text) => Text::Exact(text.as_bytes().into()),
            StringMatch::Prefix(text) => Text::Prefix(text.as_bytes().into()),
            StringMatch::Regex(re2) => {
                re2.prepare();
                Text::Regex(re2.clone())
            }
            StringMatch::Present => Text::Any,
        }
    }

    /// The only value that holds, if there is one.
    #[inline]
    pub(super) fn only(&self) -> Option<&[u8]> {
        match self {
            Text::Exact(text) => Some(text),
            Text::Regex(re2) => re2.literal(),
            _ => None,
        }
    }

    /// What every value that holds begins with.
    #[inline]
    pub(super) fn literal(&self) -> &[u8] {
        match self {
            Text::Exact(text) | Text::Prefix(text) => text,
            Text::Regex(re2) => re2.prefix(),
            Text::Any => &[],
        }
    }

    /// What is wrong with a value that does not hold, where people often take it for right.
    pub(super) fn nearly(&self, value: &[u8]) -> &'static str {
        let capitals = ", which differs in capitals alone";
        match self {
            Text::Exact(text) if text.eq_ignore_ascii_case(value) => capitals,
            Text::Prefix(text) if value.get(..text.len()).is_some_and(|it| it.eq_ignore_ascii_case(text)) => capitals,
            Text::Regex(re2) if is_part(re2, value) => ", but a part of it: a regex has to match the whole value",
            _ => "",
        }
    }

    #[inline]
    pub(super) fn holds(&self, value: &[u8]) -> bool {
        match self {
            Text::Exact(text) => text.as_ref() == value,
            Text::Prefix(text) => value.starts_with(text),
            Text::Regex(re2) => re2.is_full_match(value),
            Text::Any => true,
        }
    }
}

/// Whether a pattern matches somewhere in a value.
fn is_part(re2: &Re2, value: &[u8]) -> bool {
    let (pattern, prefix) = (re2.pattern(), re2.prefix());
    // Of many patterns few begin with what stands there.
    let begins = prefix.is_empty() || value.windows(prefix.len()).any(|window| window == prefix);
    begins
        && Re2::new(&["(?s:.*)(?:", pattern, ")(?s:.*)"].concat()).is_ok_and(|anywhere| anywhere.is_full_match(value))
}

/// A value of a request, for people.
pub(super) fn shown(value: &[u8]) -> String {
    format!("`{}`", String::from_utf8_lossy(value))
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Exact(text) => write!(f, "exact `{}`", String::from_utf8_lossy(text)),
            Text::Prefix(text) => write!(f, "prefix `{}`", String::from_utf8_lossy(text)),
            Text::Regex(re2) => write!(f, "regex `{}`", re2.pattern()),
            Text::Any => f.write_str("present"),
        }
    }
}
