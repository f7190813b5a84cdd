//! What one seed makes of a scenario: concrete data, written and edited by hand if need be.
//!
//! Everything random about a run that is not a scheduling choice stands here, or is drawn by
//! key from a range that stands here.
use std::time::Duration;

use gatesim_model::core::environment::Environment;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    plan::{
        bounds::{MAX_CLIENTS, MAX_CONTAINERS, MAX_FAULTS},
        unit::is_default,
    },
    scheduler::Strategy,
};

mod balancer;
pub mod bounds;
mod client;
mod container;
mod fault;
pub mod figure;
mod link;
mod list;
mod mark;
mod number;
mod range;
pub mod scenario;
mod service;
mod unit;

pub use balancer::{A_DAY_MS, BalancerPlan, BalancingPolicy, HeaderPlan, ReorderPlan};
pub use client::{
    ClientPlan, Leaving, MessageKind, MessagePlan, NoiseKind, NoisePlan, Program, TokenPlace,
};
pub use container::ContainerPlan;
pub use fault::{ActsOn, AmountVisitor, Direction, FaultKind, FaultPlan, Towards, Victim};
pub use link::{CONNECT_RETRIES, LinkPlan, RETRANSMISSION, USUAL_GIVE_UP_MS, USUAL_WINDOW};
pub use list::List;
pub use mark::{Mark, UnknownMark};
pub use number::{Numbered, with_numbers_mut};
pub use range::Range;
pub use service::{ServicePlan, ServicesPlan};
pub use unit::{Count, Micros, Millis, PerMille, UNIT, Unit};

pub use crate::trace::request::{HeaderPolicy, Token};

/// A concrete run, but for the design. One that cannot be run cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    pub time_limit_ms: Millis<1>,
    /// When everything that goes wrong ends and nothing begins any more, if that is not to follow
    /// from the rest of the plan; see [`Plan::heals_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal_at_ms: Option<Millis>,
    /// How long the world is watched after the last client is done, for what is left behind.
    pub aftermath_ms: Millis,
    /// The balancer.
    pub balancer: BalancerPlan,
    /// One entry for each backing service.
    pub services: ServicesPlan,
    /// The links between balancer and containers.
    pub backend_link: LinkPlan,
    /// The containers, by number.
    pub containers: List<ContainerPlan, 1, MAX_CONTAINERS>,
    /// The clients, by number.
    pub clients: List<ClientPlan, 1, MAX_CLIENTS>,
    /// What goes wrong, and when. Not written if there is none, so that a person may add one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub faults: List<FaultPlan, 0, MAX_FAULTS>,
}

impl Plan {
    /// When everything that goes wrong ends: faults, what keeps containers from completing their
    /// start-up, and what goes wrong by chance. Links keep their losses.
    ///
    /// Unless the plan says when, it is the end of the last fault by its own description. What goes
    /// wrong from the beginning and has no end of its own does so for as long as the most patient
    /// client stays.
    pub fn heals_at(&self) -> Duration {
        self.heal_at_ms
            .map_or_else(|| self.nothing_wrong_after(), Millis::duration)
    }

    fn nothing_wrong_after(&self) -> Duration {
        let faults = (self.faults.iter()).map(|fault| fault.over_by(self.containers.iter()));
        let clients = (self.clients.iter())
            .map(ClientPlan::patient_until)
            .filter(|_| self.is_impaired());
        latest(faults.chain(clients))
    }

    /// Whether something is wrong from the beginning, without a fault that begins or ends it.
    fn is_impaired(&self) -> bool {
        self.containers.iter().any(ContainerPlan::is_impaired)
            || self.services.err()
            || self.balancer.errs()
    }

    /// When the world is whole: nothing goes wrong any more, and every container that is not scaled in
    /// has had the time to stop, to start and to go into service.
    pub fn healed_by(&self) -> Duration {
        let grace = latest(self.faults.iter().map(|fault| fault.kind.grace()));
        let last_start = latest(self.containers.iter().map(|one| one.start_ms.duration()));
        let boot = latest(self.containers.iter().map(ContainerPlan::until_complete));
        (self.heals_at() + grace).max(last_start) + boot
    }

    /// When a run is over at the latest, if no client leaves with a thing owed to it and `converged` is
    /// what a healed world takes for that: one that is cut off sooner has not shown everything.
    pub fn over_by(&self, converged: Duration) -> Duration {
        let healed = self.healed_by();
        let leave = self
            .clients
            .iter()
            .map(|client| client.leaves_by(healed, converged));
        latest(leave) + self.aftermath_ms.duration()
    }

    /// The containers with their numbers, in ascending order.
    pub fn containers(&self) -> impl Iterator<Item = (u32, &ContainerPlan)> {
        number::with_numbers(&self.containers)
    }

    /// The clients with their numbers, in ascending order.
    pub fn clients(&self) -> impl Iterator<Item = (u32, &ClientPlan)> {
        number::with_numbers(&self.clients)
    }

    /// The faults with their numbers, in ascending order.
    pub fn faults(&self) -> impl Iterator<Item = (u32, &FaultPlan)> {
        number::with_numbers(&self.faults)
    }

    /// The container with this number, if there is one.
    pub fn container(&self, number: u32) -> Option<&ContainerPlan> {
        number::place_of(&self.containers, number).map(|place| &self.containers[place])
    }

    /// The client with this number, if there is one.
    pub fn client(&self, number: u32) -> Option<&ClientPlan> {
        number::place_of(&self.clients, number).map(|place| &self.clients[place])
    }

    /// The fault with this number, if there is one.
    pub fn fault(&self, number: u32) -> Option<&FaultPlan> {
        number::place_of(&self.faults, number).map(|place| &self.faults[place])
    }

    /// The client with this number, for editing, if there is one.
    pub fn client_mut(&mut self, number: u32) -> Option<&mut ClientPlan> {
        number::place_of(&self.clients, number).map(|place| &mut self.clients[place])
    }

    /// The fault with this number, for editing, if there is one.
    pub fn fault_mut(&mut self, number: u32) -> Option<&mut FaultPlan> {
        number::place_of(&self.faults, number).map(|place| &mut self.faults[place])
    }

    /// Takes out every container that `keeps` refuses, and the faults that affect it; the
    /// others keep their numbers.
    pub fn retain_containers(&mut self, keeps: impl Fn(u32) -> bool) {
        number::retain(&mut self.containers, &keeps);
        self.retain_victims(|victim| match victim {
            Victim::Container(container) => keeps(container),
            Victim::Client(_) | Victim::Fleet | Victim::Service(_) => true,
        });
    }

    /// Takes out every client that `keeps` refuses, and the faults that affect it; the
    /// others keep their numbers.
    pub fn retain_clients(&mut self, keeps: impl Fn(u32) -> bool) {
        number::retain(&mut self.clients, &keeps);
        self.retain_victims(|victim| match victim {
            Victim::Client(client) => keeps(client),
            Victim::Container(_) | Victim::Fleet | Victim::Service(_) => true,
        });
    }

    /// Takes out every fault that `keeps` refuses; the others keep their numbers.
    pub fn retain_faults(&mut self, keeps: impl Fn(u32) -> bool) {
        number::retain(&mut self.faults, keeps);
    }

    fn retain_victims(&mut self, keeps: impl Fn(Victim) -> bool) {
        let kept: Vec<u32> = self
            .faults()
            .filter(|(_, fault)| keeps(fault.kind.victim()))
            .map(|(number, _)| number)
            .collect();
        self.retain_faults(|number| kept.contains(&number));
    }

    /// Says what keeps the plan from being run.
    pub fn check(&self) -> Result<(), String> {
        number::check(&self.containers)?;
        number::check(&self.clients)?;
        number::check(&self.faults)?;
        let first = self.containers().next().map(|(number, _)| number);
        for (n, fault) in self.faults.iter().enumerate() {
            let place = format!("fault {} of {}", n + 1, self.faults.len());
            match fault.kind.victim() {
                Victim::Container(n) if self.container(n).is_none() => {
                    let known = number::in_words(&self.containers);
                    return Err(format!("{place} names container {n}; {known}"));
                }
                Victim::Client(n) if self.client(n).is_none() => {
                    let known = number::in_words(&self.clients);
                    return Err(format!("{place} names client {n}; {known}"));
                }
                Victim::Container(_) | Victim::Client(_) => {}
                Victim::Fleet | Victim::Service(_) => {}
            }
            if let FaultKind::ScaleIn { container, .. } = fault.kind
                && Some(container) == first
            {
                return Err(format!(
                    "{place} scales in container {container}, which must remain"
                ));
            }
            if self.heal_at_ms.is_some_and(|heal| fault.at_ms >= heal) {
                return Err(format!("{place} begins after the world is healed"));
            }
        }
        Ok(())
    }
}

fn latest(times: impl Iterator<Item = Duration>) -> Duration {
    times.max().unwrap_or_default()
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
