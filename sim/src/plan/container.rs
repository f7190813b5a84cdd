//! The containers.

use std::time::Duration;

use gatesim_model::{
    core::message_queue::MAX_WAITING_FRAMES,
    event::{Component, StartupPhase},
    gateway::managers::MANAGERS_PER_USER,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{
    bounds::{MAX_CONTAINERS, MAX_REGISTRY, MAX_WAITING},
    number::Numbered,
    range::Range,
    unit::{Count, Micros, Millis, is_usual, usual},
};

/// How many managers a user may have in a deployment that does not say it.
pub(super) const USUAL_MANAGERS: u64 = MANAGERS_PER_USER as u64;

/// How many frames may wait in a deployment that does not say it.
pub(super) const USUAL_QUEUE: u64 = MAX_WAITING_FRAMES as u64;

/// One container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerPlan {
    /// Its number, if that is not its place among the containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Count<0, MAX_CONTAINERS>>,
    /// When it is started for the first time.
    pub start_ms: Millis,
    /// From process start to listening.
    pub listen_after_ms: Millis,
    /// From process start to the time at which the balancer routes to it; may be before the
    /// start-up is complete, which is what a cold start is.
    pub in_service_after_ms: Millis,
    /// How long each start-up phase before `complete` takes.
    pub phase_ms: [Millis; StartupPhase::ALL.len() - 1],
    /// Components that never appear, until the world is healed.
    #[serde(default)]
    pub never_ready: Vec<Component>,
    /// The start-up phase that it never leaves, until the world is healed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangs_in: Option<StartupPhase>,
    /// How many machines its registry holds at most.
    pub registry_capacity: Count<0, MAX_REGISTRY>,
    /// How many connection managers one user may have.
    #[serde(
        default = "usual::<Count<1, MAX_REGISTRY>, USUAL_MANAGERS>",
        skip_serializing_if = "is_usual::<_, USUAL_MANAGERS>"
    )]
    pub managers_per_user: Count<1, MAX_REGISTRY>,
    /// How many frames wait for one connection at most.
    #[serde(
        default = "usual::<Count<1, MAX_WAITING>, USUAL_QUEUE>",
        skip_serializing_if = "is_usual::<_, USUAL_QUEUE>"
    )]
    pub queue_capacity: Count<1, MAX_WAITING>,
    /// How long the server takes between the two halves of accept.
    pub accept_us: Range<Micros>,
    /// Whether it carries the variable of end-to-end tests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_tests: bool,
}

impl Numbered for ContainerPlan {
    const NAME: &'static str = "container";

    fn number(&self) -> Option<u32> {
        self.number.map(Count::get)
    }

    fn set_number(&mut self, number: Option<u32>) {
        self.number = number.map(Count::new);
    }
}

impl ContainerPlan {
    /// From process start to the time when it is in service and its start-up, if nothing keeps
    /// it, is complete.
    pub fn until_complete(&self) -> Duration {
        let started: Duration = self.phase_ms.iter().map(|phase| phase.duration()).sum();
        let listens = self.listen_after_ms.max(self.in_service_after_ms);
        started.max(listens.duration())
    }

    /// Whether something keeps its start-up from being complete.
    pub fn is_impaired(&self) -> bool {
        !self.never_ready.is_empty() || self.hangs_in.is_some()
    }
}
