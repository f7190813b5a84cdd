//! How often a scenario promises to reach a mark.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::plan::{mark::Mark, scenario::weights::table_of, unit::PerMille};

/// The least share of runs, in a thousand, that must reach each mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Floors {
    per_mille: BTreeMap<Mark, PerMille<1>>,
}

impl JsonSchema for Floors {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Floors".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        table_of::<Mark, PerMille<1>>(generator)
    }
}

impl Floors {
    /// The marks with a floor, and how many runs in a thousand must reach each.
    pub fn iter(&self) -> impl Iterator<Item = (Mark, u32)> {
        let floors = self.per_mille.iter();
        floors.map(|(mark, per_mille)| (*mark, per_mille.get()))
    }
}
