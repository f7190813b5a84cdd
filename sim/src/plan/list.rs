//! A list of a scenario or a plan, which knows how long it may be.

use std::{
    borrow::Cow,
    ops::{Deref, DerefMut},
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// A list that has `LEAST` to `MOST` items in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List<T, const LEAST: u32, const MOST: u32>(Vec<T>);

impl<'de, T, const LEAST: u32, const MOST: u32> Deserialize<'de> for List<T, LEAST, MOST>
where
    T: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(from)?;
        match items.len() {
            count if (LEAST as usize..=MOST as usize).contains(&count) => Ok(List(items)),
            count => Err(D::Error::custom(format!(
                "a list of {count} is out of bounds; {LEAST} to {MOST} is allowed"
            ))),
        }
    }
}

impl<T: JsonSchema, const LEAST: u32, const MOST: u32> JsonSchema for List<T, LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "minItems": LEAST, "maxItems": MOST })
    }
}

impl<T, const LEAST: u32, const MOST: u32> Default for List<T, LEAST, MOST> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T, const LEAST: u32, const MOST: u32> Deref for List<T, LEAST, MOST> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T, const LEAST: u32, const MOST: u32> DerefMut for List<T, LEAST, MOST> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T, const LEAST: u32, const MOST: u32> From<Vec<T>> for List<T, LEAST, MOST> {
    fn from(items: Vec<T>) -> Self {
        List(items)
    }
}

impl<T, const LEAST: u32, const MOST: u32> FromIterator<T> for List<T, LEAST, MOST> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        List(Vec::from_iter(items))
    }
}

impl<'a, T, const LEAST: u32, const MOST: u32> IntoIterator for &'a List<T, LEAST, MOST> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T, const LEAST: u32, const MOST: u32> IntoIterator for &'a mut List<T, LEAST, MOST> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}
