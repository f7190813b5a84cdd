//! The containers.

use std::time::Duration;

use gatesim_model::{
    core::message_queue::MAX_WAITING_FRAMES,
    event::{Component, StartupPhase},
    gateway::managers::MANAGERS_PER_USER,
};
use serde::{Deserialize, Serialize};

use super::{Numbered, Range};
use crate::plan::bounds::{
    MAX_CONTAINERS, MAX_MS, MAX_REGISTRY, MAX_US, MAX_WAITING, maybe_within, within,
};

/// One container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerPlan {
    /// Its number, if that is not its place among the containers.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "maybe_within::<0, MAX_CONTAINERS, _, _>"
    )]
    pub number: Option<u32>,
    /// When it is started for the first time.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub start_ms: u64,
    /// From process start to listening.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub listen_after_ms: u64,
    /// From process start to the moment at which the balancer routes to it; may be before the
    /// start-up is complete, which is what a cold start is.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub in_service_after_ms: u64,
    /// How long each start-up phase before `complete` takes.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub phase_ms: [u64; StartupPhase::ALL.len() - 1],
    /// Components that never appear, until the world is healed.
    #[serde(default)]
    pub never_ready: Vec<Component>,
    /// The start-up phase that it never leaves, until the world is healed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangs_in: Option<StartupPhase>,
    /// How many machines its registry holds at most.
    #[serde(deserialize_with = "within::<0, MAX_REGISTRY, _, _>")]
    pub registry_capacity: u32,
    /// How many connection managers one user may have.
    #[serde(
        default = "managers_per_user",
        skip_serializing_if = "is_usual_managers",
        deserialize_with = "within::<1, MAX_REGISTRY, _, _>"
    )]
    pub managers_per_user: u32,
    /// How many frames wait for one connection at most.
    #[serde(
        default = "queue_capacity",
        skip_serializing_if = "is_usual_queue",
        deserialize_with = "within::<1, MAX_WAITING, _, _>"
    )]
    pub queue_capacity: u32,
    /// How long the server takes between the two halves of accept.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub accept_us: Range,
    /// Whether it carries the variable of end-to-end tests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_tests: bool,
}

impl Numbered for ContainerPlan {
    const NAME: &'static str = "container";

    fn number(&self) -> Option<u32> {
        self.number
    }

    fn set_number(&mut self, number: Option<u32>) {
        self.number = number;
    }
}

impl ContainerPlan {
    /// When it is started for the first time.
    pub fn start(&self) -> Duration {
        Duration::from_millis(self.start_ms)
    }

    /// From process start to the moment when it is in service and its start-up, if nothing keeps
    /// it, is complete.
    pub fn until_complete(&self) -> Duration {
        let started = self.phase_ms.iter().sum::<u64>();
        Duration::from_millis(
            started
                .max(self.listen_after_ms)
                .max(self.in_service_after_ms),
        )
    }

    /// Whether something keeps its start-up from being complete.
    pub fn is_impaired(&self) -> bool {
        !self.never_ready.is_empty() || self.hangs_in.is_some()
    }
}

/// What a deployment has that does not say how many managers a user may have.
pub(crate) fn managers_per_user() -> u32 {
    MANAGERS_PER_USER as u32
}

/// What a deployment has that does not say how many frames may wait.
pub(crate) fn queue_capacity() -> u32 {
    MAX_WAITING_FRAMES as u32
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_usual_managers(value: &u32) -> bool {
    *value == managers_per_user()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_usual_queue(value: &u32) -> bool {
    *value == queue_capacity()
}
