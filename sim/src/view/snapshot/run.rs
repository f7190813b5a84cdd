//! Agent runs while they go on, and what Redis keeps of their answers.

use gatesim_model::{
    core::ids::{MessageId, RunId},
    port::env::Service,
};

use super::{SnapshotEdit, StatePath, StateValue, value::DeliveryCounts};
use crate::trace::event::Actor;

impl SnapshotEdit<'_> {
    pub(super) fn run_started(&mut self, at: Actor, run: RunId, message: &MessageId) {
        let started = StateValue::AgentRun {
            message: message.clone(),
            emitted: 0,
            delivery: DeliveryCounts::default(),
        };
        self.set(at, StatePath::AgentRun(run), started);
    }

    /// Something became of an event of a run. Of a run that is over nothing is shown.
    pub(super) fn run_event(
        &mut self,
        at: Actor,
        run: RunId,
        change: impl FnOnce(&mut u32, &mut DeliveryCounts),
    ) {
        let path = StatePath::AgentRun(run);
        let Some(StateValue::AgentRun {
            message,
            mut emitted,
            mut delivery,
        }) = self.value(at, &path).cloned()
        else {
            return;
        };
        change(&mut emitted, &mut delivery);
        let value = StateValue::AgentRun {
            message,
            emitted,
            delivery,
        };
        self.set(at, path, value);
    }

    /// An event of a run was written to the journal of its message, which outlives the container.
    pub(super) fn journaled(&mut self, at: Actor, run: RunId) {
        let Some(StateValue::AgentRun { message, .. }) = self.value(at, &StatePath::AgentRun(run))
        else {
            return;
        };
        let redis = Actor::Service(Service::Redis);
        let path = StatePath::Journal(message.clone());
        let events = match self.value(redis, &path) {
            Some(StateValue::Journal { run: of, events }) if *of == run.0 => *events,
            Some(_) | None => 0,
        };
        let journal = StateValue::Journal {
            run: run.0,
            events: events + 1,
        };
        self.set(redis, path, journal);
    }
}
