//! The open questions of the protocol, in the order in which a connection meets them.
//!
//! One question is one enum, one field of [`Design`], and one `match` in the code that needs the
//! answer. What a question asks and which answers were given or proposed stands in the files
//! beside this one; here is the list with their keys. One that is missing from it is reported
//! as dead code.
//!
//! The revisions and their differences are in docs/protocol.md#revision-differences.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::AnswerError;
use super::question::{Question, design};

mod accept;
mod authentication;
mod client;
mod end;
mod messages;
mod set_up;

pub use accept::*;
pub use authentication::*;
pub use client::*;
pub use end::*;
pub use messages::*;
pub use set_up::*;

design! {
    // Accept and identity.
    sleep_patching: SleepPatching = "sleep-patching",
    session_middleware: SessionMiddleware = "session-middleware",
    readiness_guard: ReadinessGuardPolicy = "readiness-guard",
    accept: AcceptPolicy = "accept",
    post_accept_sleep: PostAcceptSleep = "post-accept-sleep",
    preliminary_id: PreliminaryId = "preliminary-id",
    duplicate_registration: DuplicateRegistration = "duplicate-registration",
    missing_machine: MissingMachine = "missing-machine",
    unknown_connection: UnknownConnection = "unknown-connection",
    registry_scope: RegistryScope = "registry-scope",
    setup_machine: SetupMachine = "setup-machine",
    handshake: HandshakePlacement = "handshake",
    stabilisation: StabilisationPolicy = "stabilisation",

    // Admission and authentication.
    admission: AdmissionPolicy = "admission",
    module_breaker: ModuleBreaker = "module-breaker",
    state_coordinator: StateCoordinatorPolicy = "state-coordinator",
    id_manager: IdManagerPolicy = "id-manager",
    registry_creation: RegistryCreation = "registry-creation",
    temporary_user: TemporaryUser = "temporary-user",
    subprotocol_answer: SubprotocolAnswer = "subprotocol-answer",
    token_sources: TokenSources = "token-sources",
    subprotocol_token: SubprotocolToken = "subprotocol-token",
    test_bypass: TestBypass = "test-bypass",
    auth_retry: AuthRetry = "auth-retry",
    outage_verdict: OutageVerdict = "outage-verdict",
    auth_breaker: AuthBreakerFeed = "auth-breaker",
    auth_failure_code: AuthFailureCode = "auth-failure-code",
    token_caching: TokenCaching = "token-caching",
    breaker_trials: BreakerTrials = "breaker-trials",
    user_context: UserContext = "user-context",

    // Services and set-up.
    service_validation: ServiceValidation = "service-validation",
    redis_grace: RedisGrace = "redis-grace",
    missing_services: MissingServices = "missing-services",
    manager_key: ManagerKey = "manager-key",
    manager_scope: ManagerScope = "manager-scope",
    manager_lock: ManagerLock = "manager-lock",
    manager_reaping: ManagerReaping = "manager-reaping",
    manager_release: ManagerRelease = "manager-release",
    migration: Migration = "migration",
    final_setup_lookup: FinalSetupLookup = "final-setup-lookup",
    services_ready: ServicesReadyPolicy = "services-ready",
    welcome: WelcomeOrder = "welcome",
    unsent_welcome: UnsentWelcome = "unsent-welcome",
    gate_wait: GateWait = "gate-wait",
    failure_exit: FailureExit = "failure-exit",
    failure_code: FailureCode = "failure-code",
    set_up_moves: SetUpMoves = "set-up-moves",
    takeover: Takeover = "takeover",

    // Messages.
    early_frames: EarlyFrames = "early-frames",
    queue_flush: QueueFlush = "queue-flush",
    queue_overflow: QueueOverflow = "queue-overflow",
    queue_lock: QueueLock = "queue-lock",
    loop_check: LoopCheck = "loop-check",
    transport_owner: TransportOwner = "transport-owner",
    log_values: LogValues = "log-values",
    oversize: OversizePolicy = "oversize",
    router_handlers: RouterHandlers = "router-handlers",
    message_ledger: MessageLedger = "message-ledger",
    ledger_outage: LedgerOutage = "ledger-outage",
    late_repetition: LateRepetition = "late-repetition",
    silent_run: SilentRun = "silent-run",
    agent_run: AgentRunPlace = "agent-run",
    event_target: EventTarget = "event-target",
    emitter: Emitter = "emitter",
    event_delivery: EventDelivery = "event-delivery",
    undelivered_events: UndeliveredEvents = "undelivered-events",
    malformed_frame: MalformedFrame = "malformed-frame",
    run_numbers: RunNumbers = "run-numbers",
    run_order: RunOrder = "run-order",
    resume_point: ResumePoint = "resume-point",
    journal_news: JournalNews = "journal-news",
    journal_reading: JournalReading = "journal-reading",

    // The client.
    client_connect: ClientConnect = "client-connect",
    client_flush: ClientFlush = "client-flush",
    client_resend: ClientResend = "client-resend",
    client_close_codes: ClientCloseCodes = "client-close-codes",
    client_backoff_reset: ClientBackoffReset = "client-backoff-reset",
    client_give_up: ClientGiveUp = "client-give-up",
    client_handlers: ClientHandlers = "client-handlers",
    token_refresh: TokenRefresh = "token-refresh",
    client_silence: ClientSilence = "client-silence",
    client_backoff: ClientBackoff = "client-backoff",
    client_jitter: ClientJitter = "client-jitter",
    client_connect_time: ClientConnectTime = "client-connect-time",
    client_position: ClientPosition = "client-position",
    client_answered: ClientAnswered = "client-answered",

    // Time.
    clock: ClockSource = "clock",

    // The end.
    heartbeat_sign: HeartbeatSign = "heartbeat-sign",
    heartbeat_failure: HeartbeatFailure = "heartbeat-failure",
    cleanup: CleanupPolicy = "cleanup",
    stop_in_setup: StopInSetup = "stop-in-setup",
    machine_removal: MachineRemoval = "machine-removal",
    shutdown: ShutdownPolicy = "shutdown",
    heartbeat_task: HeartbeatTask = "heartbeat-task",
    task_stop: TaskStop = "task-stop",
    drain_pace: DrainPace = "drain-pace",
}
