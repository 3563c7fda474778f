//! Many clients that ask at the same time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;

use crate::client::Request;

/// How many of so many clients get which status; 0 is none.
pub(super) fn ask(address: SocketAddr, clients: u32, request: &Request) -> BTreeMap<u16, u32> {
    let mut statuses = BTreeMap::new();
    thread::scope(|scope| {
        let ask = || request.try_send(address).map_or(0, |response| response.status);
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        for client in running {
            *statuses.entry(client.join().expect("a client does not panic")).or_default() += 1;
        }
    });
    statuses
}
