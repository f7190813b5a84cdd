//! What a client's requests carry, in the words of plans and of events.

use gatesim_model::core::ids::UserId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The token a client offers.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// A good one.
    Valid,
    /// One that was good.
    Expired,
    /// A forged one.
    Invalid,
    /// None.
    Missing,
}

/// What becomes of one header of an upgrade.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderPolicy {
    /// It passes.
    #[default]
    #[strum(to_string = "kept")]
    Keep,
    /// It is removed.
    #[strum(to_string = "stripped")]
    Strip,
    /// Its value is replaced by a placeholder in braces that was never filled in.
    #[strum(to_string = "mangled")]
    Mangle,
}

/// The user as tokens name it.
pub fn user_id(user: u32) -> UserId {
    format!("user{user}").into()
}
