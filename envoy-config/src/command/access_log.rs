//! Where the access log goes, as the command line says it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use envoy_config::listener::{AccessLog, AccessLogFormat};

/// Who is told of requests that have ended.
#[derive(Clone, Debug, Args)]
pub struct AccessLogArgs {
    /// Writes a line for each request to a file, or to standard output with `-`: Istio's fields, then the rule that took
    /// it, why it went where it went, and to which version [default: `none`; of `run` in a terminal `-`].
    #[arg(long, value_name = "FILE|-|none")]
    access_log: Option<Target>,
    /// How a request is written in it.
    #[arg(long, value_enum, default_value_t = FormatArg::Text, value_name = "FORMAT")]
    access_log_format: FormatArg,
}

#[derive(Clone, Debug)]
enum Target {
    None,
    Stdout,
    File(PathBuf),
}

impl FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Target, Self::Err> {
        Ok(match text {
            "none" => Target::None,
            "-" => Target::Stdout,
            file => Target::File(file.into()),
        })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArg {
    /// A line, as Istio has it.
    Text,
    /// An object a line.
    Json,
}

impl AccessLogArgs {
    /// The log that is asked for; where nobody says, one on standard output if `by_itself`.
    pub fn access_log(&self, by_itself: bool) -> Option<AccessLog> {
        let file = match &self.access_log {
            None if by_itself => None,
            None | Some(Target::None) => return None,
            Some(Target::Stdout) => None,
            Some(Target::File(file)) => Some(file.clone()),
        };
        let format = match self.access_log_format {
            FormatArg::Text => AccessLogFormat::Text,
            FormatArg::Json => AccessLogFormat::Json,
        };
        Some(AccessLog { file, format })
    }
}
