//! Conditions on a text, each with a value that meets it.

use integration::random::Random;
use serde_json::{Value, json};

/// A `StringMatch`, and a value that it takes.
pub struct Text {
    pub json: Value,
    pub sample: String,
}

fn text(kind: &str, pattern: String, sample: String) -> Text {
    Text { json: json!({kind: pattern}), sample }
}

fn word(random: &mut Random) -> String {
    let length = random.between(1, 6);
    (0..length).map(|_| *random.pick(&['a', 'b', 'A', '1', '2', 'x'])).collect()
}

fn digits(random: &mut Random) -> String {
    random.between(0, 2_000).to_string()
}

/// A condition about this value: that very value, what begins with it, or a pattern made of it.
pub fn about(random: &mut Random, value: &str) -> Text {
    let value = value.to_owned();
    match random.between(0, 10) {
        0..4 => text("exact", value.clone(), value),
        4..7 => {
            let tail = if random.percent(50) { word(random) } else { String::new() };
            text("prefix", value.clone(), value + &tail)
        }
        _ => pattern(random, &value),
    }
}

/// A pattern: one that is a text, texts with one class beside, and those that need an engine.
fn pattern(random: &mut Random, value: &str) -> Text {
    let (word, digits) = (word(random), digits(random));
    // A path begins with a slash, whatever else it is.
    let slash = if value.starts_with('/') { "/" } else { "" };
    let dotted = value.replace('.', r"\.");
    let (pattern, sample) = match random.between(0, 10) {
        0 => (dotted, value.to_owned()),
        1 => (format!("{dotted}.*"), format!("{value}{word}")),
        2 => (format!("^{dotted}[0-9]+$"), format!("{value}{digits}")),
        3 => (format!("{dotted}(/[a-z]+)?"), value.to_owned()),
        4 => (format!("(?i){dotted}"), value.to_ascii_uppercase()),
        5 => (format!("({dotted}|{slash}other)"), format!("{slash}other")),
        6 => (format!("{slash}.*{dotted}"), format!("{slash}{word}{value}")),
        7 => (format!(r"{dotted}\d{{1,3}}([a-z]|\d+x)?"), format!("{value}12x")),
        8 => (format!("{dotted}.+?b"), format!("{value}{word}b")),
        _ => (format!(r"{slash}[^x]*\w*(a|b|{dotted})"), format!("{slash}zb")),
    };
    text("regex", pattern, sample)
}
