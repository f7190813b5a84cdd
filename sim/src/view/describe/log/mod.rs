//! A run as log lines of the production service (`docs/protocol.md#log-lines`), to be compared
//! with a log of the service itself.
//!
//! The service logs at the places where events are emitted, so most lines follow from one event.
//! Some name what an earlier one said: who the user is, when the set-up began, how many handlers
//! remain. Of that [`GatewayLog`] keeps as much as the lines need, for as long as a connection or
//! a process lasts.
//!
//! Left out: lines of which no event tells, such as each look of the loop-entry gate, the wait for
//! the start-up, and the patterns of the race detector. Where that document has only a placeholder
//! and no event knows more, the line says what is known: a connection is named by its id, and by
//! the observer's name before it has one.

use std::{collections::BTreeMap, fmt};

use gatesim_model::{
    core::{
        environment::Environment,
        ids::{ConnectionId, RunId, SocketId, UserId},
        message::AgentEventKind,
        time::Time,
    },
    design::{Design, GateWait, HandshakePlacement, Migration, PreliminaryId},
    event::Breaker,
};

use crate::trace::event::{Actor, Fact, TraceEvent, WorldEvent};

mod connection;
mod machine;
mod process;

/// The severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// DEBUG.
    Debug,
    /// INFO.
    Info,
    /// WARNING.
    Warning,
    /// ERROR.
    Error,
    /// CRITICAL.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        })
    }
}

/// One line, but for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How severe.
    pub level: Level,
    /// What.
    pub message: String,
}

/// The revisions that word the same things differently; which one a design is like follows from
/// its answers, so a flipped or written design has a wording as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording {
    /// V1 and V2: several machines, none of the prefixes.
    Early,
    /// V3 to V5: one machine before authentication, migrated to another id after it.
    Migrating,
    /// V6 and later: one id from first to last.
    PassThrough,
}

/// Turns the events of one run into log lines, one after the other.
pub struct GatewayLog {
    environment: Environment,
    wording: Wording,
    handshake: HandshakePlacement,
    gate_wait: GateWait,
    processes: BTreeMap<Actor, LoggedProcess>,
}

/// What the lines of one process need to know of what was.
#[derive(Default)]
struct LoggedProcess {
    registry: LoggedRegistry,
    /// When each registered machine was made.
    machines: BTreeMap<ConnectionId, Time>,
    connections: BTreeMap<SocketId, LoggedConnection>,
    /// Handlers of the router.
    handlers: u32,
    failures: BTreeMap<Breaker, u32>,
    runs: BTreeMap<RunId, LoggedRun>,
}

/// The registry is made, and says so, when it is first used.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum LoggedRegistry {
    #[default]
    Absent,
    There,
}

/// A connection until its endpoint ends.
#[derive(Default)]
struct LoggedConnection {
    /// The last id that its socket was given.
    id: Option<ConnectionId>,
    /// The id that the manager was given.
    manager_id: Option<ConnectionId>,
    user: Option<UserId>,
    /// How many machines it has registered.
    machines: u32,
    handshake: LoggedHandshake,
    /// When it came to the message handling.
    entered: Option<Time>,
    /// When it began to wait at the gate.
    waiting: Option<Time>,
}

/// The handshake coordinator that moved last.
#[derive(Clone, Copy, Default)]
struct LoggedHandshake {
    began: Time,
    moves: u32,
    state: &'static str,
}

/// An agent run until it ends.
struct LoggedRun {
    user: UserId,
    kinds: BTreeMap<u32, AgentEventKind>,
}

/// Where the lines of one event go.
struct Lines<'a> {
    lines: Vec<LogLine>,
    log: &'a GatewayLog,
    now: Time,
}

impl GatewayLog {
    /// A log of a design in an environment.
    pub fn new(design: &Design, environment: Environment) -> Self {
        let wording = match (design.preliminary_id, design.migration) {
            (PreliminaryId::SecondGranular, _) => Wording::Early,
            (_, Migration::UnregisterThenRegister) => Wording::Migrating,
            (_, Migration::PassThrough | Migration::ResetInPlace) => Wording::PassThrough,
        };
        GatewayLog {
            environment,
            wording,
            handshake: design.handshake,
            gate_wait: design.gate_wait,
            processes: BTreeMap::new(),
        }
    }

    /// The lines that the production service printed where this event happened, in their order;
    /// often none.
    pub fn lines(&mut self, entry: &TraceEvent) -> Vec<LogLine> {
        let mut process = self.processes.remove(&entry.lane()).unwrap_or_default();
        let mut lines = Lines {
            lines: Vec::new(),
            log: self,
            now: entry.time,
        };
        match &entry.fact {
            Fact::Protocol(event) => lines.protocol(&mut process, event),
            Fact::World(WorldEvent::TransportMisused {
                socket,
                operation,
                error,
            }) => lines.misused(&process, *socket, *operation, *error),
            Fact::World(WorldEvent::ContainerGone { .. }) => process = LoggedProcess::default(),
            Fact::World(_) => {}
        }
        let lines = lines.lines;
        if let Actor::Container(_) = entry.lane() {
            self.processes.insert(entry.lane(), process);
        }
        lines
    }
}

impl Lines<'_> {
    fn debug(&mut self, message: impl Into<String>) {
        self.line(Level::Debug, message);
    }

    fn info(&mut self, message: impl Into<String>) {
        self.line(Level::Info, message);
    }

    fn warning(&mut self, message: impl Into<String>) {
        self.line(Level::Warning, message);
    }

    fn error(&mut self, message: impl Into<String>) {
        self.line(Level::Error, message);
    }

    fn critical(&mut self, message: impl Into<String>) {
        self.line(Level::Critical, message);
    }

    fn line(&mut self, level: Level, message: impl Into<String>) {
        let message = message.into();
        self.lines.push(LogLine { level, message });
    }

    /// The prefix that came with V3.
    fn phase_two(&self) -> &'static str {
        match self.log.wording {
            Wording::Early => "",
            Wording::Migrating | Wording::PassThrough => "PHASE 2 FIX 2: ",
        }
    }
}

impl LoggedProcess {
    fn connection(&mut self, socket: SocketId) -> &mut LoggedConnection {
        self.connections.entry(socket).or_default()
    }

    /// The id under which the log knows a connection.
    fn id(&self, socket: SocketId) -> String {
        let known = self.connections.get(&socket);
        match known.and_then(|connection| connection.id.as_ref()) {
            Some(id) => id.to_string(),
            None => socket.to_string(),
        }
    }

    /// The user of a connection.
    fn user(&self, socket: SocketId) -> String {
        let known = self.connections.get(&socket);
        match known.and_then(|connection| connection.user.as_ref()) {
            Some(user) => user.to_string(),
            None => "None".to_owned(),
        }
    }
}

/// The first eight characters, as log lines show users.
fn head(user: &str) -> String {
    user.chars().take(8).collect()
}
