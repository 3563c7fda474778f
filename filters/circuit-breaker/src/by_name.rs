//! What there is of each destination: a list in the order of their names. There are few, and they seldom change.

use std::sync::Arc;

/// Values by the destination's cluster.
#[derive(Debug)]
pub(crate) struct ByName<V>(Vec<(Arc<str>, V)>);

impl<V> ByName<V> {
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let at = self.place(name).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// The value of a destination, made where there is none.
    pub(crate) fn get_or_insert(&mut self, name: &Arc<str>, value: impl FnOnce() -> V) -> Option<&mut V> {
        let at = self.place(name).unwrap_or_else(|at| {
            self.0.insert(at, (Arc::clone(name), value()));
            at
        });
        self.0.get_mut(at).map(|(_, value)| value)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.place(name) {
            self.0.remove(at);
        }
    }

    /// Takes those away that `keep` does not want.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &mut V) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

impl<V> Default for ByName<V> {
    fn default() -> ByName<V> {
        ByName(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_value() {
        let mut all = ByName::default();
        for (name, value) in [("b", 1), ("a", 2), ("c", 3), ("b", 4)] {
            all.get_or_insert(&name.into(), || value);
        }
        assert_eq!(all.values().copied().collect::<Vec<_>>(), [2, 1, 3]);
        all.remove("a");
        all.remove("x");
        assert_eq!(all.get_mut("a"), None);
        assert_eq!(all.get_mut("c"), Some(&mut 3));
        all.retain(|name, value| name == "b" && *value == 1);
        assert_eq!(all.values().copied().collect::<Vec<_>>(), [1]);
        all.clear();
        assert!(all.is_empty());
    }
}
