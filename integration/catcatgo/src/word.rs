//! The word of a search, from the path of its request.

/// What paths of searches start with.
pub const SEARCH: &str = "/api/v1.0/search/";

/// How many characters a word may have.
pub const LONGEST: usize = 64;

/// The word that this path searches for, or what is wrong with it; none if the path is not that of a search.
pub fn word(path: &str) -> Option<Result<String, String>> {
    let raw = path.strip_prefix(SEARCH)?;
    // More segments are another resource, one that does not exist; a slash in a word comes encoded.
    if raw.contains('/') {
        return None;
    }
    Some(decode(raw).and_then(|word| check(word.trim())))
}

fn check(word: &str) -> Result<String, String> {
    match word.chars().count() {
        0 => Err(format!("the word is missing: ask for {SEARCH}kitten")),
        length if length > LONGEST => Err(format!("the word has {length} characters, {LONGEST} are allowed")),
        _ => Ok(word.to_owned()),
    }
}

fn decode(raw: &str) -> Result<String, String> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let digits = (bytes.next().and_then(hex), bytes.next().and_then(hex));
            let (Some(high), Some(low)) = digits else {
                return Err("a percent sign in the word lacks its two hexadecimal digits".to_owned());
            };
            high << 4 | low
        } else {
            byte
        });
    }
    String::from_utf8(decoded).map_err(|_| "the word is not UTF-8".to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(raw: &str) -> String {
        word(&format!("{SEARCH}{raw}")).unwrap().unwrap()
    }

    fn refused(raw: &str) -> String {
        word(&format!("{SEARCH}{raw}")).unwrap().unwrap_err()
    }

    #[test]
    fn decodes() {
        assert_eq!(ok("kitten"), "kitten");
        assert_eq!(ok("earl%20grey"), "earl grey");
        assert_eq!(ok("Schr%C3%b6dinger"), "Schrödinger");
        assert_eq!(ok("a%2Fb"), "a/b");
        assert_eq!(ok("%20tea+tea%00%20"), "tea+tea\0");
    }

    #[test]
    fn refuses_with_a_reason() {
        assert!(refused("").contains("missing"));
        assert!(refused("%20").contains("missing"));
        assert!(refused("%FF%FE").contains("UTF-8"));
        for raw in ["%", "%4", "%zz", "a%4", "%%41"] {
            assert!(refused(raw).contains("percent"), "{raw}");
        }
    }

    #[test]
    fn bounds_the_length_in_characters() {
        assert_eq!(ok(&"%C3%B6".repeat(LONGEST)).chars().count(), LONGEST);
        assert!(refused(&"a".repeat(LONGEST + 1)).contains("65 characters"));
    }

    #[test]
    fn other_paths_are_no_searches() {
        for path in ["/", "/api/v1.0/search", "/api/v2.0/search/a", "/api/v1.0/search/a/b"] {
            assert_eq!(word(path), None, "{path}");
        }
    }
}
