//! What an answer says of the endpoint that gave it, as Envoy's outlier detection takes it.

/// What an endpoint did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered.
    Good,
    /// It answered with a 5xx; whether it was 502, 503 or 504.
    Error {
        /// It was.
        gateway: bool,
    },
    /// No answer came in time, or the connection failed; whether it had come up before.
    Local {
        /// It had.
        connected: bool,
    },
}

impl Verdict {
    /// From the status and Envoy's flags, which are asked for where they count. An answer that breaks off has begun well:
    /// Envoy's own detection begins to count anew with its status, and with the end is at one, which is something where
    /// one failure is `enough`.
    pub fn of(status: u64, enough: bool, flags: impl FnOnce() -> u64) -> Verdict {
        // UF: the connection did not come up.
        const UNCONNECTED: u64 = 32;
        // UT, LR, UR, UC, UPE.
        const BROKEN: u64 = 4 | 8 | 16 | 64 | 1 << 23;
        let failed = matches!(status, 500..=599);
        if !failed && !enough {
            return Verdict::Good;
        }
        match flags() {
            flags if flags & UNCONNECTED != 0 => Verdict::Local { connected: false },
            flags if flags & BROKEN != 0 => Verdict::Local { connected: true },
            _ if failed => Verdict::Error { gateway: matches!(status, 502..=504) },
            _ => Verdict::Good,
        }
    }
}

/// The HTTP status that Envoy takes a gRPC status for, which stands in a header.
pub fn grpc_as_http(status: &[u8]) -> u64 {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let number = status.iter().try_fold(0_u64, |number, byte| number.checked_mul(10)?.checked_add(digit(*byte)?));
    match number.filter(|_| !status.is_empty()) {
        Some(0) => 200,
        Some(1) => 499,
        Some(3 | 9 | 11) => 400,
        Some(4) => 504,
        Some(5) => 404,
        Some(6 | 10) => 409,
        Some(7) => 403,
        Some(8) => 429,
        Some(12) => 501,
        Some(14) => 503,
        Some(16) => 401,
        // What is no status counts as one that nobody knows.
        _ => 500,
    }
}
