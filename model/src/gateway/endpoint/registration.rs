//! G. The connection is registered with every part that has to know it (docs/protocol.md#step-25,
//! docs/protocol.md#step-26, docs/protocol.md#step-29).

use crate::{
    core::{
        close::POLICY_VIOLATION,
        identity,
        ids::{ConnectionId, UserId},
        machine::Machine,
        registry::SharedMachine,
        state::ConnectionState,
    },
    design::{HeartbeatTask, ManagerKey, Migration, RegistryScope, SetUpMoves, Takeover},
    event::{CloseCause, Event, IdHolder, Step, Table, TaskName},
    gateway::heartbeat,
    port::env::Env,
};

use super::Endpoint;

impl<E: Env> Endpoint<E> {
    /// docs/protocol.md#step-25, docs/protocol.md#step-26. What may suspend is the wait for the
    /// manager's lock, if it has one.
    pub(super) async fn register_connection(&self, user: &UserId) {
        match self.container.design.migration {
            Migration::PassThrough | Migration::ResetInPlace => {}
            Migration::UnregisterThenRegister => self.connection.rename(self.client_id()),
        }
        let key = match self.container.design.manager_key {
            ManagerKey::ConnectionId => self.connection.id(),
            ManagerKey::ClientId => self.client_id(),
        };
        if let Some(manager) = self.container.managers.of(self.connection.socket_id()) {
            manager.add(&self.connection, key).await;
        }
        self.bind_machine(user);
        match self.container.design.takeover {
            Takeover::None => {}
            Takeover::NewestWins => self.close_others_of(user).await,
        }
    }

    /// A user has one connection, and this is it.
    async fn close_others_of(&self, user: &UserId) {
        for other in self.container.live_connections() {
            if other.user() == Some(user) && other.socket_id() != self.connection.socket_id() {
                let reason = "replaced by another connection";
                other
                    .close(POLICY_VIOLATION, reason, CloseCause::ClientMisbehaved)
                    .await;
            }
        }
    }

    /// The context of a user has an id of its own, where a part of the connection goes by it
    /// (docs/protocol.md#ids-v1-v2).
    pub(super) fn make_client_id(&self, user: &UserId) {
        let design = &self.container.design;
        match (design.migration, design.manager_key) {
            (Migration::PassThrough | Migration::ResetInPlace, ManagerKey::ConnectionId) => {}
            (Migration::UnregisterThenRegister, _) | (_, ManagerKey::ClientId) => {
                let (env, socket) = (&self.container.env, self.connection.socket_id());
                let make = || identity::client_id(user, env.now(), env.fresh(socket));
                self.connection.bind_client_id(make);
            }
        }
    }

    fn client_id(&self) -> ConnectionId {
        let made = self.connection.client_id().cloned();
        made.expect("authentication makes the id that a part goes by")
    }

    /// docs/protocol.md#step-26: every failure in here is caught and logged, and the connection
    /// goes on.
    fn bind_machine(&self, user: &UserId) {
        match self.container.design.registry_scope {
            RegistryScope::Endpoint => {}
            RegistryScope::HelperLocal => {
                // The first use of the name raises, and with it ends the block.
                self.unbound_name(Step::Identity, "name 'state_registry' is not defined");
                return;
            }
        }
        let id = self.connection.id();
        let machine = match self.container.design.migration {
            Migration::PassThrough => self.look_up(&id, Step::Identity),
            Migration::UnregisterThenRegister => {
                if let Some(preliminary) = self.connection.preliminary_id() {
                    self.unregister(&preliminary);
                }
                self.register(&id, user).ok()
            }
            Migration::ResetInPlace => {
                let machine = self.look_up(&id, Step::Identity);
                if let Some(machine) = &machine {
                    self.restart_machine(machine, user);
                }
                machine
            }
        };
        if let Some(machine) = machine {
            machine.borrow_mut().assign_user(user.clone());
            match self.container.design.set_up_moves {
                SetUpMoves::InOrder | SetUpMoves::ProcessingFirst => {
                    self.transition(&machine, ConnectionState::Authenticated, "user bound");
                }
                SetUpMoves::WithoutAuthenticated => {}
            }
        }
    }

    /// A machine that knows nothing takes the place of the one that does.
    fn restart_machine(&self, machine: &SharedMachine, user: &UserId) {
        let (id, from) = {
            let machine = machine.borrow();
            (machine.id().clone(), machine.state())
        };
        let fresh = Machine::new(id.clone(), user.clone(), self.container.env.now());
        *machine.borrow_mut() = fresh;
        self.connection.emit(Event::Transition {
            socket: self.connection.socket_id(),
            connection: id,
            from,
            to: ConnectionState::Connecting,
            reason: "restarts for its user",
        });
        self.transition(machine, ConnectionState::Accepted, "upgrade accepted");
    }

    /// docs/protocol.md#step-29.
    pub(super) fn start_heartbeat(&self) {
        let socket = self.connection.socket_id();
        let id = self.connection.id();
        self.connection.give_id(IdHolder::Monitor, &id);
        self.connection.emit(Event::EntryAdded {
            socket,
            table: Table::Monitor,
        });
        self.connection.give_id(IdHolder::Heartbeat, &id);
        self.container.monitor.borrow_mut().insert(socket, id);
        match self.container.design.heartbeat_task {
            HeartbeatTask::OneEach => {
                let beat = heartbeat::beat(self.connection.clone());
                self.connection.spawn_owned(TaskName::Heartbeat, beat);
            }
            HeartbeatTask::OneForAll => {
                let rounds = heartbeat::beat_for_all(self.container.clone());
                self.container.spawn_background(TaskName::Heartbeat, rounds);
            }
            HeartbeatTask::None => {}
        }
    }
}
