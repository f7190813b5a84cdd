//! The links of a run: client to balancer, balancer to container.

use serde::{Deserialize, Serialize};

use super::Range;
use crate::bounds::{MAX_US, PER_MILLE, within};

/// One link, both directions alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPlan {
    /// One-way latency of a frame, in microseconds.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub latency_us: Range,
    /// How many frames in a thousand are lost once and arrive after a retransmission.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    pub loss_per_mille: u32,
}
