//! Values that several resources share; each type holds only what Istio takes.

use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use super::read::{Place, Read, Reader, shorten, visible, whole};
use crate::load::Value;
use crate::re2::Re2;

/// A port number, 1 to 65535.
pub type Port = NonZeroU16;

impl Read for NonZeroU16 {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole(place, reader, 1..=65_535)?;
        u16::try_from(number).ok().and_then(NonZeroU16::new)
    }
}

/// A port that may be written as 0, which is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortOrNone(pub Option<Port>);

impl Read for PortOrNone {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let none = match &place.node.value {
            Value::Integer(number) => *number == 0,
            Value::Text(number) => number == "0",
            _ => false,
        };
        if none {
            return u32::read(place, reader).map(|_| PortOrNone(None));
        }
        Port::read(place, reader).map(|port| PortOrNone(Some(port)))
    }
}

/// A number that Istio keeps in an `int32` and refuses below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u32);

impl Read for Count {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole(place, reader, 0..=i64::from(i32::MAX))?;
        u32::try_from(number).ok().map(Count)
    }
}

/// A whole percentage, 0 to 100 (Istio's `ValidatePercent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WholePercent(pub u32);

impl Read for WholePercent {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole(place, reader, 0..=100)?;
        u32::try_from(number).ok().map(WholePercent)
    }
}

/// A text that a request or a response can carry: without CR, LF and NUL, which would end a header and begin another.
/// Envoy refuses these wherever a route can write them (`well_known_regex: HTTP_HEADER_VALUE`), and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Box<str>);

impl std::ops::Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Read for Line {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(place, reader)?;
        if text.contains(['\r', '\n', '\0']) {
            let text = visible(&text);
            let hint = "a block such as `>` or `|` in YAML ends with a line break; `>-` and `|-` do not";
            reader.invalid(place, format!("`{text}` has a line break or NUL, which no header may have"), hint);
            return None;
        }
        Some(Line(text.into()))
    }
}

/// Istio's `StringMatch`: exactly one of `exact`, `prefix` and `regex`, or `{}`.
#[derive(Clone, Debug, PartialEq)]
pub enum StringMatch {
    /// The same bytes.
    Exact(String),
    /// These bytes first. A plain string prefix: `/foo` takes `/foobar` too.
    Prefix(String),
    /// RE2, the whole value.
    Regex(Re2),
    /// Anything, as long as it is there.
    Present,
}

impl Read for StringMatch {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if cfg!(feature = "yaml")
            && !matches!(place.node.value, Value::Map(_))
            && let Some(text) = scalar(&place.node.value)
        {
            let found = super::read::describe(&place.node.value);
            let message = format!("expected how to match, found {found}");
            let hint = format!("write `{{exact: {text}}}`, or `prefix` or `regex` in place of `exact`");
            reader.invalid(place, message, hint);
            return None;
        }
        let fields = StringMatchFields::read(place, reader)?;
        match fields {
            StringMatchFields { exact: Some(text), prefix: None, regex: None } => Some(StringMatch::Exact(text)),
            StringMatchFields { exact: None, prefix: Some(text), regex: None } => Some(StringMatch::Prefix(text)),
            StringMatchFields { exact: None, prefix: None, regex: Some(Regex(re2)) } => Some(StringMatch::Regex(re2)),
            StringMatchFields { exact: None, prefix: None, regex: None } => Some(StringMatch::Present),
            _ => {
                reader.invalid(place, "more than one of `exact`, `prefix` and `regex`", "keep one of them");
                None
            }
        }
    }
}

/// A single value as YAML takes it for a string; nothing for others.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Text(text)
            if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
                && !text.contains([':', '#', ',', '}', ']']) =>
        {
            Some(shorten(text))
        }
        Value::Text(text) => Some(format!("\"{}\"", shorten(text))),
        Value::Bool(value) => Some(format!("\"{value}\"")),
        Value::Integer(value) => Some(format!("\"{value}\"")),
        Value::Float(value) => Some(format!("\"{}\"", crate::decimal::text(*value))),
        _ => None,
    }
}

crate::object! {
    /// The `oneof` behind [`StringMatch`].
    pub struct StringMatchFields {
        /// The same bytes.
        exact: Option<String>,
        /// These bytes first.
        prefix: Option<String>,
        /// RE2, the whole value.
        regex: Option<Regex>,
    }
}

/// A regex in a resource: RE2 syntax, 1 to 1024 characters (Istio's `validateStringMatchRegexp`).
#[derive(Clone, Debug, PartialEq)]
pub struct Regex(pub Re2);

impl Read for Regex {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let pattern = String::read(place, reader)?;
        if pattern.is_empty() || pattern.len() > 1024 {
            let message = format!("expected a regex of 1 to 1024 characters, found one of {}", pattern.len());
            reader.invalid(place, message, "");
            return None;
        }
        match Re2::new(&pattern) {
            Ok(re2) => Some(Regex(re2)),
            Err(error) => {
                let hint = if pattern == "*" { "for any value write `{}`, or `.*`" } else { "the syntax is RE2's" };
                reader.invalid(place, format!("`{}` is not a regex: {error}", shorten(&pattern)), hint);
                None
            }
        }
    }
}

/// A match under `withoutHeaders`, where alone Istio takes the regex `*` for "is there".
#[derive(Clone, Debug, PartialEq)]
pub struct WithoutMatch(pub StringMatch);

impl Read for WithoutMatch {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match &place.node.value {
            Value::Map(entries) if entries.len() == 1 && place.node.text("regex") == Some("*") => {
                Some(WithoutMatch(StringMatch::Present))
            }
            _ => StringMatch::read(place, reader).map(WithoutMatch),
        }
    }
}

/// A duration as Go and Kubernetes write it: `1h30m`, `1.5s`, `100ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

/// In the largest unit of which it has one: `1.5s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        let (scale, digits, unit) = match nanos {
            1_000_000_000.. => (1_000_000_000, 9, "s"),
            1_000_000.. => (1_000_000, 6, "ms"),
            1_000.. => (1_000, 3, "µs"),
            _ => (1, 0, "ns"),
        };
        let (whole, rest) = (nanos / scale, nanos % scale);
        if rest == 0 {
            return write!(f, "{whole}{unit}");
        }
        write!(f, "{whole}.{}{unit}", format!("{rest:0digits$}").trim_end_matches('0'))
    }
}

impl Read for GoDuration {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let parsed = match &place.node.value {
            Value::Text(text) => parse_duration(text),
            _ => None,
        };
        if parsed.is_none() {
            reader.expected(place, "a duration such as `1.5s`, `100ms` or `1h30m`");
        }
        parsed.map(GoDuration)
    }
}

/// A duration that Istio takes for timeouts and delays: whole milliseconds, at least one (`ValidateDuration`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(u64);

impl Millis {
    /// The number of milliseconds, at least 1.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Read for Millis {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let GoDuration(duration) = GoDuration::read(place, reader)?;
        let millis = u64::try_from(duration.as_millis()).ok()?;
        if millis == 0 || duration.subsec_nanos() % 1_000_000 != 0 {
            reader.expected(place, "a duration of whole milliseconds, at least `1ms`");
            return None;
        }
        Some(Millis(millis))
    }
}

/// Go's `time.ParseDuration` without signs: decimal numbers, each with its unit.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let units = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(units)?;
        let scale: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 12 {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut part = scale;
        nanos = nanos.checked_add(whole.checked_mul(scale)?)?;
        for digit in fraction.chars() {
            part /= 10;
            nanos = nanos.checked_add(part.checked_mul(u128::from(digit.to_digit(10)?))?)?;
        }
        rest = after;
    }
    // Go's longest duration, about 292 years.
    (!text.is_empty() && nanos <= i64::MAX as u128).then(|| Duration::from_nanos(nanos as u64))
}

/// A share in millionths, from Istio's `Percent`: `trunc(value * 10000)`, so `0.57` is 5699 as in istiod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

/// The least percentage of a fault that Istio takes, beside none (`validatePercentage`).
const LEAST_PERCENT: f64 = 0.0001;

impl Percent {
    /// Everything.
    pub const ALL: Percent = Percent(1_000_000);

    /// A percentage of 0, or from the least to 100.
    fn of(number: f64, least: f64, place: Place<'_>, reader: &mut Reader<'_>) -> Option<Percent> {
        if (0.0..=100.0).contains(&number) && (number == 0.0 || number >= least) {
            return Some(Percent((number * 10_000.0) as u32));
        }
        let found = crate::decimal::text(number);
        let expected = if least > 0.0 { "of 0, or from 0.0001 to 100" } else { "from 0 to 100" };
        reader.invalid(place, format!("expected a percentage {expected}, found `{found}`"), "");
        None
    }

    /// Millionths, 0 to 1,000,000.
    pub fn ppm(self) -> u32 {
        self.0
    }
}

impl Read for Percent {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = PercentFields::read(place, reader)?.value.unwrap_or(0.0);
        Percent::of(number, LEAST_PERCENT, place, reader)
    }
}

/// A mirror's share, which Istio also takes where it is less than a millionth, and then is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MirrorPercent(pub Percent);

impl Read for MirrorPercent {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = PercentFields::read(place, reader)?.value.unwrap_or(0.0);
        Percent::of(number, 0.0, place, reader).map(MirrorPercent)
    }
}

crate::object! {
    /// Istio's `Percent`.
    pub struct PercentFields {
        /// 0 to 100; absent is 0.
        value: Option<f64>,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn durations_are_said_as_the_standard_library_says_them() {
        for nanos in
            [0, 1, 999, 1_000, 1_500, 999_999, 1_000_000, 1_050_000, 1_000_000_000, 1_500_000_001, 3_600_000_000_000]
        {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(GoDuration(duration).to_string(), format!("{duration:?}"));
        }
    }

    #[test]
    fn durations_are_gos() {
        let ms = |text| parse_duration(text).map(|d| d.as_millis());
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("1.5s"), Some(1500));
        assert_eq!(ms(".5s"), Some(500));
        assert_eq!(ms("100ms"), Some(100));
        assert_eq!(ms("0"), Some(0));
        assert_eq!(parse_duration("1us"), Some(Duration::from_micros(1)));
        for bad in ["", "5", "s", "-1s", "1 s", "1.2.3s", "1x", "9999999999999h", "1s.", "300000000h"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }
}
