//! The faults of the plan: in which lanes, from when to when.

use gatesim_model::core::time::Time;
use gatesim_sim::{
    plan::{FaultKind, Plan, Victim},
    run::outcome::Outcome,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};
use serde::Serialize;

use super::{
    lane::{LaneKind, Lanes},
    window::Kept,
};

/// A fault that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultBar {
    /// Its number in the plan.
    pub number: u32,
    /// What it does.
    pub text: String,
    /// The event at which it was applied.
    pub event: u64,
    /// Where it acts.
    pub lanes: Vec<usize>,
    /// When it is over, in nanoseconds since the start; none if it is over at once or lasts to
    /// the end of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<u64>,
}

/// A bar for each fault that was applied in the part that is kept.
pub fn bars(plan: &Plan, outcome: &Outcome, lanes: &Lanes, kept: &Kept) -> Vec<FaultBar> {
    let applied = outcome.trace.iter().filter(|entry| kept.keeps(entry));
    applied
        .filter_map(|entry| {
            let Fact::World(WorldEvent::FaultApplied { fault }) = entry.fact else {
                return None;
            };
            let planned = plan.fault(fault)?;
            Some(FaultBar {
                number: fault,
                text: planned.kind.to_string(),
                event: entry.number,
                lanes: victims(&planned.kind, outcome, lanes),
                until_ns: until(plan, entry, outcome, &planned.kind).map(|time| time.0),
            })
        })
        .collect()
}

fn victims(kind: &FaultKind, outcome: &Outcome, lanes: &Lanes) -> Vec<usize> {
    let actors: Vec<Actor> = match kind.victim() {
        Victim::Container(container) => vec![Actor::Container(container)],
        Victim::Client(client) => vec![Actor::Client(client)],
        Victim::Service(service) => vec![Actor::Service(service)],
        Victim::Fleet => {
            let mut containers: Vec<Actor> = (outcome.trace.iter())
                .map(|entry| entry.actor)
                .filter(|actor| LaneKind::of(*actor) == Some(LaneKind::Container))
                .collect();
            containers.sort();
            containers.dedup();
            containers
        }
    };
    actors.into_iter().filter_map(|a| lanes.find(a)).collect()
}

/// When a fault that was applied is over: healing ends every fault, and a restart of its
/// container ends a crash, which may be before the planned time.
fn until(plan: &Plan, applied: &TraceEvent, outcome: &Outcome, kind: &FaultKind) -> Option<Time> {
    let ends = applied.time + kind.lasts()?;
    let healed = Time::ZERO + plan.heals_at();
    let started = restarted(applied, outcome, kind);
    started.into_iter().chain([healed, ends]).min()
}

/// When a container that was brought down was started again.
fn restarted(applied: &TraceEvent, outcome: &Outcome, kind: &FaultKind) -> Option<Time> {
    let (FaultKind::Crash {
        container: down, ..
    }
    | FaultKind::PowerLoss {
        container: down, ..
    }
    | FaultKind::Terminate {
        container: down, ..
    }) = kind
    else {
        return None;
    };
    let from = outcome
        .trace
        .partition_point(|entry| entry.number <= applied.number);
    let start = outcome.trace[from..].iter().find(|entry| {
        matches!(entry.fact, Fact::World(WorldEvent::ContainerStarted { container, .. }) if container == *down)
    });
    start.map(|entry| entry.time)
}
