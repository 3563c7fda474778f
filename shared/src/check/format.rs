//! The operators in header values: `%REQ(x-id)%` and the like.

/// What is wrong with a value.
pub(super) enum Problem {
    /// Envoy would refuse it; says why.
    Syntax(String),
    /// Envoy would take it; holds the operator between its percent signs.
    Unsupported(String),
}

/// Operators without arguments.
const PLAIN: [&str; 6] = [
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "PROTOCOL",
];

/// Those that a response has besides.
const RESPONSE: [&str; 2] = ["RESPONSE_CODE", "UPSTREAM_HOST"];

/// Checks a value. Istio looks at the percent signs and brackets alone (`validateHeaderValue`), Envoy at the arguments
/// too; so does this.
pub(super) fn check(value: &str, is_response: bool) -> Result<(), Problem> {
    let mut rest = value;
    let mut unsupported = None;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(after) = after.strip_prefix('%') {
            rest = after;
            continue;
        }
        let end = end(after).ok_or_else(|| Problem::Syntax("an operator without its closing `%`".into()))?;
        let (operator, after) = after.split_at_checked(end).unwrap_or((after, ""));
        rest = after.strip_prefix('%').unwrap_or(after);
        if !operator_is_supported(operator, is_response)? && unsupported.is_none() {
            unsupported = Some(operator.to_owned());
        }
    }
    unsupported.map_or(Ok(()), |operator| Err(Problem::Unsupported(operator)))
}

/// The operators that are supported, for people.
pub(super) fn supported(is_response: bool) -> String {
    let plain = PLAIN.iter().chain(if is_response { &RESPONSE[..] } else { &[] }).map(|name| format!("`%{name}%`"));
    let header = if is_response { "`%REQ(name)%`, `%RESP(name)%`" } else { "`%REQ(name)%`" };
    format!("{header}, {}", plain.collect::<Vec<_>>().join(", "))
}

/// Where the operator ends: at the next `%` that is not inside its brackets.
fn end(text: &str) -> Option<usize> {
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            '%' if !inside => return Some(at),
            _ => {}
        }
    }
    None
}

/// `NAME` or `NAME(arguments):LENGTH`.
fn operator_is_supported(operator: &str, is_response: bool) -> Result<bool, Problem> {
    let wrong = |why: &str| Err(Problem::Syntax(format!("{why}, found `%{}%`", crate::model::read::shorten(operator))));
    let Some((name, rest)) = operator.split_once('(') else {
        let (name, length) = operator.split_once(':').unwrap_or((operator, "0"));
        if length.parse::<u32>().is_err()
            || name.is_empty()
            || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        {
            return wrong("expected an operator such as `%PROTOCOL%`");
        }
        return Ok(PLAIN.contains(&name) || (is_response && RESPONSE.contains(&name)));
    };
    let Some((arguments, tail)) = rest.rsplit_once(')') else { return wrong("expected a closing `)`") };
    if !tail.trim().is_empty() && tail.strip_prefix(':').is_none_or(|length| length.parse::<u32>().is_err()) {
        return wrong("expected nothing or a length such as `:10` behind `)`");
    }
    if !(name == "REQ" || (is_response && name == "RESP")) {
        return Ok(false);
    }
    let mut headers = arguments.split('?');
    let fits = |name: &str| super::name::is_header(name.strip_prefix(':').unwrap_or(name));
    if !headers.clone().all(fits) || headers.nth(2).is_some() {
        return wrong("expected one header's name, or two with `?` between them");
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn operators_are_known_unknown_or_wrong() {
        for (value, response, expected) in [
            ("plain", false, "fine"),
            ("100%%", false, "fine"),
            ("%REQ(x-id?:path):8%", false, "fine"),
            ("%PROTOCOL% %DOWNSTREAM_REMOTE_ADDRESS%", false, "fine"),
            ("%RESP(x)% %RESPONSE_CODE%", true, "fine"),
            ("%RESP(x)%", false, "unsupported"),
            ("%HOSTNAME%", false, "unsupported"),
            ("%START_TIME(%s%.%f)%", false, "unsupported"),
            ("%UPSTREAM_METADATA([\"a\", \"b\"])%", false, "unsupported"),
            ("50%", false, "wrong"),
            ("%START_TIME%%", false, "wrong"),
            ("abc%123", false, "wrong"),
            ("%REQ(x%", false, "wrong"),
            ("%REQ(a b)%", false, "wrong"),
            ("%REQ(a?b?c)%", false, "wrong"),
            ("%REQ(a):x%", false, "wrong"),
            ("% %", false, "wrong"),
        ] {
            let found = match check(value, response) {
                Ok(()) => "fine",
                Err(Problem::Unsupported(_)) => "unsupported",
                Err(Problem::Syntax(_)) => "wrong",
            };
            assert_eq!(found, expected, "{value}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn what_passes_here_compiles(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "%", "%%", "REQ", "RESP", "(", ")", "x-a", "?", ":", "3", ":path", " ", "PROTOCOL", "UPSTREAM_HOST", "A_1", "a",
                ]),
                0..12,
            ),
        ) {
            let value = parts.concat();
            if check(&value, true).is_ok() {
                proptest::prop_assert!(crate::plan::format::Template::parse(&value).is_ok(), "{value}");
            }
        }
    }
}
