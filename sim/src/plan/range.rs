//! A closed range of numbers.

use std::{borrow::Cow, ops::RangeInclusive};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::plan::unit::{Unit, out_of_bounds, usual};

/// A closed range; a file writes it `[least, most]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range<U> {
    /// The least value.
    pub least: U,
    /// The greatest value.
    pub most: U,
}

impl<U: Unit> Range<U> {
    /// From one value to another, without their unit. Panics if one is not allowed.
    #[track_caller]
    pub fn new(least: u64, most: u64) -> Self {
        let bound = |value| U::checked(value).expect("a range is within the bounds of its unit");
        Range {
            least: bound(least),
            most: bound(most),
        }
    }

    /// One value.
    pub fn only(value: U) -> Self {
        Range {
            least: value,
            most: value,
        }
    }

    /// Both ends included, without their unit.
    pub fn inclusive(self) -> RangeInclusive<u64> {
        self.least.amount()..=self.most.amount()
    }
}

/// The range of a value that a file may leave out, although it is not the least.
pub(super) fn only_usual<U: Unit, const VALUE: u64>() -> Range<U> {
    Range::only(usual::<U, VALUE>())
}

impl<U: Unit> Serialize for Range<U> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.least.amount(), self.most.amount()).serialize(to)
    }
}

impl<U: Unit> JsonSchema for Range<U> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Range".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bound = generator.subschema_for::<U>();
        json_schema!({ "type": "array", "items": bound, "minItems": 2, "maxItems": 2 })
    }
}

impl<'de, U: Unit> Deserialize<'de> for Range<U> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (least, most) = <(u64, u64)>::deserialize(from)?;
        let range = format!("[{least}, {most}]");
        if least > most {
            return Err(D::Error::custom(format!(
                "{range} is not a range: the first is the least"
            )));
        }
        match (U::checked(least), U::checked(most)) {
            (Some(least), Some(most)) => Ok(Range { least, most }),
            _ => Err(out_of_bounds::<U, _>(range)),
        }
    }
}
