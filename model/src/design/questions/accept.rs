//! What the endpoint does from the upgrade to the first machine.
//!
//! The facts are in docs/protocol.md#connection-sequence and docs/protocol.md#readiness-functions.

use serde::{Deserialize, Serialize};

use crate::design::question::{Answer, answers};

answers! {
    /// Does the endpoint replace the sleep of the whole process while it runs?
    SleepPatching {
        /// No.
        Absent = "absent",
        /// Yes, and it puts back what it found: out of order, a wrapper of an endpoint that has
        /// ended is restored permanently (D62).
        ProcessWide = "process-wide",
    }
    /// In which order do the session's middleware and the one that needs it run?
    SessionMiddleware {
        /// The session's first.
        BeforeContext = "before-context",
        /// The session's last: every upgrade ends in an error (D12).
        AfterContext = "after-context",
    }
    /// Does a guard ask whether the container is ready before the endpoint is entered?
    ReadinessGuardPolicy {
        /// No: the endpoint waits for what it needs, and closes with a code if that does not come.
        Absent = "absent",
        /// Yes, in the cloud, and it caches its last answer, good or bad, for 30 s (D35).
        Cached = "cached",
        /// Yes, in the cloud, and its look at Redis raises (D34).
        PropertyCalled = "property-called",
        /// Yes, in the cloud, by a phase that is never set (D38).
        PhaseUnknown = "phase-unknown",
    }
    /// How is the upgrade accepted?
    AcceptPolicy {
        /// One call, awaited to its end.
        Direct = "direct",
        /// Inside a time-out and a retry ladder, behind a breaker shared by all connections:
        /// the time-out may strike between the two halves of accept (D41, D42).
        BreakerWithRetries = "breaker-with-retries",
        /// By the endpoint, and once more by a helper that it calls.
        Twice = "twice",
        /// By a task that is not awaited: the endpoint goes on before the accept is handed over.
        NotAwaited = "not-awaited",
    }
    /// What follows accept at once in the cloud?
    PostAcceptSleep {
        /// Nothing.
        None = "none",
        /// A sleep of 100 ms.
        HundredMs = "100-ms",
        /// A sleep of 200 ms.
        TwoHundredMs = "200-ms",
    }
    /// What does the id look like under which the first machine is registered?
    PreliminaryId {
        /// `ws_init_<unix seconds>`: two accepts in one second get the same (D16).
        SecondGranular = "second-granular",
        /// `ws_<milliseconds>_<object>`.
        MillisecondObject = "millisecond-object",
        /// `ws_<environment>_<milliseconds>_<8 hexadecimal digits>`.
        IdManager = "id-manager",
        /// A number that no other connection of the process has, and 64 random bits.
        Unique = "unique",
    }
    /// What if the key is taken when a machine is registered?
    DuplicateRegistration {
        /// The existing machine is handed out and shared (D07).
        ReturnExisting = "return-existing",
        /// The registration is refused.
        Refuse = "refuse",
        /// A new machine takes the place of the existing one, whose connection has none from then on.
        Replace = "replace",
    }
    /// What does a missing machine mean to the parts that look for it: the end of the
    /// initialisation, readiness, the loop-entry gate?
    MissingMachine {
        /// Ready: the connection goes on ungated (D05, D09).
        Ready = "ready",
        /// Not ready: the connection is closed.
        NotReady = "not-ready",
    }
    /// What does a readiness function say of a connection whose machine it does not find, asked
    /// before an event of a run is handed over?
    UnknownConnection {
        /// Ready (D05).
        Ready = "ready",
        /// Not ready.
        NotReady = "not-ready",
    }
    /// Where does the name of the registry live that the identity block uses?
    RegistryScope {
        /// In the endpoint.
        Endpoint = "endpoint",
        /// In a helper: the name is unbound in the endpoint (D01).
        HelperLocal = "helper-local",
    }
    /// How many machines does the set-up register before authentication?
    SetupMachine {
        /// One.
        Single = "single",
        /// A second one under an id of its own, which the socket then carries (D03).
        SecondDuringStabilisation = "second-during-stabilisation",
    }
    /// Which part coordinates the handshake, and when?
    HandshakePlacement {
        /// None: accept is the handshake.
        None = "none",
        /// A timer that knows neither socket nor machine, before the loop (D06).
        BeforeLoop = "before-loop",
        /// Two such timers: after accept, and before the loop.
        AfterAcceptAndBeforeLoop = "after-accept-and-before-loop",
    }
    /// How long is a connection left alone to settle?
    StabilisationPolicy {
        /// For fixed times by environment.
        FixedSleeps = "fixed-sleeps",
        /// Not at all: nothing needs it.
        None = "none",
    }
}
