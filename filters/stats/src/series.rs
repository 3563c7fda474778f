//! The series of a VM: which there are, and that there are not too many. Nothing ever frees a metric, so the count
//! outlives configurations.
//!
//! Codes, flags and hosts are for clients and destinations to choose, so that no destination gets all the room: it may
//! have a series more as long as it has fewer than a ninth of those that are left, which is a tenth of all when it comes
//! first. The hosts that clients make up are one destination in this.

use std::hash::Hasher;

use shared::table::Table;

/// A destination may have one series for so many that are left.
const LEFT_FOR_OTHERS: usize = 9;

/// Series by the hash of their labels. `S` is what it takes to count in one.
#[derive(Debug)]
pub struct Registry<S> {
    by_labels: Table<u64, S>,
    /// How many of them each destination has, in the order of its hash.
    of: Vec<(u64, usize)>,
    seed: Option<u64>,
    /// What there was no room for, as bits: once is enough.
    told: u8,
}

impl<S> Default for Registry<S> {
    fn default() -> Registry<S> {
        Registry { by_labels: Table::new(), of: Vec::new(), seed: None, told: 0 }
    }
}

/// Whose series it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A destination's, by a hash.
    Destination(u64),
    /// One of the hosts' that clients make up.
    MadeUp,
    /// That of many requests which find no room for their own.
    Shared,
}

/// What has no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The whole VM.
    All,
    /// One destination.
    Destination,
    /// The hosts that clients make up.
    MadeUp,
}

impl Full {
    /// What to say about it. Nothing of the request is in it.
    pub fn warning(self) -> &'static str {
        match self {
            Full::All => {
                "this worker has as many series of istio_* as it may. Requests that would need another are counted with \
                 `overflow` in every label of their destination; those that have one are counted as before. Only a \
                 restart frees series; if as many are needed, raise `stats: {maxSeries: N}` in the module's configuration"
            }
            Full::Destination => {
                "one service has as many series of istio_* as it may, a tenth of maxSeries at most: its responses come \
                 with many codes, flags or workloads. Its other requests are counted by the code's class, such as \
                 `5xx`, with `overflow` in the labels beside that; other services are counted as before. If one service \
                 needs more, raise `stats: {maxSeries: N}` in the module's configuration"
            }
            Full::MadeUp => {
                "the hosts that no resource names have as many series of istio_* as they may, a tenth of maxSeries at \
                 most. Requests for others are counted with destination_service `overflow`; services are counted as \
                 before. If these hosts are yours, write ServiceEntries for them"
            }
        }
    }
}

impl<S: Copy> Registry<S> {
    /// Makes hashes unlike those of any other VM, so that nobody can make two hosts one. Only the first call counts.
    pub fn seed(&mut self, draw: impl FnOnce() -> u64) {
        self.seed.get_or_insert_with(draw);
    }

    /// A hash of bytes that clients choose. A request that Envoy refuses before any filter may come before there is a
    /// seed, and leaves none behind.
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(self.seed.unwrap_or(0));
        hasher.write(bytes);
        hasher.finish()
    }

    /// The series with these labels; made by `define` when there is none and there is room among `most`.
    pub fn series(&mut self, labels: &str, whose: Whose, most: u32, define: impl FnOnce(&str) -> S) -> Result<S, Full> {
        let hash = self.hash(labels.as_bytes());
        if let Some(known) = self.by_labels.get(hash) {
            return Ok(*known);
        }
        let left = (most as usize).saturating_sub(self.by_labels.len());
        if left == 0 {
            return Err(Full::All);
        }
        let (who, full) = match whose {
            Whose::Destination(hash) => (Some(hash), Full::Destination),
            Whose::MadeUp => (Some(0), Full::MadeUp),
            Whose::Shared => (None, Full::All),
        };
        if let Some(who) = who {
            let at = self.of.binary_search_by(|(other, _)| other.cmp(&who)).unwrap_or_else(|at| {
                self.of.insert(at, (who, 0));
                at
            });
            match self.of.get_mut(at) {
                Some((_, has)) if *has * LEFT_FOR_OTHERS < left => *has += 1,
                _ => return Err(full),
            }
        }
        let series = define(labels);
        self.by_labels.insert(hash, series);
        Ok(series)
    }

    /// Whether this is the first time that it is full.
    pub fn is_news(&mut self, full: Full) -> bool {
        let bit = 1 << full as u8;
        let news = self.told & bit == 0;
        self.told |= bit;
        news
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

    /// The series of such requests.
    #[inline]
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

    fn registry() -> Registry<u32> {
        let mut registry = Registry::default();
        registry.seed(|| 7);
        registry
    }

    /// How many of so many series that are asked for a destination gets, and why no more.
    fn fill(registry: &mut Registry<u32>, whose: Whose, asked: u32, most: u32) -> (u32, Option<Full>) {
        let ask = |index| registry.series(&format!("{whose:?} {index}"), whose, most, |_| index);
        let all: Vec<_> = (0..asked).map(ask).collect();
        let got = all.iter().filter(|it| it.is_ok()).count();
        (got as u32, all.into_iter().find_map(Result::err))
    }

    #[test]
    fn who_comes_first_gets_a_tenth() {
        for (most, expected) in [(1000, 100), (100, 10), (10, 1), (2, 1), (1_000_000, 100_000)] {
            for (whose, full) in [(Whose::MadeUp, Full::MadeUp), (Whose::Destination(5), Full::Destination)] {
                assert_eq!(fill(&mut registry(), whose, expected + 9, most), (expected, Some(full)), "of {most}");
            }
        }
    }

    #[test]
    fn who_comes_after_many_greedy_ones_gets_some() {
        let mut registry = registry();
        for greedy in 1..=20 {
            let (got, why) = fill(&mut registry, Whose::Destination(greedy), 800, 1000);
            assert!((8..=100).contains(&got), "{got}");
            assert_eq!(why, Some(Full::Destination));
        }
        assert_eq!(fill(&mut registry, Whose::Destination(21), 8, 1000), (8, None));
        // Hosts may come after all of them, and still leave something.
        assert_eq!(fill(&mut registry, Whose::MadeUp, 5000, 1000).1, Some(Full::MadeUp));
        assert_eq!(fill(&mut registry, Whose::Destination(22), 7, 1000), (7, None));
    }

    #[test]
    fn there_are_never_more_than_allowed() {
        let mut registry = registry();
        for round in 0..3 {
            for index in 0..10 {
                let got =
                    registry.series(&format!("labels {index}"), Whose::Destination(u64::from(index)), 4, |_| index);
                assert_eq!(got, if index < 4 { Ok(index) } else { Err(Full::All) }, "round {round}");
            }
        }
        assert_eq!(registry.series("labels 9", Whose::Shared, 4, |_| 9), Err(Full::All));
        assert_eq!(registry.series("labels 9", Whose::Shared, 5, |_| 9), Ok(9));
        assert_eq!(registry.series("labels 9", Whose::MadeUp, 4, |_| 0), Ok(9), "whoever has one keeps it");
    }

    #[test]
    fn whoever_comes_before_the_seed_does_not_become_it() {
        let mut registry = Registry::<u32>::default();
        let before = registry.hash(b"a");
        registry.seed(|| 7);
        registry.seed(|| 8);
        assert_ne!(registry.hash(b"a"), before);
        assert_eq!(registry.hash(b"a"), self::registry().hash(b"a"));
    }

    #[test]
    fn each_cap_is_told_once() {
        let mut registry = registry();
        for full in [Full::All, Full::Destination, Full::MadeUp] {
            assert_eq!((registry.is_news(full), registry.is_news(full)), (true, false), "{full:?}");
        }
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
