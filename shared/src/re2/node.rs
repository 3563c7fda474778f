//! What a pattern means, with its flags and escapes resolved.

use super::bytes::Bytes;

/// A part of a pattern. Ordered so that equal ones are found and shared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Byte(u8),
    /// Any one of these, of which there are never exactly one.
    Set(Box<Bytes>),
    Look(Look),
    /// A group that captures. One that does not is what is in it.
    Group {
        index: u8,
        node: Box<Node>,
    },
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        greedy: bool,
        /// Whether what is repeated may match nothing at all.
        of_empty: bool,
    },
    /// One after the other; none of them for what matches nothing.
    Sequence(Vec<Node>),
    /// One of them, the first that leads to a match.
    Choice(Vec<Node>),
}

/// A place that has to be like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    Start,
    End,
    LineStart,
    LineEnd,
    Word,
    NotWord,
}

/// Program sizes by the layout of a 64-bit machine, so that every machine refuses the same patterns.
const STATE: u64 = 32;
const RANGE: u64 = 8;
const TARGET: u64 = 4;

impl Node {
    pub(super) fn set(set: Bytes) -> Node {
        match *set.ranges() {
            [(first, last)] if first == last => Node::Byte(first),
            _ => Node::Set(set.into()),
        }
    }

    pub(super) fn sequence(mut nodes: Vec<Node>) -> Node {
        match (nodes.len(), nodes.pop()) {
            (1, Some(node)) => node,
            (_, last) => {
                nodes.extend(last);
                nodes.shrink_to_fit();
                Node::Sequence(nodes)
            }
        }
    }

    /// Whether it matches nowhere but at the start of a value.
    pub(super) fn starts_the_value(&self) -> bool {
        match self {
            Node::Look(Look::Start) => true,
            Node::Group { node, .. } => node.starts_the_value(),
            Node::Sequence(nodes) => nodes.first().is_some_and(Node::starts_the_value),
            _ => false,
        }
    }

    /// Whether it asks what is before or behind.
    pub(super) fn looks(&self) -> bool {
        match self {
            Node::Byte(_) | Node::Set(_) => false,
            Node::Look(_) => true,
            Node::Group { node, .. } | Node::Repeat { node, .. } => node.looks(),
            Node::Sequence(nodes) | Node::Choice(nodes) => nodes.iter().any(Node::looks),
        }
    }

    /// Whether it may match nothing at all. Does not go into repetitions, which know.
    pub(super) fn may_be_empty(&self) -> bool {
        match self {
            Node::Byte(_) | Node::Set(_) => false,
            Node::Look(_) => true,
            Node::Group { node, .. } => node.may_be_empty(),
            Node::Repeat { least, of_empty, .. } => *least == 0 || *of_empty,
            Node::Sequence(nodes) => nodes.iter().all(Node::may_be_empty),
            Node::Choice(nodes) => nodes.iter().any(Node::may_be_empty),
        }
    }

    /// Bytes that [`compile`](super::compile) takes to build its program, at least.
    pub(super) fn program_size(&self) -> u64 {
        match self {
            Node::Byte(_) | Node::Look(_) => STATE,
            Node::Set(set) => 2 * STATE + set.ranges().len() as u64 * RANGE,
            Node::Group { node, .. } => 2 * STATE + node.program_size(),
            Node::Repeat { node, least, most, .. } => {
                let copies = u64::from(most.unwrap_or(*least).max(1));
                let optional = u64::from(most.map_or(1, |most| most - least));
                let forks = optional * (STATE + 2 * TARGET);
                copies.saturating_mul(node.program_size()).saturating_add(forks + STATE)
            }
            Node::Sequence(nodes) => sum(nodes).max(STATE),
            Node::Choice(nodes) => sum(nodes).saturating_add(2 * STATE + nodes.len() as u64 * TARGET),
        }
    }
}

fn sum(nodes: &[Node]) -> u64 {
    nodes.iter().fold(0, |sum, node| sum.saturating_add(node.program_size()))
}
