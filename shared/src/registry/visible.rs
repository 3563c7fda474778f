//! To whom a resource is exported: `exportTo`, the annotation of the same meaning on a Service, and what MeshConfig says of
//! those that say nothing.

/// The annotation that is a Service's `exportTo`, with commas.
pub const ANNOTATION: &str = "networking.istio.io/exportTo";

/// How a resource comes to be visible in a namespace. istiod lists those that are exported to a namespace by name before
/// those that everybody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visible {
    /// Its own namespace sees it, and not everybody does.
    Privately,
    /// It is exported to the namespace by name.
    ByName,
    /// Everybody sees it.
    Publicly,
}

/// How a resource of namespace `own` is visible in `namespace`, by the words of its `exportTo`; not at all where nothing is
/// said. `*` makes it public whatever else stands there, and `~` hides what is not public.
pub fn visible<'a>(words: impl Iterator<Item = &'a str> + Clone, own: &str, namespace: &str) -> Option<Visible> {
    if words.clone().any(|word| word == "*") {
        return Some(Visible::Publicly);
    }
    if words.clone().any(|word| word == "~") {
        return None;
    }
    let seen = words.map(|word| if word == "." { own } else { word }).any(|word| word == namespace);
    seen.then_some(if own == namespace { Visible::Privately } else { Visible::ByName })
}

/// The words of a list, or of the default where the list is empty.
pub fn words<'a>(said: &'a [String], default: &'a [String]) -> impl Iterator<Item = &'a str> + Clone {
    let said = if said.is_empty() { default } else { said };
    said.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Istio's `TestVirtualServiceWithExportTo`, and `initServiceRegistry`.
    #[test]
    fn the_star_is_for_all_and_the_tilde_for_nobody() {
        for (said, from, seen) in [
            ("*", "b", Some(Visible::Publicly)),
            (". *", "a", Some(Visible::Publicly)),
            ("~ *", "b", Some(Visible::Publicly)),
            ("~", "a", None),
            ("~ b", "b", None),
            (".", "a", Some(Visible::Privately)),
            (".", "b", None),
            ("a", "a", Some(Visible::Privately)),
            ("b . c", "b", Some(Visible::ByName)),
            ("b . c", "a", Some(Visible::Privately)),
            ("b c", "a", None),
            ("", "a", None),
        ] {
            assert_eq!(visible(said.split_whitespace(), "a", from), seen, "`{said}` from {from}");
        }
    }
}
