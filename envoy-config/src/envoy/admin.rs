//! Envoy's admin page, as `run` asks it: is Envoy ready, where does it listen, what is still under way.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take; Envoy's main thread may have other things to do meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same while Envoy starts: it is asked again, and signals may have come.
const SHORT: Duration = Duration::from_millis(300);

/// No answer that is asked for here is as long.
const LONGEST: u64 = 16 << 20;

/// Where the admin page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// Where anybody on the machine finds it.
    Tcp(SocketAddr),
    /// A socket in a folder that nobody else may look into.
    Unix(PathBuf),
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Admin {
    /// What `/ready` says: `LIVE` when requests are served.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn state(&self) -> io::Result<String> {
        Ok(self.ask("GET", "/ready", SHORT)?.trim().to_owned())
    }

    /// The listeners by name, and where they are.
    ///
    /// # Errors
    /// When nobody answers, or nobody understands the answer.
    pub fn listeners(&self) -> io::Result<Vec<(String, SocketAddr)>> {
        let answer: Value = serde_json::from_str(&self.ask("GET", "/listeners?format=json", PATIENCE)?)?;
        let place = |listener: &Value| {
            let at = listener.pointer("/local_address/socket_address")?;
            let port = u16::try_from(at.get("port_value")?.as_u64()?).ok()?;
            let ip = at.get("address")?.as_str()?.parse().ok()?;
            Some((listener.get("name")?.as_str()?.to_owned(), SocketAddr::new(ip, port)))
        };
        Ok(answer.get("listener_statuses").and_then(Value::as_array).into_iter().flatten().filter_map(place).collect())
    }

    /// Has Envoy accept no more connections, and close those that there are after their next response.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn drain(&self) -> io::Result<()> {
        self.ask("POST", "/drain_listeners?graceful", PATIENCE)?;
        self.ask("POST", "/drain_listeners", PATIENCE).map(drop)
    }

    /// How many requests are under way, and how many bytes of answers clients have not taken yet.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn under_way(&self) -> io::Result<(u64, u64)> {
        let filter = "/stats?type=Gauges&filter=downstream_(rq_active%7Ccx_tx_bytes_buffered)$";
        let (mut requests, mut bytes) = (0, 0);
        for line in self.ask("GET", filter, PATIENCE)?.lines() {
            let Some((name, number)) = line.rsplit_once(": ") else { continue };
            let number: u64 = number.parse().unwrap_or(0);
            match name.rsplit('.').next() {
                // This very question.
                _ if !name.starts_with("http.") || name.starts_with("http.admin.") => {}
                Some("downstream_rq_active") => requests += number,
                _ => bytes += number,
            }
        }
        Ok((requests, bytes))
    }

    fn ask(&self, method: &str, path: &str, patience: Duration) -> io::Result<String> {
        let mut stream: Box<dyn Stream> = match self {
            Admin::Tcp(at) => {
                let stream = TcpStream::connect_timeout(at, patience)?;
                stream.set_read_timeout(Some(patience))?;
                Box::new(stream)
            }
            Admin::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(patience))?;
                Box::new(stream)
            }
        };
        stream.write_all(
            format!("{method} {path} HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )?;
        body(BufReader::new(stream.take(LONGEST)))
    }
}

/// The body of an answer over a connection that is closed after it.
fn body(mut from: impl BufRead) -> io::Result<String> {
    let (mut line, mut chunked) = (String::new(), false);
    while from.read_line(&mut line)? > 0 && line != "\r\n" {
        let header = line.to_ascii_lowercase();
        chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
        line.clear();
    }
    let mut bytes = Vec::new();
    if !chunked {
        from.read_to_end(&mut bytes)?;
    } else {
        loop {
            line.clear();
            from.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = from.by_ref().take(size.saturating_add(2));
            chunk.read_to_end(&mut bytes)?;
            bytes.truncate(bytes.len().saturating_sub(2));
            if size == 0 {
                break;
            }
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn bodies_are_read_in_chunks_and_whole() {
        let read = |text: &str| body(text.as_bytes()).unwrap();
        assert_eq!(read("HTTP/1.1 503 Service Unavailable\r\n\r\nINITIALIZING\n"), "INITIALIZING\n");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nLIV\r\n2\r\nE\n\r\n0\r\n\r\n";
        assert_eq!(read(chunked), "LIVE\n");
        assert!(body("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".as_bytes()).is_err());
    }
}
