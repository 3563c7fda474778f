//! From authority to virtual host, in Envoy's order: the exact name, the longest `*suffix`, `*`.

use std::cmp::Ordering;

/// Names and the virtual hosts that they lead to, to be searched by halves.
type Sorted = Vec<(Box<[u8]>, u32)>;

/// A sorted table of domains; every value is a virtual host's index.
#[derive(Debug, Default)]
pub(super) struct HostTable {
    exact: Sorted,
    /// By the length of the suffix, longest first.
    suffixes: Vec<(usize, Sorted)>,
    any: Option<u32>,
}

impl HostTable {
    /// From domains in lower case; of equal ones the first counts.
    pub(super) fn new(domains: impl IntoIterator<Item = (String, u32)>) -> HostTable {
        let mut table = HostTable::default();
        for (domain, host) in domains {
            match domain.strip_prefix('*') {
                Some("") => {
                    table.any.get_or_insert(host);
                }
                Some(suffix) => {
                    let at = table.suffixes.iter().position(|(length, _)| *length <= suffix.len());
                    let at = at.unwrap_or(table.suffixes.len());
                    if table.suffixes.get(at).is_none_or(|(length, _)| *length != suffix.len()) {
                        table.suffixes.insert(at, (suffix.len(), Vec::new()));
                    }
                    if let Some((_, list)) = table.suffixes.get_mut(at) {
                        list.push((suffix.as_bytes().into(), host));
                    }
                }
                None => table.exact.push((domain.into_bytes().into(), host)),
            }
        }
        let sort = |list: &mut Sorted| {
            crate::order::sort_by(list, |a, b| a.0.cmp(&b.0));
            list.dedup_by(|later, first| later.0 == first.0);
        };
        sort(&mut table.exact);
        table.suffixes.iter_mut().for_each(|(_, list)| sort(list));
        table
    }

    /// The virtual host for a host without its port, in any case.
    #[inline]
    pub(super) fn find(&self, host: &[u8]) -> Option<u32> {
        // Few write hosts in capitals, and comparing as they stand is faster.
        let compare: Compare = if host.iter().any(u8::is_ascii_uppercase) { in_any_case } else { Ord::cmp };
        if let Some(found) = search(&self.exact, host, compare) {
            return Some(found);
        }
        for (length, list) in &self.suffixes {
            // `*.x` does not take `x` itself: something has to stand for the star.
            if *length < host.len()
                && let Some(found) = host.get(host.len() - length..).and_then(|suffix| search(list, suffix, compare))
            {
                return Some(found);
            }
        }
        self.any
    }
}

impl HostTable {
    /// The name that is `label`, or else the first that begins with it and a dot.
    pub(super) fn named(&self, label: &[u8]) -> Option<&[u8]> {
        let begins = |at: &[u8]| {
            let index = self.exact.partition_point(|(domain, _)| domain.as_ref() < at);
            self.exact.get(index).map(|(domain, _)| domain.as_ref()).filter(|domain| domain.starts_with(at))
        };
        begins(label).filter(|found| found.len() == label.len()).or_else(|| begins(&[label, b"."].concat()))
    }

    /// The names between which this one would stand.
    pub(super) fn beside(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        let index = self.exact.partition_point(|(domain, _)| domain.as_ref() < name);
        let places = [index.checked_sub(1), Some(index)];
        places.into_iter().flatten().filter_map(|at| self.exact.get(at)).map(|(domain, _)| domain.as_ref())
    }
}

type Compare = fn(&[u8], &[u8]) -> Ordering;

/// A domain, which is in lower case, with a host that need not be.
fn in_any_case(domain: &[u8], host: &[u8]) -> Ordering {
    domain.iter().copied().cmp(host.iter().map(u8::to_ascii_lowercase))
}

#[inline]
fn search(list: &[(Box<[u8]>, u32)], key: &[u8], compare: Compare) -> Option<u32> {
    list.binary_search_by(|(domain, _)| compare(domain, key)).ok().and_then(|at| list.get(at)).map(|(_, host)| *host)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn exact_beats_the_longest_suffix_beats_any() {
        let domains = ["*", "*.com", "*.b.com", "a.b.com", "*-x.b.com", "a.b.com"];
        let table = HostTable::new(domains.into_iter().zip(0..).map(|(domain, index)| (domain.to_owned(), index)));
        for (host, expected) in [
            ("a.b.com", 3),
            ("A.B.com", 3),
            ("C-X.b.COM", 4),
            ("A.b.con", 0),
            ("c.b.com", 2),
            ("c-x.b.com", 4),
            ("b.com", 1),
            ("a.org", 0),
            (".b.com", 1),
            ("", 0),
        ] {
            assert_eq!(table.find(host.as_bytes()), Some(expected), "{host}");
        }
        assert_eq!(HostTable::new([("*.com".to_owned(), 7)]).find(b"a.org"), None);
    }
}
