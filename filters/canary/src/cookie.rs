//! Cookies, in bytes (RFC 6265).

/// A cookie's value in a `cookie` header; nothing when it is absent or empty.
pub(crate) fn find<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    header.split(|byte| *byte == b';').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"=")?;
        (!value.is_empty()).then_some(value)
    })
}

/// A new client's value: sixteen hexadecimal digits.
pub(crate) fn value(draw: u64) -> Vec<u8> {
    (0..16).rev().map(|digit| hex((draw >> (digit * 4)) as u8 & 15)).collect()
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

/// The `set-cookie` header for it. It lasts as long as the browser's session.
pub(crate) fn set(name: &[u8], value: &[u8], secure: bool) -> Vec<u8> {
    let attributes: &[u8] = b"; Path=/; HttpOnly; SameSite=Lax";
    [name, b"=", value, attributes, if secure { b"; Secure" } else { b"" }].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        assert_eq!(find(b"a=1; user=x=y;b=2", b"user"), Some(&b"x=y"[..]));
        assert_eq!(find(b"user=1", b"user"), Some(&b"1"[..]));
        for none in [&b"superuser=1"[..], b"user", b"user=", b"users=1", b"", b"\xff\xfe;=;;"] {
            assert_eq!(find(none, b"user"), None);
        }
    }

    #[test]
    fn a_new_cookie_has_its_attributes() {
        assert_eq!(value(0x0123_4567_89ab_cdef), b"0123456789abcdef");
        assert_eq!(set(b"u", b"1", false), b"u=1; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(set(b"u", b"1", true), b"u=1; Path=/; HttpOnly; SameSite=Lax; Secure");
    }
}
