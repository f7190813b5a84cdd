//! The registry and its machines as the endpoint uses them: every outcome is reported where it
//! becomes true.
//!
//! Implements docs/protocol.md#registry.

use crate::{
    core::{
        ids::{ConnectionId, UserId},
        machine::{MAX_FAILURES, Moved},
        registry::{Registration, SharedMachine},
        state::ConnectionState,
    },
    design::DuplicateRegistration,
    event::{Event, Limit, Step},
    port::env::Env,
};

use super::Endpoint;

/// Why no machine was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRegistered {
    /// The key is taken, and the design does not share machines.
    Taken,
    /// The registry is full.
    Full,
}

impl<E: Env> Endpoint<E> {
    /// Registers a machine; an existing one is shared or refused (docs/protocol.md#registry).
    pub(super) fn register(
        &self,
        id: &ConnectionId,
        user: &UserId,
    ) -> Result<SharedMachine, NotRegistered> {
        let socket = self.connection.socket_id();
        let now = self.container.env.now();
        let registration = self
            .container
            .registry
            .borrow_mut()
            .register(id, user, socket, now);
        let refused = |full| Event::RegistrationRefused {
            socket,
            connection: id.clone(),
            full,
        };
        match registration {
            Registration::New(machine) => {
                self.registered.borrow_mut().push(id.clone());
                self.connection.emit(Event::MachineRegistered {
                    socket,
                    connection: id.clone(),
                    user: user.clone(),
                });
                Ok(machine)
            }
            Registration::Existing {
                machine,
                owner: _,
                user: existing_user,
            } => match self.container.design.duplicate_registration {
                DuplicateRegistration::ReturnExisting => {
                    let state = machine.borrow().state();
                    self.connection.emit(Event::MachineShared {
                        socket,
                        connection: id.clone(),
                        state,
                        existing_user,
                        requested_user: user.clone(),
                    });
                    Ok(machine)
                }
                DuplicateRegistration::Replace => {
                    self.unregister(id);
                    self.register(id, user)
                }
                DuplicateRegistration::Refuse => {
                    self.connection.emit(refused(false));
                    Err(NotRegistered::Taken)
                }
            },
            Registration::Full => {
                self.connection.emit(refused(true));
                Err(NotRegistered::Full)
            }
        }
    }

    /// Removes the machine that is registered under this id.
    pub(super) fn unregister(&self, id: &ConnectionId) {
        let removed = self.container.registry.borrow_mut().unregister(id);
        if let Some(removed) = removed {
            self.registered.borrow_mut().retain(|own| own != id);
            self.connection.emit(Event::MachineUnregistered {
                socket: removed.owner,
                connection: id.clone(),
            });
        }
    }

    /// The machine under this id; that there is none is reported.
    pub(super) fn look_up(&self, id: &ConnectionId, step: Step) -> Option<SharedMachine> {
        let machine = self.container.registry.borrow().get(id);
        if machine.is_none() {
            self.connection.emit(Event::MachineMissing {
                socket: self.connection.socket_id(),
                connection: id.clone(),
                step,
            });
        }
        machine
    }

    /// Requests a move of a machine; returns whether the machine reports success.
    pub(super) fn transition(
        &self,
        machine: &SharedMachine,
        to: ConnectionState,
        reason: &'static str,
    ) -> bool {
        let now = self.container.env.now();
        let moved = machine.borrow_mut().request(to, reason, now);
        let socket = self.connection.socket_id();
        if let Moved::ForcedFailed { .. } = moved {
            self.connection
                .reached(Limit::MachineFailures, MAX_FAILURES);
        }
        let connection = machine.borrow().id().clone();
        let event = match moved {
            Moved::Moved { from, to } => Event::Transition {
                socket,
                connection,
                from,
                to,
                reason,
            },
            Moved::ForcedFailed { from, requested: _ } => Event::Transition {
                socket,
                connection,
                from,
                to: ConnectionState::Failed,
                reason,
            },
            Moved::Refused { from, to } | Moved::RolledBack { from, to, by: _ } => {
                Event::TransitionRefused {
                    socket,
                    connection,
                    from,
                    to,
                }
            }
        };
        self.connection.emit(event);
        moved.reports_success()
    }

    /// A name that is not bound was used. The error is caught where it happens and logged.
    pub(super) fn unbound_name(&self, step: Step, error: &'static str) {
        self.connection.emit(Event::InternalError {
            socket: self.connection.socket_id(),
            step,
            error,
        });
    }
}
