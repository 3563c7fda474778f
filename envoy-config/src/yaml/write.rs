//! From a message to lines, without a tree in between: a module's configuration is megabytes, and stands in a message as
//! often as there are modules.
//!
//! Enums are as Envoy has them, `{exact: x}`, and not YAML's tags.

use std::fmt::{self, Display, Write};

use serde::ser::{self, Serialize, Serializer};

use super::{is_literal, text};

/// That nothing more can be written, or that a message is beyond YAML.
#[derive(Debug)]
pub struct Failed;

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing more can be written")
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: Display>(_: T) -> Failed {
        Failed
    }
}

impl From<fmt::Error> for Failed {
    fn from(_: fmt::Error) -> Failed {
        Failed
    }
}

/// Where a value stands: what is written before it, and how far what is in it is indented.
#[derive(Clone, Copy)]
enum Place {
    Root,
    /// Behind the key of a mapping that is so deep.
    Key(usize),
    /// Behind the dash of a list that is so deep.
    Dash(usize),
}

/// A value that is about to be written.
pub struct Value<'a> {
    out: &'a mut dyn Write,
    place: Place,
}

/// The document.
pub fn root(out: &mut dyn Write) -> Value<'_> {
    Value { out, place: Place::Root }
}

/// A list or a mapping of which some is written.
pub struct Inside<'a> {
    out: &'a mut dyn Write,
    place: Place,
    /// How deep its items or keys are.
    depth: usize,
    empty: bool,
    /// Whether it ends a mapping of one key, which is an enum's.
    brackets: &'static str,
}

type Done = Result<(), Failed>;

impl<'a> Value<'a> {
    fn line(self, write: impl FnOnce(&mut dyn Write) -> fmt::Result) -> Done {
        if let Place::Key(_) = self.place {
            self.out.write_char(' ')?;
        }
        write(self.out)?;
        Ok(self.out.write_char('\n')?)
    }

    fn depth(&self) -> usize {
        match self.place {
            Place::Root => 0,
            Place::Key(depth) | Place::Dash(depth) => depth + 1,
        }
    }

    fn list(self) -> Inside<'a> {
        // Lists stand as far left as their key, as people write them for Kubernetes.
        let depth = match self.place {
            Place::Root => 0,
            Place::Key(depth) => depth,
            Place::Dash(depth) => depth + 1,
        };
        Inside { out: self.out, place: self.place, depth, empty: true, brackets: "[]" }
    }

    fn mapping(self) -> Inside<'a> {
        let depth = self.depth();
        Inside { out: self.out, place: self.place, depth, empty: true, brackets: "{}" }
    }

    /// The value of the only key.
    fn under(self, key: &'static str) -> Result<Value<'a>, Failed> {
        let mut mapping = self.mapping();
        mapping.key(key)?;
        let Inside { out, depth, .. } = mapping;
        Ok(Value { out, place: Place::Key(depth) })
    }
}

impl Inside<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Done {
        if std::mem::take(&mut self.empty) && !matches!(self.place, Place::Root) {
            self.out.write_char('\n')?;
        }
        write!(self.out, "{:indent$}- ", "", indent = self.depth * 2)?;
        item.serialize(Value { out: self.out, place: Place::Dash(self.depth) })
    }

    fn key(&mut self, key: &str) -> Done {
        let first = std::mem::take(&mut self.empty);
        // The first key stands on the dash's own line.
        if !(first && matches!(self.place, Place::Dash(_))) {
            if first && matches!(self.place, Place::Key(_)) {
                self.out.write_char('\n')?;
            }
            write!(self.out, "{:indent$}", "", indent = self.depth * 2)?;
        }
        text(self.out, key)?;
        Ok(self.out.write_char(':')?)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(Value { out: self.out, place: Place::Key(self.depth) })
    }

    fn done(self) -> Done {
        if !self.empty {
            return Ok(());
        }
        let brackets = self.brackets;
        Value { out: self.out, place: self.place }.line(|out| out.write_str(brackets))
    }
}

impl<'a> Serializer for Value<'a> {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Inside<'a>;
    type SerializeTuple = Inside<'a>;
    type SerializeTupleStruct = Inside<'a>;
    type SerializeTupleVariant = Inside<'a>;
    type SerializeMap = Inside<'a>;
    type SerializeStruct = Inside<'a>;
    type SerializeStructVariant = Inside<'a>;

    fn serialize_str(self, value: &str) -> Done {
        if !is_literal(value) {
            return self.line(|out| text(out, value));
        }
        // In the lines below, at this depth.
        let depth = self.depth().max(1);
        if let Place::Key(_) = self.place {
            self.out.write_char(' ')?;
        }
        self.out.write_str("|-\n")?;
        let indent = " ".repeat(depth * 2);
        for line in value.split_inclusive('\n') {
            if line != "\n" {
                self.out.write_str(&indent)?;
            }
            self.out.write_str(line)?;
        }
        Ok(self.out.write_char('\n')?)
    }

    fn serialize_bool(self, value: bool) -> Done {
        self.line(|out| write!(out, "{value}"))
    }

    fn serialize_i64(self, value: i64) -> Done {
        self.line(|out| write!(out, "{value}"))
    }

    fn serialize_u64(self, value: u64) -> Done {
        self.line(|out| write!(out, "{value}"))
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.line(|out| write!(out, "{}", serde_yaml::Number::from(value)))
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_i8(self, value: i8) -> Done {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Done {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Done {
        self.serialize_i64(value.into())
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.serialize_u64(value.into())
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.line(|out| out.write_str("null"))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        value.serialize(self.under(variant)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'a>, Failed> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside<'a>, Failed> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>, Failed> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside<'a>, Failed> {
        Ok(self.under(variant)?.list())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside<'a>, Failed> {
        Ok(self.mapping())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>, Failed> {
        Ok(self.mapping())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside<'a>, Failed> {
        Ok(self.under(variant)?.mapping())
    }
}

macro_rules! lists {
    ($($Trait:ident $push:ident),+) => {$(
        impl ser::$Trait for Inside<'_> {
            type Ok = ();
            type Error = Failed;

            fn $push<T: Serialize + ?Sized>(&mut self, item: &T) -> Done {
                self.item(item)
            }

            fn end(self) -> Done {
                self.done()
            }
        }
    )+};
}

lists!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! structs {
    ($($Trait:ident),+) => {$(
        impl ser::$Trait for Inside<'_> {
            type Ok = ();
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
                self.key(key)?;
                self.value(value)
            }

            fn end(self) -> Done {
                self.done()
            }
        }
    )+};
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Inside<'_> {
    type Ok = ();
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => self.key(&key),
            Ok(key) => self.key(&key.to_string()),
            Err(_) => Err(Failed),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.value(value)
    }

    fn end(self) -> Done {
        self.done()
    }
}
