//! The state of all actors at a point of a run, and what changed between two points.

use gatesim_model::core::time::Time;
use gatesim_sim::{
    trace::event::Actor,
    view::snapshot::{ActorState, Snapshot, StateChange},
};
use serde::Serialize;

use super::{TracedRun, only::RunPart};
use crate::output::Style;

/// Longer names of lines do not push the others to the right.
const MAX_NAME: usize = 44;

/// The lines of each actor that belong to these parts; actors without any are left out.
pub fn of_parts(snapshot: &Snapshot, parts: &[RunPart]) -> Vec<(Actor, ActorState)> {
    let belongs = |actor: Actor, state: &ActorState| -> ActorState {
        let lines = state.iter().filter(|(path, value)| {
            parts.is_empty() || parts.iter().any(|part| part.has_line(actor, path, value))
        });
        lines
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect()
    };
    snapshot
        .actors()
        .filter_map(|actor| Some((actor, belongs(actor, snapshot.state(actor)?))))
        .filter(|(_, state)| !state.is_empty())
        .collect()
}

/// The state of actors, for a person.
pub fn lines(states: &[(Actor, ActorState)], style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for (actor, state) in states {
        lines.push(style.strong(&actor.to_string()));
        let names = state.keys().map(|path| path.to_string().chars().count());
        let width = names.max().unwrap_or_default().min(MAX_NAME);
        lines.extend(
            state
                .iter()
                .map(|(path, value)| format!("  {path:<width$}  {value}")),
        );
    }
    lines
}

/// Changes, for a person: what is new, what is gone, what became something else.
pub fn change_lines(changes: &[StateChange], style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for of_actor in changes.chunk_by(|a, b| a.actor == b.actor) {
        lines.push(style.strong(&of_actor[0].actor.to_string()));
        lines.extend(of_actor.iter().map(|change| change_line(change, style)));
    }
    lines
}

fn change_line(change: &StateChange, style: Style) -> String {
    let path = &change.path;
    match (&change.before, &change.after) {
        (None, Some(after)) => style.good(&format!("  + {path}: {after}")),
        (Some(before), None) => style.bad(&format!("  - {path}: {before}")),
        (Some(before), Some(after)) => format!("  ~ {path}: {before} -> {after}"),
        (None, None) => format!("  ~ {path}"),
    }
}

/// Whether a change belongs to one of these parts.
pub fn concerns(parts: &[RunPart], change: &StateChange) -> bool {
    let mut values = change.before.iter().chain(&change.after);
    parts.is_empty()
        || values.any(|value| {
            let has = |part: &RunPart| part.has_line(change.actor, &change.path, value);
            parts.iter().any(has)
        })
}

/// A point of a run, for a program.
#[derive(Clone, Copy, Serialize)]
pub struct StatePosition {
    /// Virtual time of the last event; 0 before the first.
    time_ns: Time,
    /// How many events have happened.
    events: u64,
}

impl StatePosition {
    /// After so many events.
    pub fn of(run: &TracedRun<'_>, events: u64) -> Self {
        let last = events
            .checked_sub(1)
            .and_then(|last| run.outcome.trace.get(last as usize));
        StatePosition {
            time_ns: last.map_or(Time::ZERO, |entry| entry.time),
            events,
        }
    }
}

/// The state of an actor as a JSON line.
#[derive(Serialize)]
pub struct StateJson<'a> {
    /// Where.
    #[serde(flatten)]
    pub place: StatePosition,
    /// The actor.
    pub actor: Actor,
    /// Its lines, as texts.
    pub state: &'a ActorState,
}
