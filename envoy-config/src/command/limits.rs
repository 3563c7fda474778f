//! What a client of a gateway can hold, as the command line says it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use envoy_config::listener::{Limits, Underscores};

use super::duration;

const HEADING: &str = "What a client of a Gateway can hold";

/// What a client of a Gateway can hold.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// A request whose headers have not arrived within it is answered 408; `0s` waits for ever.
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    request_headers_timeout: Duration,
    /// A connection that stands so long without a request is closed; `0s` is never.
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    connection_idle_timeout: Duration,
    /// How many connections clients may have to all listeners together; 0 is any number [default: 10000; of `run` no more
    /// than `ulimit -Hn` leaves room for].
    #[arg(long, help_heading = HEADING, value_name = "N")]
    pub max_connections: Option<u32>,
    /// How many requests a connection of HTTP/2 may have under way.
    #[arg(long, help_heading = HEADING, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2_147_483_647))]
    max_streams: u32,
    /// How many bytes are held for a connection of HTTP/1.1, or a stream of HTTP/2, that somebody does not take. A request
    /// with a larger body is not tried again.
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "BYTES",
        default_value_t = 262_144,
        value_parser = clap::value_parser!(u32).range(1_024..=536_870_911)
    )]
    buffer: u32,
    /// What becomes of headers that have an underscore in their name, which many a framework takes for a dash.
    #[arg(long, help_heading = HEADING, value_enum, default_value_t = UnderscoresArg::Reject, value_name = "WHAT")]
    headers_with_underscores: UnderscoresArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UnderscoresArg {
    /// They are as good as others, as in Istio.
    Allow,
    /// They are taken away.
    Drop,
    /// Their request is answered 400.
    Reject,
}

impl LimitArgs {
    /// As the library wants them.
    pub fn limits(&self) -> Limits {
        Limits {
            request_headers_timeout: self.request_headers_timeout,
            connection_idle_timeout: self.connection_idle_timeout,
            connections: self.max_connections.unwrap_or(Limits::default().connections),
            streams: self.max_streams,
            buffer: self.buffer,
            underscores: match self.headers_with_underscores {
                UnderscoresArg::Allow => Underscores::Allow,
                UnderscoresArg::Drop => Underscores::DropHeader,
                UnderscoresArg::Reject => Underscores::RejectRequest,
            },
        }
    }
}
