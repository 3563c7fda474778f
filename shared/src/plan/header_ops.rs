//! Header operations, in the order in which Envoy applies them: remove, then set, then add.

use super::format::Template;
use crate::model::http_route::HeaderOperations;

/// A header's name, in lower case, and its value.
pub type HeaderOp = (Box<[u8]>, Template);

/// The operations of one direction at one level; most rules have none.
#[derive(Debug, Default)]
pub struct HeaderOps(Option<Box<Ops>>);

#[derive(Debug)]
struct Ops {
    remove: Vec<Box<[u8]>>,
    set: Vec<HeaderOp>,
    add: Vec<HeaderOp>,
}

impl HeaderOps {
    /// Compiles; `:authority` and `host` are left out here, since istiod makes a host rewrite of them ([`authority`])
    /// or drops them.
    pub fn compile(model: Option<&HeaderOperations>) -> HeaderOps {
        let Some(model) = model else { return HeaderOps::default() };
        let ops = |map: &crate::Map<Template>| {
            let ours = map.iter().filter(|(name, _)| !is_pseudo(name));
            ours.map(|(name, value)| (lower(name), value.clone())).collect()
        };
        let remove = model.remove.iter().filter(|name| !is_pseudo(name)).map(|name| lower(name)).collect();
        let ops = Ops { remove, set: ops(&model.set), add: ops(&model.add) };
        let empty = ops.remove.is_empty() && ops.set.is_empty() && ops.add.is_empty();
        HeaderOps((!empty).then(|| Box::new(ops)))
    }

    /// Names, in lower case.
    pub fn remove(&self) -> &[Box<[u8]>] {
        self.0.as_ref().map_or(&[], |ops| &ops.remove)
    }

    /// In place of what is there.
    pub fn set(&self) -> &[HeaderOp] {
        self.0.as_ref().map_or(&[], |ops| &ops.set)
    }

    /// Beside what is there.
    pub fn add(&self) -> &[HeaderOp] {
        self.0.as_ref().map_or(&[], |ops| &ops.add)
    }

    /// The request headers that the values ask for.
    pub fn request_headers<'o>(&'o self, tell: &mut dyn FnMut(&'o [u8])) {
        self.set().iter().chain(self.add()).for_each(|(_, template)| template.request_headers(tell));
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// The authority that `set` or `add` of `host` or `:authority` asks for; `set` is preferred, and an empty one is none, as
/// in istiod.
pub fn authority(model: Option<&HeaderOperations>) -> Option<Box<[u8]>> {
    let model = model?;
    // Envoy takes it as it is written, percent signs and all.
    let named = |map: &crate::Map<Template>| {
        let asks = |(name, value): &(&String, &Template)| {
            !value.text().is_empty() && (name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host"))
        };
        map.iter().find(asks).map(|(_, value)| value.text().as_bytes().into())
    };
    named(&model.set).or_else(|| named(&model.add))
}

fn is_pseudo(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

fn lower(name: &str) -> Box<[u8]> {
    name.to_ascii_lowercase().into_bytes().into()
}
