//! Long lists whose items are still text: the tree of thousands of rules takes a multiple of what they become, and a
//! module's memory never shrinks again.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{Node, Value, json, protobuf};

/// Lists of up to so many items are read at once.
pub(super) const FEW: usize = 8;

/// How many lists deep items stay text: `resources`, and the rules in each.
const LEVELS: u8 = 2;

/// The items of a list, each in its place in the text. All have been read once, and are right.
#[derive(Clone)]
pub struct Later {
    whole: Whole,
    /// What items are read with; nothing where all of an item is read at once.
    below: Option<Whole>,
    items: Box<[Range<u32>]>,
}

impl Later {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn item(&self, index: usize) -> Option<Node> {
        let bytes = self.whole.get(self.items.get(index)?)?;
        match self.whole.form {
            Form::Json => json::item(bytes, self.below.as_ref()),
            Form::Struct => protobuf::item(bytes, self.below.as_ref()),
        }
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).filter_map(|index| self.item(index))).finish()
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Later) -> bool {
        self.len() == other.len() && (0..self.len()).all(|index| self.item(index) == other.item(index))
    }
}

#[derive(Clone, Copy)]
pub(super) enum Form {
    Json,
    Struct,
}

/// A text whose lists may stay text, and for how many more levels.
#[derive(Clone)]
pub(super) struct Whole {
    text: Arc<Vec<u8>>,
    form: Form,
    levels: u8,
}

impl Whole {
    pub(super) fn new(text: Arc<Vec<u8>>, form: Form) -> Whole {
        Whole { text, form, levels: LEVELS }
    }

    /// For the items of a list in it; nothing where they are read with it.
    pub(super) fn below(&self) -> Option<Whole> {
        let levels = self.levels.checked_sub(1).filter(|levels| *levels > 0)?;
        Some(Whole { levels, ..self.clone() })
    }

    /// Where a part of the text stands in it.
    pub(super) fn place(&self, part: &[u8]) -> Option<Range<u32>> {
        let begin = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        let end = begin.checked_add(part.len()).filter(|end| *end <= self.text.len())?;
        Some(u32::try_from(begin).ok()?..u32::try_from(end).ok()?)
    }

    fn get(&self, place: &Range<u32>) -> Option<&[u8]> {
        self.text.get(place.start as usize..place.end as usize)
    }
}

/// A list of items at these places of a text.
pub(super) fn later(whole: &Whole, items: Vec<Range<u32>>) -> Value {
    Value::Later(Later { whole: whole.clone(), below: whole.below(), items: items.into() })
}

/// The items of a list, one after the other.
pub enum Items<'a> {
    /// They are there.
    Read(std::slice::Iter<'a, Node>),
    /// They are read as they are asked for.
    Later(&'a Later, Range<usize>),
}

impl<'a> Items<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Items<'a>> {
        match value {
            Value::List(items) => Some(Items::Read(items.iter())),
            Value::Later(later) => Some(Items::Later(later, 0..later.len())),
            _ => None,
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Cow<'a, Node>;

    fn next(&mut self) -> Option<Cow<'a, Node>> {
        match self {
            Items::Read(items) => items.next().map(Cow::Borrowed),
            Items::Later(later, left) => later.item(left.next()?).map(Cow::Owned),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Items::Read(items) => items.size_hint(),
            Items::Later(_, left) => left.size_hint(),
        }
    }
}

impl ExactSizeIterator for Items<'_> {}
