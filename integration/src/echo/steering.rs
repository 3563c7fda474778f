//! How an answer is to be, by the request's own headers.

use std::str;
use std::time::Duration;

use hyper::header::HeaderName;
use hyper::{HeaderMap, StatusCode};

use super::{State, lock};

/// What the `x-echo-...` headers of one request ask for.
#[derive(Default)]
pub(super) struct Steering {
    pub(super) status: Option<StatusCode>,
    pub(super) headers: HeaderMap,
    pub(super) delay: Duration,
    pub(super) body_bytes: Option<usize>,
    pub(super) break_bytes: Option<usize>,
    pub(super) reset: bool,
    pub(super) grpc_status: u32,
    pub(super) grpc_trailer: u32,
}

impl Steering {
    pub(super) fn read(headers: &HeaderMap, state: &State) -> Result<Steering, String> {
        let mut steering = Steering { status: number(headers, "x-echo-status")?, ..Steering::default() };
        if let Some(value) = get(headers, "x-echo-status-first")? {
            let (status, first) = value
                .split_once('x')
                .and_then(|(status, first)| Some((status.parse().ok()?, first.parse::<u32>().ok()?)))
                .ok_or_else(|| format!("x-echo-status-first: `{value}` is not like 503x2"))?;
            let key = headers.get("x-echo-key").map_or(&b""[..], |key| key.as_bytes());
            let mut counts = lock(&state.counts);
            let count = counts.entry(key.to_vec()).or_default();
            *count += 1;
            if *count <= first {
                steering.status = Some(status);
            }
        }
        for pair in get(headers, "x-echo-status-of")?.into_iter().flat_map(|value| value.split(';')) {
            let (name, status) = pair
                .split_once('=')
                .and_then(|(name, status)| Some((name, status.parse().ok()?)))
                .ok_or_else(|| format!("x-echo-status-of: `{pair}` is not like name=500"))?;
            if name == state.name {
                steering.status = Some(status);
            }
        }
        if let Some(value) = get(headers, "x-echo-headers")? {
            for pair in value.split(';').filter(|pair| !pair.is_empty()) {
                let (name, value) = pair
                    .split_once('=')
                    .and_then(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?)))
                    .ok_or_else(|| format!("x-echo-headers: `{pair}` is not like name=value"))?;
                steering.headers.append(name, value);
            }
        }
        steering.delay = Duration::from_millis(number(headers, "x-echo-delay-ms")?.unwrap_or_default());
        steering.body_bytes = number(headers, "x-echo-body-bytes")?;
        steering.break_bytes = number(headers, "x-echo-break-bytes")?;
        steering.reset = number(headers, "x-echo-reset")? == Some(1);
        steering.grpc_status = number(headers, "x-echo-grpc-status")?.unwrap_or_default();
        steering.grpc_trailer = number(headers, "x-echo-grpc-trailer")?.unwrap_or_default();
        Ok(steering)
    }
}

fn get<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, String> {
    headers.get(name).map(|value| value.to_str().map_err(|_| format!("{name}: not plain text"))).transpose()
}

fn number<T: str::FromStr>(headers: &HeaderMap, name: &str) -> Result<Option<T>, String> {
    let parse = |value: &str| value.parse().map_err(|_| format!("{name}: `{value}` is out of range"));
    get(headers, name)?.map(parse).transpose()
}
