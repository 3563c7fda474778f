//! Who holds how many of a destination's slots, and who waits for one. One table for each destination, shared by all
//! VMs, each of which changes it as one step.
//!
//! A VM's row is a lease: unless the VM renews it, it lapses, and the slots in it are free again. A slot that becomes
//! free is given at once to the VM whose request has waited longest, by a higher number in that VM's row, so that no
//! newcomer can take it on the way; the VM is woken and finds that it has more slots than requests on their way.
//!
//! Where the limit is far, a VM keeps some slots beyond what it needs, so that most of its requests come and go without
//! the table. It gives them back as soon as it is told that another VM found no room.
//!
//! Bytes of a table: version 2, then for each VM, little-endian: queue (4), end of the lease (8), slots (4), spare slots
//! (4), waiting requests (4), arrival of the oldest of them (8).

use std::collections::VecDeque;

use shared::plan::guard::Limits;

/// How long a row holds without being renewed, in milliseconds: less than the five seconds within which the slots of a
/// dead VM have to be back.
pub const LEASE_MS: u64 = 4000;

/// How often rows are renewed.
pub const RENEW_MS: u64 = 1000;

/// How many slots a VM keeps for requests to come; it may collect twice as many from those that end. Of all slots half
/// are never kept so.
pub const SPARE: u32 = 16;

const VERSION: u8 = 2;
const ROW: usize = 32;

/// The row of one VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The queue that wakes the VM, which names it as well.
    pub queue: u32,
    /// When the lease lapses.
    pub until: u64,
    /// Slots: for requests on their way, and for waiting ones that do not know it yet.
    pub held: u32,
    /// Slots for requests to come.
    pub spare: u32,
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
    /// Requests on their way that have ended since the table was told last, and whose slots are not kept.
    pub ended: u32,
    /// Slots that it keeps.
    pub spare: u32,
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
    /// It waits beyond those that may, for slots that other VMs keep and give back when they are asked.
    Hopes,
    /// There is no room.
    Refused,
}

impl Table {
    /// Reads a table; bytes of another version, or none, are an empty one.
    pub fn decode(bytes: &[u8]) -> Table {
        let Some((&VERSION, mut rest)) = bytes.split_first() else { return Table::default() };
        let mut rows = Vec::with_capacity(rest.len() / ROW);
        while let Some((row, after)) = rest.split_first_chunk::<ROW>() {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee, ff] =
                *row;
            rows.push(Row {
                queue: u32::from_le_bytes([a, b, c, d]),
                until: u64::from_le_bytes([e, f, g, h, i, j, k, l]),
                held: u32::from_le_bytes([m, n, o, p]),
                spare: u32::from_le_bytes([q, r, s, t]),
                waiting: u32::from_le_bytes([u, v, w, x]),
                oldest: u64::from_le_bytes([y, z, aa, bb, cc, dd, ee, ff]),
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
            out.extend_from_slice(&row.spare.to_le_bytes());
            out.extend_from_slice(&row.waiting.to_le_bytes());
            out.extend_from_slice(&row.oldest.to_le_bytes());
        }
        out
    }

    /// The rows of all VMs that hold something or wait.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Slots of requests on their way.
    pub fn held(&self) -> u32 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.held))
    }

    /// Slots that a VM keeps.
    pub fn spare_of(&self, queue: u32) -> u32 {
        self.rows.iter().find(|row| row.queue == queue).map_or(0, |row| row.spare)
    }

    /// Slots that nobody else can have.
    pub fn taken(&self) -> u32 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.held).saturating_add(row.spare))
    }

    /// Requests that wait.
    pub fn waiting(&self) -> u32 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.waiting))
    }

    /// A new request of this VM, which has no spare slot; tells also how many it has by now. Whoever has to be woken is
    /// added to `wake`.
    pub fn admit(&mut self, mine: &Mine<'_>, limits: &Limits, now: u64, wake: &mut Vec<u32>) -> (Admission, u32) {
        self.lapse(mine.queue, now);
        // What a dead VM left goes to those who wait, before newcomers.
        self.give(limits, now, wake);
        let (taken, waiting) = (self.taken(), self.waiting());
        let room = if taken < limits.requests { limits.waiting } else { 0 };
        let admission = if taken < limits.active.min(limits.requests) {
            Admission::Admitted
        } else if waiting < room {
            Admission::Waits
        } else if waiting < room.saturating_add(self.kept_by_others(mine.queue)) {
            Admission::Hopes
        } else {
            Admission::Refused
        };
        if admission != Admission::Admitted {
            self.ask_for_spare(mine.queue, wake);
        }
        if admission == Admission::Refused {
            // What this VM's row says it keeps may be in use by now, which nobody has told the table.
            return (admission, mine.spare);
        }
        let mut row = self.take(mine);
        row.until = now.saturating_add(LEASE_MS);
        if admission == Admission::Admitted {
            row.held = row.held.saturating_add(1);
            row.spare = self.spare(&row, SPARE, limits);
        } else {
            if row.waiting == 0 {
                row.oldest = now;
            }
            row.waiting = row.waiting.saturating_add(1);
        }
        self.rows.push(row);
        (admission, row.spare)
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
        row.spare = 0;
        let given = (held - mine.active).min(waiting);
        row.held = mine.active.saturating_add(given);
        row.waiting = waiting - given;
        row.oldest = nth(mine.waiting, given).unwrap_or(now);
        self.rows.push(row);
        self.give(limits, now, wake);
        let mut held = 0;
        if let Some(mut row) = self.mine(mine.queue) {
            held = row.held;
            row.spare = self.spare(&row, mine.spare.min(SPARE), limits);
            self.rows.push(row);
        }
        self.rows.retain(|row| row.held > 0 || row.spare > 0 || row.waiting > 0);
        held.saturating_sub(mine.active)
    }

    /// How many of the slots that a VM wants to keep it may keep; its row is not in the table.
    fn spare(&self, row: &Row, wanted: u32, limits: &Limits) -> u32 {
        let most = limits.active.min(limits.requests) / 2;
        let taken = self.taken().saturating_add(row.held);
        let waits = row.waiting > 0 || self.waiting() > 0;
        if !waits && taken.saturating_add(wanted) <= most { wanted } else { 0 }
    }

    /// Other VMs that keep slots.
    fn keepers(&self, mine: u32) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.spare > 0 && row.queue != mine)
    }

    /// The most slots that others may give back. Who keeps some keeps those too that have become free since it told the
    /// table.
    fn kept_by_others(&self, mine: u32) -> u32 {
        self.keepers(mine).fold(0, |sum, row| sum.saturating_add(row.held).saturating_add(row.spare))
    }

    /// Somebody finds no room, while others keep slots that they may not need.
    fn ask_for_spare(&self, mine: u32, wake: &mut Vec<u32>) {
        for row in self.keepers(mine) {
            if !wake.contains(&row.queue) {
                wake.push(row.queue);
            }
        }
    }

    /// Gives free slots to those who wait, the oldest first.
    fn give(&mut self, limits: &Limits, now: u64, wake: &mut Vec<u32>) {
        let most = limits.active.min(limits.requests);
        let mut free = most.saturating_sub(self.taken());
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
        let mut row = self.mine(mine.queue).unwrap_or_else(|| {
            let held = mine.active.saturating_add(mine.ended);
            Row { queue: mine.queue, until: 0, held, spare: mine.spare, waiting: 0, oldest: 0 }
        });
        // Slots of requests that came and went without the table.
        row.held = row.held.saturating_add(row.spare).saturating_sub(mine.spare);
        row.spare = mine.spare;
        row
    }

    fn mine(&mut self, queue: u32) -> Option<Row> {
        let at = self.rows.iter().position(|row| row.queue == queue)?;
        Some(self.rows.swap_remove(at))
    }
}

fn nth(waiting: &VecDeque<Waiter>, index: u32) -> Option<u64> {
    waiting.get(usize::try_from(index).ok()?).map(|waiter| waiter.arrived)
}

#[cfg(test)]
mod tests;
