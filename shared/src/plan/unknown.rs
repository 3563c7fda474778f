//! Hosts that nobody knows, where no connection was meant to go anywhere else: they are answered, with what may have been
//! meant.
//!
//! A client may ask for another such host each time, so that looking for one that is like it takes no longer than looking
//! it up.

use super::Plan;
use super::hosts::HostTable;
use crate::decide::Request;
use crate::model::Port;
use crate::model::read::nearest;
use crate::names::HTTP_PORT;

/// No name in DNS is longer.
const LONGEST: usize = 253;

/// On so many ports a host is looked for.
const MOST_PORTS: usize = 16;

impl Plan {
    /// Has hosts that nobody knows answered, and not left to where a connection was meant to go. `namespace` is from where
    /// the mesh is seen.
    pub fn answer_unknown_hosts(&mut self, namespace: &str) {
        if self.passthrough {
            self.passthrough = false;
            self.unknown_hosts = Some(namespace.into());
        }
    }

    /// What is said of a host that nobody knows.
    pub(crate) fn unknown_host(&self, request: &Request<'_>) -> Vec<u8> {
        let (asked, host) = (request.authority(), request.host().to_ascii_lowercase());
        // It is the client's own word, and goes back to it as plain text.
        let plain = asked.len() <= LONGEST && asked.iter().all(u8::is_ascii_graphic);
        let asked = if plain { asked } else { b"?" };
        let namespace = self.unknown_hosts.as_deref().unwrap_or_default().as_bytes();
        let meant = if plain { self.meant(&host, request.port()) } else { None };
        let port =
            meant.map(|(_, port)| port).filter(|port| *port != HTTP_PORT).map(|port| [":", &port.to_string()].concat());
        let (before, name, after): (&[u8], &[u8], &[u8]) = match meant {
            Some((name, _)) => (b"; did you mean `", name, b"`?\n"),
            None => (b"; the header `host` says which one is asked for\n", b"", b""),
        };
        let port = port.as_deref().unwrap_or_default().as_bytes();
        [b"no service `", asked, b"` in the mesh, as seen from namespace `", namespace, b"`", before, name, port, after]
            .concat()
    }

    /// A host that is there: the same on another port, in another namespace, or one that is spelt like it.
    fn meant<'a>(&'a self, host: &'a [u8], port: Option<u16>) -> Option<(&'a [u8], Port)> {
        let asked = port.unwrap_or(HTTP_PORT.get());
        let same: &dyn Fn(&'a HostTable) -> Option<&'a [u8]> = &|table| table.find(host).map(|_| host);
        let near: &dyn Fn(&'a HostTable) -> Option<&'a [u8]> = &|table| like(table, host);
        // Those of the port that was asked for come first.
        [(same, true), (same, false), (near, true), (near, false)].into_iter().find_map(|(find, here)| {
            let views = self.views.iter().filter(|view| (view.port.get() == asked) == here);
            views.take(MOST_PORTS).find_map(|view| Some((find(&view.table)?, view.port)))
        })
    }
}

/// A host whose first label is the same, or nearly.
fn like<'a>(table: &'a HostTable, host: &[u8]) -> Option<&'a [u8]> {
    let label = first_label(host);
    // Addresses are like each other and mean others.
    if label.first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    table.named(label).or_else(|| {
        let word = std::str::from_utf8(label).ok()?;
        let near = table.beside(label).map(first_label).filter_map(|it| std::str::from_utf8(it).ok().map(String::from));
        table.named(nearest(word, near)?.as_bytes())
    })
}

fn first_label(host: &[u8]) -> &[u8] {
    host.split(|byte| *byte == b'.').next().unwrap_or(host)
}
