//! Small enums that events carry, each with its name as it is printed and serialised.

use std::{fmt, time::Duration};

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
    /// Numbers by which a design decides.
    Limit {
        /// The time that one call to a backing service may take.
        CallTime => "call-time",
        /// The time in which a command of the ledger is tried again.
        LedgerTime => "ledger-time",
        /// The messages that the ledger holds.
        LedgerEntries => "ledger-entries",
        /// The time for which a container remembers that it has claimed a message.
        ClaimRetention => "claim-retention",
        /// The age up to which a message is begun that the ledger does not know.
        MessageAge => "message-age",
        /// The time without a renewal after which the run of a message counts as dead.
        Lease => "lease",
        /// The tries to accept an upgrade.
        AcceptTries => "accept-tries",
        /// The calls that authentication makes about one token.
        AuthTries => "auth-tries",
        /// The time that authentication may take.
        AuthTime => "auth-time",
        /// The time for which a connection waits for services that are missing.
        ServicesTime => "services-time",
        /// The connection managers of one user.
        ManagersPerUser => "managers-per-user",
        /// The time without a send after which a connection manager counts as idle.
        ManagerIdleTime => "manager-idle-time",
        /// The message handlers of one container.
        Handlers => "handlers",
        /// The failures after which a machine is forced to FAILED.
        MachineFailures => "machine-failures",
        /// The frames that wait in the queue of one connection.
        QueuedFrames => "queued-frames",
        /// The time for which a frame waits in that queue.
        QueueTime => "queue-time",
        /// The errors in a row after which the message loop ends.
        LoopErrors => "loop-errors",
        /// The answers that one connection is given at the same time.
        Answers => "answers",
        /// The agent runs of one container.
        Runs => "runs",
        /// The steps of one agent run.
        RunSteps => "run-steps",
        /// The time of one agent run.
        RunTime => "run-time",
        /// The calls of the supervisor for one step.
        StepTries => "step-tries",
        /// The time that one send may take.
        SendTime => "send-time",
        /// The tries of one send.
        SendTries => "send-tries",
        /// The tries to deliver one agent event.
        DeliveryTries => "delivery-tries",
        /// The agent events that are kept for one user.
        KeptEvents => "kept-events",
        /// The time for which an agent event is kept.
        KeptEventTime => "kept-event-time",
        /// The time in which a close frame must be written.
        CloseTime => "close-time",
        /// The time that agent runs are given when the container stops.
        DrainTime => "drain-time",
        /// The time that the clean-up of a container that stops may take.
        DrainCleanUpTime => "drain-clean-up-time",
    }
}

/// The value of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitValue {
    /// Milliseconds.
    Ms(u64),
    /// A number of things.
    Count(u64),
}

impl From<Duration> for LimitValue {
    fn from(time: Duration) -> Self {
        LimitValue::Ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<usize> for LimitValue {
    fn from(count: usize) -> Self {
        LimitValue::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<u32> for LimitValue {
    fn from(count: u32) -> Self {
        LimitValue::Count(count.into())
    }
}

impl fmt::Display for LimitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitValue::Ms(ms) if ms % 1_000 == 0 => write!(f, "{} s", ms / 1_000),
            LimitValue::Ms(ms) => write!(f, "{ms} ms"),
            LimitValue::Count(count) => write!(f, "{count}"),
        }
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
