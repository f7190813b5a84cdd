//! What a connection needs before it is ready, and what is done without it.
//!
//! The facts are in docs/protocol.md#service-validation and docs/protocol.md#stage-f.

use serde::{Deserialize, Serialize};

use crate::design::question::{Answer, answers};

answers! {
    /// How are the required services waited for?
    ServiceValidation {
        /// Not at all.
        Absent = "absent",
        /// One after the other, each with retries of its own; the budget is never applied (D32).
        Ladder = "ladder",
        /// All together, within one declared time.
        Budgeted = "budgeted",
    }
    /// How is Redis given time once it is known to be connected?
    RedisGrace {
        /// Not at all: connected is connected.
        None = "none",
        /// By a sleep of the connection that asked.
        Asleep = "asleep",
        /// By a sleep of the whole process (D33).
        Blocking = "blocking",
    }
    /// Which part builds the services that a connection finds missing?
    MissingServices {
        /// The start-up only.
        Startup = "start-up",
        /// One initialiser for all connections: they wait for each other without a limit, and its
        /// success with one service answers for all that are missing later (D45).
        OneInitializer = "one-initialiser",
    }
    /// Which id does the connection manager use?
    ManagerKey {
        /// The one that the message loop is given.
        ConnectionId = "connection-id",
        /// One that authentication made.
        ClientId = "client-id",
    }
    /// What is the key of a connection manager?
    ManagerScope {
        /// The connection: each has one of its own.
        Connection = "connection",
        /// User and thread. Whether there is one is looked at before room is made for another,
        /// so two tasks may make the same (D74); every thread that a message names gets one.
        Thread = "thread",
    }
    /// What is held while a manager sends?
    ManagerLock {
        /// Nothing; a failed send is for the endpoint to find out.
        Nothing = "nothing",
        /// Its lock, also while a connection that failed is removed, which needs the lock (D66).
        HeldOverRemoval = "held-over-removal",
    }
    /// Which managers are removed to make room for others?
    ManagerReaping {
        /// None.
        Never = "never",
        /// Those through which nothing was sent for a while, live connections and all (D72).
        IdleBySends = "idle-by-sends",
    }
    /// What happens to a manager when its connection ends?
    ManagerRelease {
        /// It goes, unless it has other connections.
        WithItsConnections = "with-its-connections",
        /// It is looked up under a newly made key, and stays (D73).
        UnderAnotherKey = "under-another-key",
        /// The factory is asked for the user's manager, and makes one if there is none (D85).
        AskedOfTheFactory = "asked-of-the-factory",
        /// All managers of its user go, and with them those of the user's other connections.
        AllOfTheUser = "all-of-the-user",
    }
    /// What happens to the machine once the user is known?
    Migration {
        /// It is kept, and so is its id.
        PassThrough = "pass-through",
        /// It is thrown away and a new one is registered under another id (D04, D10).
        UnregisterThenRegister = "unregister-then-register",
        /// It is kept under its id, and restarts for its user: what the connection had
        /// reached is reached again.
        ResetInPlace = "reset-in-place",
    }
    /// Is the look-up bound that the final set-up uses?
    FinalSetupLookup {
        /// Yes.
        Imported = "imported",
        /// No: it was imported inside another function only (D02).
        MissingImport = "missing-import",
    }
    /// What does SERVICES_READY say about the services?
    ServicesReadyPolicy {
        /// Nothing (D31).
        Unconditional = "unconditional",
        /// That all required ones are there; otherwise the connection is closed.
        Checked = "checked",
    }
    /// When is the client told that it may start?
    WelcomeOrder {
        /// Before PROCESSING_READY (D60).
        BeforeReady = "before-ready",
        /// Once the gate is open.
        AfterReady = "after-ready",
        /// Never: the client is to see for itself.
        Never = "never",
    }
    /// What if the welcome cannot be sent?
    UnsentWelcome {
        /// That is logged, and the connection goes on as if it had been.
        Logged = "logged",
        /// The connection ends.
        EndsTheConnection = "ends-the-connection",
    }
    /// How long does the loop-entry gate wait for a machine that is not ready?
    GateWait {
        /// Not at all.
        None = "none",
        /// Ten times 100 ms.
        OneSecond = "one-second",
        /// Twenty times 150 ms in the cloud, ten times 100 ms elsewhere.
        ThreeSecondsInCloud = "three-seconds-in-cloud",
    }
    /// How does the endpoint end a connection that it cannot go on with?
    FailureExit {
        /// It returns, and the client sees a normal end (D04, D46).
        SilentReturn = "silent-return",
        /// It closes with a code and a reason.
        ExplicitClose = "explicit-close",
        /// It raises, and there is no handler: the transport is dropped.
        Unhandled = "unhandled",
    }
    /// Which code does such a close carry?
    FailureCode {
        /// The one that names the cause.
        ByCause = "by-cause",
        /// The one that a map has for the component at fault, legal or not (D47).
        ByComponent = "by-component",
        /// 1011, for every cause (D13).
        InternalError = "internal-error",
    }
    /// Which moves does the set-up ask of the machine?
    SetUpMoves {
        /// AUTHENTICATED, SERVICES_READY, PROCESSING_READY.
        InOrder = "in-order",
        /// AUTHENTICATED is left out: what is asked for next is refused.
        WithoutAuthenticated = "without-authenticated",
        /// PROCESSING_READY is asked for before SERVICES_READY, and refused.
        ProcessingFirst = "processing-first",
    }
    /// What becomes of a user's other connections when one more is registered?
    Takeover {
        /// They stay.
        None = "none",
        /// They are closed, one after the other: a user has one connection.
        NewestWins = "newest-wins",
    }
}
