//! What `run` says while Envoy runs: where it listens, what becomes of signals, and Envoy's own log in the same form.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anstyle::AnsiColor;
use envoy_config::envoy::log::{Level, Line};
use envoy_config::envoy::{Event, Version};
use envoy_config::generate::{self, Listening};
use envoy_config::source::RuleSources;
use envoy_config::to_json;
use serde_json::json;

use crate::command::{Output, print};

/// How it is said.
#[derive(Clone, Copy)]
pub struct Words {
    pub output: Output,
    pub version: Version,
    /// Envoy's admin page, where anybody finds it.
    pub page: Option<SocketAddr>,
}

impl Words {
    /// Tells of what happens to Envoy.
    pub fn event(self, event: Event, listening: &[Listening], drain: Duration) {
        match event {
            Event::Ready(places, took) => self.ready(listening, &places, took),
            Event::Slow(said) => self.say(
                Level::Warning,
                &format!("Envoy is not ready yet (`/ready` says `{said}`); clusters may be waiting for DNS"),
            ),
            Event::Draining(requests) => {
                let (are, them) = if requests == 1 { ("1 request is", "it") } else { ("requests are", "them") };
                let number = if requests == 1 { String::new() } else { format!("{requests} ") };
                let most = drain.as_secs_f64();
                let rest = "a second signal does not wait";
                self.say(
                    Level::Info,
                    &format!("{number}{are} under way: waiting for {them}, at most {most} s; {rest}"),
                );
            }
            Event::Impatient(requests) => {
                let number = if requests == 1 { "1 request is".to_owned() } else { format!("{requests} requests are") };
                let after = drain.as_secs_f64();
                self.say(Level::Warning, &format!("{number} still under way after {after} s (`--drain`), and cut off"));
            }
            Event::Killed(after) => self.say(
                Level::Warning,
                &format!("Envoy has not ended {} s after it was told to, and is killed", after.as_secs_f64()),
            ),
            Event::Reload => self.say(Level::Info, "HUP: nothing is reloaded; restart to apply edits"),
        }
    }

    fn ready(self, listening: &[Listening], places: &[(String, SocketAddr)], took: Duration) {
        let mut listening = listening.to_vec();
        for here in &mut listening {
            if let Some((_, at)) = places.iter().find(|(name, _)| *name == here.front.name) {
                here.front.at = *at;
            }
        }
        let text = match self.output {
            Output::Json => {
                let addresses: Vec<_> = listening.iter().map(Listening::address).collect();
                generate::pretty(&to_json(&addresses))
            }
            _ => {
                let mut text = format!("Envoy {} is ready after {:.1} s\n", self.version, took.as_secs_f64());
                for here in &listening {
                    text.push_str(&format!("{}\n", here.front));
                    if let Some(curl) = here.curl() {
                        text.push_str(&format!("  try: {curl}\n"));
                    }
                }
                if let Some(page) = self.page {
                    text.push_str(&format!("Envoy's admin page: http://{page}\n"));
                }
                text + "edits of the files are not followed; restart to apply them\n"
            }
        };
        // That nobody reads the addresses is no reason to stop Envoy.
        drop(print(&text));
    }

    /// Says that Envoy has ended before it was ready.
    pub fn refused(self, code: u8, bootstrap: &Path) {
        let path = bootstrap.display();
        self.say(
            Level::Error,
            &format!(
                "Envoy ended with {code} before it was ready; the configuration that it was given is kept: {path}"
            ),
        );
    }

    /// Says that Envoy has ended though nobody asked it to.
    pub fn gone(self, code: u8) {
        self.say(Level::Error, &format!("Envoy has ended with {code}, though nobody asked it to"));
    }

    fn say(self, level: Level, message: &str) {
        self.line(&Line { level, word: "", time: "", who: "", of_module: false, message });
    }

    /// What takes Envoy's log, line by line.
    pub fn log(self, rules: RuleSources) -> impl FnMut(&str, Option<&Line<'_>>) + Send + 'static {
        move |text, line| match line {
            // Modules know no files.
            Some(line) if line.of_module => match rules.placed(line.message) {
                Some(message) => self.line(&Line { message: &message, ..*line }),
                None => self.line(line),
            },
            Some(line) => self.line(line),
            None if text.is_empty() => {}
            None => {
                self.line(&Line { level: Level::Info, word: "", time: "", who: "", of_module: false, message: text })
            }
        }
    }

    fn line(self, line: &Line<'_>) {
        let (word, style) = match line.level {
            Level::Info => ("note", AnsiColor::Cyan.on_default().bold()),
            Level::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
            Level::Error => ("error", AnsiColor::Red.on_default().bold()),
        };
        let text = match self.output {
            Output::Json => {
                let origin = if line.who.is_empty() { "run" } else { line.who };
                let severity = if word == "note" { "info" } else { word };
                format!(
                    "{}\n",
                    json!({"severity": severity, "origin": origin, "time": line.time, "message": line.message})
                )
            }
            _ => {
                let message: String = line.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                match line.who {
                    "" => format!("{style}{word}{style:#}: {message}\n"),
                    who if line.of_module => {
                        format!("{style}{word}{style:#}: module {who}, {}: {message}\n", line.time)
                    }
                    who => format!("{style}{word}{style:#}: Envoy ({who}), {}: {message}\n", line.time),
                }
            }
        };
        // With standard error closed there is nobody to tell.
        let _ = match self.output {
            Output::Json => std::io::stderr().write_all(text.as_bytes()),
            _ => anstream::stderr().write_all(text.as_bytes()),
        };
    }
}
