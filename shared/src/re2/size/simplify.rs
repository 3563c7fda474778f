//! Puts together what repeats the same (`CoalesceWalker`), and does without what means nothing (`SimplifyWalker`).

use super::super::node::Look;
use super::parse::repeated;
use super::tree::{Flags, Op, Tree};

/// `a*a` as `a{1,}`, and so on for one byte or class.
pub(super) fn coalesce(tree: Tree) -> Tree {
    let Tree { op, flags } = tree;
    let inner = |tree: Box<Tree>| Box::new(coalesce(*tree));
    let op = match op {
        Op::Star(tree) => Op::Star(inner(tree)),
        Op::Plus(tree) => Op::Plus(inner(tree)),
        Op::Maybe(tree) => Op::Maybe(inner(tree)),
        Op::Repeat(tree, least, most) => Op::Repeat(inner(tree), least, most),
        Op::Group(number, tree) => Op::Group(number, inner(tree)),
        Op::Choice(trees) => Op::Choice(trees.into_iter().map(coalesce).collect()),
        Op::Sequence(trees) => Op::Sequence(sequence(trees.into_iter().map(coalesce).collect())),
        op => op,
    };
    Tree { op, flags }
}

fn sequence(mut trees: Vec<Tree>) -> Vec<Tree> {
    let mut any = false;
    for at in 1..trees.len() {
        if let Some([first, second]) = trees.get_mut(at - 1..=at) {
            any |= join(first, second);
        }
    }
    if any {
        trees.retain(|tree| !tree.is_empty());
    }
    trees
}

/// What is repeated, and how often.
fn counts(tree: &Tree) -> Option<(&Tree, u32, Option<u32>)> {
    Some(match &tree.op {
        Op::Star(inner) => (inner, 0, None),
        Op::Plus(inner) => (inner, 1, None),
        Op::Maybe(inner) => (inner, 0, Some(1)),
        Op::Repeat(inner, least, most) => (inner, *least, *most),
        _ => return None,
    })
}

/// Makes one of two, in place of the second; in place of the first where something of a text is left.
fn join(first: &mut Tree, second: &mut Tree) -> bool {
    let Some((inner, least, most)) = counts(first).filter(|(inner, ..)| inner.is_single()) else { return false };
    let lazy = |tree: &Tree| tree.flags.has(Flags::LAZY);
    let more = |count: u32| (least + count, most.map(|most| most + count));
    let same = counts(second).filter(|(other, ..)| *other == inner && lazy(first) == lazy(second));
    let (least, most) = if let Some((_, other_least, other_most)) = same {
        (least + other_least, most.zip(other_most).map(|(most, other)| most + other))
    } else if inner == second {
        more(1)
    } else if let (Op::Text(byte), Op::Text(text)) = (&inner.op, &mut second.op)
        && inner.flags.has(Flags::FOLD) == second.flags.has(Flags::FOLD)
        && text.first() == byte.first()
    {
        let count = text.iter().take_while(|other| Some(*other) == byte.first()).count();
        let (least, most) = more(count as u32);
        text.drain(..count);
        if !text.is_empty() {
            *first = Tree::new(Op::Repeat(inner.clone().into(), least, most), first.flags);
            return true;
        }
        (least, most)
    } else {
        return false;
    };
    *second = Tree::new(Op::Repeat(inner.clone().into(), least, most), first.flags);
    *first = Tree::empty();
    true
}

/// Without repetitions by number, and without repetitions of nothing.
pub(super) fn simplify(tree: Tree) -> Tree {
    let Tree { op, flags } = tree;
    let again = |tree: Box<Tree>, op: fn(Box<Tree>) -> Op| {
        let inner = simplify(*tree);
        let is_same = std::mem::discriminant(&op(Tree::empty().into())) == std::mem::discriminant(&inner.op);
        if inner.is_empty() || (is_same && inner.flags == flags) { inner } else { Tree::new(op(inner.into()), flags) }
    };
    match op {
        Op::Star(tree) => again(tree, Op::Star),
        Op::Plus(tree) => again(tree, Op::Plus),
        Op::Maybe(tree) => again(tree, Op::Maybe),
        Op::Repeat(tree, least, most) => {
            let inner = simplify(*tree);
            if inner.is_empty() { inner } else { repeat(inner, least, most, flags) }
        }
        Op::Group(number, tree) => Tree::new(Op::Group(number, simplify(*tree).into()), flags),
        Op::Choice(trees) => Tree::new(Op::Choice(trees.into_iter().map(simplify).collect()), flags),
        Op::Sequence(trees) => Tree::new(Op::Sequence(trees.into_iter().map(simplify).collect()), flags),
        op => Tree { op, flags },
    }
}

/// `SimplifyRepeat`.
fn repeat(tree: Tree, mut least: u32, mut most: Option<u32>, flags: Flags) -> Tree {
    let is_look = |tree: &Tree| matches!(tree.op, Op::Look(_));
    let only_looks = match &tree.op {
        Op::Sequence(trees) | Op::Choice(trees) => trees.iter().all(is_look),
        _ => is_look(&tree),
    };
    if only_looks {
        least = least.min(1);
        most = most.map(|most| most.min(1));
    }
    match (least, most) {
        (0, None) => repeated(Op::Star, tree, flags),
        (1, None) => repeated(Op::Plus, tree, flags),
        (least, None) => Tree::new(Op::Endless(tree.into(), least), flags),
        (0, Some(0)) => Tree::empty(),
        (1, Some(1)) => tree,
        (0, Some(1)) => repeated(Op::Maybe, tree, flags),
        (0, Some(most)) => {
            let rest = Tree::new(Op::Copies(tree.clone().into(), 0, most - 1), flags);
            Tree::new(Op::Maybe(Tree::new(Op::Sequence(vec![tree, rest]), flags).into()), flags)
        }
        (least, Some(most)) => Tree::new(Op::Copies(tree.into(), least, most.saturating_sub(least)), flags),
    }
}

/// Takes away `^` at the beginning, or `$` at the end, if there is one (`IsAnchorStart`, `IsAnchorEnd`).
pub(super) fn strip(tree: &mut Tree, depth: u32, look: Look) -> bool {
    if depth >= 4 {
        return false;
    }
    let at_start = look == Look::Start;
    let flags = tree.flags;
    match &mut tree.op {
        Op::Sequence(trees) => {
            let first = if at_start { trees.first_mut() } else { trees.last_mut() };
            first.is_some_and(|tree| strip(tree, depth + 1, look))
        }
        Op::Group(_, inner) => strip(inner, depth + 1, look),
        Op::Look(here) if *here == look => {
            tree.op = Op::Text(Vec::new());
            true
        }
        Op::Copies(inner, least @ 1.., optional) if at_start || *optional == 0 => {
            // Copies are in a sequence, which is in another where some are optional.
            let deeper = 1 + u32::from(*optional > 0 && *least > 1);
            let mut stripped = (**inner).clone();
            if !strip(&mut stripped, depth + deeper, look) {
                return false;
            }
            let rest = Tree::new(Op::Copies(inner.clone(), *least - 1, *optional), flags);
            tree.op = Op::Sequence(if at_start { vec![stripped, rest] } else { vec![rest, stripped] });
            true
        }
        Op::Endless(inner, least) if at_start => {
            let mut stripped = (**inner).clone();
            if !strip(&mut stripped, depth + 1, look) {
                return false;
            }
            let rest = Tree::new(Op::Endless(inner.clone(), *least - 1), flags);
            tree.op = Op::Sequence(vec![stripped, rest]);
            true
        }
        _ => false,
    }
}
