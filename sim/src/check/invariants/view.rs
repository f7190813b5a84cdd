//! What is live, as far as several rules need it: machines, components and connections.
//!
//! A registry belongs to one container and ends with it (`docs/protocol.md#process-globals`), so
//! machines are found by container and id. A connection is forgotten once its transport and its endpoint have ended and
//! it owns no machine any more.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId, UserId},
        state::ConnectionState,
        time::Time,
    },
    event::{Component, Event},
};

use crate::{
    check::per_client::PerClient,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

/// Everything live.
#[derive(Debug, Default)]
pub(super) struct LiveView {
    containers: BTreeMap<u32, ContainerMemory>,
    connections: PerClient<SocketId, LiveConnection>,
    /// Links that are partitioned.
    partitioned: BTreeSet<(Actor, Actor)>,
    /// Connections whose transport had ended before their endpoint started, and when.
    ended_early: BTreeMap<SocketId, Time>,
}

/// One container's memory.
#[derive(Debug, Default)]
struct ContainerMemory {
    machines: BTreeMap<ConnectionId, RegisteredMachine>,
    present: BTreeSet<Component>,
    stall: Option<Stall>,
    /// Since when it is asked to stop.
    stopping: Option<Time>,
}

/// The last stall of a container: a time without a processor.
#[derive(Clone, Copy, Debug)]
enum Stall {
    Going,
    Over { at: Time },
}

/// A registered machine.
#[derive(Debug)]
pub(super) struct RegisteredMachine {
    /// The connection that registered it.
    pub(super) owner: SocketId,
    pub(super) state: ConnectionState,
}

/// A connection from the start of its endpoint on.
#[derive(Debug)]
pub(super) struct LiveConnection {
    pub(super) container: u32,
    /// Ids of its registered machines.
    pub(super) machines: BTreeSet<ConnectionId>,
    pub(super) user: Option<UserId>,
    pub(super) accepted: Option<Time>,
    /// The code of the close that was handed over.
    pub(super) close_code: Option<u16>,
    pub(super) disconnect_seen: Option<Time>,
    pub(super) transport_ended: Option<Time>,
    pub(super) endpoint_ended: Option<Time>,
    /// Its client has ended it, or something on the way has, or may have: the server may learn it from
    /// a send that fails, before anything else tells it.
    disturbed: bool,
}

impl LiveConnection {
    /// Whether neither side has begun to end it, as far as the server can know.
    pub(super) fn lives(&self) -> bool {
        self.close_code.is_none() && self.endpoint_ended.is_none() && !self.peer_gone()
    }

    /// Whether the peer or the network has ended it.
    pub(super) fn peer_gone(&self) -> bool {
        self.disconnect_seen.is_some() || self.transport_ended.is_some()
    }

    /// The same, or the server may have found out by itself that it is so.
    pub(super) fn peer_may_be_gone(&self) -> bool {
        self.peer_gone() || self.disturbed
    }

    fn is_over(&self) -> bool {
        self.transport_ended.is_some() && self.endpoint_ended.is_some() && self.machines.is_empty()
    }
}

/// The container that an event of the protocol comes from.
///
/// # Panics
/// If the actor is not a container: the simulator is wrong.
pub(super) fn container_of(entry: &TraceEvent) -> u32 {
    match entry.actor {
        Actor::Container(container) => container,
        Actor::World
        | Actor::Client(_)
        | Actor::Balancer
        | Actor::Service(_)
        | Actor::Socket(_) => {
            panic!(
                "a fact of the protocol from {}, not from a container",
                entry.actor
            )
        }
    }
}

/// Whether a link is on the way of a connection to this container.
fn is_between((from, to): (Actor, Actor), socket: SocketId, container: u32) -> bool {
    let container = Some(container);
    from.is_on_way(socket, container) || to.is_on_way(socket, container)
}

impl LiveView {
    /// The machine registered under an id.
    pub(super) fn machine(&self, container: u32, id: &ConnectionId) -> Option<&RegisteredMachine> {
        self.containers.get(&container)?.machines.get(id)
    }

    /// The connection, while it is live.
    pub(super) fn connection(&self, socket: SocketId) -> Option<&LiveConnection> {
        self.connections.get(&socket)
    }

    /// Whether a connection survives the end of a container, because it is served by another.
    pub(super) fn lives_elsewhere(&self, socket: SocketId, container: u32) -> bool {
        self.connection(socket)
            .is_some_and(|connection| connection.container != container)
    }

    /// The registered machines of a connection, with their ids.
    pub(super) fn machines_of(
        &self,
        socket: SocketId,
    ) -> impl Iterator<Item = (&ConnectionId, &RegisteredMachine)> {
        self.connections
            .get(&socket)
            .into_iter()
            .flat_map(|connection| {
                connection.machines.iter().filter_map(|id| {
                    let machine = self.machine(connection.container, id)?;
                    Some((id, machine))
                })
            })
    }

    /// Whether a component of the container is there.
    pub(super) fn is_present(&self, container: u32, component: Component) -> bool {
        self.containers
            .get(&container)
            .is_some_and(|container| container.present.contains(&component))
    }

    /// Whether a container has been stalled since `since`, and if so until when; `now` if it still
    /// is. A container without a processor cannot keep a deadline, and has the whole bound again
    /// from the end of the stall on.
    pub(super) fn stalled(&self, container: u32, since: Time, now: Time) -> Option<Time> {
        match self.containers.get(&container)?.stall? {
            Stall::Going => Some(now),
            Stall::Over { at } => (at >= since).then_some(at),
        }
    }

    /// The same for the container that serves a connection.
    pub(super) fn stalled_for(&self, socket: SocketId, since: Time, now: Time) -> Option<Time> {
        self.stalled(self.connection(socket)?.container, since, now)
    }

    /// Since when a container is asked to stop, if it is.
    pub(super) fn stopping(&self, container: u32) -> Option<Time> {
        self.containers.get(&container)?.stopping
    }

    /// The connections that a container serves.
    pub(super) fn served_by(
        &self,
        container: u32,
    ) -> impl Iterator<Item = (SocketId, &LiveConnection)> {
        let served = self.connections.iter();
        served.filter(move |(_, connection)| connection.container == container)
    }

    /// The machines of a connection and their states, as a clause.
    pub(super) fn machines_in_words(&self, socket: SocketId) -> String {
        let machines: Vec<String> = self
            .machines_of(socket)
            .map(|(id, machine)| format!("{id} in {}", machine.state))
            .collect();
        match machines.is_empty() {
            true => "the connection has no machine".to_owned(),
            false => format!("the connection has {}", machines.join(" and ")),
        }
    }

    /// Takes an event into account.
    pub(super) fn apply(&mut self, entry: &TraceEvent) {
        match &entry.fact {
            Fact::Protocol(event) => self.apply_protocol(container_of(entry), entry.time, event),
            Fact::World(WorldEvent::ContainerStarted { container, .. }) => {
                self.containers
                    .insert(*container, ContainerMemory::default());
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                if let Some(gone) = self.containers.get_mut(container) {
                    gone.machines.clear();
                    gone.present.clear();
                }
                self.connections
                    .retain(|_, connection| connection.container != *container);
            }
            Fact::World(WorldEvent::TransportEnded { socket }) => {
                if !self.connections.contains_key(socket) {
                    self.ended_early.insert(*socket, entry.time);
                }
                self.update(*socket, |connection| {
                    connection.transport_ended = Some(entry.time)
                });
            }
            Fact::World(WorldEvent::ContainerTerminating { container }) => {
                self.containers.entry(*container).or_default().stopping = Some(entry.time);
            }
            Fact::World(
                WorldEvent::ClientClosed { socket, .. } | WorldEvent::ConnectionCut { socket, .. },
            ) => self.update(*socket, |connection| connection.disturbed = true),
            Fact::World(WorldEvent::LinkReset { from, to }) => self.disturb((*from, *to)),
            Fact::World(WorldEvent::LinkPartitioned { from, to }) => {
                self.partitioned.insert((*from, *to));
                self.disturb((*from, *to));
            }
            Fact::World(WorldEvent::LinkRepaired { from, to }) => {
                self.partitioned.remove(&(*from, *to));
            }
            Fact::World(WorldEvent::ContainerStalled { container }) => {
                self.containers.entry(*container).or_default().stall = Some(Stall::Going);
            }
            Fact::World(WorldEvent::ContainerResumed { container }) => {
                let stall = Stall::Over { at: entry.time };
                self.containers.entry(*container).or_default().stall = Some(stall);
            }
            Fact::World(_) => {}
        }
    }

    /// Something has happened to a link: connections over it may be over.
    fn disturb(&mut self, link: (Actor, Actor)) {
        for (socket, connection) in self.connections.iter_mut() {
            connection.disturbed |= is_between(link, socket, connection.container);
        }
    }

    fn apply_protocol(&mut self, container: u32, now: Time, event: &Event) {
        match event {
            Event::EndpointStarted { socket } => {
                let mut partitioned = self.partitioned.iter();
                let disturbed = partitioned.any(|link| is_between(*link, *socket, container));
                self.connections.insert(
                    *socket,
                    LiveConnection {
                        container,
                        machines: BTreeSet::new(),
                        user: None,
                        accepted: None,
                        close_code: None,
                        disconnect_seen: None,
                        transport_ended: self.ended_early.remove(socket),
                        endpoint_ended: None,
                        disturbed,
                    },
                );
            }
            Event::Accepted { socket, .. } => {
                self.update(*socket, |connection| connection.accepted = Some(now));
            }
            Event::Authenticated { socket, user, .. } => {
                self.update(*socket, |connection| connection.user = Some(user.clone()));
            }
            Event::CloseSent { socket, code, .. } => {
                self.update(*socket, |connection| connection.close_code = Some(*code));
            }
            Event::DisconnectSeen { socket, .. } => {
                self.update(*socket, |connection| connection.disconnect_seen = Some(now));
            }
            Event::EndpointEnded { socket, .. } => {
                self.update(*socket, |connection| connection.endpoint_ended = Some(now));
            }
            Event::MachineRegistered {
                socket, connection, ..
            } => {
                let machine = RegisteredMachine {
                    owner: *socket,
                    state: ConnectionState::Connecting,
                };
                let machines = &mut self.containers.entry(container).or_default().machines;
                machines.insert(connection.clone(), machine);
                self.update(*socket, |owner| {
                    owner.machines.insert(connection.clone());
                });
            }
            Event::MachineUnregistered { connection, .. } => {
                let machines = &mut self.containers.entry(container).or_default().machines;
                if let Some(machine) = machines.remove(connection) {
                    self.update(machine.owner, |owner| {
                        owner.machines.remove(connection);
                    });
                }
            }
            Event::Transition { connection, to, .. } => {
                let machines = &mut self.containers.entry(container).or_default().machines;
                if let Some(machine) = machines.get_mut(connection) {
                    machine.state = *to;
                }
            }
            Event::ComponentChanged { component, ready } => {
                let present = &mut self.containers.entry(container).or_default().present;
                match ready {
                    true => present.insert(*component),
                    false => present.remove(component),
                };
            }
            _ => {}
        }
    }

    fn update(&mut self, socket: SocketId, change: impl FnOnce(&mut LiveConnection)) {
        if let Some(connection) = self.connections.get_mut(&socket) {
            change(connection);
            if connection.is_over() {
                self.connections.remove(&socket);
            }
        }
    }
}
