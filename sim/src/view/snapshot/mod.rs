//! What is where at a moment of a run: a fold over its events.
//!
//! A [`Snapshot`] has for each actor an ordered map from [`Path`] to [`Value`], both short texts in
//! the protocol's words: `machine ws_1` is `ACCEPTED (1 transition), of c0#1`. Each event makes
//! [`Change`]s in it, which say what was there before as well. A
//! [`History`] has every moment of a run, each as quickly as any other.
//!
//! It knows what events tell and nothing else, so that it cannot disagree with what invariants saw.
//! What a reader might miss: a call whose task was cancelled has no end, and stands until its
//! connection is forgotten; a connection is forgotten when its endpoint and its transport have
//! ended and nothing of it is left, so what it has left behind remains in sight.

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
pub use path::{Aspect, Path};
pub use value::{ClientSocket, Delivery, Holder, Process, Transport, Value};

/// What is known of one actor.
pub type State = BTreeMap<Path, Value>;

/// What is known of everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    actors: BTreeMap<Actor, State>,
}

/// A line of a moment that became another one, began or ceased to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whose.
    pub actor: Actor,
    /// Which.
    pub path: Path,
    /// What it was; none if it was not there.
    pub before: Option<Value>,
    /// What it is; none if it is not there any more.
    pub after: Option<Value>,
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
            let state = State::from([(Path::Answers, Value::Word("up"))]);
            (Actor::Service(service), state)
        };
        Snapshot {
            actors: services.map(up).into(),
        }
    }

    /// The moment after this many events of a trace.
    pub fn after(entries: &[TraceEvent]) -> Self {
        let mut moment = Self::new();
        for entry in entries {
            moment.apply(entry);
        }
        moment
    }

    /// Takes the next event into account, and says what it changed, in order of actors and paths.
    pub fn apply(&mut self, entry: &TraceEvent) -> Vec<Change> {
        let mut edit = Edit {
            moment: self,
            changes: Vec::new(),
        };
        match &entry.fact {
            Fact::Protocol(event) => edit.protocol(entry.actor, event),
            Fact::World(event) => edit.world(entry, event),
        }
        joined(edit.changes)
    }

    /// The actors of whom anything is known, in order.
    pub fn actors(&self) -> impl Iterator<Item = Actor> {
        let known = self.actors.iter().filter(|(_, state)| !state.is_empty());
        known.map(|(&actor, _)| actor)
    }

    /// What is known of an actor; none if nothing is.
    pub fn state(&self, actor: Actor) -> Option<&State> {
        self.actors.get(&actor).filter(|state| !state.is_empty())
    }

    /// One line of an actor.
    pub fn value(&self, actor: Actor, path: &Path) -> Option<&Value> {
        self.actors.get(&actor)?.get(path)
    }

    /// What must change in this moment to make it `other`, in order of actors and paths.
    pub fn difference(&self, other: &Snapshot) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut add = |actor, path: &Path, before: Option<&Value>, after: Option<&Value>| {
            if before != after {
                changes.push(Change {
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

    fn put(&mut self, actor: Actor, path: &Path, value: Option<Value>) -> Option<Value> {
        let state = self.actors.entry(actor).or_default();
        match value {
            Some(value) => state.insert(path.clone(), value),
            None => state.remove(path),
        }
    }
}

/// One change for each line, however often it changed.
fn joined(mut changes: Vec<Change>) -> Vec<Change> {
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

/// A moment while an event is applied to it.
struct Edit<'a> {
    moment: &'a mut Snapshot,
    changes: Vec<Change>,
}

impl Edit<'_> {
    fn value(&self, actor: Actor, path: &Path) -> Option<&Value> {
        self.moment.value(actor, path)
    }

    fn set(&mut self, actor: Actor, path: Path, value: Value) {
        self.put(actor, path, Some(value));
    }

    fn remove(&mut self, actor: Actor, path: Path) {
        self.put(actor, path, None);
    }

    fn put(&mut self, actor: Actor, path: Path, after: Option<Value>) {
        let before = self.moment.put(actor, &path, after.clone());
        if before != after {
            self.changes.push(Change {
                actor,
                path,
                before,
                after,
            });
        }
    }

    /// Adds to a number; a number that becomes zero is not shown.
    fn count(&mut self, actor: Actor, path: Path, noun: &'static str, by: i32) {
        let before = match self.value(actor, &path) {
            Some(Value::Count { number, .. }) => *number,
            Some(_) | None => 0,
        };
        let number = before.saturating_add_signed(by);
        let after = (number > 0).then_some(Value::Count { number, noun });
        self.put(actor, path, after);
    }

    /// Removes the lines between two paths that `gone` says are gone.
    fn remove_range(
        &mut self,
        actor: Actor,
        range: impl RangeBounds<Path>,
        gone: impl Fn(&Path, &Value) -> bool,
    ) {
        let Some(state) = self.moment.actors.get(&actor) else {
            return;
        };
        let paths: Vec<Path> = state
            .range(range)
            .filter(|(path, value)| gone(path, value))
            .map(|(path, _)| path.clone())
            .collect();
        for path in paths {
            self.remove(actor, path);
        }
    }
}
