//! As much of HTTP/1.1 as a load and its upstream need: where a message ends, and what its head says.

/// The end of a head, behind its empty line.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of a header, by its name in lower case, as Envoy and the load write it.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        Some(value.trim_ascii())
    })
}

/// The body's length; absent is 0.
pub fn length(head: &[u8]) -> Option<usize> {
    let Some(value) = header(head, "content-length") else { return Some(0) };
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The status of a response.
pub fn status(head: &[u8]) -> Option<u16> {
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nx-a: b\r\ncontent-length: 12\r\n\r\nhello";
        let end = head_end(text).unwrap();
        assert_eq!((status(text), length(&text[..end]), &text[end..]), (Some(503), Some(12), &b"hello"[..]));
        assert_eq!((header(text, "x-a"), header(text, "x")), (Some(&b"b"[..]), None));
        assert_eq!((head_end(b"GET / HTTP/1.1\r\n"), length(b"GET / HTTP/1.1\r\n\r\n")), (None, Some(0)));
    }
}
