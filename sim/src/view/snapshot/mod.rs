//! The state of a run after each of its events: a fold over them.
//!
//! A [`Snapshot`] has for each actor an ordered map from [`StatePath`] to [`StateValue`], both
//! printed as short texts in the protocol's words: `machine ws_1` is `ACCEPTED (1 transition), of
//! c0#1`. Each event makes [`StateChange`]s in it, with the value before and after. A [`History`] has the snapshot after each event of a run, each as quickly as any other.
//!
//! It knows what events tell and nothing else, so that it cannot disagree with what invariants saw.
//! Two things to know: a call whose task was cancelled has no end, and stands until its
//! connection is forgotten; a connection is forgotten when its endpoint and its transport have
//! ended and nothing of it is left, so what it has left behind stays visible.

use std::{collections::BTreeMap, ops::RangeBounds};

use gatesim_model::port::env::Service;
use serde::Serialize;

use crate::trace::event::{Actor, Fact, TraceEvent};

mod client;
mod connection;
mod container;
mod history;
mod path;
mod run;
#[cfg(test)]
mod tests;
mod value;
mod world;

pub use history::History;
pub use path::{Aspect, StatePath};
pub use value::{
    ClientSocket, DeliveryCounts, LockOwner, ProcessState, ServerTransport, StateValue,
};

/// What is known of one actor.
pub type ActorState = BTreeMap<StatePath, StateValue>;

/// What is known of all actors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    actors: BTreeMap<Actor, ActorState>,
}

/// A line of a snapshot that changed, began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// The actor.
    pub actor: Actor,
    /// The line.
    pub path: StatePath,
    /// What it was; none if it was not there.
    pub before: Option<StateValue>,
    /// What it is; none if it is not there any more.
    pub after: Option<StateValue>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl Snapshot {
    /// Before the first event: nothing is there but the services, which answer.
    pub fn new() -> Self {
        let services = [
            Service::Auth,
            Service::Redis,
            Service::Database,
            Service::Supervisor,
        ];
        let up = |service| {
            let state = ActorState::from([(StatePath::Answers, StateValue::Word("up"))]);
            (Actor::Service(service), state)
        };
        Snapshot {
            actors: services.map(up).into(),
        }
    }

    /// The snapshot after these events of a trace.
    pub fn after(entries: &[TraceEvent]) -> Self {
        let mut snapshot = Self::new();
        for entry in entries {
            snapshot.apply(entry);
        }
        snapshot
    }

    /// Takes the next event into account, and says what it changed, in order of actors and paths.
    pub fn apply(&mut self, entry: &TraceEvent) -> Vec<StateChange> {
        let mut edit = SnapshotEdit {
            snapshot: self,
            changes: Vec::new(),
        };
        match &entry.fact {
            Fact::Protocol(event) => edit.protocol(entry.actor, event),
            Fact::World(event) => edit.world(entry, event),
        }
        joined(edit.changes)
    }

    /// The actors of which anything is known, in order.
    pub fn actors(&self) -> impl Iterator<Item = Actor> {
        let known = self.actors.iter().filter(|(_, state)| !state.is_empty());
        known.map(|(&actor, _)| actor)
    }

    /// What is known of an actor; none if nothing is.
    pub fn state(&self, actor: Actor) -> Option<&ActorState> {
        self.actors.get(&actor).filter(|state| !state.is_empty())
    }

    /// One line of an actor.
    pub fn value(&self, actor: Actor, path: &StatePath) -> Option<&StateValue> {
        self.actors.get(&actor)?.get(path)
    }

    /// What must change in this snapshot to make it `other`, in order of actors and paths.
    pub fn difference(&self, other: &Snapshot) -> Vec<StateChange> {
        let mut changes = Vec::new();
        let mut add =
            |actor, path: &StatePath, before: Option<&StateValue>, after: Option<&StateValue>| {
                if before != after {
                    changes.push(StateChange {
                        actor,
                        path: path.clone(),
                        before: before.cloned(),
                        after: after.cloned(),
                    });
                }
            };
        for (&actor, state) in &self.actors {
            for (path, value) in state {
                add(actor, path, Some(value), other.value(actor, path));
            }
        }
        for (&actor, state) in &other.actors {
            for (path, value) in state {
                if self.value(actor, path).is_none() {
                    add(actor, path, None, Some(value));
                }
            }
        }
        changes.sort_by(|a, b| (a.actor, &a.path).cmp(&(b.actor, &b.path)));
        changes
    }

    fn put(
        &mut self,
        actor: Actor,
        path: &StatePath,
        value: Option<StateValue>,
    ) -> Option<StateValue> {
        let state = self.actors.entry(actor).or_default();
        match value {
            Some(value) => state.insert(path.clone(), value),
            None => state.remove(path),
        }
    }
}

/// One change for each line, however often it changed.
fn joined(mut changes: Vec<StateChange>) -> Vec<StateChange> {
    changes.sort_by(|a, b| (a.actor, &a.path).cmp(&(b.actor, &b.path)));
    changes.dedup_by(|later, earlier| {
        let same = (later.actor, &later.path) == (earlier.actor, &earlier.path);
        if same {
            earlier.after = later.after.take();
        }
        same
    });
    changes.retain(|change| change.before != change.after);
    changes
}

/// A snapshot while an event is applied to it.
struct SnapshotEdit<'a> {
    snapshot: &'a mut Snapshot,
    changes: Vec<StateChange>,
}

impl SnapshotEdit<'_> {
    fn value(&self, actor: Actor, path: &StatePath) -> Option<&StateValue> {
        self.snapshot.value(actor, path)
    }

    fn set(&mut self, actor: Actor, path: StatePath, value: StateValue) {
        self.put(actor, path, Some(value));
    }

    fn remove(&mut self, actor: Actor, path: StatePath) {
        self.put(actor, path, None);
    }

    fn put(&mut self, actor: Actor, path: StatePath, after: Option<StateValue>) {
        let before = self.snapshot.put(actor, &path, after.clone());
        if before != after {
            self.changes.push(StateChange {
                actor,
                path,
                before,
                after,
            });
        }
    }

    /// Adds to a number; a number that becomes zero is not shown.
    fn count(&mut self, actor: Actor, path: StatePath, noun: &'static str, by: i32) {
        let before = match self.value(actor, &path) {
            Some(StateValue::Count { number, .. }) => *number,
            Some(_) | None => 0,
        };
        let number = before.saturating_add_signed(by);
        let after = (number > 0).then_some(StateValue::Count { number, noun });
        self.put(actor, path, after);
    }

    /// Removes the lines between two paths that `gone` says are gone.
    fn remove_range(
        &mut self,
        actor: Actor,
        range: impl RangeBounds<StatePath>,
        gone: impl Fn(&StatePath, &StateValue) -> bool,
    ) {
        let Some(state) = self.snapshot.actors.get(&actor) else {
            return;
        };
        let paths: Vec<StatePath> = state
            .range(range)
            .filter(|(path, value)| gone(path, value))
            .map(|(path, _)| path.clone())
            .collect();
        for path in paths {
            self.remove(actor, path);
        }
    }
}
