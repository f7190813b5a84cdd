//! What the columns of the tables may hold.

use gatesim_model::{
    core::{
        ids::{ConnectionId, MessageId, RunId, SocketId},
        services::{Component, Service},
    },
    event::{Breaker, LockName},
};
use serde::Serialize;

use crate::trace::actor::Actor;

/// What an event is about, so that only the rules concerned are asked: one look at the event
/// instead of one for each rule. Most events concern two or three rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A connection begins, is accepted, is closed, ends; or its container does.
    Life,
    /// Something inside went wrong, or a rule of the transport was broken.
    Error,
    /// Ids and machines.
    Machine,
    /// A part of the gateway declares a connection ready.
    Ready,
    /// The other views of a connection: handshake, coordinator, id manager.
    View,
    /// What belongs to a connection: tasks and table entries.
    Holding,
    /// Messages of the client.
    Message,
    /// Agent runs and their events, at the server.
    Run,
    /// What the client and the network do and see.
    Client,
    /// Whether one client's failures reach another: breakers and limits.
    Containment,
    /// Locks, and tasks that block their process.
    Waiting,
    /// Calls to backing services.
    Call,
    /// The heartbeat and its answers.
    Heartbeat,
    /// The run as a whole: its end, and the end of all faults.
    World,
    /// Nothing that a rule asks for.
    Other,
}

impl Subject {
    /// A set with this subject alone; sets are joined by `|`.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u16
    }
}

/// What kind of event it is, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Something changed its state.
    State,
    /// Something was sent to the other side.
    Sent,
    /// Something arrived from the other side.
    Arrived,
    /// A service was asked.
    Asked,
    /// A service answered.
    Answered,
    /// Something was refused, lost or given up.
    Refused,
    /// A fault begins, ends or shows.
    Fault,
    /// Anything else.
    Other,
}

/// How much an event matters to a reader of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prominence {
    /// Bookkeeping: tasks, table entries, locks that were free, single calls and agent events.
    Routine,
    /// What an engineer would draw on a whiteboard.
    Notable,
}

/// What an event concerns besides the actor that emits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parties {
    /// Nothing in particular: the container that emits it, or the run as a whole.
    General,
    /// A connection.
    Connection(SocketId),
    /// A connection, and another that it has to do with.
    Connections(SocketId, SocketId),
    /// The connection for which a task works, if it works for one.
    Task(Option<SocketId>),
    /// The service that is called, and the connection for which it is.
    Call(Option<SocketId>, Service),
    /// A client, between its connections.
    Client(u32),
    /// A container to which the world does something.
    Container(u32),
    /// A service to which the world does something.
    Service(Service),
    /// The two ends of a link.
    Link(Actor, Actor),
}

impl Parties {
    /// The connection that the event belongs to, if any.
    pub fn connection(self) -> Option<SocketId> {
        match self {
            Parties::Connection(socket) | Parties::Connections(socket, _) => Some(socket),
            Parties::Task(socket) | Parties::Call(socket, _) => socket,
            Parties::General
            | Parties::Client(_)
            | Parties::Container(_)
            | Parties::Service(_)
            | Parties::Link(..) => None,
        }
    }

    /// Every connection that the event is about.
    pub fn connections(self) -> Vec<SocketId> {
        let other = match self {
            Parties::Connections(_, other) => Some(other),
            _ => None,
        };
        self.connection().into_iter().chain(other).collect()
    }

    /// The container or the service that the world does something to, if there is one.
    pub fn target(self) -> Option<Actor> {
        match self {
            Parties::Container(container) => Some(Actor::Container(container)),
            Parties::Service(service) => Some(Actor::Service(service)),
            _ => None,
        }
    }

    /// All of them, as actors.
    pub fn actors(self) -> Vec<Actor> {
        match self {
            Parties::General => vec![Actor::World],
            Parties::Client(client) => vec![Actor::Client(client)],
            Parties::Container(_) | Parties::Service(_) => self.target().into_iter().collect(),
            Parties::Link(from, to) => vec![from, to],
            Parties::Connection(_)
            | Parties::Connections(..)
            | Parties::Task(_)
            | Parties::Call(..) => self.connections().into_iter().map(Actor::Socket).collect(),
        }
    }
}

/// A piece of state that several tasks may touch, besides the connections of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched<'a> {
    /// A machine of the container that emits the event, under its id.
    Machine(&'a ConnectionId),
    /// A lock of this container.
    Lock(LockName, u64),
    /// A breaker of this container.
    Breaker(Breaker),
    /// A component of this container.
    Component(Component),
    /// This container as a whole.
    OwnContainer,
    /// Some container as a whole.
    Container(u32),
    /// A backing service.
    Service(Service),
    /// A client.
    Client(u32),
    /// A client's message.
    Message(&'a MessageId),
    /// An agent run.
    Run(RunId),
}

impl Touched<'_> {
    /// The end of a link whose other end is the balancer or a service.
    pub(super) fn end_of_link(from: Actor, to: Actor) -> Option<Self> {
        let end = |actor| match actor {
            Actor::Client(client) => Some(Touched::Client(client)),
            Actor::Container(container) => Some(Touched::Container(container)),
            Actor::World | Actor::Balancer | Actor::Service(_) | Actor::Socket(_) => None,
        };
        end(from).or_else(|| end(to))
    }
}
