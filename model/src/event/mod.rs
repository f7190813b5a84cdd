//! Observable facts of the protocol, emitted at the place where they become true.
//!
//! Events are the only thing that invariants, figures, digests and timelines see. They are facts
//! and never verdicts, and they are the same for every design: no event says which design runs.
//! The order of the variants is part of the digest; changing it is seed-breaking.

mod names;

use std::sync::Arc;

use serde::Serialize;

use crate::core::{
    ids::{ConnectionId, MessageId, RunId, SocketId, UserId},
    message::{AgentEventKind, ErrorCode, Notice},
    services::Service,
    state::ConnectionState,
};

// Words of events that are states of the core.
pub use crate::core::{
    breaker::BreakerState, close::CloseCause, coordinator::CoordinatorState,
    handshake::HandshakeState, identity::IdentityState, services::Component,
};
pub use names::*;

/// One observable fact inside a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum Event {
    // --- endpoint -----------------------------------------------------------------------------
    /// The endpoint began to serve a socket (`docs/protocol.md#step-3`).
    EndpointStarted { socket: SocketId },
    /// The accept was handed over (`docs/protocol.md#step-5`): application_state is CONNECTED.
    /// `offered` if the client's list, as it arrived, had the subprotocol that the server speaks.
    Accepted {
        socket: SocketId,
        subprotocol: Option<&'static str>,
        offered: bool,
    },
    /// A close was handed over. `cause` is the reason, which `code` need not tell.
    CloseSent {
        socket: SocketId,
        code: u16,
        reason: Arc<str>,
        cause: CloseCause,
    },
    /// A receive call returned the peer's disconnect.
    DisconnectSeen { socket: SocketId, code: u16 },
    /// The endpoint is over: nothing of it runs any more but tasks it left behind.
    /// `cause` is the true reason, known where the code gave up.
    EndpointEnded {
        socket: SocketId,
        how: EndpointEnd,
        cause: CloseCause,
    },
    /// A lifecycle step ended in an unbound name or another internal error, caught or not.
    InternalError {
        socket: SocketId,
        step: Step,
        error: &'static str,
    },
    /// A task of the connection was started.
    TaskStarted { socket: SocketId, name: TaskName },
    /// It ended, by itself or cancelled.
    TaskEnded { socket: SocketId, name: TaskName },

    // --- identity and machines ----------------------------------------------------------------
    /// A part of the connection was told an id.
    IdGiven {
        socket: SocketId,
        holder: IdHolder,
        connection: ConnectionId,
    },
    /// A new machine was registered, in CONNECTING.
    MachineRegistered {
        socket: SocketId,
        connection: ConnectionId,
        user: UserId,
    },
    /// A registration found the key taken and was given the existing machine.
    MachineShared {
        socket: SocketId,
        connection: ConnectionId,
        state: ConnectionState,
        existing_user: UserId,
        requested_user: UserId,
    },
    /// A registration was refused: the key is taken, or the registry is full.
    RegistrationRefused {
        socket: SocketId,
        connection: ConnectionId,
        full: bool,
    },
    /// A machine left the registry.
    MachineUnregistered {
        socket: SocketId,
        connection: ConnectionId,
    },
    /// A machine moved.
    Transition {
        socket: SocketId,
        connection: ConnectionId,
        from: ConnectionState,
        to: ConnectionState,
        reason: &'static str,
    },
    /// A machine refused to move.
    TransitionRefused {
        socket: SocketId,
        connection: ConnectionId,
        from: ConnectionState,
        to: ConnectionState,
    },
    /// A look-up found no machine under this id.
    MachineMissing {
        socket: SocketId,
        connection: ConnectionId,
        step: Step,
    },

    // --- readiness ----------------------------------------------------------------------------
    /// Some part declared the connection ready for messages.
    ReadyReported {
        socket: SocketId,
        connection: ConnectionId,
        by: ReadySource,
    },
    /// The handshake coordinator (1st or 2nd object) moved.
    HandshakeMoved {
        socket: SocketId,
        coordinator: u8,
        to: HandshakeState,
    },
    /// The state coordinator was asked to move a connection, and did or did not.
    CoordinatorAsked {
        socket: SocketId,
        from: CoordinatorState,
        to: CoordinatorState,
        accepted: bool,
    },
    /// The state coordinator applied a queued move.
    CoordinatorMoved {
        socket: SocketId,
        to: CoordinatorState,
    },
    /// The connection-id manager moved an identity.
    IdentityMoved { socket: SocketId, to: IdentityState },
    /// The loop-entry gate found the machine not ready and began to wait.
    GateWaiting {
        socket: SocketId,
        connection: ConnectionId,
        state: ConnectionState,
    },
    /// The gate gave up.
    GateGaveUp {
        socket: SocketId,
        connection: ConnectionId,
        state: ConnectionState,
        polls: u32,
    },
    /// The gate found no machine and let the connection through.
    GateSkipped {
        socket: SocketId,
        connection: ConnectionId,
    },
    /// The message loop began.
    LoopEntered {
        socket: SocketId,
        connection: ConnectionId,
        user: UserId,
    },
    /// The message loop ended.
    LoopEnded {
        socket: SocketId,
        connection: ConnectionId,
        messages: u32,
        errors: u32,
    },

    // --- admission, authentication, services --------------------------------------------------
    /// A user was bound to the connection.
    Authenticated {
        socket: SocketId,
        user: UserId,
        attempts: u32,
    },
    /// Authentication failed for good.
    AuthenticationFailed {
        socket: SocketId,
        error: ErrorCode,
        attempts: u32,
    },
    /// A call to a backing service began, for a connection or for the container itself.
    CallStarted {
        socket: Option<SocketId>,
        service: Service,
    },
    /// It ended. A call whose task was cancelled has no end.
    CallEnded {
        socket: Option<SocketId>,
        service: Service,
        ok: bool,
    },
    /// A breaker changed state.
    BreakerMoved { breaker: Breaker, to: BreakerState },
    /// A start-up phase of the container was reached.
    PhaseReached { phase: StartupPhase },
    /// A component of the container became ready or stopped being so.
    ComponentChanged { component: Component, ready: bool },
    /// Service validation ended (`docs/protocol.md#step-22`).
    ServicesValidated {
        socket: SocketId,
        missing: Vec<Component>,
    },
    /// A failure of this connection was fed to a breaker, in which `failures` count from here on.
    BreakerFed {
        socket: SocketId,
        breaker: Breaker,
        blame: Blame,
        failures: u32,
    },
    /// A breaker that is open refused a call for this connection.
    BreakerRefused { socket: SocketId, breaker: Breaker },
    /// A limit on connections from one address refused this one, because of those counted.
    AdmissionRefused {
        socket: SocketId,
        limit: AdmissionLimit,
        counted: Vec<SocketId>,
    },
    /// A task of the connection blocks the process for this time: none of its other tasks runs
    /// meanwhile.
    ProcessBlocked { socket: SocketId, for_ms: u64 },
    /// An upgrade was answered with an HTTP error before the endpoint was entered. `cause` is the
    /// reason, which `status` need not tell.
    UpgradeRefused {
        socket: SocketId,
        status: u16,
        cause: CloseCause,
    },

    // --- messages and agent runs --------------------------------------------------------------
    /// A client message was handed to the router: from here on it is executed.
    Dispatched {
        socket: SocketId,
        connection: ConnectionId,
        user: UserId,
        message: Option<MessageId>,
    },
    /// A client message was not executed, and the client is told so.
    MessageRefused {
        socket: SocketId,
        message: Option<MessageId>,
        error: ErrorCode,
    },
    /// A client message was dropped without an answer.
    MessageDropped {
        socket: SocketId,
        message: Option<MessageId>,
    },
    /// A client message is being executed already, or was: this connection is sent the events of
    /// its run, from behind the last one that the client says it has.
    MessageResumed {
        socket: SocketId,
        message: MessageId,
        after: Option<u32>,
    },
    /// A notice or the welcome was handed over.
    NoticeSent {
        socket: SocketId,
        notice: Notice,
        connection_ready: bool,
    },
    /// A message that starts a run was given to the handler that was made for this connection.
    HandlerChosen {
        socket: SocketId,
        handler_of: SocketId,
    },
    /// An agent run began.
    RunStarted {
        socket: SocketId,
        run: RunId,
        message: MessageId,
        user: UserId,
    },
    /// The run produced an event.
    AgentEventEmitted {
        socket: SocketId,
        run: RunId,
        seq: u32,
        kind: AgentEventKind,
    },
    /// An agent event was handed to a socket.
    AgentEventSent {
        socket: SocketId,
        run: RunId,
        seq: u32,
        recovered: bool,
    },
    /// An agent event could not be handed over and is kept for the next connection.
    AgentEventStored {
        socket: SocketId,
        run: RunId,
        seq: u32,
    },
    /// An agent event was written to the journal of its message, which every container can read.
    AgentEventJournaled {
        socket: SocketId,
        run: RunId,
        seq: u32,
    },
    /// An agent event could not be handed over and the producer was told.
    AgentEventFailed {
        socket: SocketId,
        run: RunId,
        seq: u32,
    },
    /// An agent event was lost and the producer was told that it succeeded.
    AgentEventLost {
        socket: SocketId,
        run: RunId,
        seq: u32,
    },
    /// The run ended.
    RunEnded {
        socket: SocketId,
        run: RunId,
        complete: bool,
    },
    /// The heartbeat declared the peer dead.
    HeartbeatTimedOut { socket: SocketId },

    // --- tables -------------------------------------------------------------------------------
    /// An entry that belongs to the connection was made.
    EntryAdded { socket: SocketId, table: Table },
    /// It was removed.
    EntryRemoved { socket: SocketId, table: Table },

    // --- locks --------------------------------------------------------------------------------
    /// A task began to wait for a lock. Name, instance and ticket are those of its later events.
    LockAsked {
        socket: Option<SocketId>,
        lock: LockName,
        instance: u64,
        ticket: u32,
    },
    /// It has the lock.
    LockTaken {
        socket: Option<SocketId>,
        lock: LockName,
        instance: u64,
        ticket: u32,
    },
    /// It released the lock, or was cancelled while it had it.
    LockReleased {
        socket: Option<SocketId>,
        lock: LockName,
        instance: u64,
        ticket: u32,
    },
    /// It was cancelled while it waited.
    LockGivenUp {
        socket: Option<SocketId>,
        lock: LockName,
        instance: u64,
        ticket: u32,
    },

    // --- limits -------------------------------------------------------------------------------
    /// A number by which the design decides was reached: a time ran out, the tries were spent, or
    /// there was no room for one more. `socket` is the connection concerned, if it is one.
    LimitReached {
        socket: Option<SocketId>,
        limit: Limit,
        value: LimitValue,
    },
}
