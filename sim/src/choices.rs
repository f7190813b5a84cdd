//! placeholder
use serde::{Deserialize, Serialize};
/// Every choice of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {}
/// Choices that were asked for and not in the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// How many.
    pub missing: u64,
}
