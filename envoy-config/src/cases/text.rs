//! What came of cases, for people.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::ask::{Verdict, Wrong};
use super::report::{Passed, Results, Row, Rule};
use super::shares::{LEAST, rounded};

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = AnsiColor::Cyan.on_default();

/// So many match blocks are told that a request was held against.
const MOST: usize = 12;

/// A table of all cases, then why some failed, the rules that nobody meets, and a summary. `quiet` leaves out those that
/// passed. With colours, which `anstream` takes out where they do not belong.
pub fn text(results: &Results, quiet: bool) -> String {
    let mut out = String::new();
    let mut file = "";
    for row in results.cases.iter().filter(|row| !quiet || row.result != Verdict::Passed) {
        if row.file != file {
            file = &row.file;
            let _ = writeln!(out, "{BOLD}{}{BOLD:#}", visible(file, false));
        }
        let (style, word) = match row.result {
            Verdict::Passed => (GOOD, "pass "),
            Verdict::Failed => (BAD, "FAIL "),
            Verdict::NeedsProxy => (FAINT, "proxy"),
        };
        // Writing to a string cannot fail, here and below.
        let _ = write!(out, "  {style}{word}{style:#}  {}", visible(&row.name, false));
        let _ = match row.result {
            Verdict::NeedsProxy => writeln!(out, "  (needs a proxy: {})", visible(&row.needs_proxy.join(", "), false)),
            _ => writeln!(out),
        };
    }
    for row in results.cases.iter().filter(|row| row.result == Verdict::Failed) {
        let _ = writeln!(
            out,
            "\n{BAD}FAIL{BAD:#} {BOLD}{}:{} {}{BOLD:#}",
            visible(&row.file, false),
            row.line,
            visible(&row.name, false)
        );
        let _ = write!(out, "{}", reasons(row));
    }
    if let Some(uncovered) = &results.uncovered {
        coverage(&mut out, uncovered, results.rules.unwrap_or_default());
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", summary(results));
    out.trim_start_matches('\n').to_owned()
}

/// `3 passed, 1 failed, 2 need a proxy`.
fn summary(Results { passed, failed, needs_proxy, .. }: &Results) -> String {
    let failed = match failed {
        0 => "none failed".to_owned(),
        _ => format!("{BAD}{failed} failed{BAD:#}"),
    };
    let proxy = match needs_proxy {
        0 => String::new(),
        1 => ", 1 needs a proxy and counts for neither".to_owned(),
        _ => format!(", {needs_proxy} need a proxy and count for neither"),
    };
    format!("{passed} passed, {failed}{proxy}")
}

/// Why a case failed, as lines.
pub(super) fn reasons(row: &Row) -> String {
    let mut out = String::new();
    let mut fact = |word: &str, fact: &str| {
        let _ = writeln!(out, "  {word:8}{}", visible(fact, false));
    };
    let at = row.proxy.as_deref().map(|proxy| format!(" at {proxy}")).unwrap_or_default();
    fact("asked", &format!("{}{at}", row.request));
    for (index, wrong) in row.wrong.iter().enumerate() {
        fact(if index == 0 { "wrong" } else { "" }, &differs(wrong));
    }
    row.notes.iter().for_each(|note| fact("note", note));
    if !row.needs_proxy.is_empty() {
        fact("proxy", &format!("only a proxy can tell {}", row.needs_proxy.join(", ")));
    }
    fact("rule", &ruled(row));
    for (index, Passed { rule, because }) in row.skipped.iter().take(MOST).enumerate() {
        fact(if index == 0 { "not" } else { "" }, &format!("{}: {because}", said(rule)));
    }
    if let Some(more) = row.skipped.len().checked_sub(MOST).filter(|more| *more > 0) {
        fact("", &format!("and {more} more before it"));
    }
    out
}

/// `status: got 503 for 0.1 of the requests, want 200`.
pub(super) fn differs(Wrong { what, got, want, share }: &Wrong) -> String {
    let of = if *share < 1.0 - LEAST { format!(" for {} of the requests", rounded(*share)) } else { String::new() };
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    match what.as_str() {
        // What it took says by itself what it should have.
        "time" => format!("{what}: {got}{of}"),
        _ => format!("{what}: got {}{of}, want {}", or_none(got), or_none(want)),
    }
}

/// Which rule took the request.
fn ruled(row: &Row) -> String {
    match (&row.rule, &row.virtual_host) {
        (Some(rule), _) if rule.virtual_service.is_empty() => {
            "none of a VirtualService: the service's own default route".to_owned()
        }
        (Some(rule), _) => said(rule),
        (None, Some(host)) => format!("none of virtual host `{host}` matches"),
        (None, None) => "none, since no virtual host has the host".to_owned(),
    }
}

/// `VirtualService default/shop http[2].match[0] "rest" (mesh/shop.yaml:31)`.
fn said(Rule { virtual_service, index, name, r#match, file, line }: &Rule) -> String {
    let mut words = format!("VirtualService {virtual_service} http[{index}]");
    r#match.iter().for_each(|matched| words.push_str(&format!(".match[{matched}]")));
    name.iter().for_each(|name| words.push_str(&format!(" `{name}`")));
    if let Some(file) = file {
        words.push_str(&if *line > 0 { format!(" ({file}:{line})") } else { format!(" ({file})") });
    }
    words
}

fn coverage(out: &mut String, uncovered: &[Rule], rules: usize) {
    let met = rules.saturating_sub(uncovered.len());
    let _ = writeln!(out, "\n{BOLD}rules that no case meets{BOLD:#}: {} of {rules}, {met} are met", uncovered.len());
    for rule in uncovered {
        let _ = writeln!(out, "  {}", visible(&said(rule), false));
    }
}

/// What a terminal would obey, and XML 1.0 has no way to say, not even escaped, is made visible; without `lines` ends of
/// lines as well.
pub(super) fn visible(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if lines => out.push(c),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
