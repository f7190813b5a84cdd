//! What the balancer does to a connection.

use serde::{Deserialize, Serialize};

use super::Range;
use crate::bounds::{MAX_US, within};

/// The balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerPlan {
    /// How long it holds an upgrade; a wide range lets upgrades overtake each other.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub upgrade_hold_us: Range,
    /// How long it holds the end of a client's connection before the container hears of it; a
    /// wide range lets the end of an old connection arrive after the start of its successor.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub close_hold_us: Range,
    /// Whether a reconnecting client is sent to the container it was on before.
    pub affinity: bool,
}
