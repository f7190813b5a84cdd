//! The open questions of the protocol, each with every answer that somebody gave or proposed.
//!
//! One question is one enum, one field of [`Design`], and one `match` in the code that needs the
//! answer. The declarations below are the only list: enums, fields, keys, texts and help are
//! generated from them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::AnswerError;

/// An open question: its key in a design file, what it asks, and the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The key, for example `missing-machine`.
    pub key: &'static str,
    /// What it asks, one paragraph.
    pub doc: &'static str,
    /// Every answer, in the order of declaration.
    pub answers: &'static [Answer],
}

/// One answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The value in a design file, for example `not-ready`.
    pub name: &'static str,
    /// What it means, one paragraph.
    pub doc: &'static str,
}

macro_rules! questions {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $question:ident = $key:literal {
            $( $(#[doc = $answer_doc:literal])+ $answer:ident = $text:literal, )+
        }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            )]
            pub enum $question {
                $( $(#[doc = $answer_doc])+ #[serde(rename = $text)] $answer, )+
            }

            impl $question {
                /// The value in a design file.
                pub fn name(self) -> &'static str {
                    match self { $( Self::$answer => $text, )+ }
                }

                fn from_name(name: &str) -> Option<Self> {
                    match name { $( $text => Some(Self::$answer), )+ _ => None }
                }
            }
        )+

        /// One answer to each open question of the protocol. Built in or read from a TOML file;
        /// see [`Design::parse`]. Serialises as all its answers, so that a capsule stays what it
        /// was when a built-in design changes.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Design {
            /// Its name: `v4`, `reference`, or `reference+cleanup=never` for a flipped one.
            pub name: Arc<str>,
            /// One sentence for lists.
            #[serde(default)]
            pub summary: Arc<str>,
            $( $(#[doc = $doc])+ #[serde(rename = $key)] pub $field: $question, )+
        }

        /// Answers to some of the questions: what a design file says before its base fills in
        /// the rest.
        #[derive(Clone, Debug, Default)]
        pub(super) struct Partial {
            $( $field: Option<$question>, )+
        }

        impl Partial {
            /// Answers one question.
            pub(super) fn answer(&mut self, key: &str, answer: &str) -> Result<(), AnswerError> {
                match key {
                    $( $key => match $question::from_name(answer) {
                        Some(answer) => { self.$field = Some(answer); Ok(()) }
                        None => Err(AnswerError::Answer {
                            question: $key,
                            answer: answer.to_owned(),
                            allowed: &[$( $text, )+],
                        }),
                    }, )+
                    _ => Err(AnswerError::Question { key: key.to_owned() }),
                }
            }

            /// Takes from `base` whatever was not answered.
            pub(super) fn or(self, base: &Design) -> Partial {
                Partial { $( $field: self.$field.or(Some(base.$field)), )+ }
            }

            /// The design, or the key of the first question without an answer.
            pub(super) fn complete(
                self,
                name: Arc<str>,
                summary: Arc<str>,
            ) -> Result<Design, &'static str> {
                Ok(Design { name, summary, $( $field: self.$field.ok_or($key)?, )+ })
            }
        }

        impl Design {
            /// Every question, in the order in which a connection meets them.
            pub fn questions() -> &'static [Question] {
                const QUESTIONS: &[Question] = &[$( Question {
                    key: $key,
                    doc: concat!($( $doc, )+),
                    answers: &[$( Answer { name: $text, doc: concat!($( $answer_doc, )+) }, )+],
                }, )+];
                QUESTIONS
            }

            /// Key and answer of every question, in the same order.
            pub fn answers(&self) -> Vec<(&'static str, &'static str)> {
                vec![$( ($key, self.$field.name()), )+]
            }
        }
    };
}

questions! {
    // --- accept and identity ------------------------------------------------------------------
    /// Does the endpoint replace the sleep of the whole process while it runs (step 3)?
    sleep_patching: SleepPatching = "sleep-patching" {
        /// No.
        Absent = "absent",
        /// Yes, and it puts back what it found: out of order, a wrapper of an endpoint that has
        /// ended comes back for good (D62).
        ProcessWide = "process-wide",
    }
    /// In which order do the session's middleware and the one that needs it run (protocol.md 1.1)?
    session_middleware: SessionMiddleware = "session-middleware" {
        /// The session's first.
        BeforeContext = "before-context",
        /// The session's last: every upgrade ends in an error (D12).
        AfterContext = "after-context",
    }
    /// Does a guard ask whether the container is ready before the endpoint is entered (step 2;
    /// protocol.md 6.2)?
    readiness_guard: ReadinessGuardPolicy = "readiness-guard" {
        /// No: the endpoint waits for what it needs, and closes with a code if that does not come.
        Absent = "absent",
        /// Yes, in the cloud, and it believes its last answer, good or bad, for 30 s (D35).
        Cached = "cached",
        /// Yes, in the cloud, and its look at Redis raises (D34).
        PropertyCalled = "property-called",
        /// Yes, in the cloud, by a phase that nobody ever sets (D38).
        PhaseUnknown = "phase-unknown",
    }
    /// How is the upgrade accepted (step 5)?
    accept: AcceptPolicy = "accept" {
        /// One call, awaited to its end.
        Direct = "direct",
        /// Inside a time-out and a retry ladder, behind a breaker shared by all connections:
        /// the time-out may strike between the two halves of accept (D41, D42).
        BreakerWithRetries = "breaker-with-retries",
    }
    /// What follows accept at once in the cloud (step 6)?
    post_accept_sleep: PostAcceptSleep = "post-accept-sleep" {
        /// Nothing.
        None = "none",
        /// A sleep of 100 ms.
        HundredMs = "100-ms",
        /// A sleep of 200 ms.
        TwoHundredMs = "200-ms",
    }
    /// What does the id look like under which the first machine is registered (step 7)?
    preliminary_id: PreliminaryId = "preliminary-id" {
        /// `ws_init_<unix seconds>`: two accepts in one second get the same (D16).
        SecondGranular = "second-granular",
        /// `ws_<milliseconds>_<object>`.
        MillisecondObject = "millisecond-object",
        /// `ws_<environment>_<milliseconds>_<8 hexadecimal digits>`.
        IdManager = "id-manager",
        /// A number that no other connection of the process has, and 64 random bits.
        Unique = "unique",
    }
    /// What if the key is taken when a machine is registered (protocol.md 2.5)?
    duplicate_registration: DuplicateRegistration = "duplicate-registration" {
        /// The existing machine is handed out and shared (D07).
        ReturnExisting = "return-existing",
        /// The registration is refused.
        Refuse = "refuse",
    }
    /// What does a missing machine mean to whoever looks for it: the end of the initialisation,
    /// readiness, the loop-entry gate (steps 7, 34; protocol.md 4)?
    missing_machine: MissingMachine = "missing-machine" {
        /// Ready: the connection goes on ungated (D05, D09).
        Ready = "ready",
        /// Not ready: the connection is closed.
        NotReady = "not-ready",
    }
    /// What does a readiness function say of a connection whose machine it does not find, asked
    /// before an event of a run is handed over (protocol.md 4)?
    unknown_connection: UnknownConnection = "unknown-connection" {
        /// Ready (D05).
        Ready = "ready",
        /// Not ready.
        NotReady = "not-ready",
    }
    /// Where does the name of the registry live that the identity block uses (step 26)?
    registry_scope: RegistryScope = "registry-scope" {
        /// In the endpoint.
        Endpoint = "endpoint",
        /// In a helper: the name is unbound in the endpoint (D01).
        HelperLocal = "helper-local",
    }
    /// How many machines does the set-up register before authentication (steps 7, 9)?
    setup_machine: SetupMachine = "setup-machine" {
        /// One.
        Single = "single",
        /// A second one under an id of its own, which the socket then carries (D03).
        SecondDuringStabilisation = "second-during-stabilisation",
    }
    /// Who coordinates the handshake, and when (steps 8, 27, 28, 33)?
    handshake: HandshakePlacement = "handshake" {
        /// Nobody: accept is the handshake.
        None = "none",
        /// A timer that knows neither socket nor machine, before the loop (D06).
        BeforeLoop = "before-loop",
        /// Two such timers: after accept, and before the loop.
        AfterAcceptAndBeforeLoop = "after-accept-and-before-loop",
    }
    /// How long is a connection left alone to settle (steps 9, 28, 31)?
    stabilisation: StabilisationPolicy = "stabilisation" {
        /// For fixed times by environment.
        FixedSleeps = "fixed-sleeps",
        /// Not at all: nothing needs it.
        None = "none",
    }

    // --- admission and authentication ---------------------------------------------------------
    /// Who is refused for being too many (steps 10 to 13)?
    admission: AdmissionPolicy = "admission" {
        /// Whoever finds the registry full.
        RegistryOnly = "registry-only",
        /// Also the 6th (10th) connection and the 11th in 60 s from one `host:port`, by a close
        /// that blames the client (D44).
        PerAddress = "per-address",
    }
    /// Is there a breaker for the endpoint as a whole (step 10)?
    module_breaker: ModuleBreaker = "module-breaker" {
        /// No; or, what is the same, one that nobody feeds (D43).
        Absent = "absent",
        /// One that every failed authentication feeds, whoever is at fault.
        AnyFailure = "any-failure",
    }
    /// Is there a state coordinator beside the machine (steps 14, 16, 20)?
    state_coordinator: StateCoordinatorPolicy = "state-coordinator" {
        /// No.
        Absent = "absent",
        /// Yes: queues of requests that a poller applies every 10 ms (D17, D18, D19).
        Poller = "poller",
    }
    /// Is there a connection-id manager beside the registry (steps 7, 18, 37)?
    id_manager: IdManagerPolicy = "id-manager" {
        /// No.
        Absent = "absent",
        /// Yes.
        Present = "present",
    }
    /// When does the process get its registry (step 4)?
    registry_creation: RegistryCreation = "registry-creation" {
        /// With its first moment.
        WithProcess = "with-process",
        /// In the last but one phase of start-up: until then whoever asks for it gets an error,
        /// and the upgrade is closed before it was accepted.
        DuringStartup = "during-start-up",
    }
    /// What does the constructor of a machine make of the user that a connection has before
    /// authentication (step 7)?
    temporary_user: TemporaryUser = "temporary-user" {
        /// A user like any other.
        Valid = "valid",
        /// An error, raised where nobody expects one (D24).
        Invalid = "invalid",
    }
    /// Which subprotocol does the server select (step 4; protocol.md 5.1)?
    subprotocol_answer: SubprotocolAnswer = "subprotocol-answer" {
        /// `jwt-auth` if it was offered, otherwise none.
        IfOffered = "if-offered",
        /// None, whatever was offered: a browser gives up after the 101 (D14).
        Never = "never",
    }
    /// Where is the token looked for (protocol.md 5.1)?
    token_sources: TokenSources = "token-sources" {
        /// In every place, one after the other, until one of them holds a good one.
        Every = "every",
        /// In the first place that holds something of the right form: what a balancer has put
        /// into the header hides the good token behind it (D11).
        FirstFound = "first-found",
        /// In the `Authorization` header, which a browser cannot set (D11).
        HeaderOnly = "header-only",
    }
    /// How is the token read that stands among the subprotocols (protocol.md 5.1)?
    subprotocol_token: SubprotocolToken = "subprotocol-token" {
        /// As base64url; if that does not give a token, as it is.
        EncodedOrVerbatim = "encoded-or-verbatim",
        /// As it is: what browsers send is no token then (D14).
        VerbatimOnly = "verbatim-only",
    }
    /// What becomes of traffic that says it is an end-to-end test (protocol.md 5.3)?
    test_bypass: TestBypass = "test-bypass" {
        /// Nothing: its token is validated like any other.
        Absent = "absent",
        /// Its token is believed unread, and what came of the first is what comes of all the
        /// others for 300 s, whoever they are (D86).
        CachedResult = "cached-result",
        /// A name is unbound in the code that would recognise it, so that nobody is bypassed (D51).
        UnboundName = "unbound-name",
    }
    /// How often is authentication tried again (step 15; protocol.md 5.2)?
    auth_retry: AuthRetry = "auth-retry" {
        /// A ladder inside a ladder.
        NestedLadders = "nested-ladders",
        /// Within one declared time.
        Bounded = "bounded",
    }
    /// What is said when the authentication service gave no answer in the end?
    outage_verdict: OutageVerdict = "outage-verdict" {
        /// That the token is bad (D53).
        InvalidToken = "invalid-token",
        /// That authentication is unavailable.
        Unavailable = "unavailable",
    }
    /// What feeds the authenticator's breaker, which refuses everybody when open?
    auth_breaker: AuthBreakerFeed = "auth-breaker" {
        /// Any failure: five bad tokens shut everybody out (D50).
        AnyFailure = "any-failure",
        /// Failures of the service.
        ServerFailuresOnly = "server-failures-only",
    }
    /// Which close code follows a failed authentication (step 17)?
    auth_failure_code: AuthFailureCode = "auth-failure-code" {
        /// 1008 for the client's fault, 1013 if the service could not be asked.
        ByCause = "by-cause",
        /// 1008, whoever is at fault.
        PolicyViolation = "policy-violation",
        /// 1011, whoever is at fault (D48).
        InternalError = "internal-error",
        /// The status that an HTTP server would answer, which is no close code (D47).
        HttpStatus = "http-status",
    }

    // --- services and set-up ------------------------------------------------------------------
    /// How are the required services waited for (steps 21 to 23)?
    service_validation: ServiceValidation = "service-validation" {
        /// Not at all.
        Absent = "absent",
        /// One after the other, each with retries of its own; the budget is never applied (D32).
        Ladder = "ladder",
        /// All together, within one declared time.
        Budgeted = "budgeted",
    }
    /// How is Redis given time once it is known to be connected (step 22; protocol.md 6.1)?
    redis_grace: RedisGrace = "redis-grace" {
        /// Not at all: connected is connected.
        None = "none",
        /// By a sleep of the connection that asked.
        Asleep = "asleep",
        /// By a sleep of the whole process (D33).
        Blocking = "blocking",
    }
    /// Who builds the services that a connection finds missing (step 24; protocol.md 6.3)?
    missing_services: MissingServices = "missing-services" {
        /// The start-up, and nobody else.
        Startup = "start-up",
        /// One initialiser for all connections: they wait for each other without a limit, and its
        /// success with one service answers for all that are missing later (D45).
        OneInitializer = "one-initialiser",
    }
    /// Which id does the connection manager use (step 25)?
    manager_key: ManagerKey = "manager-key" {
        /// The one that the message loop is given.
        ConnectionId = "connection-id",
        /// One that authentication made.
        ClientId = "client-id",
    }
    /// What tells connection managers apart (steps 19, 25; protocol.md 7.3)?
    manager_scope: ManagerScope = "manager-scope" {
        /// The connection: each has one of its own.
        Connection = "connection",
        /// User and thread. Whether there is one is looked at before room is made for another,
        /// so two tasks may make the same (D74); every thread that a message names gets one.
        Thread = "thread",
    }
    /// What is held while a manager sends (protocol.md 7.4)?
    manager_lock: ManagerLock = "manager-lock" {
        /// Nothing; a failed send is for the endpoint to find out.
        Nothing = "nothing",
        /// Its lock, also while a connection that failed is removed, which needs the lock (D66).
        HeldOverRemoval = "held-over-removal",
    }
    /// Which managers are removed to make room for others (protocol.md 7.7)?
    manager_reaping: ManagerReaping = "manager-reaping" {
        /// None.
        Never = "never",
        /// Those through which nothing was sent for a while, live connections and all (D72).
        IdleBySends = "idle-by-sends",
    }
    /// What becomes of a manager when its connection ends (step 38)?
    manager_release: ManagerRelease = "manager-release" {
        /// It goes, unless it has other connections.
        WithItsConnections = "with-its-connections",
        /// It is looked for under a key made anew, and stays (D73).
        UnderAnotherKey = "under-another-key",
        /// The factory is asked for the user's manager, and makes one if there is none (D85).
        AskedOfTheFactory = "asked-of-the-factory",
    }
    /// What becomes of the machine once the user is known (step 26)?
    migration: Migration = "migration" {
        /// It is kept, and so is its id.
        PassThrough = "pass-through",
        /// It is thrown away and a new one is registered under another id (D04, D10).
        UnregisterThenRegister = "unregister-then-register",
        /// It is kept under its id, and begins anew for its user: what the connection had
        /// reached is reached again.
        ResetInPlace = "reset-in-place",
    }
    /// Is the look-up bound that the final set-up uses (step 32)?
    final_setup_lookup: FinalSetupLookup = "final-setup-lookup" {
        /// Yes.
        Imported = "imported",
        /// No: it was imported inside another function only (D02).
        MissingImport = "missing-import",
    }
    /// What does SERVICES_READY say about the services (step 32)?
    services_ready: ServicesReadyPolicy = "services-ready" {
        /// Nothing (D31).
        Unconditional = "unconditional",
        /// That all required ones are there; otherwise the connection is closed.
        Checked = "checked",
    }
    /// When is the client told that it may start (step 30)?
    welcome: WelcomeOrder = "welcome" {
        /// Before PROCESSING_READY (D60).
        BeforeReady = "before-ready",
        /// Once the gate is open.
        AfterReady = "after-ready",
    }
    /// How long does the loop-entry gate wait for a machine that is not ready (step 34)?
    gate_wait: GateWait = "gate-wait" {
        /// Not at all.
        None = "none",
        /// Ten times 100 ms.
        OneSecond = "one-second",
        /// Twenty times 150 ms in the cloud, ten times 100 ms elsewhere.
        ThreeSecondsInCloud = "three-seconds-in-cloud",
    }
    /// How does the endpoint end a connection that it cannot go on with?
    failure_exit: FailureExit = "failure-exit" {
        /// It returns, and the client sees a normal end (D04, D46).
        SilentReturn = "silent-return",
        /// It closes with a code and a reason.
        ExplicitClose = "explicit-close",
        /// It raises, and there is no handler: the transport is dropped.
        Unhandled = "unhandled",
    }
    /// Which code does such a close carry (protocol.md 5.4)?
    failure_code: FailureCode = "failure-code" {
        /// The one that names the cause.
        ByCause = "by-cause",
        /// The one that a map has for the component at fault, legal or not (D47).
        ByComponent = "by-component",
        /// 1011, whatever the cause (D13).
        InternalError = "internal-error",
    }

    // --- messages -----------------------------------------------------------------------------
    /// Where are frames that arrive before the connection is ready (protocol.md 7.1)?
    early_frames: EarlyFrames = "early-frames" {
        /// In the server's receive buffer, unread, as is the peer's disconnect: only the loop
        /// receives (D59, D64).
        ReceiveBuffer = "receive-buffer",
        /// A reader task hands them to the router at once.
        Dispatched = "dispatched",
        /// A reader task hands them to the router from the moment on at which the user is known.
        DispatchedOnceKnown = "dispatched-once-known",
        /// A reader task keeps them in a bounded queue until the loop runs.
        Queued = "queued",
    }
    /// How is the queue of early frames emptied once the connection is ready (protocol.md 7.1)?
    queue_flush: QueueFlush = "queue-flush" {
        /// In the order of arrival.
        InOrder = "in-order",
        /// By a callback of the machine that nobody awaits: what is in the queue expires
        /// (D28, D49).
        NeverAwaited = "never-awaited",
        /// By priority; a critical frame that fails is lost, any other is put back, and nobody
        /// goes on from there (D57).
        ByPriority = "by-priority",
    }
    /// What if the queue of early frames is full (protocol.md 7.1)?
    queue_overflow: QueueOverflow = "queue-overflow" {
        /// The newcomer is refused with an error, and the connection is closed.
        Refused = "refused",
        /// One of lower priority is thrown out without a word, where lower goes by the names of
        /// the priorities; if there is none, it is the newcomer (D56).
        EvictsByName = "evicts-by-name",
    }
    /// What is held while the queue of early frames is worked on (protocol.md 7.1)?
    queue_lock: QueueLock = "queue-lock" {
        /// Nothing: no step of it suspends.
        Nothing = "nothing",
        /// A lock, which closing takes and then takes again to empty the queue (D55).
        TakenAgainToEmpty = "taken-again-to-empty",
    }
    /// What does the loop ask before each receive (step 35)?
    loop_check: LoopCheck = "loop-check" {
        /// Whether the client was connected when last heard of (D08).
        TransportOnly = "transport-only",
        /// Also the application's own side, in the cloud, with a sleep in between.
        ApplicationState = "application-state",
        /// Whether the machine is ready.
        Machine = "machine",
    }
    /// Who may touch the transport?
    transport_owner: TransportOwner = "transport-owner" {
        /// Any task, after a look at a flag that may be stale (D08, D79, D83).
        AnyTask = "any-task",
        /// The connection: it is asked before each operation, and a close ends the waiting ones.
        OneOwner = "one-owner",
    }
    /// How are the states of the transport written when a failed send is logged?
    log_values: LogValues = "log-values" {
        /// As text.
        Text = "text",
        /// As they are, which the log cannot take: the line raises inside the send (D78).
        AsTheyAre = "as-they-are",
    }
    /// What becomes of a frame above the size limit (step 35c)?
    oversize: OversizePolicy = "oversize" {
        /// It is dropped without a word (D80).
        SilentDrop = "silent-drop",
        /// It is answered by an error.
        ErrorAnswer = "error-answer",
    }
    /// Whose handler gets a message (protocol.md 7.3)?
    router_handlers: RouterHandlers = "router-handlers" {
        /// That of the connection it came from.
        Own = "own",
        /// The first one that was registered for any connection. None is ever removed: they are
        /// taken out of a list that was made for the occasion (D39).
        FirstOfAll = "first-of-all",
    }
    /// Who knows which messages are being executed? A client that gets no answer sends its message
    /// again, on its next connection.
    message_ledger: MessageLedger = "message-ledger" {
        /// Nobody: what is received is executed.
        None = "none",
        /// The container that executes it: another one executes it again (D15).
        PerContainer = "per-container",
        /// Redis, for all containers.
        SharedStore = "shared-store",
    }
    /// What becomes of a message if Redis cannot be asked whether it is being executed?
    ledger_outage: LedgerOutage = "ledger-outage" {
        /// It is executed.
        Executed = "executed",
        /// It is refused, and the client is told.
        Refused = "refused",
    }
    /// What becomes of a message whose run is not heard of any more?
    silent_run: SilentRun = "silent-run" {
        /// Its end is waited for.
        Awaited = "awaited",
        /// It is executed again.
        ExecutedAgain = "executed-again",
        /// The run is declared over, and the client is told that it failed.
        Failed = "failed",
    }
    /// Where does an agent run execute (step 35e)?
    agent_run: AgentRunPlace = "agent-run" {
        /// In the message loop, which receives nothing meanwhile (D63, D64).
        Inline = "inline",
        /// In a task of the container: it outlives the connection that asked for it.
        OwnTask = "own-task",
    }
    /// To which connections does an event of a run go (protocol.md 7.4)?
    event_target: EventTarget = "event-target" {
        /// To all that the user opened for the thread that the message names (D71).
        ThreadManager = "thread-manager",
        /// To the one that asked, and to its successor once it has ended.
        AskingConnection = "asking-connection",
        /// To whichever connected last to the container: one handler serves all, and its socket
        /// is overwritten (D40).
        NewestConnection = "newest-connection",
    }
    /// How does an event of a run get from the bridge to the managers (protocol.md 7.4)?
    emitter: Emitter = "emitter" {
        /// It is handed on.
        Direct = "direct",
        /// It is dropped if the managers know of no connection (D69).
        DropsWhenInactive = "drops-when-inactive",
        /// By a call with an argument that is not taken, three times (D68).
        UnknownArgument = "unknown-argument",
        /// Not at all: the bridge was never given a manager (D77).
        NoManager = "no-manager",
    }
    /// How does an event of a run travel to the socket?
    event_delivery: EventDelivery = "event-delivery" {
        /// The run hands over one after the other.
        Inline = "inline",
        /// A task of its own each: they may overtake each other.
        Detached = "detached",
    }
    /// What becomes of an event that could not be handed over (protocol.md 7.4)?
    undelivered_events: UndeliveredEvents = "undelivered-events" {
        /// It is gone, and the producer is told that all is well (D67).
        Lost = "lost",
        /// It goes into a buffer, and is lost when its retry is to be scheduled, which raises
        /// (D58).
        RetryRaises = "retry-raises",
        /// It is kept for the user's next connection, and in a queue of retries as well: it may be
        /// sent twice (D58).
        KeptTwice = "kept-twice",
        /// The producer is told.
        Failed = "failed",
        /// It is kept in this container for the user's next connection, and sent before newer ones
        /// (D15).
        StoredAndReplayed = "stored-and-replayed",
        /// Every event is written to the journal of its message in Redis before it is sent; whoever
        /// sends the message again, to any container, is given what it does not have.
        Journaled = "journaled",
    }

    // --- the client ---------------------------------------------------------------------------
    /// When does a client open a connection (D54)?
    client_connect: ClientConnect = "client-connect" {
        /// When it has a token, and if it has no connection already.
        WhenAuthenticated = "when-authenticated",
        /// At once: if its token is not there yet, then without one (D54).
        AtOnce = "at-once",
        /// Whenever its token or the state of its connection changes, instead of the connection
        /// that it has (D54).
        OnEveryChange = "on-every-change",
    }
    /// When does a client hand over what it has to say (protocol.md 1.4, 7.1)?
    client_flush: ClientFlush = "client-flush" {
        /// As soon as the upgrade is answered, long before the server is ready (D59).
        OnOpen = "on-open",
        /// Once it is welcomed.
        AfterWelcome = "after-welcome",
    }
    /// What becomes of a message that a client handed to a connection which then ended (7.1)?
    client_resend: ClientResend = "client-resend" {
        /// Nothing: it is off the client's queue (D59).
        Never = "never",
        /// It is sent again, with the same id, until it is answered in full or reported as failed.
        UntilAnswered = "until-answered",
    }
    /// Which close codes does a client tell apart (protocol.md 5.4)?
    client_close_codes: ClientCloseCodes = "client-close-codes" {
        /// 1008 is a refusal; any other is the network's fault, and forgives earlier refusals.
        OnlyPolicyViolation = "only-policy-violation",
        /// 1008 is a refusal; an interruption is tried again at once; after anything else the
        /// client waits first.
        ByCause = "by-cause",
    }
    /// When does a client forget its failures, and begin again without a pause (7.6)?
    client_backoff_reset: ClientBackoffReset = "client-backoff-reset" {
        /// When the upgrade is answered, which says nothing about what follows (D48).
        OnOpen = "on-open",
        /// When a connection ends that had lasted for 5 s since its welcome: a server that says
        /// yes before no is not healthy either.
        OnceSettled = "once-settled",
    }
    /// When does a client give up that cannot get a connection (7.6)?
    client_give_up: ClientGiveUp = "client-give-up" {
        /// After ten attempts in a row, though an outage may last longer.
        AfterTenAttempts = "after-ten-attempts",
        /// Not while it wants something.
        Never = "never",
    }
    /// Whose news does a client listen to (D54)?
    client_handlers: ClientHandlers = "client-handlers" {
        /// That of any socket it ever opened: the late end of an old one is taken for the end
        /// of the present one (D54).
        AnySocket = "any-socket",
        /// That of the present one, and of its successor.
        CurrentSocket = "current-socket",
    }
    /// How does a client change over to a new token (7.6)?
    token_refresh: TokenRefresh = "token-refresh" {
        /// It closes, waits 100 ms and connects; in between it connects with the token it has,
        /// even if that has expired (D54).
        CloseThenConnect = "close-then-connect",
        /// It connects, and closes the old connection once the new one is welcome; it connects
        /// with no token that it knows to be bad.
        ConnectThenSwitch = "connect-then-switch",
    }
    /// What does a client make of a connection on which it hears nothing, not even answers to its
    /// pings (7.5)?
    client_silence: ClientSilence = "client-silence" {
        /// Nothing: the network will say so when it is gone.
        Ignored = "ignored",
        /// That it is dead: it closes it and opens another.
        Reconnect = "reconnect",
    }

    // --- time ---------------------------------------------------------------------------------
    /// Which clock tells how long something took: a silence, a cool-down, the age of an entry?
    clock: ClockSource = "clock" {
        /// The wall clock, which may be set while the process runs.
        Wall = "wall",
        /// One that only goes on.
        Monotonic = "monotonic",
    }

    // --- the end ------------------------------------------------------------------------------
    /// What does the heartbeat do when it gives up (protocol.md 7.5)?
    heartbeat_failure: HeartbeatFailure = "heartbeat-failure" {
        /// It ends, and nobody is told.
        Leave = "leave",
        /// It closes the connection.
        Close = "close",
    }
    /// What is removed when a connection ends (steps 37 to 39)?
    cleanup: CleanupPolicy = "cleanup" {
        /// Neither the machine nor the router's handler nor the identity (D21, D39).
        Never = "never",
        /// The identity, if the disconnect came as an exception (D22).
        OnExceptionPath = "on-exception-path",
        /// Everything, always, after CLOSING and CLOSED.
        Always = "always",
    }
    /// What does a connection in set-up make of the container being asked to stop?
    stop_in_setup: StopInSetup = "stop-in-setup" {
        /// It is closed for that.
        GoingAway = "going-away",
        /// The step in progress swallows the cancellation and reports that it has failed, and the
        /// connection is closed for that (D82).
        StepFailed = "step-failed",
    }
    /// When is the machine of a connection removed that the endpoint closes?
    machine_removal: MachineRemoval = "machine-removal" {
        /// Before the close: while that is under way the connection has no machine.
        BeforeClose = "before-close",
        /// With everything else, once the connection has ended.
        AtTheEnd = "at-the-end",
    }
    /// What does the gateway do when the container is asked to stop?
    shutdown: ShutdownPolicy = "shutdown" {
        /// Nothing.
        Ignored = "ignored",
        /// It refuses new connections, lets runs finish for a short time, and closes.
        Drained = "drained",
    }
}
