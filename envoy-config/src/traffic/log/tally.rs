//! Requests are counted as their lines are read.

use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use hashbrown::HashMap;

use super::{Counted, Fields, Line, Log, LogError, SHOWN, Stray, json, text};

/// What was counted so far.
#[derive(Default)]
pub(super) struct Tally {
    /// How often each request was made, and where first.
    requests: HashMap<Box<[u8]>, (u64, u64)>,
    log: Log,
    lines: u64,
}

/// Counts what comes, until nothing more does.
pub(super) fn tally(blocks: &Mutex<Receiver<(u64, Vec<u8>)>>, wanted: &[String]) -> Tally {
    let (mut tally, mut slots, mut key) = (Tally::default(), json::Slots::new(wanted), Vec::new());
    loop {
        let next = blocks.lock().ok().and_then(|blocks| blocks.recv().ok());
        let Some((first, block)) = next else { return tally };
        for (number, line) in (first..).zip(block.split(|byte| *byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            tally.lines += 1;
            let read = match line.first() {
                Some(b'{') => json::line(line, &mut slots),
                _ => text::line(line, wanted),
            };
            tally.take(read, (number, line), &mut key);
        }
    }
}

impl Tally {
    fn take(&mut self, read: Line<'_>, (number, line): (u64, &[u8]), key: &mut Vec<u8>) {
        match read {
            Line::Request(fields) => {
                self.log.count += 1;
                fields.write(key);
                match self.requests.get_mut(key.as_slice()) {
                    Some((count, first)) => (*count, *first) = (*count + 1, (*first).min(number)),
                    None => _ = self.requests.insert(key.as_slice().into(), (1, number)),
                }
            }
            Line::Inbound => self.log.inbound += 1,
            Line::Connection => self.log.connections += 1,
            Line::Stray(why) => {
                self.log.strays += 1;
                let text = || {
                    let text = String::from_utf8_lossy(line.get(..line.len().min(400)).unwrap_or_default());
                    shared::model::read::visible(&text)
                };
                if self.log.shown.len() < SHOWN {
                    self.log.shown.push(Stray { line: number, text: text(), why: why.into_owned() });
                }
            }
        }
    }

    /// Takes what another has counted.
    pub(super) fn add(&mut self, other: Tally) {
        let Log { count, inbound, connections, strays, shown, .. } = other.log;
        let log = &mut self.log;
        (log.count, log.inbound) = (log.count + count, log.inbound + inbound);
        (log.connections, log.strays) = (log.connections + connections, log.strays + strays);
        log.shown.extend(shown);
        self.lines += other.lines;
        if self.requests.is_empty() {
            self.requests = other.requests;
            return;
        }
        for (key, (count, first)) in other.requests {
            let entry = self.requests.entry(key).or_insert((0, first));
            *entry = (entry.0 + count, entry.1.min(first));
        }
    }

    /// All of it, the most frequent first.
    pub(super) fn finish(self) -> Result<Log, LogError> {
        let Tally { requests, mut log, lines } = self;
        log.shown.sort();
        log.shown.truncate(SHOWN);
        if lines == 0 {
            return Err(LogError::Empty);
        }
        if log.count + log.inbound + log.connections == 0 {
            return Err(LogError::Unknown(log.shown));
        }
        let text = |key: Box<[u8]>| String::from_utf8(key.into_vec()).map(String::into_boxed_str);
        log.requests = requests
            .into_iter()
            // All parts were text.
            .filter_map(|(key, (count, line))| Some(Counted { key: text(key).ok()?, count, line }))
            .collect();
        log.requests.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.line.cmp(&b.line)));
        Ok(log)
    }
}

impl Fields<'_> {
    /// What makes it the same as another, in bytes. A line's end is in none of its parts.
    fn write(&self, key: &mut Vec<u8>) {
        key.clear();
        let tls = self.server_name.is_some().then_some("https");
        let scheme = self.scheme.as_deref().or(tls).unwrap_or_default();
        for part in [&self.method, &self.authority, &self.path] {
            key.extend_from_slice(part.as_deref().unwrap_or_default().as_bytes());
            key.push(b'\n');
        }
        let port = self.local.as_deref().and_then(|local| local.rsplit_once(':')).map_or("", |(_, port)| port);
        for part in [scheme, port] {
            key.extend_from_slice(part.as_bytes());
            key.push(b'\n');
        }
        for header in &self.headers {
            match header {
                None => {}
                Some(None) => key.push(b'-'),
                Some(Some(value)) => {
                    key.push(b'=');
                    key.extend_from_slice(value.as_bytes());
                }
            }
            key.push(b'\n');
        }
    }
}
