//! Reports for people.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use shared::model::read::{shorten, visible};

use super::log::Stray;
use super::report::{AspectChange, From, Group, LogFacts, Report, Undecided};
use super::words::{grouped, label, number};

/// So many groups are shown.
const MOST: usize = 50;

const BOLD: Style = Style::new().bold();
const OLD: Style = AnsiColor::Red.on_default();
const NEW: Style = AnsiColor::Green.on_default();

/// One line: how many requests are treated otherwise.
pub fn summary(report: &Report) -> String {
    let Report { from, requests, otherwise, undecided, .. } = report;
    let percent = |part: u64| number(part as f64 * 100.0 / (*requests).max(1) as f64);
    let all = grouped(*requests);
    let word = if *requests == 1 { "request" } else { "requests" };
    match from {
        From::Rules => {
            format!("{} of {all} {word} made from the rules {} treated otherwise", grouped(*otherwise), are(*otherwise))
        }
        From::Log | From::Cases => {
            let name = report.name.as_deref().map_or(String::new(), |name| format!(" of {}", visible(name)));
            let open = match undecided {
                0 => String::new(),
                undecided => format!(", {} ({} %) cannot be decided", grouped(*undecided), percent(*undecided)),
            };
            let (count, share) = (grouped(*otherwise), percent(*otherwise));
            format!("{count} of {all} {word}{name} ({share} %) would be treated otherwise{open}")
        }
    }
}

fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Everything else, with colours, which `anstream` takes out where they do not belong. `several` is whether there is more
/// than one listener.
pub fn text(report: &Report, several: bool) -> String {
    let mut out = String::new();
    report.differences.iter().take(MOST).for_each(|it| group(&mut out, report.from, it, several));
    more(&mut out, report.differences.len());
    if !report.depends.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  not decided, since the log does not say");
        report.depends.iter().take(MOST).for_each(|it| depends(&mut out, it));
        more(&mut out, report.depends.len());
    }
    if let Some(facts) = &report.log {
        log(&mut out, facts);
    }
    if let Some(bound) = report.bound {
        let _ = writeln!(out, "  no more than {} requests were made; the rules give more", grouped(bound));
    }
    if report.unasked > 0 {
        let word = if report.unasked == 1 { "case is" } else { "cases are" };
        let _ =
            writeln!(out, "  {} {word} bytes on the wire, which only a proxy can be asked", grouped(report.unasked));
    }
    if report.unthinkable > 0 {
        let word = if report.unthinkable == 1 { "match" } else { "matches" };
        let _ = writeln!(
            out,
            "  for {} {word} with a regex no request was found that meets it",
            grouped(report.unthinkable)
        );
    }
    out
}

fn more(out: &mut String, count: usize) {
    if count > MOST {
        let _ = writeln!(out, "  and {} more; `-o json` has them all", grouped((count - MOST) as u64));
    }
}

fn url(url: &str, several: bool) -> String {
    let dots = if several { "..." } else { "" };
    format!("{}{dots}", shorten(&visible(url)))
}

fn group(out: &mut String, from: From, group: &Group, several: bool) {
    let Group { method, count, percent, changes, listener, .. } = group;
    let Some(example) = group.examples.iter().min_by_key(|it| (it.headers.len(), it.url.len())) else { return };
    let count = match (from, count) {
        (From::Log, 1) => format!("1 request ({} %) ", number(*percent)),
        (From::Log, count) => format!("{} requests ({} %) ", grouped(*count), number(*percent)),
        (_, 1) => String::new(),
        (_, count) => format!("{} requests ", grouped(*count)),
    };
    let at = if several { format!(" at {listener}") } else { String::new() };
    let shown = if from == From::Log { url(&group.url, group.several) } else { url(&example.url, false) };
    let like = if from != From::Log && group.count > 1 { ", ..." } else { "" };
    let headers: String =
        example.headers.iter().map(|(name, value)| format!(" ({})", visible(&format!("{name}: {value}")))).collect();
    let case = example.case.as_ref().map_or(String::new(), |case| format!("{}: ", visible(case)));
    let _ = write!(out, "  {case}{count}{BOLD}{} {shown}{BOLD:#}{headers}{like}{at}:", visible(method));
    match changes.as_slice() {
        [one] => {
            let _ = writeln!(out, " {}", change(one));
        }
        all => {
            out.push('\n');
            all.iter().for_each(|it| _ = writeln!(out, "    {}", change(it)));
        }
    }
    if !group.conditions.is_empty() {
        let conditions: Vec<String> = group.conditions.iter().map(|it| visible(it)).collect();
        let _ = writeln!(out, "    depending on {}", conditions.join(", "));
        return;
    }
    let none = "no rule".to_owned();
    let (before, after) = (group.before.rule.as_ref().unwrap_or(&none), group.after.rule.as_ref().unwrap_or(&none));
    if before != after {
        let _ = writeln!(out, "    taken by {} -> {}", visible(before), visible(after));
    }
}

fn change(AspectChange { aspect, before, after }: &AspectChange) -> String {
    format!("{}{OLD}{before}{OLD:#} -> {NEW}{after}{NEW:#}", label(*aspect))
}

fn depends(out: &mut String, it: &Undecided) {
    let word = if it.count == 1 { "request" } else { "requests" };
    let conditions: Vec<String> = it.conditions.iter().map(|it| visible(it)).collect();
    let _ = writeln!(
        out,
        "  {} {word} {} {}: {}",
        grouped(it.count),
        visible(&it.method),
        url(&it.url, it.several),
        conditions.join(", ")
    );
}

fn log(out: &mut String, facts: &LogFacts) {
    let said = [
        (facts.inbound, "on the side of the server, where no rules are looked at"),
        (facts.connections, "of connections that are not HTTP"),
        (facts.unknown_hosts, "for hosts that neither side has rules for, which are treated alike"),
        (facts.strays, "no request"),
    ];
    for (count, what) in said.into_iter().filter(|(count, _)| *count > 0) {
        let word = if count == 1 { "line is" } else { "lines are" };
        let _ = writeln!(out, "  {} {word} {what}", grouped(count));
    }
    for Stray { line, text, why } in &facts.shown {
        let _ = writeln!(out, "    line {line}: {why}: {text}");
    }
}
