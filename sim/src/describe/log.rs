//! The production service's log lines (protocol.md 9).

use std::fmt;

use gatesim_model::{
    event::{Breaker, BreakerState, Event, HandshakeState, Step},
    ids::SocketId,
    state::ConnectionState,
};

use super::error_name;
use crate::event::{Entry, Fact};

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

/// The line that the production service printed for this event, if it printed one. Where the
/// wording changed between revisions it is that of the last one.
pub fn log_line(entry: &Entry) -> Option<(Level, String)> {
    match &entry.fact {
        Fact::Protocol(event) => protocol(event),
        Fact::World(_) => None,
    }
}

fn protocol(event: &Event) -> Option<(Level, String)> {
    let (level, line) = match event {
        Event::DisconnectSeen { socket, code } => (
            Level::Debug,
            format!("WebSocket disconnected: {socket} ({code}: )"),
        ),
        Event::InternalError {
            socket,
            step,
            error,
        } => internal_error(socket, *step, error),
        Event::MachineRegistered { connection, .. } => (
            Level::Info,
            format!("Registered connection state machine for {connection}"),
        ),
        Event::MachineShared {
            connection,
            state,
            existing_user,
            requested_user,
            ..
        } => (
            Level::Critical,
            format!(
                "DUPLICATE CONNECTION REGISTRATION DETECTED: Connection {connection} already \
                 registered. Existing state: {}, User: {existing_user}, Requested User: \
                 {requested_user}.",
                printed(*state)
            ),
        ),
        Event::MachineUnregistered { connection, .. } => (
            Level::Info,
            format!("Unregistered connection state machine for {connection}"),
        ),
        Event::Transition {
            connection,
            from,
            to,
            reason,
            ..
        } => (
            Level::Info,
            format!(
                "Connection {connection} transitioned: {} -> {} (reason: {reason})",
                printed(*from),
                printed(*to)
            ),
        ),
        Event::TransitionRefused {
            connection,
            from,
            to,
            ..
        } => (
            Level::Warning,
            format!(
                "Invalid state transition for {connection}: {} -> {}",
                printed(*from),
                printed(*to)
            ),
        ),
        Event::MachineMissing {
            connection, step, ..
        } => missing(connection.as_str(), *step),
        Event::HandshakeMoved { to, .. } => match to {
            HandshakeState::ReadyForMessages => {
                (Level::Info, "Handshake coordination complete".to_owned())
            }
            HandshakeState::Error => (Level::Warning, "Connection entered ERROR state".to_owned()),
            HandshakeState::Initializing
            | HandshakeState::HandshakePending
            | HandshakeState::Connected
            | HandshakeState::Closed => (Level::Debug, format!("State transition: -> {to}")),
        },
        Event::CoordinatorAsked { accepted: true, .. } => return None,
        Event::CoordinatorAsked {
            socket,
            from,
            to,
            accepted: false,
        } => (
            Level::Warning,
            format!(
                "PHASE 4 FIX: Transition rejected: {from} -> {to} by endpoint (connection: {socket})"
            ),
        ),
        Event::GateWaiting {
            connection, state, ..
        } => (
            Level::Warning,
            format!(
                "Connection {connection} state machine not ready for messages: {}",
                printed(*state)
            ),
        ),
        Event::GateGaveUp {
            connection, state, ..
        } => (
            Level::Error,
            format!(
                "Connection {connection} state machine never reached ready state: {}",
                printed(*state)
            ),
        ),
        Event::LoopEntered {
            connection, user, ..
        } => (
            Level::Info,
            format!("Entering message handling loop for connection: {connection} (user: {user})"),
        ),
        Event::LoopEnded {
            connection,
            messages,
            errors,
            ..
        } => (
            Level::Info,
            format!(
                "Exiting message handling loop for connection: {connection} | Messages processed: \
                 {messages} | Errors: {errors}"
            ),
        ),
        Event::Authenticated { socket, user, .. } => {
            let head: String = user.as_str().chars().take(8).collect();
            let line =
                format!("[OK] SSOT AUTHENTICATION SUCCESS: user={head}..., client_id={socket}");
            (Level::Info, line)
        }
        Event::AuthenticationFailed { error, .. } => (
            Level::Error,
            format!("🔒 SSOT AUTHENTICATION FAILED: {}", error_name(*error)),
        ),
        Event::BreakerMoved { breaker, to } => breaker_moved(*breaker, *to),
        Event::HeartbeatTimedOut { .. } => {
            (Level::Warning, "WebSocket heartbeat timeout".to_owned())
        }
        Event::AgentEventLost { socket, run, seq } => (
            Level::Critical,
            format!("CRITICAL EVENT LOST - Connection dead for {socket}, event: {run}/{seq}"),
        ),
        Event::EndpointStarted { .. }
        | Event::Accepted { .. }
        | Event::CloseSent { .. }
        | Event::EndpointEnded { .. }
        | Event::TaskStarted { .. }
        | Event::TaskEnded { .. }
        | Event::IdGiven { .. }
        | Event::RegistrationRefused { .. }
        | Event::ReadyReported { .. }
        | Event::CoordinatorMoved { .. }
        | Event::IdentityMoved { .. }
        | Event::GateSkipped { .. }
        | Event::LockAsked { .. }
        | Event::LockTaken { .. }
        | Event::LockReleased { .. }
        | Event::LockGivenUp { .. }
        | Event::HandlerChosen { .. }
        | Event::CallStarted { .. }
        | Event::CallEnded { .. }
        | Event::PhaseReached { .. }
        | Event::ComponentChanged { .. }
        | Event::ServicesValidated { .. }
        | Event::BreakerFed { .. }
        | Event::BreakerRefused { .. }
        | Event::AdmissionRefused { .. }
        | Event::UpgradeRefused { .. }
        | Event::ProcessBlocked { .. }
        | Event::Dispatched { .. }
        | Event::MessageRefused { .. }
        | Event::MessageDropped { .. }
        | Event::MessageResumed { .. }
        | Event::NoticeSent { .. }
        | Event::RunStarted { .. }
        | Event::AgentEventEmitted { .. }
        | Event::AgentEventSent { .. }
        | Event::AgentEventStored { .. }
        | Event::AgentEventJournaled { .. }
        | Event::AgentEventFailed { .. }
        | Event::RunEnded { .. }
        | Event::EntryAdded { .. }
        | Event::EntryRemoved { .. } => return None,
    };
    Some((level, line))
}

/// As the deployed Python prints the enum in an f-string (protocol.md 2.1).
fn printed(state: ConnectionState) -> String {
    format!("ApplicationConnectionState.{state}")
}

fn internal_error(socket: &SocketId, step: Step, error: &str) -> (Level, String) {
    let line = match step {
        Step::InitializeState => {
            format!("PHASE 2 FIX 2: Failed to initialize connection state machine: {error}")
        }
        Step::Identity => {
            format!("PHASE 2 FIX 2: State machine update failed for {socket}: {error}")
        }
        Step::FinalSetup => format!("Final state machine setup failed for {socket}: {error}"),
        Step::Cleanup => format!("PHASE 4 FIX: Error unregistering connection: {error}"),
        Step::Prepare
        | Step::Accept
        | Step::Handshake
        | Step::Stabilise
        | Step::Admission
        | Step::Authenticate
        | Step::CreateManager
        | Step::Services
        | Step::AddConnection
        | Step::SecondHandshake
        | Step::Welcome
        | Step::LoopEntry
        | Step::MessageLoop
        | Step::Delivery
        | Step::Send => format!("WebSocket connection state error for {socket}: {error}"),
    };
    (Level::Error, line)
}

fn missing(connection: &str, step: Step) -> (Level, String) {
    let line = match step {
        Step::Identity => format!(
            "⚠️ UNEXPECTED: No existing state machine found for {connection} despite pass-through \
             success"
        ),
        Step::FinalSetup => {
            format!("No state machine found for {connection} during final setup")
        }
        Step::Prepare
        | Step::Accept
        | Step::InitializeState
        | Step::Handshake
        | Step::Stabilise
        | Step::Admission
        | Step::Authenticate
        | Step::CreateManager
        | Step::Services
        | Step::AddConnection
        | Step::SecondHandshake
        | Step::Welcome
        | Step::LoopEntry
        | Step::MessageLoop
        | Step::Cleanup
        | Step::Delivery
        | Step::Send => {
            format!(
                "No state machine found for connection {connection}, returning False for safety"
            )
        }
    };
    (Level::Warning, line)
}

fn breaker_moved(breaker: Breaker, to: BreakerState) -> (Level, String) {
    match to {
        BreakerState::Open => (
            Level::Warning,
            format!("⚡ Circuit breaker OPENED - failures detected for {breaker}"),
        ),
        BreakerState::HalfOpen => (
            Level::Info,
            "🔄 Circuit breaker moving to HALF_OPEN state for recovery attempt".to_owned(),
        ),
        BreakerState::Closed => (
            Level::Info,
            "✅ Circuit breaker CLOSED - service recovered".to_owned(),
        ),
    }
}
