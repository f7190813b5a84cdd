//! The faults of a scenario.

use gatesim_model::env::Service;
use serde::Deserialize;

use super::{Draw, Weights};
use crate::{
    bounds::{MAX_MS, PER_MILLE, within},
    plan::{Direction, FaultPlan, Range},
};

/// A fault that some seeds have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Fault {
    Crash {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    Terminate {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    ServiceDown {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
        services: Weights<Service>,
    },
    Partition {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
        directions: Weights<Direction>,
    },
    Reset {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
    },
}

impl Fault {
    /// What one seed makes of it; none if this seed does not have it.
    pub(super) fn plan(&self, draw: &Draw, containers: usize, clients: usize) -> Option<FaultPlan> {
        let happens = |kind, per_mille| draw.chance(kind, per_mille).then_some(());
        Some(match self {
            Fault::Crash {
                per_mille,
                at_ms,
                down_ms,
            } => {
                happens("crash", *per_mille)?;
                FaultPlan::Crash {
                    at_ms: draw.range("crash_at_ms", *at_ms),
                    container: draw.index("crash_container", containers),
                    down_ms: draw.range("crash_down_ms", *down_ms),
                }
            }
            Fault::Terminate {
                per_mille,
                at_ms,
                grace_ms,
                down_ms,
            } => {
                happens("terminate", *per_mille)?;
                FaultPlan::Terminate {
                    at_ms: draw.range("terminate_at_ms", *at_ms),
                    container: draw.index("terminate_container", containers),
                    grace_ms: draw.range("terminate_grace_ms", *grace_ms),
                    down_ms: draw.range("terminate_down_ms", *down_ms),
                }
            }
            Fault::ServiceDown {
                per_mille,
                at_ms,
                for_ms,
                services,
            } => {
                happens("service_down", *per_mille)?;
                FaultPlan::ServiceDown {
                    at_ms: draw.range("service_down_at_ms", *at_ms),
                    service: draw.weights("service_down_service", services),
                    for_ms: draw.range("service_down_for_ms", *for_ms),
                }
            }
            Fault::Partition {
                per_mille,
                at_ms,
                for_ms,
                directions,
            } => {
                happens("partition", *per_mille)?;
                FaultPlan::Partition {
                    at_ms: draw.range("partition_at_ms", *at_ms),
                    client: draw.index("partition_client", clients),
                    direction: draw.weights("partition_direction", directions),
                    for_ms: draw.range("partition_for_ms", *for_ms),
                }
            }
            Fault::Reset { per_mille, at_ms } => {
                happens("reset", *per_mille)?;
                FaultPlan::Reset {
                    at_ms: draw.range("reset_at_ms", *at_ms),
                    client: draw.index("reset_client", clients),
                }
            }
        })
    }
}
