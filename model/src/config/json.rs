//! JSON with paths: a tree that keeps duplicate keys, so that they can be refused, and readers that name the key
//! (`stages[2].kernel`) in every error. `serde_json` does the parsing and bounds the nesting.

use efficientecg_files::ItemError;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// One JSON value; objects keep their keys in order, duplicates included.
#[derive(Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Json, E> {
        Ok(Json::Bool(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Json, E> {
        Ok(Json::Unsigned(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Json, E> {
        Ok(Json::Negative(v))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Json, E> {
        Ok(Json::Float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Json, E> {
        Ok(Json::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Json, E> {
        Ok(Json::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element()? {
            list.push(node);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Object(entries))
    }
}

/// A value and the path that leads to it.
pub(super) struct Value {
    path: String,
    node: Json,
}

impl Value {
    /// Parses a whole document.
    pub(super) fn parse(text: &str) -> Result<Value, ItemError> {
        let node = serde_json::from_str(text).map_err(|e| {
            ItemError::new("config", "JSON text", e.to_string(), "write the configuration as one JSON object")
        })?;
        Ok(Value { path: String::new(), node })
    }

    fn wrong(&self, expected: &str) -> ItemError {
        let found = match &self.node {
            Json::Null => "null".to_owned(),
            Json::Bool(v) => v.to_string(),
            Json::Unsigned(v) => v.to_string(),
            Json::Negative(v) => v.to_string(),
            Json::Float(v) => v.to_string(),
            Json::Text(v) => format!("the text {v:?}"),
            Json::List(v) => format!("a list of {}", v.len()),
            Json::Object(_) => "an object".to_owned(),
        };
        let item = if self.path.is_empty() { "config" } else { &self.path };
        ItemError::new(item, expected, found, "correct the configuration")
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.node, Json::Null)
    }

    pub(super) fn text(self) -> Result<String, ItemError> {
        match self.node {
            Json::Text(text) => Ok(text),
            _ => Err(self.wrong("a text")),
        }
    }

    /// A count; its range is checked with the rest of the configuration.
    pub(super) fn size(self) -> Result<usize, ItemError> {
        match self.node {
            Json::Unsigned(v) => usize::try_from(v).map_err(|_| self.wrong("a smaller integer")),
            _ => Err(self.wrong("an integer of at least 1")),
        }
    }

    pub(super) fn number(self) -> Result<f64, ItemError> {
        match self.node {
            Json::Unsigned(v) => Ok(v as f64),
            Json::Negative(v) => Ok(v as f64),
            Json::Float(v) => Ok(v),
            _ => Err(self.wrong("a number")),
        }
    }

    pub(super) fn list(self) -> Result<Vec<Value>, ItemError> {
        match self.node {
            Json::List(nodes) => Ok(nodes
                .into_iter()
                .enumerate()
                .map(|(i, node)| Value { path: format!("{}[{i}]", self.path), node })
                .collect()),
            _ => Err(self.wrong("a list")),
        }
    }

    pub(super) fn texts(self) -> Result<Vec<String>, ItemError> {
        self.list()?.into_iter().map(Value::text).collect()
    }

    /// An object without duplicate keys.
    pub(super) fn object(self) -> Result<Object, ItemError> {
        let Json::Object(entries) = self.node else {
            return Err(self.wrong("an object"));
        };
        let mut seen = std::collections::HashSet::new();
        for (key, _) in &entries {
            if !seen.insert(key.as_str()) {
                return Err(ItemError::new(
                    join(&self.path, key),
                    "the key once",
                    "it twice",
                    "remove one of the two",
                ));
            }
        }
        Ok(Object { path: self.path, entries, asked: Vec::new() })
    }
}

/// An object of which every key must be asked for: [`Object::finish`] refuses the rest.
pub(super) struct Object {
    path: String,
    entries: Vec<(String, Json)>,
    asked: Vec<&'static str>,
}

impl Object {
    /// The path of `key` in this object.
    pub(super) fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn optional(&mut self, key: &'static str) -> Option<Value> {
        self.asked.push(key);
        let at = self.entries.iter().position(|(k, _)| k == key)?;
        let (_, node) = self.entries.swap_remove(at);
        Some(Value { path: join(&self.path, key), node })
    }

    pub(super) fn take(&mut self, key: &'static str) -> Result<Value, ItemError> {
        self.optional(key).ok_or_else(|| {
            let mut left: Vec<&str> = self.entries.iter().map(|(k, _)| k.as_str()).collect();
            left.sort_unstable();
            let found = if left.is_empty() {
                "none".to_owned()
            } else {
                format!("none (unread keys: {})", left.join(", "))
            };
            ItemError::new(join(&self.path, key), "a value", found, "add the key to the configuration")
        })
    }

    pub(super) fn finish(self) -> Result<(), ItemError> {
        match self.entries.first() {
            None => Ok(()),
            Some((key, _)) => Err(ItemError::new(
                join(&self.path, key),
                format!("only {}", self.asked.join(", ")),
                "an unknown key",
                "remove it or correct its spelling",
            )),
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
