//! What is written in one of two ways. It is read by hand, so that what stands there in place of a value has its own words
//! and its own place.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{Bytes, Exclusion, OtherBytes};

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or bytes as `{latin1: ...}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Bytes, A::Error> {
                OtherBytes::deserialize(MapAccessDeserializer::new(map)).map(Bytes::Other)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Exclusion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Exclusion, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Before {
            before: String,
            why: String,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Exclusion;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string that says why, or `{before: \"1.39\", why: ...}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Exclusion, E> {
                Ok(Exclusion::Always(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Exclusion, A::Error> {
                let Before { before, why } = Before::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Exclusion::Before { before, why })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
