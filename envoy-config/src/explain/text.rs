//! The answer for people: first what becomes of the request, below it what is done on the way, and why no other rule has
//! it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::answer::{
    Action, DelegatePlace, Destination, Explanation, Limits, OfRule, Omitted, Operations, Retries, Skipped,
};
use crate::render::clean;
use shared::finding::Severity;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// How wide the words before facts are.
const WIDTH: usize = 12;

/// So many rules that were passed over are told, and so many resources that play no part.
const MOST: usize = 12;

/// The answer, with colours, which `anstream` takes out where they do not belong.
pub fn text(explanation: &Explanation) -> String {
    let mut page = Page(String::new());
    page.head(explanation);
    page.findings(&explanation.findings.of_rule);
    page.then(explanation);
    page.skipped(&explanation.skipped);
    page.omitted(&explanation.omitted);
    page.0
}

struct Page(String);

impl Page {
    /// A fact; of several lines the word stands before the first.
    fn fact(&mut self, word: &str, fact: &str) {
        for (at, line) in fact.lines().enumerate() {
            let word = if at == 0 { word } else { "" };
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(self.0, "{BOLD}{word:WIDTH$}{BOLD:#}{}", clean(line));
        }
    }

    fn title(&mut self, title: &str) {
        let _ = writeln!(self.0, "\n{BOLD}{title}{BOLD:#}");
    }

    fn head(&mut self, it: &Explanation) {
        let _ = writeln!(self.0, "{} {}", clean(&it.request.method), clean(&it.request.url));
        self.fact("at", &format!("{}, {}", proxy(it), it.proxy.because));
        match &it.request.path {
            Some(path) if it.request.url.ends_with(path.as_str()) => {}
            Some(path) => self.fact("path", &format!("{path}, as Envoy makes it before any rule is asked")),
            None => self.fact("path", "Envoy refuses it: it cannot be normalized"),
        }
        self.0.push('\n');
        let (style, what) = what(it);
        let _ = writeln!(self.0, "{style}{what}{style:#}");
        let wide = it.destinations.iter().map(|to| to.cluster.chars().count()).max().unwrap_or_default();
        for to in &it.destinations {
            let _ = match to.share < 1.0 {
                true => writeln!(self.0, "  {:wide$}  {:>6}", clean(&to.cluster), percent(to.share * 1e6)),
                false => writeln!(self.0, "  {}", clean(&to.cluster)),
            };
        }
        let by = match (&it.virtual_service, &it.rule, &it.virtual_host) {
            (Some(service), Some(rule), _) => {
                let name = rule.name.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default();
                let at = at(rule.index, rule.r#match);
                let line = rule.match_line.unwrap_or(rule.line);
                let delegate = rule.delegate.as_ref().map(|it| format!("\n{}", delegate(it))).unwrap_or_default();
                format!("VirtualService {service} {at}{name}{}{delegate}", place(rule.file.as_deref(), line))
            }
            (_, _, Some(host)) if it.action == Action::Route => {
                format!("the service itself, since no VirtualService has the host `{host}`")
            }
            (_, _, Some(host)) if !it.skipped.is_empty() => {
                let rules = it.skipped.iter().map(|skipped| (&skipped.virtual_service, skipped.rule));
                let count = rules.collect::<std::collections::BTreeSet<_>>().len();
                let none = if count == 1 {
                    "its only rule does not match".to_owned()
                } else {
                    format!("none of its {count} rules matches")
                };
                format!("virtual host `{host}` takes it, and {none}")
            }
            (_, _, Some(host)) => format!("virtual host `{host}` takes it, and has no rules"),
            _ if it.action == Action::Passthrough => {
                "no virtual host has the host, so that it is left to Envoy".to_owned()
            }
            _ => "no virtual host has the host".to_owned(),
        };
        self.fact("by", &by);
        if it.rule.is_some() {
            let host = it.virtual_host.as_deref().unwrap_or_default();
            let route = it.route_name.as_ref().map(|name| format!(", route name `{name}`")).unwrap_or_default();
            self.fact("", &format!("virtual host `{host}`{route}"));
        }
    }

    /// What `check` says of the rule: it may not do what it says.
    fn findings(&mut self, all: &[OfRule]) {
        for finding in all {
            let word = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "note",
            };
            self.fact(word, &format!("{} ({}, {})", finding.message, finding.code, finding.path));
        }
    }

    /// What is done on the way.
    fn then(&mut self, it: &Explanation) {
        let before = self.0.len();
        self.title("on the way");
        let empty = self.0.len();
        let common = common(&it.destinations);
        for change in &common {
            self.fact("request", change);
        }
        if let Some(body) = &it.body {
            self.fact("body", &quoted(body));
        }
        self.operations("answer", &it.response_headers);
        for to in &it.destinations {
            let own: Vec<&String> = to.changes.iter().filter(|change| !common.contains(change)).collect();
            if own.is_empty() && to.response_headers == Operations::default() {
                continue;
            }
            self.fact("at", &to.cluster);
            own.iter().for_each(|change| self.fact("  request", change));
            self.operations("  answer", &to.response_headers);
        }
        if let Some(sticky) = &it.sticky {
            self.fact("client", &client(sticky));
        }
        if let Some(fault) = &it.fault {
            if let Some(delay) = fault.delay {
                self.fact("fault", &format!("{} wait for {}", percent(delay.ppm.into()), time(delay.ms)));
            }
            if let Some(abort) = fault.abort {
                let with = match (abort.http, abort.grpc) {
                    (Some(status), _) => format!("{status}"),
                    (None, status) => format!("gRPC status {}", status.unwrap_or_default()),
                };
                self.fact("fault", &format!("{} are answered with {with}", percent(abort.ppm.into())));
            }
        }
        for mirror in &it.mirrors {
            self.fact("copies", &format!("{} gets {}", mirror.cluster, percent(mirror.ppm.into())));
        }
        if it.action == Action::Route {
            self.fact("timeout", &it.timeout_ms.map_or_else(|| "none".to_owned(), time));
        }
        if let Some(again) = &it.retries {
            self.fact("retries", &retries(again));
        }
        for (cluster, limits) in &it.limits {
            self.fact("limits", &format!("{cluster}: {}", limited(limits)));
        }
        if let Some(cors) = &it.cors {
            let who = match (&cors.origin, cors.allowed) {
                (None, _) => "the request names no `origin`".to_owned(),
                (Some(origin), true) => format!("the origin `{origin}` is allowed"),
                (Some(origin), false) => format!("the origin `{origin}` is not allowed"),
            };
            self.fact("cors", &format!("{who}; allowed: {}", cors.allow_origins.join(", ")));
        }
        if self.0.len() == empty {
            self.0.truncate(before);
        }
    }

    fn operations(&mut self, word: &str, operations: &Operations) {
        for name in &operations.remove {
            self.fact(word, &format!("remove {name}"));
        }
        for (name, value) in &operations.set {
            self.fact(word, &format!("set {name}: {value}"));
        }
        for (name, value) in &operations.add {
            self.fact(word, &format!("add {name}: {value}"));
        }
    }

    fn skipped(&mut self, all: &[Skipped]) {
        if all.is_empty() {
            return;
        }
        self.title("passed over, in this order");
        let rows = all.iter().take(MOST);
        let head = |it: &Skipped| {
            let service = if it.virtual_service.is_empty() { "the service itself" } else { &it.virtual_service };
            format!("{service} {}", at(it.rule, it.r#match))
        };
        let stands = |it: &Skipped| match &it.delegate {
            Some(it) => format!("  {}", delegate(it)),
            None => place(it.file.as_deref(), it.line),
        };
        self.rows(rows.map(|it| (head(it), stands(it), it.because.as_str())));
        self.more(all.len());
    }

    fn omitted(&mut self, all: &[Omitted]) {
        if all.is_empty() {
            return;
        }
        self.title("plays no part here");
        let rows = all.iter().take(MOST);
        let head = |it: &Omitted| match it.rule {
            Some(rule) => format!("{} {}", it.virtual_service, at(rule, it.r#match)),
            None => it.virtual_service.clone(),
        };
        self.rows(rows.map(|it| (head(it), place(it.file.as_deref(), it.line), it.because.as_str())));
        self.more(all.len());
    }

    fn rows<'w>(&mut self, rows: impl Iterator<Item = (String, String, &'w str)>) {
        for (head, place, because) in rows {
            let _ = writeln!(self.0, "  {}{FAINT}{}{FAINT:#}", clean(&head), clean(&place));
            let _ = writeln!(self.0, "      {}", clean(because));
        }
    }

    fn more(&mut self, count: usize) {
        if let Some(more) = count.checked_sub(MOST).filter(|more| *more > 0) {
            let _ = writeln!(self.0, "  and {more} more, which `-o json` has");
        }
    }
}

fn proxy(it: &Explanation) -> String {
    let proxy = &it.proxy;
    let labels: String = proxy.labels.iter().map(|(key, value)| format!(",{key}={value}")).collect();
    match (proxy.gateways.iter().any(|gateway| gateway == shared::names::MESH), proxy.port) {
        (true, port) => {
            let port = port.map(|port| format!(", port {port}")).unwrap_or_default();
            format!("the mesh, seen from namespace {}{labels}{port}", proxy.namespace)
        }
        (false, port) => {
            let port = port.map(|port| format!(", port {port}")).unwrap_or_default();
            format!("gateway {}{port}", proxy.gateways.join(", "))
        }
    }
}

fn what(it: &Explanation) -> (Style, String) {
    let status = it.status.unwrap_or_default();
    let location = it.location.as_deref().unwrap_or_default();
    match it.action {
        Action::Route if it.destinations.len() > 1 => (GOOD, "it goes to one of".to_owned()),
        Action::Route => (GOOD, "it goes to".to_owned()),
        Action::Passthrough => (GOOD, "it goes where its connection was meant to go".to_owned()),
        Action::Redirect => (GOOD, format!("it is redirected, with {status}, to {}", clean(location))),
        Action::DirectResponse => (GOOD, format!("it is answered here, with {status}")),
        Action::Preflight => (GOOD, format!("it is a CORS preflight, and answered here, with {status}")),
        Action::NotFound => (BAD, format!("it is answered with {status}: nothing takes it")),
        Action::Blocked => (BAD, format!("it is refused, with {status}")),
    }
}

/// `spec.http[1].match[0]`, as findings name fields.
fn at(rule: u32, matched: Option<u32>) -> String {
    let matched = matched.map(|matched| format!(".match[{matched}]")).unwrap_or_default();
    format!("spec.http[{rule}]{matched}")
}

fn place(file: Option<&str>, line: u32) -> String {
    match file {
        Some(file) if line > 0 => format!("  {file}:{line}"),
        Some(file) => format!("  {file}"),
        None => String::new(),
    }
}

/// Where a delegate's rule stands.
fn delegate(it: &DelegatePlace) -> String {
    let at = at(it.index, it.r#match);
    format!("by its delegate {} {at}{}", it.virtual_service, place(it.file.as_deref(), it.line))
}

/// What is changed whatever the destination.
fn common(all: &[Destination]) -> Vec<String> {
    let Some((first, others)) = all.split_first() else { return Vec::new() };
    let everywhere = |change: &&String| others.iter().all(|other| other.changes.contains(change));
    first.changes.iter().filter(everywhere).cloned().collect()
}

fn client(sticky: &super::answer::Sticky) -> String {
    let by = &sticky.by;
    match (&sticky.key, &sticky.chosen) {
        (Some(key), Some(chosen)) => format!("stays at {chosen}, by {by}: `{key}`"),
        _ if sticky.new => format!("has no cookie yet: it goes by weight, and gets one that keeps it there ({by})"),
        _ if by == "source-ip" => "stays where its address leads it: `--source IP` says which".to_owned(),
        _ => format!("goes by weight, since the request has no {by}"),
    }
}

fn retries(it: &Retries) -> String {
    let default = if it.default { " (Istio's default)" } else { "" };
    if it.attempts == 0 {
        return format!("none{default}");
    }
    let codes = it.status_codes.iter().map(u32::to_string);
    let on: Vec<String> = it.on.iter().chain(&it.grpc_on).cloned().chain(codes).collect();
    let each = it.per_try_ms.map(|ms| format!(", {} each", time(ms))).unwrap_or_default();
    format!("{}{each}, on {}{default}", it.attempts, on.join(", "))
}

fn limited(it: &Limits) -> String {
    let number = |limit: Option<u32>, words: &str| limit.map(|limit| format!("{limit} {words}"));
    let parts = [
        number(it.active, "on their way"),
        number(it.waiting, "waiting"),
        number(it.requests, "on their way, beyond which none waits"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Of a million, as people say it.
fn percent(ppm: f64) -> String {
    let number = format!("{:.4}", ppm / 10_000.0);
    format!("{} %", number.trim_end_matches('0').trim_end_matches('.'))
}

fn time(ms: u64) -> String {
    match ms {
        ms if ms >= 1000 && ms.is_multiple_of(1000) => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}

fn quoted(body: &str) -> String {
    let mut lines = body.lines();
    let first = shared::model::read::shorten(lines.next().unwrap_or_default());
    if lines.next().is_some() { format!("`{first}` ...") } else { format!("`{first}`") }
}
