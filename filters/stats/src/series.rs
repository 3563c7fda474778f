//! The series of a VM: which there are, and that there are not too many. Nothing ever frees a metric, so the count
//! outlives configurations.

use std::hash::Hasher;

use shared::table::Table;

/// Series by the hash of their labels. `S` is what it takes to count in one.
#[derive(Debug)]
pub struct Registry<S> {
    by_labels: Table<u64, S>,
    seed: Option<u64>,
}

impl<S> Default for Registry<S> {
    fn default() -> Registry<S> {
        Registry { by_labels: Table::new(), seed: None }
    }
}

impl<S: Copy> Registry<S> {
    /// Makes hashes unlike those of any other VM, so that nobody can make two hosts one. Only the first call counts.
    pub fn seed(&mut self, draw: impl FnOnce() -> u64) {
        self.seed.get_or_insert_with(draw);
    }

    /// A hash of bytes that clients choose.
    pub fn hash(&mut self, bytes: &[u8]) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(*self.seed.get_or_insert(0));
        hasher.write(bytes);
        hasher.finish()
    }

    /// The series with these labels; made by `define` when there is none and fewer than `most`. Nothing when there is
    /// no room.
    pub fn series(&mut self, labels: &str, most: u32, define: impl FnOnce(&str) -> S) -> Option<S> {
        let hash = self.hash(labels.as_bytes());
        if let Some(known) = self.by_labels.get(hash) {
            return Some(*known);
        }
        if self.by_labels.len() >= most as usize {
            return None;
        }
        let series = define(labels);
        self.by_labels.insert(hash, series);
        Some(series)
    }
}

/// The series of the requests that came lately, by the number of what they have in common before any label is written.
#[derive(Debug)]
pub struct Recent<S> {
    by_key: Table<u64, S>,
    most: usize,
}

impl<S: Copy> Recent<S> {
    /// Never remembers more than `most`.
    pub fn new(most: u32) -> Recent<S> {
        Recent { by_key: Table::new(), most: most as usize }
    }

    /// The series of a key.
    pub fn get(&self, key: u64) -> Option<S> {
        self.by_key.get(key).copied()
    }

    /// Remembers a series. Many keys may share one (hosts that differ beyond the longest label), so that keys are not
    /// as few as series: a full table begins anew.
    pub fn insert(&mut self, key: u64, series: S) {
        if self.by_key.len() >= self.most {
            self.by_key = Table::new();
        }
        self.by_key.insert(key, series);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_allowed() {
        let mut registry = Registry::default();
        registry.seed(|| 7);
        for round in 0..3 {
            for index in 0..10 {
                let got = registry.series(&format!("labels {index}"), 4, |_| index);
                assert_eq!(got, (index < 4).then_some(index), "round {round}");
            }
        }
        assert_eq!(registry.series("labels 9", 5, |_| 9), Some(9));
    }

    #[test]
    fn a_full_table_of_keys_begins_anew() {
        let mut recent = Recent::new(3);
        for key in 0..4 {
            recent.insert(key, key);
        }
        assert_eq!((recent.get(0), recent.get(3)), (None, Some(3)));
    }
}
