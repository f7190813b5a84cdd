//! The faults of a scenario.

use gatesim_model::port::env::Service;
use serde::Deserialize;

use super::{Draw, Weights};
use crate::plan::{
    Count, Direction, FaultKind, FaultPlan, Millis, PerMille, Range, Towards,
    bounds::{MAX_FACTOR, MAX_REPEATS},
};

/// A fault that some seeds have, once or several times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Fault {
    #[serde(flatten)]
    kind: Kind,
    /// How often in a thousand it happens.
    per_mille: PerMille,
    /// How many times a seed tries.
    #[serde(default)]
    times: Range<Count<1, MAX_REPEATS>>,
    at_ms: Range<Millis>,
}

/// What a plan says of the fault, as ranges and weights; whom it befalls is drawn among all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Kind {
    Crash {
        down_ms: Range<Millis>,
    },
    Terminate {
        grace_ms: Range<Millis>,
        down_ms: Range<Millis>,
    },
    ScaleIn {
        grace_ms: Range<Millis>,
    },
    RollingDeploy {
        grace_ms: Range<Millis>,
        pause_ms: Range<Millis>,
    },
    PowerLoss {
        down_ms: Range<Millis>,
    },
    Stall {
        for_ms: Range<Millis>,
    },
    ClockJump {
        towards: Weights<Towards>,
        by_ms: Range<Millis>,
        for_ms: Range<Millis>,
    },
    ServiceDown {
        services: Weights<Service>,
        for_ms: Range<Millis>,
    },
    ServiceFlapping {
        services: Weights<Service>,
        down_ms: Range<Millis<1>>,
        up_ms: Range<Millis<1>>,
        for_ms: Range<Millis>,
    },
    ServiceSlow {
        services: Weights<Service>,
        factor: Range<Count<1, MAX_FACTOR>>,
        for_ms: Range<Millis>,
    },
    ServiceErrors {
        services: Weights<Service>,
        calls_per_mille: Range<PerMille>,
        for_ms: Range<Millis>,
    },
    AuthDenies {
        calls_per_mille: Range<PerMille>,
        for_ms: Range<Millis>,
    },
    SupervisorJumbles {
        calls_per_mille: Range<PerMille>,
        for_ms: Range<Millis>,
    },
    Partition {
        directions: Weights<Direction>,
        for_ms: Range<Millis>,
    },
    Reset {},
    BackendPartition {
        directions: Weights<Direction>,
        for_ms: Range<Millis>,
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
                factor: draw.range("factor", *factor),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::ServiceErrors {
                services,
                calls_per_mille,
                for_ms,
            } => FaultKind::ServiceErrors {
                service: draw.weights("service", services),
                per_mille: draw.range("calls_per_mille", *calls_per_mille),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::AuthDenies {
                calls_per_mille,
                for_ms,
            } => FaultKind::AuthDenies {
                per_mille: draw.range("calls_per_mille", *calls_per_mille),
                for_ms: draw.range("for_ms", *for_ms),
            },
            Kind::SupervisorJumbles {
                calls_per_mille,
                for_ms,
            } => FaultKind::SupervisorJumbles {
                per_mille: draw.range("calls_per_mille", *calls_per_mille),
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
