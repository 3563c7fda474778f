//! What a scalar means: YAML 1.1 as go-yaml v2 resolves it, on which Kubernetes' YAML stands.

use crate::load::Value;

/// A plain scalar without a tag (go-yaml v2's `resolve`). Base 60 numbers and timestamps stay text, as there.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.chars().next() {
        Some('.') => float(text),
        Some('+' | '-' | '0'..='9') => {
            let digits = text.replace('_', "");
            integer(&digits).or_else(|| float(&digits))
        }
        _ => None,
    };
    number.unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// A scalar with a tag; the error says what was expected. A tag that nobody knows makes text, as in go-yaml.
pub(super) fn tagged(text: &str, tag: &str) -> Result<Value, &'static str> {
    let value = plain(text);
    match (tag, value) {
        ("int", value @ Value::Integer(_)) => Ok(value),
        ("int", _) => Err("a whole number"),
        ("float", Value::Integer(value)) => Ok(Value::Float(value as f64)),
        ("float", value @ Value::Float(_)) => Ok(value),
        ("float", _) => Err("a number"),
        ("bool", value @ Value::Bool(_)) => Ok(value),
        ("bool", _) => Err("`true` or `false`"),
        ("null", Value::Null) => Ok(Value::Null),
        ("null", _) => Err("`null`"),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// Go's `ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading 0 for octal. What exceeds 64 bits is a float.
fn integer(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = |a: &str, b: &str| digits.strip_prefix(a).or_else(|| digits.strip_prefix(b));
    let (radix, digits) = if let Some(digits) = prefixed("0x", "0X") {
        (16, digits)
    } else if let Some(digits) = prefixed("0b", "0B") {
        (2, digits)
    } else if let Some(digits) = prefixed("0o", "0O") {
        (8, digits)
    } else if let Some(digits) = digits.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (8, digits)
    } else {
        (10, digits)
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    Some(match (i64::try_from(magnitude), negative) {
        (Ok(value), false) => Value::Integer(value),
        (Ok(value), true) => Value::Integer(-value),
        (Err(_), false) => Value::Float(magnitude as f64),
        (Err(_), true) => Value::Float(-(magnitude as f64)),
    })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, within the range of a double.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let well_formed = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    let value: f64 = well_formed.then(|| text.parse().ok())??;
    value.is_finite().then_some(Value::Float(value))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn plain_scalars_are_what_kubernetes_makes_of_them() {
        let text = |text: &str| Value::Text(text.into());
        for (written, meant) in [
            ("yes", Value::Bool(true)),
            ("On", Value::Bool(true)),
            ("y", Value::Bool(true)),
            ("n", Value::Bool(false)),
            ("OFF", Value::Bool(false)),
            ("oN", text("oN")),
            ("~", Value::Null),
            ("", Value::Null),
            ("12", Value::Integer(12)),
            ("+12", Value::Integer(12)),
            ("-12", Value::Integer(-12)),
            ("1_000", Value::Integer(1000)),
            ("0777", Value::Integer(511)),
            ("0o17", Value::Integer(15)),
            ("0x1F", Value::Integer(31)),
            ("-0b101", Value::Integer(-5)),
            ("08", Value::Float(8.0)),
            ("0", Value::Integer(0)),
            ("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0)),
            ("99999999999999999999", Value::Float(1e20)),
            ("1.5", Value::Float(1.5)),
            ("1.", Value::Float(1.0)),
            (".5", Value::Float(0.5)),
            ("1e3", Value::Float(1000.0)),
            ("1e999", text("1e999")),
            (".inf", Value::Float(f64::INFINITY)),
            ("-.INF", Value::Float(f64::NEG_INFINITY)),
            ("2024-01-01", text("2024-01-01")),
            ("1:30", text("1:30")),
            ("1.2.3", text("1.2.3")),
            ("0x+5", text("0x+5")),
            ("-", text("-")),
            ("1s", text("1s")),
            ("v1", text("v1")),
        ] {
            assert_eq!(plain(written), meant, "{written}");
        }
        assert!(matches!(plain(".NaN"), Value::Float(value) if value.is_nan()));
    }

    #[test]
    fn a_tag_says_what_a_scalar_is() {
        assert_eq!(tagged("5", "str"), Ok(Value::Text("5".into())));
        assert_eq!(tagged("5", "float"), Ok(Value::Float(5.0)));
        assert_eq!(tagged("yes", "bool"), Ok(Value::Bool(true)));
        assert_eq!(tagged("x", "int"), Err("a whole number"));
        assert_eq!(tagged("5", "custom"), Ok(Value::Text("5".into())));
    }
}
