//! What is known of a destination, as bytes in shared data.
//!
//! Little-endian: version 3; until when it is left alone (8); when a stranger was seen (8); the queues of those who are
//! told (1 for how many, 4 for each); then for each endpoint its address (1 for the length, and so many), failures in a row
//! (4 for 5xx, 4 for gateway errors, 4 for the connection), until when it is ejected (8), when it returned (8), its
//! ejections (4), and when it was seen last (8).

use super::{Endpoint, Health};

const VERSION: u8 = 3;

impl Health {
    /// Reads it; bytes of another version, or none, know nothing.
    pub fn decode(bytes: &[u8]) -> Health {
        read(bytes).unwrap_or_default()
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.out_until.to_le_bytes());
        out.extend_from_slice(&self.stranger.to_le_bytes());
        // Neither addresses nor listeners get any longer.
        out.push(u8::try_from(self.listeners.len()).unwrap_or(0));
        self.listeners.iter().for_each(|queue| out.extend_from_slice(&queue.to_le_bytes()));
        for it in &self.endpoints {
            out.push(u8::try_from(it.address.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(&it.address);
            for count in [it.errors, it.gateway_errors, it.local_failures] {
                out.extend_from_slice(&count.to_le_bytes());
            }
            out.extend_from_slice(&it.ejected_until.to_le_bytes());
            out.extend_from_slice(&it.returned.to_le_bytes());
            out.extend_from_slice(&it.ejections.to_le_bytes());
            out.extend_from_slice(&it.seen.to_le_bytes());
        }
        out
    }
}

fn read(bytes: &[u8]) -> Option<Health> {
    let mut rest = bytes;
    if take::<1>(&mut rest)? != [VERSION] {
        return None;
    }
    let (out_until, stranger) = (long(&mut rest)?, long(&mut rest)?);
    let [count] = take(&mut rest)?;
    let listeners = (0..count).map(|_| short(&mut rest)).collect::<Option<_>>()?;
    let mut endpoints = Vec::new();
    while let Some([length]) = take(&mut rest) {
        let (address, after) = rest.split_at_checked(length.into())?;
        rest = after;
        endpoints.push(Endpoint {
            address: address.to_vec(),
            errors: short(&mut rest)?,
            gateway_errors: short(&mut rest)?,
            local_failures: short(&mut rest)?,
            ejected_until: long(&mut rest)?,
            returned: long(&mut rest)?,
            ejections: short(&mut rest)?,
            seen: long(&mut rest)?,
        });
    }
    Some(Health { out_until, stranger, listeners, endpoints })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

fn short(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_le_bytes)
}

fn long(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}
