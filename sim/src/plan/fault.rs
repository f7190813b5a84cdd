//! What goes wrong, and when.

use std::time::Duration;

use gatesim_model::port::env::Service;
use serde::{Deserialize, Serialize};

use super::{
    Count, Millis, Numbered, PerMille,
    bounds::{MAX_FACTOR, MAX_FAULTS},
};

/// Something that goes wrong at a certain time. What lasts ends by itself, or when the world is
/// healed, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Its number, if that is not its place among the faults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Count<0, MAX_FAULTS>>,
    /// What; in a file its fields stand beside the time.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// When it begins.
    pub at_ms: Millis,
}

macro_rules! fault_kinds {
    ($( $(#[doc = $doc:literal])+ $kind:ident {
        $( $(#[$attribute:meta])+ $field:ident: $type:ty, )*
    }, )+) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
        pub enum FaultKind {
            $( $(#[doc = $doc])+ $kind { $( $(#[$attribute])+ $field: $type, )* }, )+
        }

        impl FaultKind {
            /// The name of every kind as the code spells it, and what it does, for lists.
            pub const ALL: &'static [(&'static str, &'static str)] =
                &[$( (stringify!($kind), concat!($( $doc, )+)), )+];
        }
    };
}

fault_kinds! {
    // --- containers ---------------------------------------------------------------------------
    /// A container dies with all its memory and is started again.
    Crash {
        /// Which.
        container: u32,
        /// How long until it is started again.
        down_ms: Millis,
    },
    /// A container is asked to stop, killed after the grace period, and started again.
    Terminate {
        /// Which.
        container: u32,
        /// From SIGTERM to SIGKILL.
        grace_ms: Millis,
        /// From the kill to the new start.
        down_ms: Millis,
    },
    /// A container is asked to stop and not started again: the deployment becomes smaller.
    ScaleIn {
        /// Which; never the first, so that one remains.
        container: u32,
        /// From SIGTERM to SIGKILL.
        grace_ms: Millis,
    },
    /// Every container in turn is asked to stop and replaced by a new one.
    RollingDeploy {
        /// From SIGTERM to SIGKILL.
        grace_ms: Millis,
        /// From the new start of one to the stop of the next.
        pause_ms: Millis,
    },
    /// A container gets no processor: none of its tasks goes on, while frames still arrive.
    Stall {
        /// Which.
        container: u32,
        /// For how long.
        for_ms: Millis,
    },
    /// The wall clock of a container is set wrong; its timers are not affected.
    ClockJump {
        /// Which.
        container: u32,
        /// Which way.
        towards: Towards,
        /// How far.
        by_ms: Millis,
        /// For how long.
        for_ms: Millis,
    },

    // --- services -----------------------------------------------------------------------------
    /// A backing service does not answer.
    ServiceDown {
        /// Which.
        service: Service,
        /// For how long.
        for_ms: Millis,
    },
    /// A backing service goes down and comes up again and again.
    ServiceFlapping {
        /// Which.
        service: Service,
        /// How long it is down each time.
        down_ms: Millis<1>,
        /// How long it is up in between.
        up_ms: Millis<1>,
        /// For how long.
        for_ms: Millis,
    },
    /// A backing service takes a multiple of its time.
    ServiceSlow {
        /// Which.
        service: Service,
        /// How many times as long.
        factor: Count<1, MAX_FACTOR>,
        /// For how long.
        for_ms: Millis,
    },
    /// A backing service answers with server errors.
    ServiceErrors {
        /// Which.
        service: Service,
        /// How many calls in a thousand.
        per_mille: PerMille,
        /// For how long.
        for_ms: Millis,
    },
    /// Authentication calls good tokens invalid.
    AuthDenies {
        /// How many in a thousand.
        per_mille: PerMille,
        /// For how long.
        for_ms: Millis,
    },
    /// The supervisor answers with a step that is not the next one.
    SupervisorJumbles {
        /// How many answers in a thousand.
        per_mille: PerMille,
        /// For how long.
        for_ms: Millis,
    },

    /// The host of a container is gone, and with it every answer: connections are not ended, they
    /// fall silent. The container is started again elsewhere.
    PowerLoss {
        /// Which.
        container: u32,
        /// How long until it is started again.
        down_ms: Millis,
    },

    // --- links --------------------------------------------------------------------------------
    /// The link of a client carries nothing, in one direction or both.
    Partition {
        /// Which client.
        client: u32,
        /// Which way nothing goes.
        direction: Direction,
        /// For how long.
        for_ms: Millis,
    },
    /// The connection of a client is reset in the middle.
    Reset {
        /// Which client.
        client: u32,
    },
    /// The links between balancer and a container carry nothing, in one direction or both.
    BackendPartition {
        /// Which container.
        container: u32,
        /// Which way nothing goes.
        direction: Direction,
        /// For how long.
        for_ms: Millis,
    },
    /// The connections between balancer and a container are reset in the middle.
    BackendReset {
        /// Which container.
        container: u32,
    },
}

impl FaultPlan {
    /// A fault whose number is its place.
    pub fn new(kind: FaultKind, at_ms: Millis) -> Self {
        FaultPlan {
            number: None,
            kind,
            at_ms,
        }
    }

    /// When it begins.
    pub fn at(&self) -> Duration {
        self.at_ms.duration()
    }
}

impl Numbered for FaultPlan {
    const NAME: &'static str = "fault";

    fn number(&self) -> Option<u32> {
        self.number.map(Count::get)
    }

    fn set_number(&mut self, number: Option<u32>) {
        self.number = number.map(Count::new);
    }
}

impl FaultKind {
    /// What it happens to.
    pub fn victim(&self) -> Victim {
        match *self {
            FaultKind::Crash { container, .. }
            | FaultKind::Terminate { container, .. }
            | FaultKind::ScaleIn { container, .. }
            | FaultKind::Stall { container, .. }
            | FaultKind::PowerLoss { container, .. }
            | FaultKind::ClockJump { container, .. }
            | FaultKind::BackendPartition { container, .. }
            | FaultKind::BackendReset { container } => Victim::Container(container),
            FaultKind::RollingDeploy { .. } => Victim::Fleet,
            FaultKind::ServiceDown { service, .. }
            | FaultKind::ServiceFlapping { service, .. }
            | FaultKind::ServiceSlow { service, .. }
            | FaultKind::ServiceErrors { service, .. } => Victim::Service(service),
            FaultKind::AuthDenies { .. } => Victim::Service(Service::Auth),
            FaultKind::SupervisorJumbles { .. } => Victim::Service(Service::Supervisor),
            FaultKind::Partition { client, .. } | FaultKind::Reset { client } => {
                Victim::Client(client)
            }
        }
    }

    /// How long a stop that it asks for may take before the container is killed.
    pub fn grace(&self) -> Duration {
        match *self {
            FaultKind::Terminate { grace_ms, .. }
            | FaultKind::ScaleIn { grace_ms, .. }
            | FaultKind::RollingDeploy { grace_ms, .. } => grace_ms.duration(),
            FaultKind::Crash { .. }
            | FaultKind::Stall { .. }
            | FaultKind::PowerLoss { .. }
            | FaultKind::ClockJump { .. }
            | FaultKind::ServiceDown { .. }
            | FaultKind::ServiceFlapping { .. }
            | FaultKind::ServiceSlow { .. }
            | FaultKind::ServiceErrors { .. }
            | FaultKind::AuthDenies { .. }
            | FaultKind::SupervisorJumbles { .. }
            | FaultKind::Partition { .. }
            | FaultKind::Reset { .. }
            | FaultKind::BackendPartition { .. }
            | FaultKind::BackendReset { .. } => Duration::ZERO,
        }
    }
}

/// What a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// One container.
    Container(u32),
    /// All containers.
    Fleet,
    /// A backing service.
    Service(Service),
    /// One client.
    Client(u32),
}

/// Which way a partition blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client towards the container.
    Up,
    /// From the container towards the client.
    Down,
    /// Both.
    Both,
}

/// Which way a clock is set wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Towards {
    /// It is fast.
    Future,
    /// It is slow. No clock goes back beyond the start of the run.
    Past,
}
