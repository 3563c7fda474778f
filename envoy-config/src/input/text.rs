//! Texts out of bytes. What is none, or is written in another way than UTF-8, is a finding, which says what to do.

use shared::finding::{Code, Finding, Origin, Severity};

/// The text, and what is wrong with the bytes. Text in another encoding is read all the same, for what others say of the
/// resources in it.
pub(super) fn text(file: &str, bytes: Vec<u8>) -> (String, Option<Finding>) {
    let bytes = match (bytes.get(..2), bytes.get(2..)) {
        (Some(&[0xff, 0xfe]), Some(rest)) => return utf16(file, rest, u16::from_le_bytes),
        (Some(&[0xfe, 0xff]), Some(rest)) => return utf16(file, rest, u16::from_be_bytes),
        _ => bytes,
    };
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace() && *byte != 0x1b;
    if bytes.contains(&0) || bytes.iter().filter(|byte| control(byte)).count() > bytes.len() / 20 {
        let hint = match bytes.get(..2) {
            Some([0x1f, 0x8b]) => "it is compressed: `tar xzf` or `gunzip` unpacks it",
            Some(b"PK") => "it is compressed: `unzip` unpacks it",
            _ => "is it really YAML or JSON?",
        };
        return (String::new(), Some(finding(file, (0, 0), "this is a binary file, no text".into(), hint.into())));
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (valid, bytes) = (error.utf8_error().valid_up_to(), error.into_bytes());
            let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default()).into_owned();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let byte = bytes.get(valid).copied().unwrap_or_default();
            let message = match byte {
                0xa0.. => format!("the byte 0x{byte:02x} is not UTF-8; in Latin-1 it is `{}`", char::from(byte)),
                _ => format!("the byte 0x{byte:02x} is not UTF-8"),
            };
            let hint = format!("save the file in UTF-8: `iconv -f latin1 -t utf-8 {file}` prints it so");
            let text = bytes.into_iter().map(char::from).collect();
            (text, Some(finding(file, (line, column), message, hint)))
        }
    }
}

fn utf16(file: &str, bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (String, Option<Finding>) {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let hint = format!("save the file in UTF-8: `iconv -f utf-16 -t utf-8 {file}` prints it so");
    (text, Some(finding(file, (1, 1), "this text is in UTF-16, which Kubernetes does not read".into(), hint)))
}

fn finding(file: &str, (line, column): (usize, usize), message: String, hint: String) -> Finding {
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    Finding {
        severity: Severity::Error,
        origin: Origin::Validation,
        code: Code::NotYaml,
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        path: String::new(),
        file: Some(file.to_owned()),
        line: number(line),
        column: number(column),
        message,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_is_no_text_says_what_it_is_and_where() {
        for (bytes, read, said) in [
            (&b"a: 1\n"[..], "a: 1\n", None),
            ("\u{feff}é: 😀\n".as_bytes(), "\u{feff}é: 😀\n", None),
            (b"", "", None),
            (b"a: 1\nb: caf\xe9\n", "a: 1\nb: café\n", Some((2, 7, "in Latin-1 it is `é`", "iconv -f latin1"))),
            (b"\x80", "\u{80}", Some((1, 1, "the byte 0x80", "iconv"))),
            (b"a\0b", "", Some((0, 0, "binary", "really YAML"))),
            (b"\x01\x02\x03\x04", "", Some((0, 0, "binary", "really YAML"))),
            (b"\x1f\x8b\x08\x00", "", Some((0, 0, "binary", "gunzip"))),
            (b"PK\x03\x04\x00", "", Some((0, 0, "binary", "unzip"))),
            (b"\xff\xfea\0:\0", "a:", Some((1, 1, "UTF-16", "iconv -f utf-16"))),
            (b"\xfe\xff\0a\0:\0", "a:", Some((1, 1, "UTF-16", "iconv -f utf-16"))),
            (b"\xff\xfe\x00\xd8", "\u{fffd}", Some((1, 1, "UTF-16", "iconv"))),
        ] {
            let (text, finding) = text("f", bytes.to_vec());
            assert_eq!(text, read, "{bytes:?}");
            let found = finding.as_ref().map(|it| (it.line, it.column, it.message.as_str(), it.hint.as_str()));
            match (found, said) {
                (None, None) => {}
                (Some((line, column, message, hint)), Some(expected)) => {
                    assert_eq!((line, column), (expected.0, expected.1), "{bytes:?}");
                    assert!(message.contains(expected.2) && hint.contains(expected.3), "{message} ({hint})");
                }
                other => panic!("{bytes:?}: {other:?}"),
            }
        }
    }
}
