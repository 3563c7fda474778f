//! Lines that are JSON: Istio's `accessLogEncoding: JSON`, Sailcloth's own, Envoy's protobuf message, Envoy Gateway's and
//! Contour's names. Any header that somebody asks for is found under its name, with `_` for `-` or `req_` before it.

use std::borrow::Cow;
use std::fmt;

use hashbrown::HashMap;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Fields, Line};

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Method,
    Authority,
    Path,
    /// The path before it was rewritten.
    Original,
    Scheme,
    Local,
    Cluster,
    ServerName,
    Header(usize),
    /// An object with more of these.
    Nested,
    /// Of an access log, but of no use here.
    Known,
    Unknown,
}

/// What keys stand for, remembered: all lines have the same.
pub(super) struct Slots<'w> {
    wanted: &'w [String],
    known: HashMap<String, Slot>,
    /// The keys of the line before, in their order, which this line most likely has as well.
    last: Vec<(String, Slot)>,
    at: usize,
}

/// So many keys are remembered; a log has a few dozens.
const MOST: usize = 4096;

impl<'w> Slots<'w> {
    pub(super) fn new(wanted: &'w [String]) -> Slots<'w> {
        Slots { wanted, known: HashMap::new(), last: Vec::new(), at: 0 }
    }

    fn of(&mut self, key: &str) -> Slot {
        let at = self.at;
        self.at += 1;
        if let Some((_, slot)) = self.last.get(at).filter(|(last, _)| last == key) {
            return *slot;
        }
        let slot = self.remembered(key);
        self.last.truncate(at);
        if self.last.len() == at && at < MOST {
            self.last.push((key.to_owned(), slot));
        }
        slot
    }

    fn remembered(&mut self, key: &str) -> Slot {
        if let Some(slot) = self.known.get(key) {
            return *slot;
        }
        let slot = self.find(key);
        if self.known.len() < MOST {
            self.known.insert(key.to_owned(), slot);
        }
        slot
    }

    fn find(&self, key: &str) -> Slot {
        let name = key.trim_start_matches(':').to_ascii_lowercase().replace('_', "-");
        let bare = ["req-", "request-", "http-"].iter().find_map(|start| name.strip_prefix(start)).unwrap_or(&name);
        match bare {
            "method" => return Slot::Method,
            "authority" | "host" => return Slot::Authority,
            "path" | "uri" | "url" => return Slot::Path,
            "x-envoy-original-path" | "x-envoy-origin-path" | "original-path" => return Slot::Original,
            "scheme" | "x-forwarded-proto" => return Slot::Scheme,
            _ => {}
        }
        match name.as_str() {
            "downstream-local-address" => return Slot::Local,
            "upstream-cluster" => return Slot::Cluster,
            "requested-server-name" => return Slot::ServerName,
            "request" => return Slot::Nested,
            "start-time" | "response-code" | "upstream-host" | "duration" | "response-flags" | "protocol" => {
                return Slot::Known;
            }
            _ => {}
        }
        let full = if name == "request-id" { "x-request-id" } else { bare };
        self.wanted.iter().position(|header| header == full || *header == name).map_or(Slot::Unknown, Slot::Header)
    }
}

/// Reads a line.
pub(super) fn line<'a>(line: &'a [u8], slots: &mut Slots<'_>) -> Line<'a> {
    let mut fields = Fields { headers: vec![None; slots.wanted.len()], ..Fields::default() };
    slots.at = 0;
    let mut reader = serde_json::Deserializer::from_slice(line);
    let read = Object { slots, fields: &mut fields }.deserialize(&mut reader).and_then(|()| reader.end());
    match read {
        Ok(()) => fields.line(),
        Err(error) => Line::Stray(format!("no JSON ({error})").into()),
    }
}

struct Object<'f, 'a, 'w> {
    slots: &'f mut Slots<'w>,
    fields: &'f mut Fields<'a>,
}

impl<'a> DeserializeSeed<'a> for Object<'_, 'a, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, 'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_borrowed_str<E>(self, _: &'a str) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let Object { slots, fields } = self;
        while let Some(key) = map.next_key_seed(AsText)? {
            let Text(key) = key.unwrap_or_default();
            let slot = slots.of(&key);
            if slot == Slot::Nested {
                map.next_value_seed(Object { slots: &mut *slots, fields: &mut *fields })?;
                continue;
            }
            if slot == Slot::Unknown {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let Text(value) = map.next_value_seed(AsText)?.unwrap_or_default();
            fields.any = true;
            let value = Some(value).filter(|value| !value.is_empty() && value != "-");
            match slot {
                Slot::Method => fill(&mut fields.method, value),
                Slot::Authority => fill(&mut fields.authority, value),
                Slot::Path => fill(&mut fields.path, value),
                Slot::Original if value.is_some() => fields.path = value,
                Slot::Scheme => fill(&mut fields.scheme, value),
                Slot::Local => fill(&mut fields.local, value),
                Slot::Cluster => fill(&mut fields.cluster, value),
                Slot::ServerName => fill(&mut fields.server_name, value),
                Slot::Header(index) => {
                    if let Some(header) = fields.headers.get_mut(index) {
                        *header = Some(value);
                    }
                }
                Slot::Original | Slot::Nested | Slot::Known | Slot::Unknown => {}
            }
        }
        Ok(())
    }
}

/// What is there counts more than what is not, and the first more than the second.
fn fill<'a>(field: &mut Option<Cow<'a, str>>, value: Option<Cow<'a, str>>) {
    if field.is_none() {
        *field = value;
    }
}

/// Text, without a copy where none is needed; a number as its text. Nothing for what is neither.
struct AsText;

#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'a> DeserializeSeed<'a> for AsText {
    type Value = Option<Text<'a>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for AsText {
    type Value = Option<Text<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(number.to_string()))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Borrowed(if value { "true" } else { "false" }))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut items: S) -> Result<Self::Value, S::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
