//! What everybody is at a moment of a run, and what changed between two.

use gatesim_model::core::time::Time;
use gatesim_sim::{
    trace::event::Actor,
    view::snapshot::{Change, Snapshot, State},
};
use serde::Serialize;

use super::{Run, only::Part};
use crate::output::Style;

/// Longer names of lines do not push the others to the right.
const MAX_NAME: usize = 44;

/// The lines of each actor that belong to these parts; actors without any are left out.
pub fn of_parts(moment: &Snapshot, parts: &[Part]) -> Vec<(Actor, State)> {
    let belongs = |actor: Actor, state: &State| -> State {
        let lines = state.iter().filter(|(path, value)| {
            parts.is_empty() || parts.iter().any(|part| part.has_line(actor, path, value))
        });
        lines
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect()
    };
    moment
        .actors()
        .filter_map(|actor| Some((actor, belongs(actor, moment.state(actor)?))))
        .filter(|(_, state)| !state.is_empty())
        .collect()
}

/// The state of actors, for a person.
pub fn lines(states: &[(Actor, State)], style: Style) -> Vec<String> {
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
pub fn change_lines(changes: &[Change], style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for of_actor in changes.chunk_by(|a, b| a.actor == b.actor) {
        lines.push(style.strong(&of_actor[0].actor.to_string()));
        lines.extend(of_actor.iter().map(|change| change_line(change, style)));
    }
    lines
}

fn change_line(change: &Change, style: Style) -> String {
    let path = &change.path;
    match (&change.before, &change.after) {
        (None, Some(after)) => style.good(&format!("  + {path}: {after}")),
        (Some(before), None) => style.bad(&format!("  - {path}: {before}")),
        (Some(before), Some(after)) => format!("  ~ {path}: {before} -> {after}"),
        (None, None) => format!("  ~ {path}"),
    }
}

/// Whether a change belongs to one of these parts.
pub fn concerns(parts: &[Part], change: &Change) -> bool {
    let mut values = change.before.iter().chain(&change.after);
    parts.is_empty()
        || values.any(|value| {
            let has = |part: &Part| part.has_line(change.actor, &change.path, value);
            parts.iter().any(has)
        })
}

/// Where a moment is, for a program.
#[derive(Clone, Copy, Serialize)]
pub struct Place {
    /// Virtual time of the last event; 0 before the first.
    time_ns: Time,
    /// How many events have happened.
    events: u64,
}

impl Place {
    /// After so many events.
    pub fn of(run: &Run<'_>, events: u64) -> Self {
        let last = events
            .checked_sub(1)
            .and_then(|last| run.outcome.trace.get(last as usize));
        Place {
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
    pub place: Place,
    /// Whose.
    pub actor: Actor,
    /// Its lines, as texts.
    pub state: &'a State,
}
