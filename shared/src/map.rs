//! A map by name.
//!
//! A `BTreeMap` is made anew for every type of value, 3 to 6 kB each time, which in a module is start-up time; and its
//! smallest has room for eleven, when a rule has one header. Here a sorted list of names, with the values beside it, serves
//! all types. A name in the middle moves those behind it, which for 10,000 names in any order takes 50 ms in all.

use std::fmt;

/// Values by name, in the order of the names.
#[derive(Clone)]
pub struct Map<V>(Option<Box<Entries<V>>>);

#[derive(Clone)]
struct Entries<V> {
    /// Each with the place of its value.
    names: Vec<(String, u32)>,
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
        Map(None)
    }

    fn names_and_places(&self) -> &[(String, u32)] {
        self.0.as_ref().map_or(&[], |it| &it.names)
    }

    fn values_by_place(&self) -> &[V] {
        self.0.as_ref().map_or(&[], |it| &it.values)
    }

    /// Where a name is, or where it would be.
    fn position(&self, name: &str) -> Result<usize, usize> {
        let names = self.names_and_places();
        let at = names.partition_point(|(it, _)| it.as_str() < name);
        if names.get(at).is_some_and(|(it, _)| it == name) { Ok(at) } else { Err(at) }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names_and_places().get(self.position(name).ok()?).map(|(_, place)| *place as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names_and_places().len()
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
        self.position(name).is_ok()
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
        let (Ok(at) | Err(at)) = self.position(&name);
        let it = self.0.get_or_insert_with(|| Box::new(Entries { names: Vec::new(), values: Vec::new() }));
        if let Ok(place) = u32::try_from(it.values.len()) {
            if it.names.is_empty() {
                it.names.reserve_exact(1);
                it.values.reserve_exact(1);
            }
            it.names.insert(at, (name, place));
            it.values.push(value);
        }
    }

    /// All there are, in the order of their names.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { names: self.names_and_places().iter(), values: self.values_by_place() }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.names_and_places().iter().map(|(name, _)| name)
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
        let (Ok(at) | Err(at)) = self.position(name);
        let (name, place) = self.names_and_places().get(at)?;
        Some((name, self.values_by_place().get(*place as usize)?))
    }

    /// All there are, in the order of their names.
    pub fn into_sorted(self) -> Vec<(String, V)> {
        let Some(it) = self.0 else { return Vec::new() };
        let mut values: Vec<Option<V>> = it.values.into_iter().map(Some).collect();
        let mut take = |place: u32| values.get_mut(place as usize).and_then(Option::take);
        it.names.into_iter().filter_map(|(name, place)| take(place).map(|value| (name, value))).collect()
    }
}

/// What [`Map::iter`] goes through.
#[derive(Clone)]
pub struct Iter<'a, V> {
    names: std::slice::Iter<'a, (String, u32)>,
    values: &'a [V],
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a String, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, place) = self.names.next()?;
        Some((name, self.values.get(*place as usize)?))
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
