//! The words of events: small enums, each with its name as it is printed and serialised.

use std::fmt;

use serde::{Deserialize, Serialize};

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
        /// The way of an agent event from its run to a connection (7.4).
        Delivery => "delivery",
        /// A send to the client, whatever it is for.
        Send => "send",
    }
}

names! {
    /// Tasks of a container.
    TaskName {
        /// The heartbeat of one connection.
        Heartbeat => "heartbeat",
        /// The receiver of one connection, where receiving has a task of its own.
        Reader => "reader",
        /// An agent run with a task of its own.
        AgentRun => "agent-run",
        /// Gives a connection the answer to one message, from the journal of its run.
        Answer => "answer",
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
        /// The removal of idle connection managers.
        ManagerReaper => "manager-reaper",
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
        /// For the endpoint as a whole.
        Module => "module",
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
    /// Who was at fault for a failure that a breaker was fed with, whatever the code believes.
    Blame {
        /// The client: it went away, or its token is no good.
        Client => "client",
        /// The gateway or a service behind it.
        Server => "server",
    }
}

names! {
    /// The limits on connections from one address (protocol.md 1.4, steps 11 and 12).
    AdmissionLimit {
        /// Live connections.
        Pool => "pool",
        /// Connects within a window.
        Rate => "rate",
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
        /// Connection managers that were made for the connection.
        ManagerFactory => "manager-factory",
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
        /// The wrapper around the sleep of the whole process (step 3).
        SleepWrapper => "sleep-wrapper",
    }
}

names! {
    /// Locks of a container (invariant I-15).
    LockName {
        /// Of one connection manager (protocol.md 7.4, item 4).
        Manager => "manager",
        /// Of one message queue (7.1).
        MessageQueue => "message-queue",
        /// Of the initialiser of missing services (6.3).
        Initializer => "initialiser",
    }
}
