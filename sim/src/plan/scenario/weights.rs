//! Values with weights.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The key of a schema that says that a table has a value for each name, and no fields.
pub const WEIGHTS: &str = "x-weights";

/// Values with weights; a file writes a table of value and weight.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    try_from = "BTreeMap<T, u32>",
    bound(deserialize = "T: Deserialize<'de> + Ord")
)]
pub(super) struct Weights<T> {
    values: Vec<(T, u32)>,
}

impl<T: Ord> TryFrom<BTreeMap<T, u32>> for Weights<T> {
    type Error = String;

    fn try_from(table: BTreeMap<T, u32>) -> Result<Self, String> {
        match table.values().any(|&weight| weight > 0) {
            true => Ok(Weights {
                values: table.into_iter().collect(),
            }),
            false => Err("at least one weight must be greater than 0".to_owned()),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Weights<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Weights".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = table_of::<T, u32>(generator);
        schema.insert("minProperties".to_owned(), 1.into());
        schema
    }
}

/// The schema of a table from the names of `K` to values of `V`.
pub(super) fn table_of<K: JsonSchema, V: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let names = K::json_schema(generator);
    let listed = |key| {
        names
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let plain = listed("enum").map(|name| (name, None));
    let explained = listed("oneOf").flat_map(|one| {
        let several = one
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let names = several.chain(one.get("const"));
        names.map(move |name| (name, one.get("description")))
    });
    let mut properties = Map::new();
    for (name, text) in plain.chain(explained) {
        let mut value = V::json_schema(generator);
        if let Some(text) = text {
            value.insert("description".to_owned(), text.clone());
        }
        properties.insert(name.as_str().unwrap_or_default().to_owned(), value.into());
    }
    let mut schema = json_schema!({
        "type": "object", "properties": properties, "additionalProperties": false
    });
    schema.insert(WEIGHTS.to_owned(), true.into());
    schema
}

impl<T: Copy> Weights<T> {
    /// The sum of the weights.
    pub(super) fn total(&self) -> u64 {
        self.values
            .iter()
            .map(|&(_, weight)| u64::from(weight))
            .sum()
    }

    /// The value that holds `ticket`, which is smaller than the total.
    pub(super) fn pick(&self, mut ticket: u64) -> T {
        for &(value, weight) in &self.values {
            match ticket.checked_sub(u64::from(weight)) {
                Some(rest) => ticket = rest,
                None => return value,
            }
        }
        unreachable!("a ticket is smaller than the sum of the weights")
    }
}
