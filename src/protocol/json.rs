//! JSON objects from strangers: duplicate members refused, size and depth bounded.
//!
//! A member that occurs twice means different things to different parsers
//! ([RFC 8725 section 2.4](https://www.rfc-editor.org/rfc/rfc8725#section-2.4)), so it is refused at every
//! depth.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::model::fault::{Fault, Refusal};

/// What a document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest document in bytes.
    pub bytes: usize,
    /// Deepest nesting of objects and arrays; the outermost object counts as 1. At most 100.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 256 * 1024, depth: 16 }
    }
}

/// Why a document is no acceptable JSON object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Longer than allowed.
    #[error("JSON of {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than allowed.
    #[error("JSON nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A member name occurs twice in one object.
    #[error("JSON member {0:?} occurs twice")]
    Duplicate(String),
    /// Valid JSON, but no object.
    #[error("JSON, but no object")]
    NotAnObject,
    /// No JSON at all; where the parser stopped.
    #[error("no JSON: error at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

impl Refusal for JsonError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "json_too_large",
            Self::TooDeep { .. } => "json_too_deep",
            Self::Duplicate(_) => "json_duplicate_member",
            Self::NotAnObject => "json_not_an_object",
            Self::Malformed { .. } => "json_malformed",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Provider
    }

    fn hint(&self) -> String {
        "send one well-formed JSON object in which every member name occurs once".into()
    }
}

/// Parses `bytes` as exactly one JSON object within `limits`.
pub fn object(bytes: &[u8], limits: Limits) -> Result<Map<String, Value>, JsonError> {
    match value(bytes, limits)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Parses `bytes` as exactly one JSON value within `limits`.
pub fn value(bytes: &[u8], limits: Limits) -> Result<Value, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::TooLarge { found: bytes.len(), limit: limits.bytes });
    }
    let found = Found(Cell::new(None));
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { depth: limits.depth, limit: limits.depth, found: &found }.deserialize(&mut parser);
    parsed.and_then(|value| parser.end().map(|()| value)).map_err(|error| {
        let place = JsonError::Malformed { line: error.line(), column: error.column() };
        found.0.take().unwrap_or(place)
    })
}

/// The first rule broken, kept aside because the parser's own error type carries text only.
struct Found(Cell<Option<JsonError>>);

#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    limit: usize,
    found: &'f Found,
}

impl<'f> Strict<'f> {
    fn deeper<E: serde::de::Error>(self) -> Result<Strict<'f>, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.broken(JsonError::TooDeep { limit: self.limit })),
        }
    }

    fn broken<E: serde::de::Error>(self, rule: JsonError) -> E {
        let error = E::custom("refused");
        self.found.0.set(Some(rule));
        error
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if out.contains_key(&name) {
                return Err(self.broken(JsonError::Duplicate(name.chars().take(64).collect())));
            }
            let value = members.next_value_seed(inner)?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E-38
    #[test]
    fn a_member_that_occurs_twice_is_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":[{"c":1,"c":2}]}}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(
                matches!(object(text.as_bytes(), Limits::default()), Err(JsonError::Duplicate(_))),
                "{text}"
            );
        }
        assert!(object(br#"{"a":{"a":1},"A":2}"#, Limits::default()).is_ok());
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let limits = Limits { bytes: 40, depth: 3 };
        assert!(object(br#"{"a":{"b":[1]}}"#, limits).is_ok());
        assert_eq!(object(br#"{"a":{"b":[[1]]}}"#, limits), Err(JsonError::TooDeep { limit: 3 }));
        assert!(matches!(object(&[b' '; 41], limits), Err(JsonError::TooLarge { .. })));
        let bomb = "[".repeat(100_000);
        assert!(matches!(
            value(bomb.as_bytes(), Limits { bytes: 1 << 20, depth: 100 }),
            Err(JsonError::TooDeep { .. })
        ));
    }

    #[test]
    fn only_one_complete_object_is_one() {
        for text in [
            "",
            "{",
            "{}{}",
            "{} x",
            "{\"a\":1e999}",
            "{\"a\":\"\\ud800\"}",
            "\u{feff}{}",
            "{'a':1}",
            "{\"a\":1,}",
        ] {
            assert!(
                matches!(object(text.as_bytes(), Limits::default()), Err(JsonError::Malformed { .. })),
                "{text}"
            );
        }
        assert!(matches!(object(b"{\"a\":\"\xff\"}", Limits::default()), Err(JsonError::Malformed { .. })));
        assert_eq!(object(b"[1]", Limits::default()), Err(JsonError::NotAnObject));
        assert_eq!(object(b" {\"n\":null} \n", Limits::default()).unwrap().get("n"), Some(&Value::Null));
    }
}
