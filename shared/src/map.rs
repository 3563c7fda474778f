//! A map by name.
//!
//! A `BTreeMap` is made anew for every type of value, 3 to 6 kB each time, which in a module is start-up time; and its
//! smallest has room for eleven, when a rule has one header. Here the names are apart from the values, so that one code
//! serves all types: a few names are sorted, and of many the order stands beside them, in pieces, so that a name in the
//! middle moves few of those behind it.

use std::fmt;

/// Values by name, in the order of the names.
#[derive(Clone)]
pub struct Map<V>(Option<Box<Entries<V>>>);

#[derive(Clone)]
struct Entries<V> {
    names: Sorted,
    values: Vec<V>,
}

/// Names, and their order.
#[derive(Clone, Default)]
struct Sorted {
    /// By place: of few in their order, of many as they came.
    names: Vec<String>,
    /// The places of many in the order of their names, in pieces; none for few.
    pieces: Vec<Vec<u32>>,
}

/// So many are few.
const FEW: usize = 16;
/// A piece with more is cut in two.
const MOST: usize = 1024;

/// A piece and a place in it.
type Gap = (usize, usize);

impl Sorted {
    fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }

    /// The place of a name, or where it would be in the order.
    #[inline(never)]
    fn find(&self, name: &str) -> Result<usize, Gap> {
        if self.pieces.is_empty() {
            let at = self.names.partition_point(|it| it.as_str() < name);
            return if self.names.get(at).is_some_and(|it| it == name) { Ok(at) } else { Err((0, at)) };
        }
        let last = |piece: &Vec<u32>| piece.last().map_or("", |place| self.name(*place as usize));
        let piece = self.pieces.partition_point(|piece| last(piece) < name);
        let piece = piece.min(self.pieces.len() - 1);
        let places = self.pieces.get(piece).map_or(&[][..], Vec::as_slice);
        let at = places.partition_point(|place| self.name(*place as usize) < name);
        match places.get(at) {
            Some(place) if self.name(*place as usize) == name => Ok(*place as usize),
            _ => Err((piece, at)),
        }
    }

    /// Puts a name there; gives back the place of its value, which those behind it make way for.
    #[inline(never)]
    fn put(&mut self, name: String, (piece, at): Gap) -> usize {
        if self.pieces.is_empty() && self.names.len() < FEW {
            self.names.insert(at, name);
            return at;
        }
        let place = self.names.len();
        if self.pieces.is_empty() {
            self.pieces.push((0..).take(place).collect());
        }
        self.names.push(name);
        if let Some(places) = self.pieces.get_mut(piece) {
            places.insert(at, u32::try_from(place).unwrap_or(u32::MAX));
            if places.len() > MOST {
                let rest = places.split_off(MOST / 2);
                self.pieces.insert(piece + 1, rest);
            }
        }
        place
    }

    /// The place that comes next in the order, and where the one after it is.
    #[inline(never)]
    fn next(&self, (piece, at): Gap) -> Option<(usize, Gap)> {
        if self.pieces.is_empty() {
            return (at < self.names.len()).then_some((at, (piece, at + 1)));
        }
        match self.pieces.get(piece)?.get(at) {
            Some(place) => Some((*place as usize, (piece, at + 1))),
            None => Some((*self.pieces.get(piece + 1)?.first()? as usize, (piece + 1, 1))),
        }
    }
}

/// Names, each once.
pub type Names = Map<()>;

impl Names {
    /// Adds a name; false when it was there before.
    pub fn add(&mut self, name: &str) -> bool {
        let count = self.len();
        self.insert_new(name, || ());
        self.len() > count
    }
}

impl<V> Map<V> {
    /// Without anything.
    pub const fn new() -> Map<V> {
        Map(None)
    }

    fn sorted(&self) -> Option<&Sorted> {
        self.0.as_ref().map(|it| &it.names)
    }

    fn values_by_place(&self) -> &[V] {
        self.0.as_ref().map_or(&[], |it| &it.values)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.sorted()?.find(name).ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values_by_place().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.values_by_place().get(self.place(name)?)
    }

    /// Whether there is a value called `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Puts a value there, in place of the one that had its name.
    pub fn insert(&mut self, name: String, value: V) {
        match self.get_mut(&name) {
            Some(old) => *old = value,
            None => self.push(name, value),
        }
    }

    /// Puts a value there unless the name is taken.
    pub fn insert_new(&mut self, name: &str, value: impl FnOnce() -> V) {
        if !self.contains(name) {
            self.push(name.to_owned(), value());
        }
    }

    /// Changes the value called `name`, which begins as the default.
    pub fn change(&mut self, name: String, change: impl FnOnce(&mut V))
    where
        V: Default,
    {
        match self.get_mut(&name) {
            Some(value) => change(value),
            None => {
                let mut value = V::default();
                change(&mut value);
                self.push(name, value);
            }
        }
    }

    /// The value called `name`, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let place = self.place(name)?;
        self.0.as_mut()?.values.get_mut(place)
    }

    /// Adds a name that is not there.
    fn push(&mut self, name: String, value: V) {
        let it = self.0.get_or_insert_with(|| Box::new(Entries { names: Sorted::default(), values: Vec::new() }));
        if let Err(gap) = it.names.find(&name) {
            if it.values.is_empty() {
                it.names.names.reserve_exact(1);
                it.values.reserve_exact(1);
            }
            let place = it.names.put(name, gap);
            it.values.insert(place, value);
        }
    }

    /// All there are, in the order of their names.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { names: self.sorted(), at: (0, 0), values: self.values_by_place() }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The values to change, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().flat_map(|it| &mut it.values)
    }

    /// The first name that is not before `name`, and its value.
    pub fn at_or_after(&self, name: &str) -> Option<(&String, &V)> {
        let sorted = self.sorted()?;
        let place = match sorted.find(name) {
            Ok(place) => place,
            Err(gap) => sorted.next(gap)?.0,
        };
        Some((sorted.names.get(place)?, self.values_by_place().get(place)?))
    }

    /// All there are, in the order of their names.
    pub fn into_sorted(self) -> Vec<(String, V)> {
        let Some(it) = self.0 else { return Vec::new() };
        let Entries { mut names, values } = *it;
        let mut values: Vec<Option<V>> = values.into_iter().map(Some).collect();
        let (mut all, mut at) = (Vec::with_capacity(values.len()), (0, 0));
        while let Some((place, after)) = names.next(at) {
            at = after;
            if let Some(value) = values.get_mut(place).and_then(Option::take) {
                all.push((names.names.get_mut(place).map(std::mem::take).unwrap_or_default(), value));
            }
        }
        all
    }
}

/// What [`Map::iter`] goes through.
#[derive(Clone)]
pub struct Iter<'a, V> {
    names: Option<&'a Sorted>,
    at: Gap,
    values: &'a [V],
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a String, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let names = self.names?;
        let (place, after) = names.next(self.at)?;
        self.at = after;
        Some((names.names.get(place)?, self.values.get(place)?))
    }
}

impl<'a, V> IntoIterator for &'a Map<V> {
    type Item = (&'a String, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

/// Of equal names the last counts.
impl<V> FromIterator<(String, V)> for Map<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Map<V> {
        let mut map = Map::new();
        pairs.into_iter().for_each(|(name, value)| map.insert(name, value));
        map
    }
}

impl FromIterator<String> for Names {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Names {
        names.into_iter().map(|name| (name, ())).collect()
    }
}

impl<V> Default for Map<V> {
    fn default() -> Map<V> {
        Map::new()
    }
}

/// Whichever came first.
impl<V: PartialEq> PartialEq for Map<V> {
    fn eq(&self, other: &Map<V>) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl<V: Eq> Eq for Map<V> {}

impl<V: fmt::Debug> fmt::Debug for Map<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn map(pairs: &[(&str, u8)]) -> Map<u8> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn goes_by_the_names_however_it_was_filled() {
        let mut it = map(&[("b", 1), ("a", 2), ("c", 3), ("a", 4)]);
        it.insert_new("b", || 9);
        it.insert_new("d", || 5);
        it.change("d".into(), |value| *value += 1);
        it.change("0".into(), |value| *value += 7);
        let all: Vec<_> = it.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(all, [("0", 7), ("a", 4), ("b", 1), ("c", 3), ("d", 6)]);
        assert_eq!(it, map(&[("0", 7), ("d", 6), ("c", 3), ("b", 1), ("a", 4)]));
        assert_ne!(it, map(&[("0", 7), ("d", 6), ("c", 3), ("b", 1), ("x", 4)]));
        let own: Vec<_> = all.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        assert_eq!(it.clone().into_sorted(), own);
        assert_eq!(format!("{:?}", map(&[("a", 1)])), r#"{"a": 1}"#);
    }

    #[test]
    fn many_are_in_order_in_whichever_order_they_came() {
        let mut number = 1_u64;
        let mut names = Vec::new();
        let mut it = Map::new();
        for place in 0..20_000_u64 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let name = format!("{:06}", (number >> 40) % 1_000_000);
            it.insert(name.clone(), place);
            names.push((name, place));
        }
        let expected: std::collections::BTreeMap<String, u64> = names.into_iter().collect();
        assert_eq!(it.len(), expected.len());
        assert!(it.iter().eq(expected.iter()));
        for probe in ["", "000001", "500000", "999999", "x"] {
            let after = expected.range(probe.to_owned()..).next();
            assert_eq!(it.at_or_after(probe), after, "{probe}");
            assert_eq!(it.get(probe), expected.get(probe));
        }
        assert!(it.into_sorted().into_iter().eq(expected));
    }

    #[test]
    fn finds_the_first_name_from_another_on() {
        let it = map(&[("moc.a", 1), ("moc.b", 2)]);
        assert_eq!(it.at_or_after("moc").map(|(name, _)| name.as_str()), Some("moc.a"));
        assert_eq!(it.at_or_after("moc.b").map(|(_, value)| *value), Some(2));
        assert_eq!(it.at_or_after("n"), None);
    }
}
