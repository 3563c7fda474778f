//! How large RE2's program for a pattern is, which Envoy bounds (`re2.max_program_size.error_level`).
//!
//! RE2 counts the instructions of a program that it has made smaller in many ways: common beginnings of branches are one,
//! `a*a+` is `a{1,}`, and what leads nowhere else is left out. So the count is that of what RE2 makes, step by step:
//! [`parse`], [`factor`], [`simplify`], [`compile`] and [`flatten`] are its stages, for bytes alone as in its Latin-1
//! mode. What they hold is no use for anything else, and is dropped with the count.

#[cfg(feature = "re2-sizes")]
mod compile;
#[cfg(feature = "re2-sizes")]
mod factor;
#[cfg(feature = "re2-sizes")]
mod flatten;
#[cfg(feature = "re2-sizes")]
mod parse;
#[cfg(feature = "re2-sizes")]
mod simplify;
#[cfg(feature = "re2-sizes")]
mod tree;

/// Instructions of the largest program that Istio's proxies take.
pub(super) const MOST: usize = 32_768;

/// How many instructions the program of a pattern has, which RE2 takes, if they are more than [`MOST`]; of one that is far
/// too large not all are counted, and of one that is a very deep tree none.
#[cfg(feature = "re2-sizes")]
pub(super) fn too_large(pattern: &str) -> Option<usize> {
    // No character makes more than eight without a repetition.
    if pattern.len() * 8 <= MOST && !pattern.contains('{') {
        return None;
    }
    counted::count(pattern).filter(|count| *count > MOST)
}

/// A module does not count.
#[cfg(not(feature = "re2-sizes"))]
pub(super) fn too_large(_: &str) -> Option<usize> {
    None
}

#[cfg(feature = "re2-sizes")]
mod counted {
    use super::super::node::Look;
    use super::tree::{Op, Tree};
    use super::{compile, flatten, parse, simplify};

    /// Instructions of RE2's program for a pattern.
    pub(super) fn count(pattern: &str) -> Option<usize> {
        let tree = behind_prefix(parse::parse(pattern)?);
        let tree = simplify::simplify(simplify::coalesce(tree));
        Some(compile::compile(tree).map_or(usize::MAX, |mut code| flatten::size(&mut code)))
    }

    /// What is behind a text that every match begins with, which RE2 compares by itself (`RequiredPrefix`).
    fn behind_prefix(tree: Tree) -> Tree {
        let Op::Sequence(trees) = &tree.op else { return tree };
        let starts = trees.iter().take_while(|tree| matches!(tree.op, Op::Look(Look::Start))).count();
        match trees.get(starts).map(|tree| &tree.op) {
            Some(Op::Text(_)) if starts > 0 => {}
            _ => return tree,
        }
        let rest: Vec<Tree> = trees.iter().skip(starts + 1).cloned().collect();
        if rest.is_empty() { Tree::empty() } else { Tree::of(rest, Op::Sequence, tree.flags) }
    }
}

#[cfg(all(test, feature = "re2-sizes"))]
mod tests {
    /// `data/re2_sizes.json`, which `data/re2_oracle.py` writes.
    #[test]
    fn programs_are_as_large_as_re2s() {
        let table: Vec<(String, usize)> =
            serde_json::from_str(include_str!("../../tests/data/re2_sizes.json")).unwrap_or_default();
        assert!(table.len() >= 1_000);
        for (pattern, size) in &table {
            assert_eq!(super::counted::count(pattern), Some(*size), "{pattern}");
            assert_eq!(super::too_large(pattern).is_some(), *size > super::MOST, "{pattern}");
        }
    }
}
