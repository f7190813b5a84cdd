//! The faults of a scenario.

use gatesim_model::port::env::Service;
use serde::Deserialize;

use super::{Draw, Weights};
use crate::plan::{
    Direction, FaultKind, FaultPlan, Range, Towards,
    bounds::{MAX_FACTOR, MAX_MS, MAX_REPEATS, PER_MILLE, within},
};

/// A fault that some seeds have, once or several times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Fault {
    #[serde(flatten)]
    kind: Kind,
    /// How often in a thousand it happens.
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    per_mille: u32,
    /// How many times a seed tries.
    #[serde(default = "once", deserialize_with = "within::<1, MAX_REPEATS, _, _>")]
    times: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    at_ms: Range,
}

fn once() -> Range {
    Range { least: 1, most: 1 }
}

/// What a plan says of the fault, as ranges and weights; whom it befalls is drawn among all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Kind {
    Crash {
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    Terminate {
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    ScaleIn {
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: Range,
    },
    RollingDeploy {
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        pause_ms: Range,
    },
    PowerLoss {
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    Stall {
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    ClockJump {
        towards: Weights<Towards>,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        by_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    ServiceDown {
        services: Weights<Service>,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    ServiceFlapping {
        services: Weights<Service>,
        #[serde(deserialize_with = "within::<1, MAX_MS, _, _>")]
        down_ms: Range,
        #[serde(deserialize_with = "within::<1, MAX_MS, _, _>")]
        up_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    ServiceSlow {
        services: Weights<Service>,
        #[serde(deserialize_with = "within::<1, MAX_FACTOR, _, _>")]
        factor: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    ServiceErrors {
        services: Weights<Service>,
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        calls_per_mille: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    AuthDenies {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        calls_per_mille: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    SupervisorJumbles {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        calls_per_mille: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    Partition {
        directions: Weights<Direction>,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    Reset {},
    BackendPartition {
        directions: Weights<Direction>,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
    },
    BackendReset {},
}

impl Fault {
    /// The name of its kind, as a file has it.
    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What one seed makes of it. A fault for which nobody is there does not happen.
    pub(super) fn plan(&self, draw: &Draw, containers: usize, clients: usize) -> Vec<FaultPlan> {
        let draw = draw.about(self.name());
        let tries = draw.tries("times", self.times);
        let happens = |_: &u64| draw.chance("happens", self.per_mille);
        let planned = (0..tries).filter(happens).filter_map(|_| {
            let at_ms = draw.range("at_ms", self.at_ms);
            let kind = self.kind.plan(&draw, containers, clients)?;
            Some(FaultPlan::new(kind, at_ms))
        });
        planned.collect()
    }
}

impl Kind {
    /// The name of the kind, as a file has it: the key of the draws and of the swarm.
    fn name(&self) -> &'static str {
        match self {
            Kind::Crash { .. } => "crash",
            Kind::Terminate { .. } => "terminate",
            Kind::ScaleIn { .. } => "scale-in",
            Kind::RollingDeploy { .. } => "rolling-deploy",
            Kind::PowerLoss { .. } => "power-loss",
            Kind::Stall { .. } => "stall",
            Kind::ClockJump { .. } => "clock-jump",
            Kind::ServiceDown { .. } => "service-down",
            Kind::ServiceFlapping { .. } => "service-flapping",
            Kind::ServiceSlow { .. } => "service-slow",
            Kind::ServiceErrors { .. } => "service-errors",
            Kind::AuthDenies { .. } => "auth-denies",
            Kind::SupervisorJumbles { .. } => "supervisor-jumbles",
            Kind::Partition { .. } => "partition",
            Kind::Reset {} => "reset",
            Kind::BackendPartition { .. } => "backend-partition",
            Kind::BackendReset {} => "backend-reset",
        }
    }

    fn plan(&self, draw: &Draw, containers: usize, clients: usize) -> Option<FaultKind> {
        let container = || draw.index("container", containers);
        let client = || draw.index("client", clients);
        Some(match self {
            Kind::Crash { down_ms } => FaultKind::Crash {
                container: container(),
                down_ms: draw.range("down_ms", *down_ms),
            },
            Kind::PowerLoss { down_ms } => FaultKind::PowerLoss {
                container: container(),
                down_ms: draw.range("down_ms", *down_ms),
            },
            Kind::Terminate { grace_ms, down_ms } => FaultKind::Terminate {
                container: container(),
                grace_ms: draw.range("grace_ms", *grace_ms),
                down_ms: draw.range("down_ms", *down_ms),
            },
            Kind::ScaleIn { grace_ms } => FaultKind::ScaleIn {
                // The first remains.
                container: 1 + draw
                    .index("container", containers.checked_sub(1).filter(|&n| n > 0)?),
                grace_ms: draw.range("grace_ms", *grace_ms),
            },
            Kind::RollingDeploy { grace_ms, pause_ms } => FaultKind::RollingDeploy {
                grace_ms: draw.range("grace_ms", *grace_ms),
                pause_ms: draw.range("pause_ms", *pause_ms),
            },
            Kind::Stall { for_ms } => FaultKind::Stall {
                container: container(),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::ClockJump {
                towards,
                by_ms,
                for_ms,
            } => FaultKind::ClockJump {
                container: container(),
                towards: draw.weights("towards", towards),
                by_ms: draw.range("by_ms", *by_ms),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::ServiceDown { services, for_ms } => FaultKind::ServiceDown {
                service: draw.weights("service", services),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::ServiceFlapping {
                services,
                down_ms,
                up_ms,
                for_ms,
            } => FaultKind::ServiceFlapping {
                service: draw.weights("service", services),
                down_ms: draw.range("down_ms", *down_ms),
                up_ms: draw.range("up_ms", *up_ms),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::ServiceSlow {
                services,
                factor,
                for_ms,
            } => FaultKind::ServiceSlow {
                service: draw.weights("service", services),
                factor: draw.range("factor", *factor) as u32,
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::ServiceErrors {
                services,
                calls_per_mille,
                for_ms,
            } => FaultKind::ServiceErrors {
                service: draw.weights("service", services),
                per_mille: draw.range("calls_per_mille", *calls_per_mille) as u32,
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::AuthDenies {
                calls_per_mille,
                for_ms,
            } => FaultKind::AuthDenies {
                per_mille: draw.range("calls_per_mille", *calls_per_mille) as u32,
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::SupervisorJumbles {
                calls_per_mille,
                for_ms,
            } => FaultKind::SupervisorJumbles {
                per_mille: draw.range("calls_per_mille", *calls_per_mille) as u32,
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::Partition { directions, for_ms } => FaultKind::Partition {
                client: client(),
                direction: draw.weights("direction", directions),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::Reset {} => FaultKind::Reset { client: client() },
            Kind::BackendPartition { directions, for_ms } => FaultKind::BackendPartition {
                container: container(),
                direction: draw.weights("direction", directions),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::BackendReset {} => FaultKind::BackendReset {
                container: container(),
            },
        })
    }
}
