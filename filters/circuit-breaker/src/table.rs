//! Who holds how many of a destination's slots, and who waits for one. One table for each destination, shared by all
//! VMs, each of which changes it as one step.
//!
//! A VM's row is a lease: unless the VM renews it, it lapses, and the slots in it are free again. A slot that becomes
//! free is given at once to the VM whose request has waited longest, by a higher number in that VM's row, so that no
//! newcomer can take it on the way; the VM is woken and finds that it has more slots than requests on their way.
//!
//! Bytes of a table: version 1, then for each VM, little-endian: queue (4), end of the lease (8), slots (4), waiting
//! requests (4), arrival of the oldest of them (8).

use std::collections::VecDeque;

use shared::plan::guard::Limits;

/// How long a row holds without being renewed, in milliseconds: less than the five seconds within which the slots of a
/// dead VM have to be back.
pub const LEASE_MS: u64 = 4000;

/// How often rows are renewed.
pub const RENEW_MS: u64 = 1000;

const VERSION: u8 = 1;
const ROW: usize = 28;

/// The row of one VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The queue that wakes the VM, which names it as well.
    pub queue: u32,
    /// When the lease lapses.
    pub until: u64,
    /// Slots: for requests on their way, and for waiting ones that do not know it yet.
    pub held: u32,
    /// Requests that wait.
    pub waiting: u32,
    /// When the oldest of them came.
    pub oldest: u64,
}

/// A destination's table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Row>,
}

/// What is true in this VM, whatever the table says.
#[derive(Clone, Copy, Debug)]
pub struct Mine<'a> {
    /// Its queue.
    pub queue: u32,
    /// Requests on their way.
    pub active: u32,
    /// Requests on their way that have ended since the table was told last.
    pub ended: u32,
    /// Its waiting requests, the oldest first.
    pub waiting: &'a VecDeque<Waiter>,
}

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// When it came.
    pub arrived: u64,
    /// Which stream it is.
    pub stream: u32,
}

/// What becomes of a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has a slot.
    Admitted,
    /// It has a place among those that wait.
    Waits,
    /// There is no room.
    Refused,
}

impl Table {
    /// Reads a table; bytes of another version, or none, are an empty one.
    pub fn decode(bytes: &[u8]) -> Table {
        let Some((&VERSION, mut rest)) = bytes.split_first() else { return Table::default() };
        let mut rows = Vec::with_capacity(rest.len() / ROW);
        while let Some((row, after)) = rest.split_first_chunk::<ROW>() {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb] = *row;
            rows.push(Row {
                queue: u32::from_le_bytes([a, b, c, d]),
                until: u64::from_le_bytes([e, f, g, h, i, j, k, l]),
                held: u32::from_le_bytes([m, n, o, p]),
                waiting: u32::from_le_bytes([q, r, s, t]),
                oldest: u64::from_le_bytes([u, v, w, x, y, z, aa, bb]),
            });
            rest = after;
        }
        Table { rows }
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.rows.len() * ROW);
        out.push(VERSION);
        for row in &self.rows {
            out.extend_from_slice(&row.queue.to_le_bytes());
            out.extend_from_slice(&row.until.to_le_bytes());
            out.extend_from_slice(&row.held.to_le_bytes());
            out.extend_from_slice(&row.waiting.to_le_bytes());
            out.extend_from_slice(&row.oldest.to_le_bytes());
        }
        out
    }

    /// The rows of all VMs that hold something or wait.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Slots that are taken.
    pub fn held(&self) -> u32 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.held))
    }

    /// Requests that wait.
    pub fn waiting(&self) -> u32 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.waiting))
    }

    /// A new request of this VM. Whoever has to be woken is added to `wake`.
    pub fn admit(&mut self, mine: &Mine<'_>, limits: &Limits, now: u64, wake: &mut Vec<u32>) -> Admission {
        self.lapse(mine.queue, now);
        // What a dead VM left goes to those who wait, before newcomers.
        self.give(limits, now, wake);
        let held = self.held();
        let admission = if held >= limits.requests {
            Admission::Refused
        } else if held < limits.active {
            Admission::Admitted
        } else if self.waiting() < limits.waiting {
            Admission::Waits
        } else {
            Admission::Refused
        };
        if admission != Admission::Refused {
            let mut row = self.take(mine);
            row.until = now.saturating_add(LEASE_MS);
            match admission {
                Admission::Admitted => row.held = row.held.saturating_add(1),
                _ => {
                    if row.waiting == 0 {
                        row.oldest = now;
                    }
                    row.waiting = row.waiting.saturating_add(1);
                }
            }
            self.rows.push(row);
        }
        admission
    }

    /// Brings this VM's row to what is true there, gives on what has become free, and renews the lease. Tells how many
    /// of the VM's waiting requests have a slot now. Whoever has to be woken is added to `wake`, this VM among them.
    pub fn settle(&mut self, mine: &Mine<'_>, limits: &Limits, now: u64, wake: &mut Vec<u32>) -> u32 {
        self.lapse(mine.queue, now);
        let waiting = u32::try_from(mine.waiting.len()).unwrap_or(u32::MAX);
        let mut row = self.take(mine);
        row.until = now.saturating_add(LEASE_MS);
        // A row that has lapsed meanwhile begins anew with what is on its way in fact.
        let held = row.held.saturating_sub(mine.ended).max(mine.active);
        let given = (held - mine.active).min(waiting);
        row.held = mine.active.saturating_add(given);
        row.waiting = waiting - given;
        row.oldest = nth(mine.waiting, given).unwrap_or(now);
        self.rows.push(row);
        self.give(limits, now, wake);
        let held = self.rows.iter().find(|row| row.queue == mine.queue).map_or(0, |row| row.held);
        self.rows.retain(|row| row.held > 0 || row.waiting > 0);
        held.saturating_sub(mine.active)
    }

    /// Gives free slots to those who wait, the oldest first.
    fn give(&mut self, limits: &Limits, now: u64, wake: &mut Vec<u32>) {
        let most = limits.active.min(limits.requests);
        let mut free = most.saturating_sub(self.held());
        while free > 0 {
            let waiting = self.rows.iter_mut().filter(|row| row.waiting > 0);
            let Some(row) = waiting.min_by_key(|row| row.oldest) else { break };
            row.waiting -= 1;
            row.held = row.held.saturating_add(1);
            // Its next one came some time before now; until the VM says when, others have their turn.
            row.oldest = now;
            if !wake.contains(&row.queue) {
                wake.push(row.queue);
            }
            free -= 1;
        }
    }

    /// Takes away what VMs held that have not renewed it.
    fn lapse(&mut self, mine: u32, now: u64) {
        self.rows.retain(|row| row.until > now || row.queue == mine);
    }

    /// Takes this VM's row out; a new one begins with what is on its way.
    fn take(&mut self, mine: &Mine<'_>) -> Row {
        match self.rows.iter().position(|row| row.queue == mine.queue) {
            Some(at) => self.rows.swap_remove(at),
            None => {
                let held = mine.active.saturating_add(mine.ended);
                Row { queue: mine.queue, until: 0, held, waiting: 0, oldest: 0 }
            }
        }
    }
}

fn nth(waiting: &VecDeque<Waiter>, index: u32) -> Option<u64> {
    waiting.get(usize::try_from(index).ok()?).map(|waiter| waiter.arrived)
}

#[cfg(test)]
mod tests;
