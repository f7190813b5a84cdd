//! Machines, ids and progress of one connection (I-02, I-03, I-04).
//!
//! Knows from: what happens to the registry and its machines (`MachineRegistered`, `MachineShared`,
//! `MachineUnregistered`, `Transition`), which ids a part is given (`IdGiven`), and `TransportEnded`.

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
    },
    event::{Event, IdHolder},
};

use super::{
    rule::{Findings, Rule},
    view::{LiveConnection, LiveView, container_of},
};
use crate::{
    check::{facts::states, per_client::PerClient},
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// A live connection owns one machine, without a gap, and shares it with no other connection.
pub(super) struct OneMachinePerConnection;

impl Rule for OneMachinePerConnection {
    fn subjects(&self) -> u32 {
        Subject::Machine.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::Protocol(Event::MachineRegistered {
                socket, connection, ..
            }) => {
                if let Some((other, machine)) = view.machines_of(*socket).next() {
                    found.add(*socket, "a second machine for one connection", || {
                        format!(
                            "{socket} registered machine {connection} while it owned machine \
                             {other} in {}.",
                            machine.state
                        )
                    });
                }
            }
            Fact::Protocol(Event::MachineShared {
                socket,
                connection,
                state,
                ..
            }) => {
                let machine = view.machine(container_of(entry), connection);
                if let Some(owner) = machine.map(|machine| machine.owner)
                    && owner != *socket
                {
                    found.add(*socket, "one machine for two connections", || {
                        format!(
                            "The registration of {socket} under {connection} was given the machine \
                             of {owner}, in {state}."
                        )
                    });
                }
            }
            Fact::Protocol(Event::MachineUnregistered { socket, connection }) => {
                let Some(machine) = view.machine(container_of(entry), connection) else {
                    return;
                };
                let owner = view.connection(machine.owner);
                if !owner.is_some_and(LiveConnection::lives) || states::is_ending(machine.state) {
                    return;
                }
                let cause = "machine unregistered while the connection lives";
                found.add(machine.owner, cause, || {
                    let whose = match machine.owner == *socket {
                        true => "its connection".to_owned(),
                        false => format!("the connection of {}", machine.owner),
                    };
                    format!(
                        "{socket} unregistered machine {connection} in {} while {whose} lives: \
                         from here on the connection has no machine.",
                        machine.state
                    )
                });
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }
}

/// All parts of a connection use the first id that any of them was given.
#[derive(Default)]
pub(super) struct IdsAgree {
    first: PerClient<SocketId, (IdUser, ConnectionId)>,
}

/// A part of a connection that was given an id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IdUser {
    Machine,
    Holder(IdHolder),
}

impl IdUser {
    fn name(self) -> &'static str {
        match self {
            IdUser::Machine => "machine",
            IdUser::Holder(holder) => holder.name(),
        }
    }
}

impl Rule for IdsAgree {
    fn subjects(&self) -> u32 {
        Subject::Machine.bit() | Subject::Life.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let (socket, part, id) = match &entry.fact {
            Fact::Protocol(Event::IdGiven {
                socket,
                holder,
                connection,
            }) => (*socket, IdUser::Holder(*holder), connection),
            Fact::Protocol(
                Event::MachineRegistered {
                    socket, connection, ..
                }
                | Event::MachineShared {
                    socket, connection, ..
                },
            ) => (*socket, IdUser::Machine, connection),
            Fact::Protocol(Event::EndpointEnded { socket, .. }) => {
                self.first.remove(socket);
                return;
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.first
                    .retain(|socket, _| view.lives_elsewhere(*socket, *container));
                return;
            }
            Fact::Protocol(_) | Fact::World(_) => return,
        };
        // What a task does after the end of the endpoint is clean-up, which I-09 judges.
        let connection = view.connection(socket);
        if connection.is_none_or(|connection| connection.endpoint_ended.is_some()) {
            return;
        }
        let (first_part, first_id) = self
            .first
            .entry(socket)
            .or_insert_with(|| (part, id.clone()));
        if first_id == id {
            return;
        }
        let (first, part) = (first_part.name(), part.name());
        match first == part {
            true => found.add(socket, format_args!("{part} id changes"), || {
                format!("The {part} of {socket} went from {first_id} to {id}.")
            }),
            false => found.add(socket, format_args!("{first} and {part} disagree"), || {
                format!("For {socket} the {first} uses {first_id}, but the {part} uses {id}.")
            }),
        }
    }
}

/// The set-up rank of a connection, over all its machines, never decreases.
#[derive(Default)]
pub(super) struct SetupNeverGoesBack {
    reached: PerClient<SocketId, ConnectionState>,
}

impl Rule for SetupNeverGoesBack {
    fn subjects(&self) -> u32 {
        Subject::Machine.bit() | Subject::Life.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::Protocol(Event::MachineRegistered {
                socket, connection, ..
            }) => {
                let to = ConnectionState::Connecting;
                if let Some(reached) = self.step(*socket, to) {
                    let cause = format_args!("new machine in {to} after {reached}");
                    found.add(*socket, cause, || {
                        format!(
                            "{socket} had reached {reached}; then it registered machine \
                             {connection}, which starts in {to}."
                        )
                    });
                }
            }
            Fact::Protocol(Event::Transition {
                connection,
                from,
                to,
                reason,
                ..
            }) => {
                // A shared machine moves for its owner, even if another connection asked.
                let machine = view.machine(container_of(entry), connection);
                let Some(socket) = machine.map(|machine| machine.owner) else {
                    return;
                };
                let owner = view.connection(socket);
                if owner.is_none_or(|owner| owner.endpoint_ended.is_some()) {
                    return;
                }
                if *from == ConnectionState::Failed || *from == ConnectionState::Reconnecting {
                    self.reached.insert(socket, *to);
                    return;
                }
                if let Some(reached) = self.step(socket, *to) {
                    let cause = format_args!("{from} to {to} after {reached}");
                    found.add(socket, cause, || {
                        format!(
                            "{socket} had reached {reached}; then machine {connection} moved from \
                             {from} to {to} ({reason})."
                        )
                    });
                }
            }
            Fact::Protocol(Event::EndpointEnded { socket, .. }) => {
                self.reached.remove(socket);
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.reached
                    .retain(|socket, _| view.lives_elsewhere(*socket, *container));
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }
}

impl SetupNeverGoesBack {
    /// Notes a state; returns the state reached before if its rank is higher. From there on the
    /// connection is where it fell to: its way up again is no second fall.
    fn step(&mut self, socket: SocketId, to: ConnectionState) -> Option<ConnectionState> {
        // States outside the set-up order neither advance a connection nor set it back.
        let rank = states::setup_rank(to)?;
        let before = self.reached.insert(socket, to)?;
        (states::setup_rank(before)? > rank).then_some(before)
    }
}
