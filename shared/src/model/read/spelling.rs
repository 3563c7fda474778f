//! How fields are spelt, and what a misspelt one was meant to be.

/// Whether `key` is how JSON or proto spells the field that Rust calls `name`.
pub(super) fn spells(key: &str, name: &str) -> bool {
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
pub fn nearest(word: &str, mut candidates: impl Iterator<Item = String>) -> Option<String> {
    nearest_of(word, &mut candidates)
}

/// Once for all sorts of candidates.
fn nearest_of(word: &str, candidates: &mut dyn Iterator<Item = String>) -> Option<String> {
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
