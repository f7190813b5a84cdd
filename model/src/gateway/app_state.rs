//! What one container has: its start-up phase and the components that it has made so far
//! (docs/protocol.md#app-state).

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use tokio::sync::Notify;

use crate::{
    event::{Component, Event, StartupPhase},
    port::env::Env,
};

/// The five components without which no message can be handled (docs/protocol.md#step-22).
pub const REQUIRED: [Component; 5] = [
    Component::Database,
    Component::Redis,
    Component::AuthSystem,
    Component::AgentSupervisor,
    Component::ThreadService,
];

/// What the container has: start-up phase and components (`app.state` of the original).
#[derive(Debug)]
pub struct AppState {
    present: RefCell<BTreeSet<Component>>,
    phase: Cell<StartupPhase>,
    // Not a watch channel: that one draws the order in which it wakes from a generator of its own.
    changed: Notify,
}

impl Default for AppState {
    fn default() -> Self {
        AppState::new()
    }
}

impl AppState {
    /// A process that has just started and has nothing.
    pub fn new() -> Self {
        AppState {
            present: RefCell::default(),
            phase: Cell::new(StartupPhase::Init),
            changed: Notify::new(),
        }
    }

    /// Whether the component is there.
    pub fn has(&self, component: Component) -> bool {
        self.present.borrow().contains(&component)
    }

    /// Those of `components` that are not there, in their order.
    pub fn missing(&self, components: &[Component]) -> Vec<Component> {
        let present = self.present.borrow();
        let absent = |component: &&Component| !present.contains(component);
        components.iter().filter(absent).copied().collect()
    }

    /// The start-up phase reached.
    pub fn phase(&self) -> StartupPhase {
        self.phase.get()
    }

    /// `startup_complete`.
    pub fn startup_complete(&self) -> bool {
        self.phase.get() == StartupPhase::Complete
    }

    /// Start-up reached a phase.
    pub fn reach(&self, env: &impl Env, phase: StartupPhase) {
        self.phase.set(phase);
        env.emit(Event::PhaseReached { phase });
        self.changed.notify_waiters();
    }

    /// A component became ready or stopped being so; nothing happens if it was so before.
    pub fn set(&self, env: &impl Env, component: Component, ready: bool) {
        let changed = if ready {
            self.present.borrow_mut().insert(component)
        } else {
            self.present.borrow_mut().remove(&component)
        };
        if changed {
            env.emit(Event::ComponentChanged { component, ready });
            self.changed.notify_waiters();
        }
    }

    /// Waits until all of `components` are there.
    pub async fn all_of(&self, components: &[Component]) {
        loop {
            // Listening begins before looking, or a change in between would be missed.
            let changed = self.changed.notified();
            if self.missing(components).is_empty() {
                return;
            }
            changed.await;
        }
    }
}
