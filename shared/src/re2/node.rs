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
        /// Whether it is written `*`, `+` or `?`.
        is_sign: bool,
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

/// How deep branches are looked into for what they have in common, where there are few groups in them; and where there
/// are more, which must not make a tree too deep for the stack of a module.
const DEEPEST_CHOICE: [u32; 2] = [32, 1];

/// How many groups inside each other are few.
const FEW_GROUPS: usize = 8;

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

    /// The same again and again. `(?:a+?)??` is `a*?`, as in RE2: of which of two ways is preferred it is not the same.
    pub(super) fn repeated(self, least: u32, most: Option<u32>, greedy: bool, is_sign: bool) -> Node {
        let is_one = |least: u32, most: Option<u32>| least <= 1 && (most.is_none() || (least, most) == (0, Some(1)));
        match self {
            node if (least, most) == (1, Some(1)) => node,
            Node::Repeat { node, least: of, most: until, greedy: same, is_sign: before, of_empty }
                if same == greedy
                    && is_one(least, most)
                    && is_one(of, until)
                    && (before || !is_sign || (least, most) == (of, until))
                    && !node.takes_nothing() =>
            {
                let most = most.and(until);
                Node::Repeat { node, least: least.min(of), most, greedy, is_sign, of_empty }
            }
            node => {
                let of_empty = node.may_be_empty();
                Node::Repeat { node: node.into(), least, most, greedy, is_sign, of_empty }
            }
        }
    }

    /// One of the branches. What branches one behind the other begin with stands before them once, as in RE2, or copies of
    /// them would have it many times; single bytes are one set. In them are so many groups inside each other.
    pub(super) fn choice(branches: Vec<Node>, groups: usize) -> Node {
        let parts = |branch| match branch {
            Node::Sequence(nodes) => nodes,
            node => vec![node],
        };
        let [few, many] = DEEPEST_CHOICE;
        choice(branches.into_iter().map(parts).collect(), if groups <= FEW_GROUPS { few } else { many })
    }

    /// Whether it matches nowhere but at the start of a value.
    pub(super) fn starts_the_value(&self) -> bool {
        match self {
            Node::Look(Look::Start) => true,
            Node::Group { node, .. } => node.starts_the_value(),
            Node::Sequence(nodes) => nodes.first().is_some_and(Node::starts_the_value),
            Node::Choice(nodes) => nodes.iter().all(Node::starts_the_value),
            _ => false,
        }
    }

    /// The bytes that it takes one of.
    fn bytes(&self) -> Bytes {
        match self {
            Node::Byte(byte) => Bytes::of(&[(*byte, *byte)]),
            Node::Set(set) => **set,
            _ => Bytes::default(),
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

    /// About how many places and forks a graph of it has.
    pub(super) fn size(&self) -> u64 {
        match self {
            Node::Byte(_) | Node::Set(_) | Node::Look(_) => 1,
            Node::Group { node, .. } => 1 + node.size(),
            Node::Repeat { node, least, most, .. } => {
                let fork = u64::from(*most != Some(*least));
                u64::from(most.unwrap_or(*least).max(1)).saturating_mul(node.size().saturating_add(fork))
            }
            Node::Sequence(nodes) => nodes.iter().fold(0, |sum, node| sum.saturating_add(node.size())),
            Node::Choice(nodes) => nodes.iter().fold(0, |sum, node| sum.saturating_add(1 + node.size())),
        }
    }

    /// Whether it takes no byte, whatever it looks at.
    pub(super) fn takes_nothing(&self) -> bool {
        match self {
            Node::Byte(_) | Node::Set(_) => false,
            Node::Look(_) => true,
            Node::Group { node, .. } | Node::Repeat { node, .. } => node.takes_nothing(),
            Node::Sequence(nodes) | Node::Choice(nodes) => nodes.iter().all(Node::takes_nothing),
        }
    }

    fn is_simple(&self) -> bool {
        matches!(self, Node::Byte(_) | Node::Set(_) | Node::Look(_))
    }
}

fn choice(branches: Vec<Vec<Node>>, depth: u32) -> Node {
    let mut out: Vec<Node> = Vec::new();
    let mut branches = branches.into_iter().peekable();
    while let Some(first) = branches.next() {
        let mut run = vec![first];
        let head = |branch: &Vec<Node>| branch.first().filter(|node| depth > 0 && node.is_simple()).is_some();
        while let Some(next) =
            branches.next_if(|next| run.last().is_some_and(|last| head(last) && last.first() == next.first()))
        {
            run.push(next);
        }
        let node = if run.len() > 1 { joined(run, depth - 1) } else { Node::sequence(run.pop().unwrap_or_default()) };
        match (out.last_mut(), &node) {
            (Some(last @ (Node::Byte(_) | Node::Set(_))), Node::Byte(_) | Node::Set(_)) => {
                let mut set = last.bytes();
                set.add(node.bytes());
                *last = Node::set(set);
            }
            _ => out.push(node),
        }
    }
    match (out.len(), out.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            out.extend(last);
            out.shrink_to_fit();
            Node::Choice(out)
        }
    }
}

/// Branches behind what they all begin with.
fn joined(run: Vec<Vec<Node>>, depth: u32) -> Node {
    let mut branches = run.into_iter();
    let first = branches.next().unwrap_or_default();
    let mut length = first.iter().take_while(|node| node.is_simple()).count();
    let mut rests: Vec<Vec<Node>> = Vec::new();
    for branch in branches {
        length = branch.iter().zip(&first).take(length).take_while(|(a, b)| a == b).count();
        rests.push(branch);
    }
    let mut common = first;
    let mut all = vec![common.split_off(length)];
    all.extend(rests.into_iter().map(|mut rest| rest.split_off(length)));
    common.push(choice(all, depth));
    Node::sequence(common)
}
