//! The snapshots of one run, each as quickly as any other.
//!
//! For each line of each actor it keeps when it changed and to what, so a snapshot is a search in
//! each line, and needs neither what came before nor copies of it.

use std::collections::BTreeMap;

use super::{ActorState, Snapshot, StateChange, StatePath, StateValue};
use crate::trace::event::{Actor, TraceEvent};

/// The changes of one run, by line.
pub struct History {
    /// The snapshot before the first event.
    start: Snapshot,
    lines: BTreeMap<Actor, BTreeMap<StatePath, Vec<Version>>>,
    /// For each event, the lines that it changed: where they stand in `changed`.
    ends: Vec<usize>,
    changed: Vec<(Actor, StatePath)>,
}

/// What a line says from the event with this number on; nothing if it is not there.
struct Version {
    from: u64,
    value: Option<StateValue>,
}

impl History {
    /// The history of a whole trace, whose events are numbered from 0.
    pub fn of(entries: &[TraceEvent]) -> Self {
        let mut history = History {
            start: Snapshot::new(),
            lines: BTreeMap::new(),
            ends: Vec::with_capacity(entries.len()),
            changed: Vec::new(),
        };
        let mut snapshot = Snapshot::new();
        for entry in entries {
            for change in snapshot.apply(entry) {
                history.changed.push((change.actor, change.path.clone()));
                let lines = history.lines.entry(change.actor).or_default();
                lines.entry(change.path).or_default().push(Version {
                    from: entry.number,
                    value: change.after,
                });
            }
            history.ends.push(history.changed.len());
        }
        history
    }

    /// An actor after the first `events` events; empty if nothing is known of it.
    pub fn state(&self, actor: Actor, events: u64) -> ActorState {
        let mut state = self.start.state(actor).cloned().unwrap_or_default();
        for (path, versions) in self.lines.get(&actor).into_iter().flatten() {
            match version(versions, events) {
                None => {}
                Some(Version { value: None, .. }) => {
                    state.remove(path);
                }
                Some(Version {
                    value: Some(value), ..
                }) => {
                    state.insert(path.clone(), value.clone());
                }
            }
        }
        state
    }

    /// All actors after the first `events` events.
    pub fn snapshot(&self, events: u64) -> Snapshot {
        let mut snapshot = self.start.clone();
        for &actor in self.lines.keys() {
            snapshot.actors.insert(actor, self.state(actor, events));
        }
        snapshot
    }

    /// What the event with this number changed.
    pub fn changes(&self, number: u64) -> Vec<StateChange> {
        let place = number as usize;
        let Some(&end) = self.ends.get(place) else {
            return Vec::new();
        };
        let begin = match place {
            0 => 0,
            place => self.ends[place - 1],
        };
        let change = |(actor, path): &(Actor, StatePath)| {
            let versions = &self.lines[actor][path];
            let before = match version(versions, number) {
                Some(version) => version.value.clone(),
                None => self.start.value(*actor, path).cloned(),
            };
            let after = version(versions, number + 1)?.value.clone();
            Some(StateChange {
                actor: *actor,
                path: path.clone(),
                before,
                after,
            })
        };
        self.changed[begin..end].iter().filter_map(change).collect()
    }
}

/// The last version that one of the first `events` events made.
fn version(versions: &[Version], events: u64) -> Option<&Version> {
    let later = versions.partition_point(|version| version.from < events);
    versions[..later].last()
}
