//! The lines of a snapshot: what can be known of an actor, in the order in which it is read.

use std::fmt;

use gatesim_model::{
    core::ids::{ConnectionId, MessageId, RunId, SocketId},
    event::{Breaker, Component, IdHolder, LockName, ReadySource, Table, TaskName},
    port::env::Service,
};
use serde::{Serialize, Serializer};

use crate::trace::event::{Actor, Impairment};

/// One line of an actor. Prints as a short text, which no other line of the actor has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatePath {
    // --- the run ------------------------------------------------------------------------------
    /// Whether it goes on, and in which phase.
    Run,
    /// A fault of the plan, by its number.
    Fault(u32),
    /// One direction of a link.
    Link {
        /// From here.
        from: Actor,
        /// To there.
        to: Actor,
    },

    // --- clients ------------------------------------------------------------------------------
    /// The user of the client.
    User,
    /// Whether it is still there, once it is not.
    Life,
    /// New tokens that it got.
    Tokens,
    /// One of its sockets, as it sees it.
    Socket(SocketId),
    /// All its messages.
    Messages,
    /// A message that waits for the end of its answer.
    Message(MessageId),

    // --- the balancer -------------------------------------------------------------------------
    /// Where an upgrade went.
    Route(SocketId),

    // --- services -----------------------------------------------------------------------------
    /// Whether it answers.
    Answers,
    /// What is wrong with its answers.
    Impaired(Impairment),
    /// What Redis keeps of the run that answers a message.
    Journal(MessageId),

    // --- containers ---------------------------------------------------------------------------
    /// The process.
    Process,
    /// Whether it gets a processor, if it does not.
    Processor,
    /// Its wall clock, while it is wrong.
    Clock,
    /// The start-up phase that was reached last.
    Phase,
    /// Whether a component is there.
    Component(Component),
    /// A breaker.
    Breaker(Breaker),
    /// A lock that a task holds or waits for.
    Lock(LockName, u64),
    /// Calls of the container itself that have no answer yet.
    Call(Service),
    /// How many endpoints run.
    Endpoints,
    /// How many machines are registered.
    Registry,
    /// How many entries a table has.
    Table(Table),
    /// A registered machine.
    Machine(ConnectionId),
    /// Something of one connection.
    Connection(SocketId, Aspect),
    /// An agent run that goes on.
    AgentRun(RunId),
}

/// What a container knows of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The endpoint coroutine.
    Endpoint,
    /// The transport below it.
    Transport,
    /// The user, or why there is none.
    User,
    /// The id that a part of it was given.
    Id(IdHolder),
    /// The handshake coordinator, the 1st or 2nd object.
    Handshake(u8),
    /// The state coordinator.
    Coordinator,
    /// The identity in the connection-id manager.
    Identity,
    /// What the validation of services said.
    Services,
    /// Under which id a part declared it ready.
    Ready(ReadySource),
    /// The loop-entry gate.
    Gate,
    /// The message loop.
    Loop,
    /// Messages that have arrived and are not handled yet.
    Inbox,
    /// Calls that have no answer yet.
    Call(Service),
    /// Tasks of this name.
    Task(TaskName),
    /// The tables in which it has an entry.
    Tables,
}

impl StatePath {
    /// The connection that it is about, if it is about one.
    pub fn socket(&self) -> Option<SocketId> {
        match self {
            StatePath::Socket(socket)
            | StatePath::Route(socket)
            | StatePath::Connection(socket, _) => Some(*socket),
            StatePath::Run
            | StatePath::Fault(_)
            | StatePath::Link { .. }
            | StatePath::User
            | StatePath::Life
            | StatePath::Tokens
            | StatePath::Messages
            | StatePath::Message(_)
            | StatePath::Answers
            | StatePath::Impaired(_)
            | StatePath::Journal(_)
            | StatePath::Process
            | StatePath::Processor
            | StatePath::Clock
            | StatePath::Phase
            | StatePath::Component(_)
            | StatePath::Breaker(_)
            | StatePath::Lock(..)
            | StatePath::Call(_)
            | StatePath::Endpoints
            | StatePath::Registry
            | StatePath::Table(_)
            | StatePath::Machine(_)
            | StatePath::AgentRun(_) => None,
        }
    }
}

impl fmt::Display for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            StatePath::Run => "run".to_owned(),
            StatePath::Fault(number) => format!("fault {number}"),
            StatePath::Link { from, to } => format!("link {from} -> {to}"),
            StatePath::User => "user".to_owned(),
            StatePath::Life => "life".to_owned(),
            StatePath::Tokens => "tokens".to_owned(),
            StatePath::Socket(socket) => format!("socket {socket}"),
            StatePath::Messages => "messages".to_owned(),
            StatePath::Message(message) => format!("message {message}"),
            StatePath::Route(socket) => format!("route {socket}"),
            StatePath::Answers => "answers".to_owned(),
            StatePath::Impaired(how) => match how {
                Impairment::Slow { factor } => format!("{factor} times as slow"),
                Impairment::Erring { per_mille } => format!("failing {per_mille} per mille"),
                Impairment::Wrong { per_mille } => format!("wrong {per_mille} per mille"),
            },
            StatePath::Journal(message) => format!("journal {message}"),
            StatePath::Process => "process".to_owned(),
            StatePath::Processor => "processor".to_owned(),
            StatePath::Clock => "clock".to_owned(),
            StatePath::Phase => "phase".to_owned(),
            StatePath::Component(component) => format!("component {component}"),
            StatePath::Breaker(breaker) => format!("breaker {breaker}"),
            StatePath::Lock(lock, instance) => format!("lock {lock}/{instance}"),
            StatePath::Call(service) => format!("call to {}", Actor::Service(*service)),
            StatePath::Endpoints => "endpoints".to_owned(),
            StatePath::Registry => "registry".to_owned(),
            StatePath::Table(table) => format!("table {table}"),
            StatePath::Machine(connection) => format!("machine {connection}"),
            StatePath::Connection(socket, aspect) => format!("{socket} {aspect}"),
            StatePath::AgentRun(run) => run.to_string(),
        };
        f.pad(&text)
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aspect::Endpoint => f.write_str("endpoint"),
            Aspect::Transport => f.write_str("transport"),
            Aspect::User => f.write_str("user"),
            Aspect::Id(holder) => write!(f, "id of {holder}"),
            Aspect::Handshake(number) => write!(f, "handshake {number}"),
            Aspect::Coordinator => f.write_str("coordinator"),
            Aspect::Identity => f.write_str("identity"),
            Aspect::Services => f.write_str("services"),
            Aspect::Ready(by) => write!(f, "ready by {by}"),
            Aspect::Gate => f.write_str("gate"),
            Aspect::Loop => f.write_str("loop"),
            Aspect::Inbox => f.write_str("inbox"),
            Aspect::Call(service) => write!(f, "call to {}", Actor::Service(*service)),
            Aspect::Task(name) => write!(f, "task {name}"),
            Aspect::Tables => f.write_str("tables"),
        }
    }
}

impl Serialize for StatePath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
