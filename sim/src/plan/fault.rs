//! What goes wrong, and when.

use std::time::Duration;

use gatesim_model::env::Service;
use serde::{Deserialize, Serialize};

use crate::bounds::{MAX_MS, within};

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultPlan {
    /// A container dies with all its memory and is started again.
    Crash {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which.
        container: u32,
        /// How long until it is started again.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: u64,
    },
    /// A container is asked to stop, killed after the grace period, and started again.
    Terminate {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which.
        container: u32,
        /// From SIGTERM to SIGKILL.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: u64,
        /// From the kill to the new start.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: u64,
    },
    /// A backing service does not answer.
    ServiceDown {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which.
        service: Service,
        /// For how long.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: u64,
    },
    /// The link of a client carries nothing, in one direction or both.
    Partition {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which client.
        client: u32,
        /// Which way nothing goes.
        direction: Direction,
        /// For how long.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: u64,
    },
    /// The connection of a client is reset in the middle.
    Reset {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which client.
        client: u32,
    },
}

impl FaultPlan {
    /// When it begins.
    pub fn at(&self) -> Duration {
        match self {
            FaultPlan::Crash { at_ms, .. }
            | FaultPlan::Terminate { at_ms, .. }
            | FaultPlan::ServiceDown { at_ms, .. }
            | FaultPlan::Partition { at_ms, .. }
            | FaultPlan::Reset { at_ms, .. } => Duration::from_millis(*at_ms),
        }
    }
}

/// Which way a partition blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the balancer.
    Up,
    /// From the balancer to the client.
    Down,
    /// Both.
    Both,
}
