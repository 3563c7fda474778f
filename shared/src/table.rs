//! Things by number, found at once: an open-addressed table.
//!
//! The standard library's hash map takes 4 kB for every type of value, its tree 6 kB; in a module that is start-up time.

/// Things by number. The numbers are nobody's to choose: counted, or hashes of which nobody knows the seed.
///
/// Half of the slots are free at least, so that whoever looks for a number meets a free slot soon.
#[derive(Debug)]
pub struct Table<N, T> {
    /// None, or a power of two.
    slots: Vec<Option<(N, T)>>,
    taken: usize,
}

const FEWEST: usize = 16;

impl<N: Copy + Eq + Into<u64>, T> Table<N, T> {
    /// Without anything.
    pub const fn new() -> Table<N, T> {
        Table { slots: Vec::new(), taken: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.taken
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// What has this number.
    pub fn get(&self, id: N) -> Option<&T> {
        self.slots.get(self.find(id)?)?.as_ref().map(|(_, it)| it)
    }

    /// Puts it there; gives back what was there under this number.
    pub fn insert(&mut self, id: N, it: T) -> Option<T> {
        let before = self.remove(id);
        if (self.taken + 1) * 2 > self.slots.len() {
            let size = (self.slots.len() * 2).max(FEWEST);
            let full = std::mem::take(&mut self.slots);
            self.slots.resize_with(size, || None);
            for (id, it) in full.into_iter().flatten() {
                self.place(id, it);
            }
        }
        self.place(id, it);
        self.taken += 1;
        before
    }

    /// Takes it out. Those behind it move up, so that no free slot comes between a number and where it is looked for.
    pub fn remove(&mut self, id: N) -> Option<T> {
        let mut hole = self.find(id)?;
        let (_, removed) = self.slots.get_mut(hole)?.take()?;
        self.taken -= 1;
        let mut at = self.after(hole);
        while let Some(Some((id, _))) = self.slots.get(at) {
            let distance = |from: usize| at.wrapping_sub(from) & (self.slots.len() - 1);
            if distance(self.home(*id)) >= distance(hole) {
                self.slots.swap(hole, at);
                hole = at;
            }
            at = self.after(at);
        }
        Some(removed)
    }

    /// What has this number, to change it.
    pub fn get_mut(&mut self, id: N) -> Option<&mut T> {
        let at = self.find(id)?;
        self.slots.get_mut(at)?.as_mut().map(|(_, it)| it)
    }

    /// Takes those out that `keep` does not want, and gives back the slots that are left over.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let all = std::mem::take(&mut self.slots).into_iter().flatten();
        let kept: Vec<(N, T)> = all.filter_map(|(id, mut it)| keep(&mut it).then_some((id, it))).collect();
        self.taken = kept.len();
        let size = ((self.taken + 1) * 2).next_power_of_two().max(FEWEST);
        self.slots.resize_with(size, || None);
        for (id, it) in kept {
            self.place(id, it);
        }
    }

    /// All there are, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten().map(|(_, it)| it)
    }

    fn find(&self, id: N) -> Option<usize> {
        let mut at = self.home(id);
        while let Some((known, _)) = self.slots.get(at)? {
            if *known == id {
                return Some(at);
            }
            at = self.after(at);
        }
        None
    }

    /// There is a free slot and the number is not in the table.
    fn place(&mut self, id: N, it: T) {
        let mut at = self.home(id);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.is_none() {
                *slot = Some((id, it));
                return;
            }
            at = self.after(at);
        }
    }

    /// Numbers that were counted lie evenly when they are multiplied by the golden ratio, and do not make one long run
    /// through which every removal would have to go.
    fn home(&self, id: N) -> usize {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        (id.into().wrapping_mul(GOLDEN) >> 32) as usize & self.slots.len().wrapping_sub(1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & self.slots.len().wrapping_sub(1)
    }
}

impl<N: Copy + Eq + Into<u64>, T> Default for Table<N, T> {
    fn default() -> Table<N, T> {
        Table::new()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_empty_table_has_nothing() {
        let mut table = Table::<u32, ()>::new();
        assert_eq!(table.remove(7), None);
        assert_eq!((table.get(0), table.get(u32::MAX)), (None, None));
    }

    /// Streams come in the order of their numbers and go in any, as in Envoy; some numbers come again.
    #[test]
    fn it_has_what_a_map_has() {
        let (mut table, mut map) = (Table::new(), BTreeMap::new());
        let mut random = 1_u32;
        for id in (u32::MAX - 2000..=u32::MAX).chain(0..20_000) {
            assert_eq!(table.insert(id, id), map.insert(id, id));
            for _ in 0..2 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let other = id.wrapping_sub(random >> 22);
                assert_eq!(table.get(other), map.get(&other));
                if random & 4096 == 0 {
                    assert_eq!(table.remove(other), map.remove(&other));
                } else if random & 0xf0000 == 0 {
                    assert_eq!(table.insert(other, id), map.insert(other, id));
                }
            }
            assert_eq!(table.len(), map.len());
        }
        for (id, it) in &map {
            assert_eq!(table.get(*id), Some(it));
        }
        for (id, it) in map {
            assert_eq!(table.remove(id), Some(it));
        }
        assert!(table.is_empty());
        assert!(table.slots.iter().all(Option::is_none));
    }

    #[test]
    fn what_is_kept_stays_found() {
        let mut table = Table::new();
        for id in 0_u64..100 {
            table.insert(id << 7, id);
        }
        table.retain(|it| {
            *it += 1;
            *it % 3 == 0
        });
        assert_eq!((table.len(), table.values().sum::<u64>()), (33, 1683));
        assert_eq!(table.slots.len(), 128, "of 256");
        table.get_mut(2 << 7).into_iter().for_each(|it| *it = 7);
        assert_eq!((table.get(2 << 7), table.get(3 << 7)), (Some(&7), None));
    }

    #[test]
    fn numbers_in_a_row_make_no_long_runs() {
        let mut table = Table::new();
        for id in 1000_u32..9000 {
            table.insert(id, ());
        }
        let runs = table.slots.split(Option::is_none);
        assert!(runs.map(<[_]>::len).max() < Some(64));
    }
}
