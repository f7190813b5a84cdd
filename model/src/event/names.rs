//! Small enums that events carry, each with its name as it is printed and serialised.

use crate::core::names::names;

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
    /// Which part holds a connection id (`docs/protocol.md#i-03`).
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
    /// What declared a connection ready.
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
    /// (`docs/protocol.md#connection-sequence`; the numbers are its steps).
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
        /// The way of an agent event from its run to a connection (`docs/protocol.md#event-delivery`).
        Delivery => "delivery",
        /// Any send to the client.
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
    /// The breakers (`docs/protocol.md#circuit-breakers`).
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
    /// The side that caused a failure with which a breaker was fed, which the code need not know.
    Blame {
        /// The client: it went away, or its token is no good.
        Client => "client",
        /// The gateway or a service behind it.
        Server => "server",
    }
}

names! {
    /// The limits on connections from one address (`docs/protocol.md#step-11`,
    /// `docs/protocol.md#step-12`).
    AdmissionLimit {
        /// Live connections.
        Pool => "pool",
        /// Connects within a window.
        Rate => "rate",
    }
}

names! {
    /// Start-up phases of a container (`docs/protocol.md#startup-orchestrator`).
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
    /// Tables in which a connection leaves entries (`docs/protocol.md#i-09`). The registry and tasks have
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
        /// The wrapper around the sleep of the whole process (`docs/protocol.md#step-3`).
        SleepWrapper => "sleep-wrapper",
    }
}

names! {
    /// Locks of a container (`docs/protocol.md#i-15`).
    LockName {
        /// Of one connection manager (`docs/protocol.md#delivery-4`).
        Manager => "manager",
        /// Of one message queue (`docs/protocol.md#message-queue`).
        MessageQueue => "message-queue",
        /// Of the initialiser of missing services (`docs/protocol.md#missing-services`).
        Initializer => "initialiser",
    }
}
