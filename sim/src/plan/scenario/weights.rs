//! Values with weights.

use std::collections::BTreeMap;

use serde::Deserialize;

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
