//! How Envoy's configuration is written as JSON: typed messages and durations.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// A message that stands in a `google.protobuf.Any`.
pub trait Message: Serialize {
    /// Its full name, such as `envoy.extensions.filters.http.router.v3.Router`.
    const NAME: &'static str;
}

/// A message with its type beside its fields (`"@type": ...`), as Envoy wants every `typed_config`.
#[derive(Clone, Debug, PartialEq)]
pub struct Any<T>(pub T);

impl<T: Message> Serialize for Any<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Typed<'a, T> {
            #[serde(rename = "@type")]
            name: String,
            #[serde(flatten)]
            message: &'a T,
        }
        Typed { name: format!("type.googleapis.com/{}", T::NAME), message: &self.0 }.serialize(serializer)
    }
}

/// An extension: the name that it is registered under, and its configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(bound = "T: Message")]
pub struct Extension<T> {
    /// Its name.
    pub name: String,
    /// What it is told.
    pub typed_config: Any<T>,
}

/// A duration as protobuf's JSON has it: `10s`, `0.025s`.
pub fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let nanos = format!("{:09}", duration.subsec_nanos());
    match nanos.trim_end_matches('0') {
        "" => serializer.collect_str(&format_args!("{}s", duration.as_secs())),
        nanos => serializer.collect_str(&format_args!("{}.{nanos}s", duration.as_secs())),
    }
}

/// The same, where there may be none.
pub fn some_duration<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => duration(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Where something listens or answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// An address, or a name where Envoy resolves names, and a port.
    SocketAddress {
        /// The address or name.
        address: String,
        /// The port.
        port_value: u16,
    },
    /// A Unix domain socket.
    Pipe {
        /// Its path.
        path: String,
    },
}

impl From<std::net::SocketAddr> for Address {
    fn from(at: std::net::SocketAddr) -> Address {
        Address::SocketAddress { address: at.ip().to_string(), port_value: at.port() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Timed(#[serde(serialize_with = "duration")] Duration);

    #[test]
    fn durations_are_protobufs() {
        for (ms, text) in [(0, "0s"), (10_000, "10s"), (25, "0.025s"), (1_500, "1.5s")] {
            assert_eq!(serde_json::to_value(Timed(Duration::from_millis(ms))).unwrap(), text);
        }
    }
}
