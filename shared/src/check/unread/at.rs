//! A place in the text of a resource.

use crate::load::{Node, Value};
use crate::model::read::{Number, Path};

/// A value, or none where the path leads to nothing, and how one came to it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) node: Option<&'a Node>,
    pub(super) path: Path<'a>,
}

impl<'a> At<'a> {
    pub(super) fn of(tree: &'a Node, path: Path<'a>) -> At<'a> {
        At { node: present(tree.at(&path.to_string())), path }
    }

    /// The field of this name, in proto's spelling too.
    pub(super) fn field(&'a self, name: &'a str) -> At<'a> {
        At { node: present(self.node.and_then(|node| node.field(name))), path: Path::Key(&self.path, name) }
    }

    /// Whether there is something.
    pub(super) fn is(&self) -> bool {
        self.node.is_some()
    }

    /// The string there; empty, as in proto, where there is none.
    pub(super) fn text(&self) -> &'a str {
        match self.node.map(|node| &node.value) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The number there; 0, as in proto, where there is none.
    pub(super) fn number(&self) -> f64 {
        self.node.and_then(|node| Number::written(&node.value)).map_or(0.0, Number::get)
    }

    /// Whether `true` stands there.
    pub(super) fn flag(&self) -> bool {
        self.node.is_some_and(|node| node.value == Value::Bool(true))
    }

    /// The items of the list there.
    pub(super) fn items(&'a self) -> impl Iterator<Item = At<'a>> {
        let items: &[Node] = match self.node.map(|node| &node.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        };
        let at = |(index, node)| At { node: Some(node), path: Path::Index(&self.path, index) };
        items.iter().enumerate().map(at)
    }

    /// The values of the mapping there.
    pub(super) fn entries(&'a self) -> impl Iterator<Item = At<'a>> {
        let entries = match self.node.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|entry| At { node: Some(&entry.value), path: Path::Key(&self.path, &entry.key) })
    }

    /// What the last step of the path is called, of one of [`entries`](Self::entries).
    pub(super) fn key(&self) -> &'a str {
        match self.path {
            Path::Key(_, key) => key,
            Path::Index(..) | Path::Root | Path::Said(_) => "",
        }
    }
}

/// `null` is as good as nothing.
fn present(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| node.value != Value::Null)
}
