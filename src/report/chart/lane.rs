//! Which actors have a lane, and in which lane an event stands.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::port::env::Service;
use gatesim_sim::{
    plan::{Plan, Victim},
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};
use serde::Serialize;

/// One actor of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// The actor by name.
    pub name: Actor,
    /// What kind of actor it is.
    pub kind: LaneKind,
}

/// What stands in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// A browser.
    Client,
    /// The load balancer.
    Balancer,
    /// A container of the gateway.
    Container,
    /// A backing service.
    Service,
}

impl LaneKind {
    /// What kind of lane an actor has; none for the run itself, and for a connection, whose events
    /// stand with its client or its container.
    pub fn of(actor: Actor) -> Option<LaneKind> {
        match actor {
            Actor::Client(_) => Some(LaneKind::Client),
            Actor::Balancer => Some(LaneKind::Balancer),
            Actor::Container(_) => Some(LaneKind::Container),
            Actor::Service(_) => Some(LaneKind::Service),
            Actor::World | Actor::Socket(_) => None,
        }
    }
}

/// Every lane by its actor: clients, balancer, containers, services, as frames travel.
pub struct Lanes(BTreeMap<Actor, usize>);

impl Lanes {
    /// A lane for each actor that appears in these events.
    pub fn of<'a>(entries: impl Iterator<Item = &'a TraceEvent>) -> Self {
        let mut actors = BTreeSet::new();
        for entry in entries {
            let appearing = [Some(entry.lane()), entry.asked(), entry.link_end()];
            actors.extend(appearing.into_iter().flatten());
        }
        // The order of actors is that of the lanes.
        let lanes = actors
            .into_iter()
            .filter(|actor| LaneKind::of(*actor).is_some());
        Lanes(lanes.zip(0..).collect())
    }

    /// The lane of an actor.
    pub fn find(&self, actor: Actor) -> Option<usize> {
        self.0.get(&actor).copied()
    }

    /// From left to right.
    pub fn finish(self) -> Vec<Lane> {
        self.0
            .into_keys()
            .filter_map(|name| {
                let kind = LaneKind::of(name)?;
                Some(Lane { name, kind })
            })
            .collect()
    }
}

/// The actor in whose lane an event stands: the one that it is about. A fault stands with its target,
/// which the plan knows, and what happens to a link with the end that is not the balancer.
pub fn home(entry: &TraceEvent, plan: &Plan) -> Option<Actor> {
    match entry.fact {
        Fact::World(WorldEvent::FaultApplied { fault }) => match plan.fault(fault)?.kind.victim() {
            Victim::Container(container) => Some(Actor::Container(container)),
            Victim::Client(client) => Some(Actor::Client(client)),
            Victim::Service(service) => Some(Actor::Service(service)),
            Victim::Fleet => None,
        },
        Fact::World(_) | Fact::Protocol(_) => Some(entry.link_end().unwrap_or(entry.lane())),
    }
}

/// The name of a lane for a narrow heading: `client 0`, `auth`.
pub fn title(actor: Actor) -> String {
    match actor {
        Actor::Client(n) => format!("client {n}"),
        Actor::Container(n) => format!("container {n}"),
        Actor::World
        | Actor::Balancer
        | Actor::Service(
            Service::Auth | Service::Redis | Service::Database | Service::Supervisor,
        )
        | Actor::Socket(_) => actor.to_string(),
    }
}
