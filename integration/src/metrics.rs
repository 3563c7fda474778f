//! What `/stats/prometheus` says, read strictly: a malformed line is a failure.

use std::collections::BTreeMap;

/// The labels of a series.
pub type Labels = BTreeMap<String, String>;

/// One line: a name, its labels, a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name; those of histograms end in `_bucket`, `_sum` and `_count`.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// All samples. Panics at whatever Prometheus would not take.
pub fn samples(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| sample(line).unwrap_or_else(|| panic!("Prometheus would not take `{line}`"))).collect()
}

/// The value of each series of a metric.
pub fn series(text: &str, name: &str) -> BTreeMap<Labels, f64> {
    let mut out = BTreeMap::new();
    for sample in samples(text).into_iter().filter(|sample| sample.name == name) {
        let before = out.insert(sample.labels.clone(), sample.value);
        assert_eq!(before, None, "a series stands twice: {sample:?}");
    }
    out
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !plain(key) || labels.insert(key.to_owned(), value).is_some() {
                return None;
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    plain(name).then(|| Sample { name: name.to_owned(), labels, value })
}

fn plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_malformed_ones_are_not() {
        let read = sample(r#"a_total{b="c\"d\\e",f=""} 3"#).unwrap();
        assert_eq!((read.name.as_str(), read.value), ("a_total", 3.0));
        assert_eq!(read.labels["b"], "c\"d\\e");
        for wrong in ["a", "a{b=c} 1", "a{b=\"c} 1", "a.b 1", "a{b=\"c\"}1", "a{b=\"1\",b=\"2\"} 1"] {
            assert_eq!(sample(wrong), None, "{wrong}");
        }
    }
}
