//! Machines, ids and progress of one connection (I-02, I-03, I-04), from the events of machines
//! (`MachineRegistered`, `MachineShared`, `MachineUnregistered`, `Transition`) and ids (`IdGiven`).

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
    },
    event::{Event, IdHolder},
};

use super::{
    rule::{Finding, Rule},
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

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent) -> Option<Finding> {
        match &entry.fact {
            Fact::Protocol(Event::MachineRegistered {
                socket, connection, ..
            }) => {
                let (other, machine) = view.machines_of(*socket).next()?;
                Some(Finding::new(
                    *socket,
                    "a second machine for one connection",
                    format!(
                        "{socket} registered machine {connection} while it owned machine {other} \
                         in {}.",
                        machine.state
                    ),
                ))
            }
            Fact::Protocol(Event::MachineShared {
                socket,
                connection,
                state,
                ..
            }) => {
                let owner = view.machine(container_of(entry), connection)?.owner;
                if owner == *socket {
                    return None;
                }
                Some(Finding::new(
                    *socket,
                    "one machine for two connections",
                    format!(
                        "The registration of {socket} under {connection} was given the machine of \
                         {owner}, in {state}."
                    ),
                ))
            }
            Fact::Protocol(Event::MachineUnregistered { socket, connection }) => {
                let machine = view.machine(container_of(entry), connection)?;
                if !view
                    .connection(machine.owner)
                    .is_some_and(LiveConnection::lives)
                    || states::is_ending(machine.state)
                {
                    return None;
                }
                let whose = match machine.owner == *socket {
                    true => "its connection".to_owned(),
                    false => format!("the connection of {}", machine.owner),
                };
                Some(Finding::new(
                    machine.owner,
                    "machine unregistered while the connection lives",
                    format!(
                        "{socket} unregistered machine {connection} in {} while {whose} lives: \
                         from here on the connection has no machine.",
                        machine.state
                    ),
                ))
            }
            Fact::Protocol(_) | Fact::World(_) => None,
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

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent) -> Option<Finding> {
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
                return None;
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.first
                    .retain(|socket, _| view.lives_elsewhere(*socket, *container));
                return None;
            }
            Fact::Protocol(_) | Fact::World(_) => return None,
        };
        // What a task does after the end of the endpoint is clean-up, which I-09 judges.
        view.connection(socket)
            .filter(|connection| connection.endpoint_ended.is_none())?;
        let (first_part, first_id) = self
            .first
            .entry(socket)
            .or_insert_with(|| (part, id.clone()));
        if first_id == id {
            return None;
        }
        let cause = match *first_part == part {
            true => format!("{} id changes", part.name()),
            false => format!("{} and {} disagree", first_part.name(), part.name()),
        };
        Some(Finding::new(
            socket,
            cause,
            match *first_part == part {
                true => format!(
                    "The {} of {socket} went from {first_id} to {id}.",
                    part.name()
                ),
                false => format!(
                    "For {socket} the {} uses {first_id}, but the {} uses {id}.",
                    first_part.name(),
                    part.name()
                ),
            },
        ))
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

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent) -> Option<Finding> {
        match &entry.fact {
            Fact::Protocol(Event::MachineRegistered {
                socket, connection, ..
            }) => {
                let to = ConnectionState::Connecting;
                let reached = self.step(*socket, to)?;
                Some(Finding::new(
                    *socket,
                    format!("new machine in {to} after {reached}"),
                    format!(
                        "{socket} had reached {reached}; then it registered machine {connection}, \
                         which starts in {to}."
                    ),
                ))
            }
            Fact::Protocol(Event::Transition {
                connection,
                from,
                to,
                reason,
                ..
            }) => {
                // A shared machine moves for its owner, even if another connection asked.
                let socket = view.machine(container_of(entry), connection)?.owner;
                view.connection(socket)
                    .filter(|owner| owner.endpoint_ended.is_none())?;
                if *from == ConnectionState::Failed || *from == ConnectionState::Reconnecting {
                    self.reached.insert(socket, *to);
                    return None;
                }
                let reached = self.step(socket, *to)?;
                Some(Finding::new(
                    socket,
                    format!("{from} to {to} after {reached}"),
                    format!(
                        "{socket} had reached {reached}; then machine {connection} moved from \
                         {from} to {to} ({reason})."
                    ),
                ))
            }
            Fact::Protocol(Event::EndpointEnded { socket, .. }) => {
                self.reached.remove(socket);
                None
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.reached
                    .retain(|socket, _| view.lives_elsewhere(*socket, *container));
                None
            }
            Fact::Protocol(_) | Fact::World(_) => None,
        }
    }
}

impl SetupNeverGoesBack {
    /// Notes a state; returns the state reached before if its rank is higher.
    fn step(&mut self, socket: SocketId, to: ConnectionState) -> Option<ConnectionState> {
        // States outside the set-up order neither advance a connection nor set it back.
        let rank = states::setup_rank(to)?;
        let reached = self.reached.entry(socket).or_insert(to);
        if states::setup_rank(*reached).is_some_and(|highest| highest > rank) {
            return Some(*reached);
        }
        *reached = to;
        None
    }
}
