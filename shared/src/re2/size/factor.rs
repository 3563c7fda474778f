//! Takes out what branches have in common (`Regexp::FactorAlternation`).

use super::super::bytes::Bytes;
use super::tree::{Flags, Op, Tree};

/// The branches after each of the three rounds, and those behind what they had in common after all rounds of their own.
pub(super) fn factored(branches: Vec<Tree>, flags: Flags) -> Vec<Tree> {
    let branches = texts(branches, flags);
    let branches = firsts(branches, flags);
    singles(branches, flags)
}

fn joined(first: Tree, rest: Vec<Tree>, flags: Flags) -> Tree {
    let rest = Tree::of(factored(rest, flags), Op::Choice, flags);
    Tree::new(Op::Sequence(vec![first, rest]), flags)
}

/// Branches one behind the other that begin with the same text.
fn texts(branches: Vec<Tree>, flags: Flags) -> Vec<Tree> {
    let mut out = Vec::new();
    let mut run: Vec<Tree> = Vec::new();
    // What all of the run begin with.
    let mut common: Vec<u8> = Vec::new();
    let mut fold = Flags::default();
    let mut end = |run: &mut Vec<Tree>, common: &[u8], fold: Flags| {
        let mut run = std::mem::take(run);
        if run.len() < 2 {
            out.append(&mut run);
            return;
        }
        run.iter_mut().for_each(|tree| remove_text(tree, common.len()));
        out.push(joined(Tree::new(Op::Text(common.to_vec()), fold), run, flags));
    };
    for tree in branches {
        let (text, here) = leading_text(&tree);
        let same = common.iter().zip(text).take_while(|(a, b)| a == b).count();
        if here == fold && same > 0 {
            common.truncate(same);
        } else {
            end(&mut run, &common, fold);
            (common, fold) = (text.to_vec(), here);
        }
        run.push(tree);
    }
    end(&mut run, &common, fold);
    out
}

/// The text that a tree begins with, and whether it folds. An empty one where it begins with something else.
fn leading_text(tree: &Tree) -> (&[u8], Flags) {
    let mut tree = tree;
    while let Op::Sequence(trees) = &tree.op
        && let Some(first) = trees.first()
    {
        tree = first;
    }
    let fold = if tree.flags.has(Flags::FOLD) { Flags::FOLD } else { Flags::default() };
    match &tree.op {
        Op::Text(text) => (text, fold),
        _ => (&[], fold),
    }
}

fn remove_text(tree: &mut Tree, length: usize) {
    match &mut tree.op {
        Op::Sequence(trees) => {
            let Some(first) = trees.first_mut() else { return };
            remove_text(first, length);
            if first.is_empty() {
                trees.remove(0);
                if trees.len() == 1
                    && let Some(rest) = trees.pop()
                {
                    *tree = rest;
                }
            }
        }
        Op::Text(text) => {
            text.drain(..length.min(text.len()));
            if text.is_empty() {
                tree.op = Op::Empty;
            }
        }
        _ => {}
    }
}

/// Branches one behind the other whose first part is the same, if it is simple enough.
fn firsts(branches: Vec<Tree>, flags: Flags) -> Vec<Tree> {
    let mut out = Vec::new();
    let mut run: Vec<Tree> = Vec::new();
    let mut end = |run: &mut Vec<Tree>| {
        let mut run = std::mem::take(run);
        let first = run.first().and_then(leading).cloned().filter(|_| run.len() > 1);
        match first {
            None => out.append(&mut run),
            Some(first) => {
                run.iter_mut().for_each(remove_first);
                out.push(joined(first, run, flags));
            }
        }
    };
    for tree in branches {
        let first = run.first().and_then(leading).filter(|first| is_simple(first));
        let goes_on = first.is_some() && first == leading(&tree);
        if !goes_on {
            end(&mut run);
        }
        run.push(tree);
    }
    end(&mut run);
    out
}

fn leading(tree: &Tree) -> Option<&Tree> {
    match &tree.op {
        Op::Empty => None,
        Op::Sequence(trees) if trees.len() >= 2 => trees.first().filter(|first| !first.is_empty()),
        _ => Some(tree),
    }
}

fn remove_first(tree: &mut Tree) {
    match &mut tree.op {
        Op::Empty => {}
        Op::Sequence(trees) if trees.len() >= 2 => {
            if trees.first().is_some_and(Tree::is_empty) {
                return;
            }
            trees.remove(0);
            if trees.len() == 1
                && let Some(rest) = trees.pop()
            {
                *tree = rest;
            }
        }
        _ => tree.op = Op::Empty,
    }
}

fn is_simple(tree: &Tree) -> bool {
    match &tree.op {
        Op::Look(_) | Op::Class(_) | Op::AnyByte => true,
        Op::Repeat(inner, least, most) => Some(*least) == *most && inner.is_single(),
        _ => false,
    }
}

/// Single bytes and classes one behind the other are one class.
fn singles(branches: Vec<Tree>, flags: Flags) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::new();
    let mut run: Vec<Tree> = Vec::new();
    let is_one = |tree: &Tree| tree.is_single() && !matches!(tree.op, Op::AnyByte);
    let end = |run: &mut Vec<Tree>, out: &mut Vec<Tree>| {
        if run.len() < 2 {
            out.append(run);
            return;
        }
        let mut all = Bytes::default();
        for tree in run.drain(..) {
            match tree.op {
                Op::Class(set) => all.add(*set),
                Op::Text(text) => {
                    let set = text.iter().fold(Bytes::default(), |mut set, byte| {
                        set.add(Bytes::of(&[(*byte, *byte)]));
                        set
                    });
                    all.add(if tree.flags.has(Flags::FOLD) { set.folded() } else { set });
                }
                _ => {}
            }
        }
        out.push(Tree::new(Op::Class(all.into()), flags.without(Flags::FOLD)));
    };
    for tree in branches {
        if !is_one(&tree) {
            end(&mut run, &mut out);
            out.push(tree);
        } else {
            run.push(tree);
        }
    }
    end(&mut run, &mut out);
    out
}
