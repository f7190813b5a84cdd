//! Scenarios: what a run throws at a design, as ranges and weights.

use gatesim_model::{core::environment::Environment, design::line_of};
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

use crate::{
    plan::{
        Plan,
        bounds::{MAX_EVERY, MAX_FAULTS},
        client::ClientPlan,
        fault::FaultPlan,
        link::LinkPlan,
        list::List,
        range::Range,
        service::{ServicePlan, ServicesPlan},
        unit::{Count, Millis},
    },
    scheduler::Strategy,
    trace::event::Actor,
};

mod balancer;
mod client;
mod container;
mod draw;
mod dropped;
mod fault;
mod feasible;
mod floors;
mod limits;
mod network;
mod swarm;
mod weights;

use balancer::Balancing;
use client::Clients;
use container::Containers;
use draw::Draw;
pub use dropped::{DrawnPlan, DropReason, DroppedFault};
use fault::Fault;
pub use floors::Floors;
pub use limits::{Demand, FigureLimit, FigureLimits, Measure};
pub use weights::WEIGHTS;
use weights::Weights;

/// A scenario file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// One sentence: what it throws at a design.
    pub summary: String,
    /// A sweep over all scenarios runs one seed in so many of this one, whose runs are long. A
    /// sweep that names it runs each.
    #[serde(default)]
    pub every: Count<1, MAX_EVERY>,
    /// Whose timings apply.
    environment: Weights<Environment>,
    /// How ties between ready tasks are broken.
    strategy: Weights<Strategy>,
    /// The run is cut off here.
    time_limit_ms: Millis<1>,
    /// When every fault ends, in scenarios that look at what comes then.
    #[serde(default)]
    heal_at_ms: Option<Range<Millis>>,
    /// Whether each seed has its own choice of faults.
    #[serde(default)]
    swarm: bool,
    /// How long the world is watched after the last client is done, for what is left behind.
    aftermath_ms: Millis,
    /// The balancer.
    balancer: Balancing,
    /// The backing services.
    services: ServicesPlan,
    /// The links between balancer and containers.
    backend_link: LinkPlan,
    /// The containers.
    containers: Containers,
    /// The clients.
    clients: Clients,
    /// What goes wrong, and when.
    #[serde(default)]
    faults: List<Fault, 0, MAX_FAULTS>,
    /// How often its runs must reach rare states, or a sweep that held was vacuous.
    #[serde(default)]
    pub floors: Floors,
    /// What figures and marks must not exceed or fall below; `gatesim list limits` has the names.
    #[serde(default)]
    pub limits: FigureLimits,
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, with allowed values.
    pub message: String,
}

/// The largest seed: capsules are TOML, whose integers are signed.
pub const MAX_SEED: u64 = i64::MAX as u64;

impl Scenario {
    /// Reads a scenario. `name` becomes its name, `file` stands in errors.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Scenario, ConfigError> {
        let mut scenario: Scenario = toml::from_str(text).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().trim_end().to_owned(),
        })?;
        name.clone_into(&mut scenario.name);
        match feasible::first_impossible_fault(&scenario) {
            None => Ok(scenario),
            Some((fault, message)) => Err(ConfigError {
                file: file.to_owned(),
                line: line_of(text, feasible::place_of_fault(text, fault)),
                message,
            }),
        }
    }

    /// What its faults are called, in the order of their tables: the kind, and a number if there are
    /// several tables of one kind.
    pub fn fault_names(&self) -> Vec<String> {
        let kinds: Vec<&str> = self.faults.iter().map(Fault::name).collect();
        let name = |(place, kind): (usize, &&str)| {
            let same = |kinds: &[&str]| kinds.iter().filter(|one| *one == kind).count();
            match same(&kinds) {
                1 => (*kind).to_owned(),
                _ => format!("{kind} #{}", same(&kinds[..=place])),
            }
        };
        kinds.iter().enumerate().map(name).collect()
    }

    /// Whether every client sends messages.
    pub fn has_messages(&self) -> bool {
        self.clients.has_messages()
    }

    /// The plan of one seed.
    pub fn plan(&self, seed: u64) -> Plan {
        self.draw(seed).plan
    }

    /// The plan of one seed, and what could not be part of it.
    pub fn draw(&self, seed: u64) -> DrawnPlan {
        let draw = Draw::new(seed, self.swarm);
        let containers = self.containers.plans(&draw);
        let users = draw.range("users", self.clients.users);
        let clients: Vec<ClientPlan> = (0..draw.range("clients", self.clients.count).get())
            .map(|n| self.clients.plan(&draw.of(Actor::Client(n)), users))
            .collect();
        let heal_at_ms = self.heal_at_ms.map(|range| draw.range("heal_at_ms", range));
        let mut faults: Vec<FaultPlan> = Vec::new();
        let mut tables = Vec::new();
        let mut dropped = Vec::new();
        for (table, fault) in self.faults.iter().enumerate() {
            for drawn in fault.plan(&draw, containers.len(), clients.len()) {
                let fits = drawn.and_then(|fault| match heal_at_ms {
                    Some(heal) if fault.at_ms >= heal => Err(DropReason::AfterHealing),
                    _ if faults.len() == MAX_FAULTS as usize => Err(DropReason::PlanFull),
                    _ => Ok(fault),
                });
                match fits {
                    Ok(fault) => {
                        faults.push(fault);
                        tables.push(table);
                    }
                    Err(reason) => dropped.push(DroppedFault { table, reason }),
                }
            }
        }
        let plan = Plan {
            scenario: self.name.clone(),
            seed,
            environment: draw.weights("environment", &self.environment),
            strategy: draw.weights("strategy", &self.strategy),
            time_limit_ms: self.time_limit_ms,
            heal_at_ms,
            aftermath_ms: self.aftermath_ms,
            balancer: self.balancer.plan(&draw),
            services: self.services(&draw),
            backend_link: LinkPlan {
                loss_per_mille: draw.loss(Range::only(self.backend_link.loss_per_mille)),
                ..self.backend_link
            },
            containers: containers.into(),
            clients: clients.into(),
            faults: faults.into(),
        };
        DrawnPlan {
            plan,
            tables,
            dropped,
        }
    }

    /// The services, with errors as often as this seed has them.
    fn services(&self, draw: &Draw) -> ServicesPlan {
        let service = |plan: ServicePlan| ServicePlan {
            error_per_mille: draw.per_mille("error_per_mille", Range::only(plan.error_per_mille)),
            ..plan
        };
        let ServicesPlan {
            auth,
            redis,
            database,
            supervisor,
        } = self.services;
        ServicesPlan {
            auth: service(auth),
            redis: service(redis),
            database: service(database),
            supervisor: service(supervisor),
        }
    }
}

#[cfg(test)]
mod tests;
