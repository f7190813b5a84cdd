//! What one seed makes of a scenario: concrete data, written and edited by hand if need be.
//!
//! Everything random about a run that is not a scheduling choice stands here, or is drawn by
//! key from a range that stands here.
use std::time::Duration;

use gatesim_model::environment::Environment;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    bounds::{MAX_CLIENTS, MAX_CONTAINERS, MAX_FAULTS, MAX_MS, maybe_within, within},
    gate::Strategy,
};

mod balancer;
mod client;
mod container;
mod fault;
mod link;
mod range;
mod service;

pub use balancer::{BalancerPlan, HeaderPlan, HeaderPolicy, ReorderPlan};
pub use client::{
    ClientPlan, Leaving, MessageKind, MessagePlan, NoiseKind, NoisePlan, Program, Token, TokenPlace,
};
pub use container::ContainerPlan;
pub(crate) use container::{managers_per_user, queue_capacity};
pub use fault::{Direction, FaultKind, FaultPlan, Towards, Victim};
pub use link::LinkPlan;
pub use range::Range;
pub use service::{ServicePlan, ServicesPlan};

/// A concrete run, but for the design. One that cannot be run cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Plan {
    /// The scenario it came from.
    pub scenario: String,
    /// Seeds every keyed choice of the run.
    pub seed: u64,
    /// Whose timings apply.
    pub environment: Environment,
    /// How ties between ready tasks are broken.
    pub strategy: Strategy,
    /// The run is cut off here.
    #[serde(deserialize_with = "within::<1, MAX_MS, _, _>")]
    pub time_limit_ms: u64,
    /// When every fault ends and none begins any more, if the run has such a second phase: from
    /// then on the world must converge.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "maybe_within::<0, MAX_MS, _, _>"
    )]
    pub heal_at_ms: Option<u64>,
    /// How long the world is watched after the last client is done, for what is left behind.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub aftermath_ms: u64,
    /// The balancer.
    pub balancer: BalancerPlan,
    /// One entry for each backing service.
    pub services: ServicesPlan,
    /// The links between balancer and containers.
    pub backend_link: LinkPlan,
    /// The containers; the first is container 0.
    #[serde(deserialize_with = "within::<1, MAX_CONTAINERS, _, _>")]
    pub containers: Vec<ContainerPlan>,
    /// The clients; the first is client 0.
    #[serde(deserialize_with = "within::<1, MAX_CLIENTS, _, _>")]
    pub clients: Vec<ClientPlan>,
    /// What goes wrong, and when. Not written if there is none, so that a person may add one.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "within::<0, MAX_FAULTS, _, _>"
    )]
    pub faults: Vec<FaultPlan>,
}

impl Plan {
    /// When the world is whole again, if it is ever healed: every fault is over by then and every
    /// container that is not scaled in has had the time to stop, to start and to go into service.
    pub fn healed_by(&self) -> Option<Duration> {
        let heal = Duration::from_millis(self.heal_at_ms?);
        let longest = |durations: &mut dyn Iterator<Item = Duration>| durations.max();
        let grace = longest(&mut self.faults.iter().map(|fault| fault.kind.grace()));
        let last_start = longest(&mut self.containers.iter().map(ContainerPlan::start));
        let boot = longest(&mut self.containers.iter().map(ContainerPlan::until_complete));
        let begins = (heal + grace.unwrap_or_default()).max(last_start.unwrap_or_default());
        Some(begins + boot.unwrap_or_default())
    }

    /// Says what keeps the plan from being run.
    fn check(&self) -> Result<(), String> {
        for (n, fault) in self.faults.iter().enumerate() {
            let place = format!("fault {} of {}", n + 1, self.faults.len());
            let (kind, index, count) = match fault.kind.victim() {
                Victim::Container(container) => ("container", container, self.containers.len()),
                Victim::Client(client) => ("client", client, self.clients.len()),
                Victim::Fleet | Victim::Service(_) => ("", 0, 1),
            };
            if index as usize >= count {
                return Err(format!(
                    "{place} names {kind} {index}; {kind}s are 0 to {}",
                    count - 1
                ));
            }
            if let FaultKind::ScaleIn { container: 0, .. } = fault.kind {
                return Err(format!("{place} scales in container 0, which must remain"));
            }
            if self.heal_at_ms.is_some_and(|heal| fault.at_ms >= heal) {
                return Err(format!("{place} begins after the world is healed"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // The derived function of this name, which reads the fields.
        let plan = Plan::deserialize(from)?;
        plan.check().map_err(D::Error::custom)?;
        Ok(plan)
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Plan::serialize(self, to)
    }
}
