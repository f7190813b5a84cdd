//! What the protocol needs of its surroundings, and nothing else.

use std::{future::Future, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    core::{
        ids::{MessageId, RunId, SocketId, UserId},
        ledger::{self, MessageKey},
        time::Time,
    },
    event::{Event, TaskName},
    port::socket::Socket,
};

pub use crate::core::services::Service;

/// The surroundings of one container: clock, tasks, backing services, observer.
///
/// Cheap to clone. Single-threaded: futures need not be `Send`. An implementation over a real
/// runtime (a local task set, real clients for the services) needs no change in this crate.
pub trait Env: Clone + 'static {
    /// The connections it serves.
    type Socket: Socket;
    /// An owned task.
    type Task: Task;

    /// Now, by the clock that the design measures durations with
    /// ([`ClockSource`](crate::design::ClockSource)).
    fn now(&self) -> Time;

    /// Completes `duration` from now. Zero still gives other tasks a turn.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static;

    /// Sleeps without giving way: no task of this container goes on before `duration` is over.
    fn block(&self, duration: Duration) -> impl Future<Output = ()> + 'static;

    /// Starts a task of this container. Dropping the handle detaches it. `socket` is the
    /// connection it belongs to, if any.
    fn spawn(
        &self,
        name: TaskName,
        socket: Option<SocketId>,
        future: impl Future<Output = ()> + 'static,
    ) -> Self::Task;

    /// Asks a backing service, for a connection or, without one, for the container itself
    /// (start-up, health checks). Has no time-out of its own; a refused connection is immediate.
    fn call(
        &self,
        socket: Option<SocketId>,
        request: Request,
    ) -> impl Future<Output = Result<Reply, CallError>> + 'static;

    /// Reports an observable fact, at the place where it becomes true.
    fn emit(&self, event: Event);

    /// The number of this process: no other process of the deployment has it, before or after.
    fn process(&self) -> u32;

    /// A number that no other call of this process returned, and other processes are very
    /// unlikely to return: the random part of ids.
    fn fresh(&self, socket: SocketId) -> u64;
}

/// An owned task.
pub trait Task: 'static {
    /// Asks the task to stop at its next await. Returns at once; idempotent.
    fn cancel(&self);

    /// Whether it has ended, by itself or cancelled.
    fn is_finished(&self) -> bool;

    /// Waits until it has ended.
    fn finished(&self) -> impl Future<Output = ()>;
}

/// A question to a backing service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Authentication: can the service be reached at all (docs/protocol.md#auth-client)?
    ProbeAuth,
    /// Authentication: is this token good?
    ValidateToken {
        /// The raw token.
        token: Arc<str>,
    },
    /// Redis: PING.
    PingRedis,
    /// Database: SELECT 1.
    CheckDatabase,
    /// Supervisor: what does the agent do next?
    NextAgentStep {
        /// The run.
        run: RunId,
        /// The message that started it.
        message: MessageId,
        /// Steps taken so far.
        step: u32,
    },
    /// Redis: carries out one command of the ledger of client messages, as one step. A command
    /// whose answer was lost may have been carried out.
    Ledger {
        /// The message concerned.
        key: MessageKey,
        /// What is asked.
        command: ledger::LedgerCommand,
    },
}

impl Request {
    /// The service that answers.
    pub fn service(&self) -> Service {
        match self {
            Self::ProbeAuth | Self::ValidateToken { .. } => Service::Auth,
            Self::PingRedis | Self::Ledger { .. } => Service::Redis,
            Self::CheckDatabase => Service::Database,
            Self::NextAgentStep { .. } => Service::Supervisor,
        }
    }
}

/// A service's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The service is there.
    Alive,
    /// The token was judged.
    Token(TokenVerdict),
    /// The agent's next step.
    AgentStep(AgentStep),
    /// The answer of the ledger.
    Ledger(ledger::LedgerAnswer),
}

/// The result of validating a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenVerdict {
    /// Good, with its user.
    Valid {
        /// The user it was made for.
        user: UserId,
    },
    /// For no user, tampered with, or unreadable (HTTP 401).
    Invalid,
    /// Was good once.
    Expired,
}

/// What an agent does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentStep {
    /// It thinks.
    Think,
    /// It has called a tool.
    ToolStarted,
    /// The tool has answered.
    ToolFinished,
    /// It is done.
    Done,
}

/// Why a call to a service gave no answer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Error,
)]
#[serde(rename_all = "snake_case")]
pub enum CallError {
    /// No process listens.
    #[error("connection refused")]
    Refused,
    /// The service answered with a server error (HTTP 5xx or its like).
    #[error("server error")]
    ServerError,
    /// The connection broke before the answer came.
    #[error("connection reset")]
    Reset,
    /// The caller's own time limit passed. Never returned by [`Env::call`] itself.
    #[error("timed out")]
    TimedOut,
}
