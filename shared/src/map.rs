//! A map by name.
//!
//! A `BTreeMap` is made anew for every type of value, 3 to 6 kB each time; in a module that is start-up time. Here one
//! tree, from names to places in a list, serves the maps of all types.

use std::collections::BTreeMap;
use std::fmt;

/// Values by name, in the order of the names.
#[derive(Clone)]
pub struct Map<V> {
    places: BTreeMap<String, usize>,
    values: Vec<V>,
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
        Map { places: BTreeMap::new(), values: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.values.get(*self.places.get(name)?)
    }

    /// Whether there is a value called `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Puts a value there, in place of the one that had its name.
    pub fn insert(&mut self, name: String, value: V) {
        match self.place(&name) {
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
        match self.place(&name) {
            Some(value) => change(value),
            None => {
                let mut value = V::default();
                change(&mut value);
                self.push(name, value);
            }
        }
    }

    fn place(&mut self, name: &str) -> Option<&mut V> {
        self.values.get_mut(*self.places.get(name)?)
    }

    fn push(&mut self, name: String, value: V) {
        self.places.insert(name, self.values.len());
        self.values.push(value);
    }

    /// All there are, in the order of their names.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { places: self.places.iter(), values: &self.values }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.places.keys()
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The values to change, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }

    /// The first name that is not before `name`, and its value.
    pub fn at_or_after(&self, name: &str) -> Option<(&String, &V)> {
        use std::ops::Bound::{Included, Unbounded};
        let (name, place) = self.places.range::<str, _>((Included(name), Unbounded)).next()?;
        Some((name, self.values.get(*place)?))
    }

    /// All there are, in the order of their names.
    pub fn into_sorted(self) -> Vec<(String, V)> {
        let mut values: Vec<Option<V>> = self.values.into_iter().map(Some).collect();
        let mut all = Vec::with_capacity(values.len());
        for (name, place) in self.places {
            all.extend(values.get_mut(place).and_then(Option::take).map(|value| (name, value)));
        }
        all
    }
}

/// What [`Map::iter`] goes through.
#[derive(Clone)]
pub struct Iter<'a, V> {
    places: std::collections::btree_map::Iter<'a, String, usize>,
    values: &'a [V],
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a String, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, place) = self.places.next()?;
        Some((name, self.values.get(*place)?))
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
    fn finds_the_first_name_from_another_on() {
        let it = map(&[("moc.a", 1), ("moc.b", 2)]);
        assert_eq!(it.at_or_after("moc").map(|(name, _)| name.as_str()), Some("moc.a"));
        assert_eq!(it.at_or_after("moc.b").map(|(_, value)| *value), Some(2));
        assert_eq!(it.at_or_after("n"), None);
    }
}
