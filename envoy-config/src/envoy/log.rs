//! Envoy's log in the form of this command's own words.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

/// How many different findings are kept in mind; beyond it they are said as often as modules say them.
const REMEMBERED: usize = 10_000;

/// Lines beyond it are cut into several.
const LONGEST: u64 = 64 << 10;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Envoy's `trace`, `debug` and `info`.
    Info,
    /// Envoy's `warning`.
    Warning,
    /// Envoy's `error` and `critical`.
    Error,
}

/// A line of Envoy's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// How much it matters.
    pub level: Level,
    /// Envoy's own word for it.
    pub word: &'a str,
    /// When it was written: `00:59:25.798`.
    pub time: &'a str,
    /// Who wrote it: a component of Envoy (`main`, `wasm`), or a module (`suite`).
    pub who: &'a str,
    /// Whether that is a module.
    pub of_module: bool,
    /// What it says.
    pub message: &'a str,
}

impl<'a> Line<'a> {
    /// From `[2026-11-27 00:59:25.798][17588][warning][wasm] [source/a.cc:1] message`; nothing of any other line.
    pub fn parse(line: &'a str) -> Option<Line<'a>> {
        let (date, rest) = line.strip_prefix('[')?.split_once("][")?;
        let (_thread, rest) = rest.split_once("][")?;
        let (word, rest) = rest.split_once("][")?;
        let (who, rest) = rest.split_once("] ")?;
        let level = match word {
            "trace" | "debug" | "info" => Level::Info,
            "warning" => Level::Warning,
            "error" | "critical" => Level::Error,
            _ => return None,
        };
        // Where in Envoy's source, which matters to those who have it.
        let message = rest.strip_prefix("[source/").and_then(|rest| rest.split_once("] ")).map_or(rest, |(_, it)| it);
        let time = date.split_once(' ').map_or(date, |(_, time)| time);
        let (module, message) = of_module(message).map_or((None, message), |(name, message)| (Some(name), message));
        Some(Line { level, word, time, who: module.unwrap_or(who), of_module: module.is_some(), message })
    }

    /// Whether modules have found something in their configuration, as `check` does: `warning[SC0005]: ...`.
    fn is_finding(&self) -> bool {
        let begins = |word: &str| self.message.strip_prefix(word).is_some_and(|rest| rest.starts_with('['));
        self.of_module && ["error", "warning", "info"].into_iter().any(begins)
    }
}

/// `wasm log NAME ROOT VM: message`, as Envoy has what modules log, or `wasm log ROOT: message` before there is a listener.
fn of_module(message: &str) -> Option<(&str, &str)> {
    let (names, message) = message.strip_prefix("wasm log ")?.split_once(": ")?;
    let name = names.split(' ').next()?;
    Some((name.strip_prefix("sailcloth.").unwrap_or(name), message))
}

/// What was said already, so that it is not said again: every module finds the same in every worker.
#[derive(Debug, Default)]
pub struct Said(BTreeSet<String>);

impl Said {
    /// What this command has said itself.
    pub fn new(findings: impl IntoIterator<Item = String>) -> Said {
        Said(findings.into_iter().take(REMEMBERED).collect())
    }

    /// Whether a line is news.
    fn is_news(&mut self, line: &Line<'_>) -> bool {
        // Of its own end Envoy warns as of something bad.
        if line.message.starts_with("caught ENVOY_SIG") {
            return false;
        }
        if !line.is_finding() || self.0.contains(line.message) {
            return !line.is_finding();
        }
        self.0.len() >= REMEMBERED || self.0.insert(line.message.to_owned())
    }
}

/// Reads a log to its end, and gives on what is news, line by line: as Envoy has it, and what it means.
///
/// # Errors
/// When it cannot be read any more.
pub fn follow(log: impl Read, mut said: Said, mut tell: impl FnMut(&str, Option<&Line<'_>>)) -> io::Result<()> {
    let mut log = BufReader::new(log);
    let (mut bytes, mut news) = (Vec::new(), true);
    while log.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        let line = Line::parse(text);
        // What does not begin as a line goes on with the one before it.
        news = line.as_ref().map_or(news, |line| said.is_news(line));
        if news {
            tell(text, line.as_ref());
        }
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WASM: &str = "[2026-11-27 00:59:25.798][17588][warning][wasm] [source/extensions/common/wasm/context.cc:1198] wasm log sailcloth.suite suite sailcloth.suite: ";

    #[test]
    fn lines_are_taken_apart() {
        let text =
            "[2026-11-27 00:59:25.798][17588][critical][main] [source/server/server.cc:76] error initializing: [x] y";
        let line = Line::parse(text).unwrap();
        assert_eq!((line.level, line.word, line.time), (Level::Error, "critical", "00:59:25.798"));
        assert_eq!((line.who, line.message), ("main", "error initializing: [x] y"));
        let text = format!("{WASM}stats, maxSeries 1000: no more room");
        let line = Line::parse(&text).unwrap();
        assert_eq!((line.who, line.message), ("suite", "stats, maxSeries 1000: no more room"));
        assert!(
            line.of_module
                && Line::parse(&text.replace("sailcloth.suite suite sailcloth.suite", "suite")).unwrap() == line
        );
        for other in ["", "ENVOY_BUG", "[x]", "[2026-11-27 00:59:25.798][1][loud][main] x", "#0: Envoy::f()"] {
            assert_eq!(Line::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_finding_is_said_once() {
        let finding = |code: &str| format!("{WASM}warning[{code}]: VirtualService default/web: spec: x\n");
        let of_envoy = "[2026-11-27 00:59:25.798][17588][warning][main] same\n  and more of it\n";
        let ends = "[2026-11-27 00:59:25.798][17588][warning][main] caught ENVOY_SIGTERM\n";
        let log = [&finding("SC0005"), &finding("SC0004"), of_envoy, &finding("SC0004"), ends, of_envoy].concat();
        let said = Said::new(["warning[SC0005]: VirtualService default/web: spec: x".to_owned()]);
        let mut told = Vec::new();
        follow(log.as_bytes(), said, |text, line| {
            told.push(line.map_or(text, |line| line.message).to_owned());
        })
        .unwrap();
        let found = "warning[SC0004]: VirtualService default/web: spec: x";
        assert_eq!(told, [found, "same", "  and more of it", "same", "  and more of it"]);
    }

    #[test]
    fn what_is_no_text_is_read_as_well() {
        let mut told = String::new();
        follow(&b"a\xffb\n"[..], Said::default(), |text, _| told.push_str(text)).unwrap();
        assert_eq!(told, "a\u{fffd}b");
    }
}
