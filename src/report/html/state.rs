//! The state of every actor at every event that is shown, as the script reads it: the lines in
//! reading order, their texts before the first event, and the changes of each event.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    trace::event::{Actor, TraceEvent},
    view::snapshot::{Snapshot, StatePath, StateValue},
};
use serde::Serialize;

use crate::report::chart::window::Kept;

/// Lines are addressed by their index in `lines`; null is a line that does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct States {
    /// Every line of every actor, in reading order.
    lines: Vec<StateLine>,
    /// Their texts before the first event that is shown.
    before: Vec<(usize, String)>,
    /// For each event that changes something, the lines and their new texts.
    changes: Vec<(u64, Vec<LineChange>)>,
}

/// A line and its new text.
type LineChange = (usize, Option<String>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct StateLine {
    actor: Actor,
    path: String,
}

type LineKey = (Actor, StatePath);

impl States {
    /// Folds the whole trace and keeps what concerns the events and clients that are shown.
    pub fn of(trace: &[TraceEvent], kept: &Kept) -> Self {
        let mut snapshot = Snapshot::new();
        let mut before = None;
        let mut concerned: BTreeSet<LineKey> = initial(&snapshot).map(|(key, _)| key).collect();
        let mut changes = Vec::new();
        // Changes of events that are not shown are attributed to the next one that is.
        let mut waiting: BTreeMap<LineKey, Option<StateValue>> = BTreeMap::new();
        for entry in trace {
            if kept.starts_at(entry) {
                before = Some(snapshot.clone());
                waiting.clear();
            }
            for change in snapshot.apply(entry) {
                let key = (change.actor, change.path);
                if kept.concerns(entry) {
                    concerned.insert(key.clone());
                }
                waiting.insert(key, change.after);
            }
            if kept.keeps(entry) && !waiting.is_empty() {
                changes.push((entry.number, std::mem::take(&mut waiting)));
            }
        }
        let places: BTreeMap<&LineKey, usize> = concerned.iter().zip(0..).collect();
        let place = |key: &LineKey| places.get(key).copied();
        let line_change = |(key, value): (LineKey, Option<StateValue>)| {
            Some((place(&key)?, value.map(|value| value.to_string())))
        };
        States {
            before: (before.iter().flat_map(initial))
                .filter_map(|(key, value)| Some((place(&key)?, value.to_string())))
                .collect(),
            changes: changes
                .into_iter()
                .map(|(event, changed)| {
                    (event, changed.into_iter().filter_map(line_change).collect())
                })
                .filter(|(_, changed): &(u64, Vec<_>)| !changed.is_empty())
                .collect(),
            lines: concerned
                .iter()
                .map(|(actor, path)| StateLine {
                    actor: *actor,
                    path: path.to_string(),
                })
                .collect(),
        }
    }
}

fn initial(snapshot: &Snapshot) -> impl Iterator<Item = (LineKey, &StateValue)> {
    snapshot.actors().flat_map(move |actor| {
        let state = snapshot.state(actor).into_iter().flatten();
        state.map(move |(path, value)| ((actor, path.clone()), value))
    })
}
