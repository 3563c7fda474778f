//! The located tree as serde reads it: what is wrong has its place, and the words of the other findings.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use shared::load::{Entry, Mark, Node, Value};
use shared::model::read::{nearest, visible};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub mark: Mark,
    pub message: String,
    pub hint: String,
}

impl Problem {
    pub(super) fn new(mark: Mark, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { mark, message: message.into(), hint: hint.into() }
    }

    /// The innermost place that is known stays.
    fn at(self, mark: Mark) -> Problem {
        if self.mark.line > 0 { self } else { Problem { mark, ..self } }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Error for Problem {
    fn custom<T: std::fmt::Display>(message: T) -> Problem {
        Problem::new(Mark::default(), message.to_string(), "")
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Problem {
        let expected = type_of(&expected.to_string());
        let number_or_truth = matches!(
            found,
            Unexpected::Bool(_) | Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_)
        );
        let hint = match found {
            _ if number_or_truth && expected.starts_with("a string") => {
                "write it in quotes; YAML reads it as another type without"
            }
            Unexpected::Str(_) if expected.starts_with("a list") => "write it in brackets, `[...]`",
            _ => "",
        };
        Problem::new(Mark::default(), format!("expected {expected}, found {}", describe(&found)), hint)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Problem {
        Problem::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Problem {
        let expected = type_of(&expected.to_string());
        Problem::new(Mark::default(), format!("expected {expected}, found a list of {length}"), "")
    }

    fn unknown_variant(word: &str, words: &'static [&'static str]) -> Problem {
        let message = format!("expected one of `{}`, found `{}`", words.join("` `"), visible(word));
        Problem::new(Mark::default(), message, did_you_mean(word, words).unwrap_or_default())
    }

    fn unknown_field(key: &str, keys: &'static [&'static str]) -> Problem {
        let all = || format!("the keys here are {}", keys.join(", "));
        let hint = did_you_mean(key, keys).unwrap_or_else(all);
        Problem::new(Mark::default(), format!("unknown key `{}`", visible(key)), hint)
    }

    fn missing_field(key: &'static str) -> Problem {
        Problem::new(Mark::default(), format!("`{key}` is missing"), "")
    }
}

fn did_you_mean(word: &str, words: &[&str]) -> Option<String> {
    nearest(word, words.iter().map(|word| (*word).to_owned())).map(|word| format!("did you mean `{word}`?"))
}

/// What serde expects, in the words of the other findings.
fn type_of(expected: &str) -> String {
    let words = match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0",
        "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "a tuple of size 2" => "a pair `[name, value]`",
        expected if expected.starts_with("struct ") => "a mapping",
        expected => expected,
    };
    words.to_owned()
}

fn describe(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(it) => format!("the boolean `{it}`"),
        Unexpected::Signed(it) => format!("the number `{it}`"),
        Unexpected::Unsigned(it) => format!("the number `{it}`"),
        Unexpected::Float(it) => format!("the number `{it}`"),
        Unexpected::Str(it) => format!("the string `{}`", visible(it)),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// A value to be read.
#[derive(Clone, Copy)]
pub(super) struct Located<'de>(pub &'de Node);

impl<'de> Deserializer<'de> for Located<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Node { value, mark } = self.0;
        let read = match value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => whole_list(items, visitor),
            Value::Map(entries) => visitor.visit_map(Entries::new(entries, &[])),
            Value::Later(_) => Err(Problem::custom("a module's configuration is no case file")),
        };
        read.map_err(|problem| problem.at(*mark))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Of the keys that a struct has, those whose value is null are absent.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match &self.0.value {
            Value::Map(entries) => {
                visitor.visit_map(Entries::new(entries, keys)).map_err(|problem| problem.at(self.0.mark))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let read = match &self.0.value {
            Value::Text(word) => visitor.visit_enum(Word(word)),
            _ => return self.deserialize_any(visitor),
        };
        read.map_err(|problem| problem.at(self.0.mark))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map identifier
    }
}

/// A pair takes its two items and leaves those behind them, which nobody would miss.
fn whole_list<'de, V: Visitor<'de>>(items: &'de [Node], visitor: V) -> Result<V::Value, Problem> {
    let mut list = Items(items.iter());
    let read = visitor.visit_seq(&mut list)?;
    match list.0.next() {
        None => Ok(read),
        Some(_) => Err(Problem::invalid_length(items.len(), &"a pair `[name, value]`")),
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        self.0.next().map(|item| seed.deserialize(Located(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
    /// Those of these whose value is null are left out.
    keys: &'static [&'static str],
}

impl<'de> Entries<'de> {
    fn new(entries: &'de [Entry], keys: &'static [&'static str]) -> Entries<'de> {
        Entries { rest: entries.iter(), value: None, keys }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let keys = self.keys;
        let absent = |entry: &&Entry| entry.value.value == Value::Null && keys.contains(&entry.key.as_str());
        let Some(Entry { key, mark, value }) = self.rest.by_ref().find(|entry| !absent(entry)) else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Key(key)).map(Some).map_err(|problem| problem.at(*mark))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        match self.value.take() {
            Some(value) => seed.deserialize(Located(value)),
            None => Err(Problem::custom("a value without a key")),
        }
    }
}

/// A key, which in the tree is text even where a number is meant.
struct Key<'de>(&'de str);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0.parse() {
            Ok(number) => visitor.visit_u16(number),
            Err(_) => visitor.visit_borrowed_str(self.0),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_enum(Word(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant without anything in it.
struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Problem;
    type Variant = Plain;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Plain), Problem> {
        let word: StrDeserializer<'de, Problem> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, Plain))
    }
}

struct Plain;

impl<'de> VariantAccess<'de> for Plain {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Problem> {
        Err(Problem::custom("a word stands for itself here"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Problem> {
        Err(Problem::custom("a word stands for itself here"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Problem> {
        Err(Problem::custom("a word stands for itself here"))
    }
}
