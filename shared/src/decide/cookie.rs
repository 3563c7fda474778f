//! The cookie that a new client of a sticky split gets.

/// A new client's value: sixteen hexadecimal digits.
pub fn value(draw: u64) -> Vec<u8> {
    (0..16).rev().map(|digit| hex((draw >> (digit * 4)) as u8 & 15)).collect()
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

/// The `set-cookie` header for it. It lasts as long as the browser's session.
pub fn set(name: &[u8], value: &[u8], secure: bool) -> Vec<u8> {
    let attributes: &[u8] = b"; Path=/; HttpOnly; SameSite=Lax";
    [name, b"=", value, attributes, if secure { b"; Secure" } else { b"" }].concat()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_new_cookie_has_its_attributes() {
        assert_eq!(value(0x0123_4567_89ab_cdef), b"0123456789abcdef");
        assert_eq!(set(b"u", b"1", false), b"u=1; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(set(b"u", b"1", true), b"u=1; Path=/; HttpOnly; SameSite=Lax; Secure");
    }
}
