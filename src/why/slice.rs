//! The causal slice: the events that led to the violation and that concern the same state.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::trace::event::{Fact, TraceEvent, WorldEvent};

use super::{
    Noticed,
    graph::{Graph, SharedState, WEIGHTY, states, weight},
};

/// Most events of a slice.
pub const MAX_EVENTS: usize = 20;

/// Most events with the same name: the last ones are kept.
const MAX_ALIKE: u8 = 3;

/// Events of less weight (calls, tasks, table entries, ids) are left out.
const MIN_WEIGHT: u8 = 5;

/// How closely an event is related to the violation; the first are kept if there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Concern {
    /// A fault, or the end of a container.
    Fault,
    /// It touches the state of the violation: the same machine, lock, message, run, breaker.
    Subject,
    /// It changes the state of the connection of the violation.
    Connection,
    /// It is about that connection.
    Around,
}

/// The numbers of the events of the slice, ascending. It always contains the events of the steps in
/// `decisive`.
pub fn slice(graph: &Graph<'_>, noticed: &Noticed, decisive: &[u64]) -> Vec<u64> {
    let behind = graph.behind(noticed.step);
    let mut kept = BTreeSet::from([noticed.event]);
    for step in decisive {
        let spoken = graph.speaking(*step).and_then(|step| graph.headline(step));
        kept.extend(spoken.map(|entry| entry.number));
    }
    let trace = graph.trace();
    let subject: BTreeSet<SharedState> = kept
        .iter()
        .filter_map(|number| trace.get(*number as usize))
        .flat_map(states)
        .filter(SharedState::is_particular)
        .collect();
    let connections: BTreeSet<SharedState> = kept
        .iter()
        .filter_map(|number| trace.get(*number as usize))
        .flat_map(states)
        .chain(noticed.socket.map(SharedState::Connection))
        .filter(|state| matches!(state, SharedState::Connection(_)))
        .collect();
    let mut story: Vec<(Concern, &TraceEvent)> = trace
        .iter()
        .rev()
        .filter(|entry| entry.number <= noticed.event && behind.contains(&entry.step))
        .filter_map(|entry| Some((concern(entry, &subject, &connections)?, entry)))
        .collect();
    story.sort_by_key(|(concern, _)| *concern);
    let mut alike = BTreeMap::<String, u8>::new();
    for (_, entry) in story {
        if kept.len() >= MAX_EVENTS {
            break;
        }
        let alike = alike.entry(entry.fact.row().title()).or_default();
        if *alike < MAX_ALIKE {
            *alike += u8::from(kept.insert(entry.number));
        }
    }
    kept.into_iter().collect()
}

fn concern(
    entry: &TraceEvent,
    subject: &BTreeSet<SharedState>,
    connections: &BTreeSet<SharedState>,
) -> Option<Concern> {
    if let Fact::World(WorldEvent::FaultApplied { .. } | WorldEvent::ContainerGone { .. }) =
        entry.fact
    {
        return Some(Concern::Fault);
    }
    let weight = weight(entry);
    let touched = states(entry);
    let touches =
        |states: &BTreeSet<SharedState>| touched.iter().any(|state| states.contains(state));
    if weight < MIN_WEIGHT {
        None
    } else if touches(subject) {
        Some(Concern::Subject)
    } else if touches(connections) && weight >= WEIGHTY {
        Some(Concern::Connection)
    } else if touches(connections) {
        Some(Concern::Around)
    } else {
        None
    }
}
