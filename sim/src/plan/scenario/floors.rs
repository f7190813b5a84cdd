//! How often a scenario promises to reach a mark.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plan::{Mark, PerMille};

/// The least share of runs, in a thousand, that must reach each mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Floors {
    per_mille: BTreeMap<Mark, PerMille<1>>,
}

impl Floors {
    /// The marks with a floor, and how many runs in a thousand must reach each.
    pub fn iter(&self) -> impl Iterator<Item = (Mark, u32)> {
        let floors = self.per_mille.iter();
        floors.map(|(mark, per_mille)| (*mark, per_mille.get()))
    }
}
