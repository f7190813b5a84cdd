//! The two other views of a connection, where the design has them: the state coordinator and the
//! connection-id manager (docs/protocol.md#other-state-machines). Neither looks at the machine.

use std::rc::Rc;

use crate::{
    core::{
        coordinator::{Effect, MovePriority},
        identity::Creation,
        ids::{ConnectionId, UserId},
    },
    design::{IdManagerPolicy, StateCoordinatorPolicy},
    event::{CoordinatorState, Event, IdentityState, Step, Table, TaskName},
    gateway::container::Container,
    port::env::Env,
};

use super::Endpoint;

impl<E: Env> Endpoint<E> {
    // --- state coordinator --------------------------------------------------------------------

    /// docs/protocol.md#step-14: the poller is started by the first connection.
    pub(super) fn enter_coordinator(&self) {
        match self.container.design.state_coordinator {
            StateCoordinatorPolicy::Absent => return,
            StateCoordinatorPolicy::Poller => {}
        }
        let poller = poll_coordinator(self.container.clone());
        self.container
            .spawn_background(TaskName::CoordinatorPoller, poller);
        let id = self.connection.id();
        let known = self.container.coordinator.borrow().state(&id).is_some();
        let entered = self.container.coordinator.borrow_mut().register(&id);
        if entered && !known {
            self.connection.emit(Event::EntryAdded {
                socket: self.connection.socket_id(),
                table: Table::Coordinator,
            });
        }
    }

    /// docs/protocol.md#step-16, docs/protocol.md#step-17, docs/protocol.md#step-20: the answer is
    /// ignored.
    pub(super) fn ask_coordinator(&self, to: CoordinatorState, priority: MovePriority) {
        match self.container.design.state_coordinator {
            StateCoordinatorPolicy::Absent => return,
            StateCoordinatorPolicy::Poller => {}
        }
        let Some(id) = self.connection.preliminary_id() else {
            return;
        };
        let socket = self.connection.socket_id();
        let asked = self
            .container
            .coordinator
            .borrow_mut()
            .request(&id, socket, to, priority);
        self.connection.emit(Event::CoordinatorAsked {
            socket,
            from: asked.from,
            to: asked.to,
            accepted: asked.accepted,
        });
    }

    /// docs/protocol.md#step-17, docs/protocol.md#step-38. The error that breaks it off half-way is
    /// caught and logged.
    pub(super) fn leave_coordinator(&self, step: Step) {
        let Some(id) = self.connection.preliminary_id() else {
            return;
        };
        match self.container.design.state_coordinator {
            StateCoordinatorPolicy::Absent => return,
            StateCoordinatorPolicy::Poller => {}
        }
        let known = self.container.coordinator.borrow().state(&id).is_some();
        let left = self.container.coordinator.borrow_mut().unregister(&id);
        if known {
            self.connection.emit(Event::EntryRemoved {
                socket: self.connection.socket_id(),
                table: Table::Coordinator,
            });
        }
        if left.is_err() {
            self.connection.emit(Event::InternalError {
                socket: self.connection.socket_id(),
                step,
                error: "unhashable type: 'list'",
            });
        }
    }

    // --- connection-id manager ----------------------------------------------------------------

    /// docs/protocol.md#step-7.
    pub(super) fn create_identity(&self, id: &ConnectionId) {
        match self.container.design.id_manager {
            IdManagerPolicy::Absent => return,
            IdManagerPolicy::Present => {}
        }
        let socket = self.connection.socket_id();
        let now = self.container.env.now();
        let mut identities = self.container.identities.borrow_mut();
        let creation = identities.create(id, socket, now);
        let purged = identities.purge(now);
        drop(identities);
        let table = Table::IdManager;
        match creation {
            Creation::Full => return,
            Creation::Overwrote(former) => {
                let socket = former.owner;
                self.connection.emit(Event::EntryRemoved { socket, table });
            }
            Creation::Created => {}
        }
        for (_, identity) in purged {
            let socket = identity.owner;
            self.connection.emit(Event::EntryRemoved { socket, table });
        }
        let _first = self.identity.set(id.clone());
        self.connection.emit(Event::EntryAdded { socket, table });
        let to = IdentityState::Pending;
        self.connection.emit(Event::IdentityMoved { socket, to });
    }

    /// docs/protocol.md#step-7, docs/protocol.md#step-37.
    pub(super) fn move_identity(&self, to: IdentityState) {
        let Some(id) = self.identity.get() else {
            return;
        };
        let now = self.container.env.now();
        let mut identities = self.container.identities.borrow_mut();
        if identities.set_state(id, to, now).is_some() {
            let socket = self.connection.socket_id();
            self.connection.emit(Event::IdentityMoved { socket, to });
        }
    }

    /// docs/protocol.md#step-18.
    pub(super) fn bind_identity(&self, user: &UserId) {
        let Some(id) = self.identity.get() else {
            return;
        };
        let now = self.container.env.now();
        let mut identities = self.container.identities.borrow_mut();
        if identities.bind_user(id, user, now) {
            let socket = self.connection.socket_id();
            let to = IdentityState::Authenticated;
            self.connection.emit(Event::IdentityMoved { socket, to });
        }
    }

    /// docs/protocol.md#step-37.
    pub(super) fn forget_identity(&self) {
        let Some(id) = self.identity.get() else {
            return;
        };
        self.move_identity(IdentityState::Disconnecting);
        self.move_identity(IdentityState::Disconnected);
        let removed = self.container.identities.borrow_mut().remove(id);
        if let Some(identity) = removed {
            // Not this connection's, if another one has taken over the id.
            let socket = identity.owner;
            let table = Table::IdManager;
            self.connection.emit(Event::EntryRemoved { socket, table });
        }
    }
}

/// The poller: one request per priority and tick.
async fn poll_coordinator<E: Env>(container: Rc<Container<E>>) {
    loop {
        let applied = container.coordinator.borrow_mut().poll();
        for request in applied {
            let socket = request.owner;
            match request.effect {
                Effect::Moved => {}
                Effect::Resurrected => container.env.emit(Event::EntryAdded {
                    socket,
                    table: Table::Coordinator,
                }),
                Effect::Stale { .. } => continue,
            }
            let to = request.to;
            container.env.emit(Event::CoordinatorMoved { socket, to });
        }
        let tick = container.coordinator.borrow().next_tick();
        container.env.sleep(tick).await;
    }
}
