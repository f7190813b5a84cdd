//! The state of every actor at every event that is shown, as the page wants it: the lines in
//! reading order, what they say before the first event, and what each event changes in them.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    trace::event::{Actor, TraceEvent},
    view::snapshot::{Path, Snapshot, Value},
};
use serde::Serialize;

use crate::report::chart::window::Kept;

/// Lines are addressed by their place in `lines`; null is a line that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct States {
    /// Every line of every actor, in reading order.
    lines: Vec<Line>,
    /// What they say before the first event that is shown.
    before: Vec<(usize, String)>,
    /// For each event that changes something, the lines and what they say from then on.
    changes: Vec<(u64, Vec<Told>)>,
}

/// A line and what it says from then on.
type Told = (usize, Option<String>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Line {
    actor: Actor,
    path: String,
}

type Key = (Actor, Path);

impl States {
    /// Follows a whole trace and keeps what concerns the events and clients that are shown.
    pub fn of(trace: &[TraceEvent], kept: &Kept) -> Self {
        let mut moment = Snapshot::new();
        let mut before = None;
        let mut concerned: BTreeSet<Key> = initial(&moment).map(|(key, _)| key).collect();
        let mut changes = Vec::new();
        // What events that are not shown have changed is told with the next one that is.
        let mut waiting: BTreeMap<Key, Option<Value>> = BTreeMap::new();
        for entry in trace {
            if kept.starts_at(entry) {
                before = Some(moment.clone());
                waiting.clear();
            }
            for change in moment.apply(entry) {
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
        let places: BTreeMap<&Key, usize> = concerned.iter().zip(0..).collect();
        let place = |key: &Key| places.get(key).copied();
        let told = |(key, value): (Key, Option<Value>)| {
            Some((place(&key)?, value.map(|value| value.to_string())))
        };
        States {
            before: (before.iter().flat_map(initial))
                .filter_map(|(key, value)| Some((place(&key)?, value.to_string())))
                .collect(),
            changes: changes
                .into_iter()
                .map(|(event, changed)| (event, changed.into_iter().filter_map(told).collect()))
                .filter(|(_, changed): &(u64, Vec<_>)| !changed.is_empty())
                .collect(),
            lines: concerned
                .iter()
                .map(|(actor, path)| Line {
                    actor: *actor,
                    path: path.to_string(),
                })
                .collect(),
        }
    }
}

fn initial(moment: &Snapshot) -> impl Iterator<Item = (Key, &Value)> {
    moment.actors().flat_map(move |actor| {
        let state = moment.state(actor).into_iter().flatten();
        state.map(move |(path, value)| ((actor, path.clone()), value))
    })
}
