//! What a container's events say of the process as a whole: start-up, breakers, locks, registry.

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
    },
    event::{Breaker, BreakerState, Event, LockName},
};

use super::{Aspect, SnapshotEdit, StatePath, StateValue, value::LockOwner};
use crate::trace::event::Actor;

/// What may happen to a lock, in the order in which it does.
enum Locking {
    Asked,
    Taken,
    Released,
    GivenUp,
}

impl SnapshotEdit<'_> {
    /// The events of a process. `at` is the container; events of a connection are handled elsewhere.
    pub(super) fn protocol(&mut self, at: Actor, event: &Event) {
        match event {
            Event::MachineRegistered {
                socket, connection, ..
            } => {
                let machine = StateValue::Machine {
                    state: ConnectionState::Connecting,
                    moves: 0,
                    refused: 0,
                    owners: vec![*socket],
                };
                let path = StatePath::Machine(connection.clone());
                if self.value(at, &path).is_none() {
                    self.count(at, StatePath::Registry, "machine", 1);
                }
                self.set(at, path, machine);
            }
            Event::MachineShared {
                socket, connection, ..
            } => self.machine(at, connection, |_, _, _, owners| {
                if !owners.contains(socket) {
                    owners.push(*socket);
                }
            }),
            Event::MachineUnregistered { connection, .. } => {
                let path = StatePath::Machine(connection.clone());
                if self.value(at, &path).is_some() {
                    self.remove(at, path);
                    self.count(at, StatePath::Registry, "machine", -1);
                }
            }
            Event::Transition { connection, to, .. } => {
                self.machine(at, connection, |state, moves, _, _| {
                    *state = *to;
                    *moves += 1;
                });
            }
            Event::TransitionRefused { connection, .. } => {
                self.machine(at, connection, |_, _, refused, _| *refused += 1);
            }
            Event::BreakerMoved { breaker, to } => {
                self.breaker(at, *breaker, |state, failures| {
                    *state = *to;
                    // A breaker that closes begins to count again.
                    if *to == BreakerState::Closed {
                        *failures = 0;
                    }
                });
            }
            Event::BreakerFed {
                breaker, failures, ..
            } => self.breaker(at, *breaker, |_, counted| *counted = *failures),
            Event::PhaseReached { phase } => {
                self.set(at, StatePath::Phase, StateValue::Word(phase.name()));
            }
            Event::ComponentChanged { component, ready } => {
                let word = match ready {
                    true => "there",
                    false => "gone",
                };
                self.set(at, StatePath::Component(*component), StateValue::Word(word));
            }
            Event::CallStarted { socket, service } => {
                let path = match socket {
                    Some(socket) => StatePath::Connection(*socket, Aspect::Call(*service)),
                    None => StatePath::Call(*service),
                };
                self.count(at, path, "call", 1);
            }
            Event::CallEnded {
                socket, service, ..
            } => {
                let path = match socket {
                    Some(socket) => StatePath::Connection(*socket, Aspect::Call(*service)),
                    None => StatePath::Call(*service),
                };
                self.count(at, path, "call", -1);
            }
            Event::LockAsked {
                socket,
                lock,
                instance,
                ticket,
            } => self.lock(at, (*lock, *instance), *ticket, *socket, Locking::Asked),
            Event::LockTaken {
                socket,
                lock,
                instance,
                ticket,
            } => self.lock(at, (*lock, *instance), *ticket, *socket, Locking::Taken),
            Event::LockReleased {
                socket,
                lock,
                instance,
                ticket,
            } => self.lock(at, (*lock, *instance), *ticket, *socket, Locking::Released),
            Event::LockGivenUp {
                socket,
                lock,
                instance,
                ticket,
            } => self.lock(at, (*lock, *instance), *ticket, *socket, Locking::GivenUp),
            Event::RunStarted { run, message, .. } => self.run_started(at, *run, message),
            Event::AgentEventEmitted { run, .. } => {
                self.run_event(at, *run, |emitted, _| *emitted += 1);
            }
            Event::AgentEventSent { run, .. } => {
                self.run_event(at, *run, |_, delivery| delivery.sent += 1);
            }
            Event::AgentEventStored { run, .. } => {
                self.run_event(at, *run, |_, delivery| delivery.stored += 1);
            }
            Event::AgentEventJournaled { run, .. } => self.journaled(at, *run),
            Event::AgentEventFailed { run, .. } => {
                self.run_event(at, *run, |_, delivery| delivery.failed += 1);
            }
            Event::AgentEventLost { run, .. } => {
                self.run_event(at, *run, |_, delivery| delivery.lost += 1);
            }
            Event::RunEnded { run, .. } => self.remove(at, StatePath::AgentRun(*run)),
            _ => self.connection(at, event),
        }
    }

    fn machine(
        &mut self,
        at: Actor,
        connection: &ConnectionId,
        change: impl FnOnce(&mut ConnectionState, &mut u32, &mut u32, &mut Vec<SocketId>),
    ) {
        let path = StatePath::Machine(connection.clone());
        // A machine that is no longer registered is known only to the tasks that hold it.
        let Some(StateValue::Machine {
            mut state,
            mut moves,
            mut refused,
            mut owners,
        }) = self.value(at, &path).cloned()
        else {
            return;
        };
        change(&mut state, &mut moves, &mut refused, &mut owners);
        let machine = StateValue::Machine {
            state,
            moves,
            refused,
            owners,
        };
        self.set(at, path, machine);
    }

    fn breaker(
        &mut self,
        at: Actor,
        breaker: Breaker,
        change: impl FnOnce(&mut BreakerState, &mut u32),
    ) {
        let path = StatePath::Breaker(breaker);
        let (mut state, mut failures) = match self.value(at, &path) {
            Some(&StateValue::Breaker { state, failures }) => (state, failures),
            Some(_) | None => (BreakerState::Closed, 0),
        };
        change(&mut state, &mut failures);
        self.set(at, path, StateValue::Breaker { state, failures });
    }

    fn lock(
        &mut self,
        at: Actor,
        (lock, instance): (LockName, u64),
        ticket: u32,
        who: LockOwner,
        what: Locking,
    ) {
        let path = StatePath::Lock(lock, instance);
        let (mut holder, mut waiting) = match self.value(at, &path) {
            Some(StateValue::Lock { holder, waiting }) => (*holder, waiting.clone()),
            Some(_) | None => (None, Vec::new()),
        };
        match what {
            Locking::Asked => waiting.push((ticket, who)),
            Locking::Taken => {
                waiting.retain(|(waits, _)| *waits != ticket);
                holder = Some(who);
            }
            Locking::Released => holder = None,
            Locking::GivenUp => waiting.retain(|(waits, _)| *waits != ticket),
        }
        let idle = holder.is_none() && waiting.is_empty();
        let after = (!idle).then_some(StateValue::Lock { holder, waiting });
        self.put(at, path, after);
    }
}
