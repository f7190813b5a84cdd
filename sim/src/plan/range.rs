//! A closed range of numbers.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A closed range; a file writes it `[least, most]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64)", into = "(u64, u64)")]
pub struct Range {
    /// The least value.
    pub least: u64,
    /// The greatest value.
    pub most: u64,
}

impl Range {
    /// Both ends included.
    pub fn inclusive(self) -> RangeInclusive<u64> {
        self.least..=self.most
    }
}

impl TryFrom<(u64, u64)> for Range {
    type Error = String;

    fn try_from((least, most): (u64, u64)) -> Result<Self, String> {
        match least <= most {
            true => Ok(Range { least, most }),
            false => Err(format!(
                "[{least}, {most}] is not a range: the first is the least"
            )),
        }
    }
}

impl From<Range> for (u64, u64) {
    fn from(range: Range) -> Self {
        (range.least, range.most)
    }
}
