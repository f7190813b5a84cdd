//! Observable facts of the protocol, emitted at the place where they become true.
//!
//! Events are the only thing that invariants, figures, digests and timelines see. They are facts
//! and never verdicts, and they are the same for every design: no event says which design runs.
//! The order of the variants is part of the digest; changing it is seed-breaking.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    env::Service,
    ids::{ConnectionId, MessageId, RunId, SocketId, UserId},
    message::{AgentEventKind, ErrorCode, Notice},
    state::ConnectionState,
};

/// One observable fact inside a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum Event {
    // --- endpoint -----------------------------------------------------------------------------
    /// The endpoint began to serve a socket (protocol.md 1.4, step 3).
    EndpointStarted { socket: SocketId },
    /// The accept was handed over (step 5): application_state is CONNECTED.
    Accepted {
        socket: SocketId,
        subprotocol: Option<&'static str>,
    },
    /// A close was handed over. `cause` is why, whatever `code` says.
    CloseSent {
        socket: SocketId,
        code: u16,
        reason: Arc<str>,
        cause: CloseCause,
    },
    /// A receive call returned the peer's disconnect.
    DisconnectSeen { socket: SocketId, code: u16 },
    /// The endpoint is over: nothing of it runs any more but tasks it left behind.
    /// `cause` is the honest reason, known where the code gave up.
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
    /// Service validation ended (step 22).
    ServicesValidated {
        socket: SocketId,
        missing: Vec<Component>,
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
    /// A client message was dropped without a word.
    MessageDropped {
        socket: SocketId,
        message: Option<MessageId>,
    },
    /// A notice or the welcome was handed over.
    NoticeSent {
        socket: SocketId,
        notice: Notice,
        connection_ready: bool,
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
    /// An agent event could not be handed over and the producer was told.
    AgentEventFailed {
        socket: SocketId,
        run: RunId,
        seq: u32,
    },
    /// An agent event was lost and the producer was told that all is well.
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
}

impl Event {
    /// The connection the event belongs to, if any.
    pub fn socket(&self) -> Option<SocketId> {
        use Event::*;
        match self {
            EndpointStarted { socket }
            | Accepted { socket, .. }
            | CloseSent { socket, .. }
            | DisconnectSeen { socket, .. }
            | EndpointEnded { socket, .. }
            | InternalError { socket, .. }
            | TaskStarted { socket, .. }
            | TaskEnded { socket, .. }
            | IdGiven { socket, .. }
            | MachineRegistered { socket, .. }
            | MachineShared { socket, .. }
            | RegistrationRefused { socket, .. }
            | MachineUnregistered { socket, .. }
            | Transition { socket, .. }
            | TransitionRefused { socket, .. }
            | MachineMissing { socket, .. }
            | ReadyReported { socket, .. }
            | HandshakeMoved { socket, .. }
            | CoordinatorAsked { socket, .. }
            | CoordinatorMoved { socket, .. }
            | IdentityMoved { socket, .. }
            | GateWaiting { socket, .. }
            | GateGaveUp { socket, .. }
            | GateSkipped { socket, .. }
            | LoopEntered { socket, .. }
            | LoopEnded { socket, .. }
            | Authenticated { socket, .. }
            | AuthenticationFailed { socket, .. }
            | ServicesValidated { socket, .. }
            | Dispatched { socket, .. }
            | MessageRefused { socket, .. }
            | MessageDropped { socket, .. }
            | NoticeSent { socket, .. }
            | RunStarted { socket, .. }
            | AgentEventEmitted { socket, .. }
            | AgentEventSent { socket, .. }
            | AgentEventStored { socket, .. }
            | AgentEventFailed { socket, .. }
            | AgentEventLost { socket, .. }
            | RunEnded { socket, .. }
            | HeartbeatTimedOut { socket }
            | EntryAdded { socket, .. }
            | EntryRemoved { socket, .. } => Some(*socket),
            CallStarted { socket, .. } | CallEnded { socket, .. } => *socket,
            BreakerMoved { .. } | PhaseReached { .. } | ComponentChanged { .. } => None,
        }
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name as it is printed and serialised.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

names! {
    /// The honest reason for the end of a connection.
    CloseCause {
        /// The peer went away or closed first.
        PeerGone => "peer-gone",
        /// Everything was done and the server ends the connection in order.
        Finished => "finished",
        /// The client is at fault: no token, a bad token, an expired token.
        NotAuthenticated => "not-authenticated",
        /// The client broke the protocol: malformed or oversize frames without end.
        ClientMisbehaved => "client-misbehaved",
        /// Too many connections, or too fast.
        Overload => "overload",
        /// A service or the container is not ready; trying again later may work.
        NotReady => "not-ready",
        /// Authentication could not be decided, and the client is not to blame.
        AuthUnavailable => "auth-unavailable",
        /// The server failed inside.
        ServerFault => "server-fault",
        /// The container is going away.
        GoingAway => "going-away",
        /// The peer stopped answering the heartbeat.
        PeerSilent => "peer-silent",
    }
}

names! {
    /// How the endpoint coroutine ended.
    EndpointEnd {
        /// It returned: without a close before, the server ends the session normally.
        Returned => "returned",
        /// It raised: the transport is dropped and the client sees 1006.
        Raised => "raised",
    }
}

names! {
    /// Who holds a connection id (invariant I-03).
    IdHolder {
        /// The attribute on the socket object.
        Socket => "socket",
        /// The key in the connection manager.
        Manager => "manager",
        /// The id given to the message loop.
        MessageLoop => "message-loop",
        /// The connection monitor.
        Monitor => "monitor",
        /// The heartbeat task.
        Heartbeat => "heartbeat",
    }
}

names! {
    /// Who declared a connection ready.
    ReadySource {
        /// The welcome with `connection_ready: true`.
        Welcome => "welcome",
        /// The message loop was entered.
        MessageLoop => "message-loop",
        /// A readiness function that was given the id.
        ReadinessCheck => "readiness-check",
    }
}

names! {
    /// The stages of the endpoint at which something is looked up or may fail
    /// (letters and numbers of protocol.md 1.4).
    Step {
        /// 4: registry getter, environment, flags.
        Prepare => "prepare",
        /// 5: accept.
        Accept => "accept",
        /// 7: `_initialize_connection_state`.
        InitializeState => "initialize-state",
        /// 8: handshake coordinator #1.
        Handshake => "handshake",
        /// 9: stabilisation.
        Stabilise => "stabilise",
        /// 10..13: admission.
        Admission => "admission",
        /// 14..18: authentication.
        Authenticate => "authenticate",
        /// 19: manager creation.
        CreateManager => "create-manager",
        /// 20..24: services.
        Services => "services",
        /// 25: add_connection.
        AddConnection => "add-connection",
        /// 26: identity block: migration or pass-through.
        Identity => "identity",
        /// 27: handshake coordinator #2.
        SecondHandshake => "second-handshake",
        /// 30: the welcome.
        Welcome => "welcome",
        /// 32: final set-up: SERVICES_READY and PROCESSING_READY.
        FinalSetup => "final-setup",
        /// 34: loop-entry gate.
        LoopEntry => "loop-entry",
        /// 35: message loop.
        MessageLoop => "message-loop",
        /// 37..39: the end.
        Cleanup => "cleanup",
    }
}

names! {
    /// Tasks of a container.
    TaskName {
        /// The endpoint coroutine of one connection.
        Endpoint => "endpoint",
        /// The server's protocol task of one connection, below the endpoint.
        Protocol => "protocol",
        /// The heartbeat of one connection.
        Heartbeat => "heartbeat",
        /// The receiver of one connection, where receiving has a task of its own.
        Reader => "reader",
        /// An agent run with a task of its own.
        AgentRun => "agent-run",
        /// Delivery of one event with a task of its own.
        EventDelivery => "event-delivery",
        /// A detached notice.
        Notice => "notice",
        /// The accept call inside the breaker's time-out.
        Accept => "accept",
        /// The 10 ms poller of the state coordinator.
        CoordinatorPoller => "coordinator-poller",
        /// The start-up orchestrator.
        Startup => "startup",
        /// Redis background health check.
        RedisHealth => "redis-health",
        /// Orderly shutdown after SIGTERM.
        Shutdown => "shutdown",
    }
}

names! {
    /// States of the handshake coordinator (protocol.md 3).
    HandshakeState {
        /// New.
        Initializing => "INITIALIZING",
        /// First delay.
        HandshakePending => "HANDSHAKE_PENDING",
        /// Second delay.
        Connected => "CONNECTED",
        /// Both delays are over.
        ReadyForMessages => "READY_FOR_MESSAGES",
        /// Cancelled.
        Error => "ERROR",
        /// Never entered by the endpoint.
        Closed => "CLOSED",
    }
}

names! {
    /// States of the state coordinator (protocol.md 2.6).
    CoordinatorState {
        /// Registered.
        Initializing => "INITIALIZING",
        /// Token under validation.
        Authenticating => "AUTHENTICATING",
        /// Manager under creation.
        FactoryCreating => "FACTORY_CREATING",
        /// Manager there.
        ManagerReady => "MANAGER_READY",
        /// Events flow: its word for ready.
        EventDeliveryActive => "EVENT_DELIVERY_ACTIVE",
        /// Something is missing.
        Degraded => "DEGRADED",
        /// Failed.
        Failed => "FAILED",
        /// Gone.
        Disconnected => "DISCONNECTED",
    }
}

names! {
    /// States of the connection-id manager (protocol.md 2.6).
    IdentityState {
        /// Made.
        Pending => "PENDING",
        /// Bound to a socket.
        Initialized => "INITIALIZED",
        /// Bound to a user.
        Authenticated => "AUTHENTICATED",
        /// In use.
        Active => "ACTIVE",
        /// On the way out.
        Disconnecting => "DISCONNECTING",
        /// Gone.
        Disconnected => "DISCONNECTED",
        /// Failed.
        Error => "ERROR",
    }
}

names! {
    /// The breakers (protocol.md 6.4).
    Breaker {
        /// Around accept.
        Accept => "accept",
        /// Of the authenticator.
        AuthLocal => "auth-local",
        /// Of the authentication client.
        AuthClient => "auth-client",
    }
}

names! {
    /// States of a breaker.
    BreakerState {
        /// Calls go through.
        Closed => "closed",
        /// Calls are refused.
        Open => "open",
        /// Calls go through on trial.
        HalfOpen => "half-open",
    }
}

names! {
    /// Start-up phases of a container (protocol.md 1.1, SMD).
    StartupPhase {
        /// Process start.
        Init => "init",
        /// Dependencies.
        Dependencies => "dependencies",
        /// Database.
        Database => "database",
        /// Cache.
        Cache => "cache",
        /// Services: supervisor and thread service are created here.
        Services => "services",
        /// WebSocket: the bridge is created here.
        Websocket => "websocket",
        /// Finalisation.
        Finalize => "finalize",
        /// `startup_complete` is true.
        Complete => "complete",
    }
}

names! {
    /// Components whose presence decides whether a container can serve (protocol.md 6.1).
    Component {
        /// Session factory present and flagged available.
        Database => "database",
        /// Connected flag.
        Redis => "redis",
        /// Authenticator present.
        AuthSystem => "auth_system",
        /// `app_state.agent_supervisor`.
        AgentSupervisor => "agent_supervisor",
        /// `app_state.thread_service`.
        ThreadService => "thread_service",
        /// `app_state.agent_websocket_bridge`; important, not critical.
        WebsocketBridge => "websocket_bridge",
    }
}

names! {
    /// Tables in which a connection leaves entries (invariant I-09). The registry and tasks have
    /// events of their own.
    Table {
        /// Connections of the connection manager.
        Manager => "manager",
        /// Handlers of the message router.
        Router => "router",
        /// The connection monitor.
        Monitor => "monitor",
        /// The state coordinator.
        Coordinator => "coordinator",
        /// The connection-id manager.
        IdManager => "id-manager",
        /// The admission pool.
        Pool => "pool",
    }
}
