//! What is to be known of each event of the protocol: one row per event, in the order of the enum.

use gatesim_model::{
    core::message::Notice,
    event::{Event, ReadySource},
};

#[cfg(test)]
use super::samples::*;
use super::{
    columns::{Parties, Prominence, Sign, Subject, Touched},
    table::protocol_vocabulary,
    text::{for_connection, listed, message_name},
};

protocol_vocabulary! {
    // --- endpoint -----------------------------------------------------------------------------

    EndpointStarted { socket } =>
        subject: Life, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "endpoint started",
        line: "{socket} endpoint started",
        samples: { socket: SOCKET };

    Accepted { socket, subprotocol, offered } =>
        subject: Life, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "accept",
        line: (match (subprotocol, offered) {
            (Some(subprotocol), _) => format!("{socket} accepted with {subprotocol}"),
            (None, true) => format!("{socket} accepted without the subprotocol that it offered"),
            (None, false) => format!("{socket} accepted"),
        }),
        samples: { socket: SOCKET, subprotocol: Some("jwt-auth"), offered: true };

    CloseSent { socket, code, reason, cause } =>
        subject: Life, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "close {code} handed over",
        line: "{socket} close {code} \"{reason}\" handed over (cause: {cause})",
        samples: {
            socket: SOCKET,
            code: 1008,
            reason: "Authentication failed".into(),
            cause: CloseCause::NotAuthenticated,
        };

    DisconnectSeen { socket, code } =>
        subject: Life, sign: Arrived, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "peer's disconnect seen",
        line: "{socket} peer's disconnect seen, code {code}",
        samples: { socket: SOCKET, code: 1001 };

    EndpointEnded { socket, how, cause } =>
        subject: Life, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "endpoint {how}",
        line: "{socket} endpoint {how} (cause: {cause})",
        samples: { socket: SOCKET, how: EndpointEnd::Returned, cause: CloseCause::NotAuthenticated };

    InternalError { socket, step, error } =>
        subject: Error, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "internal error at {step}",
        line: "{socket} internal error at {step}: {error}",
        samples:
            { socket: SOCKET, step: Step::Identity, error: UNBOUND }
            { socket: SOCKET, step: Step::FinalSetup, error: UNBOUND }
            { socket: SOCKET, step: Step::LoopEntry, error: UNBOUND };

    TaskStarted { socket, name } =>
        subject: Holding, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "task {name} started",
        line: "{socket} task {name} started",
        samples: { socket: SOCKET, name: TaskName::Heartbeat };

    TaskEnded { socket, name } =>
        subject: Holding, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "task {name} ended",
        line: "{socket} task {name} ended",
        samples: { socket: SOCKET, name: TaskName::Heartbeat };

    // --- identity and machines ----------------------------------------------------------------

    IdGiven { socket, holder, connection } =>
        subject: Machine, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "id given to the {holder}",
        line: "{socket} {holder} was given id {connection}",
        samples: { socket: SOCKET, holder: IdHolder::Manager, connection: id() };

    MachineRegistered { socket, connection, user } =>
        subject: Machine, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "machine registered",
        line: "machine {connection} registered in CONNECTING for {socket}, user {user}",
        samples: { socket: SOCKET, connection: id(), user: user() };

    MachineShared { socket, connection, state, existing_user, requested_user } =>
        subject: Machine, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "existing machine handed out",
        line: "machine {connection} in {state} of user {existing_user} given to {socket}, \
               user {requested_user}, as well",
        samples: {
            socket: SOCKET,
            connection: id(),
            state: ConnectionState::Accepted,
            existing_user: "pending_auth".into(),
            requested_user: user(),
        };

    RegistrationRefused { socket, connection, full } =>
        subject: Machine, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: (match full {
            true => "registration refused, registry full",
            false => "registration refused, id taken",
        }),
        line: (match full {
            true => format!("registration of {connection} for {socket} refused: registry full"),
            false => format!("registration of {connection} for {socket} refused: id taken"),
        }),
        samples: { socket: SOCKET, connection: id(), full: true };

    MachineUnregistered { socket, connection } =>
        subject: Machine, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "machine unregistered",
        line: "machine {connection} unregistered by {socket}",
        samples: { socket: SOCKET, connection: id() };

    Transition { socket, connection, from, to, reason } =>
        subject: Machine, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "machine to {to}",
        line: "machine {connection} {from} -> {to} ({reason})",
        samples: {
            socket: SOCKET,
            connection: id(),
            from: ConnectionState::Accepted,
            to: ConnectionState::Authenticated,
            reason: "user bound",
        };

    TransitionRefused { socket, connection, from, to } =>
        subject: Machine, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "{to} refused by the machine",
        line: "machine {connection} refused {from} -> {to}",
        samples: {
            socket: SOCKET,
            connection: id(),
            from: ConnectionState::Connecting,
            to: ConnectionState::ServicesReady,
        };

    MachineMissing { socket, connection, step } =>
        subject: Machine, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "no machine found at {step}",
        line: "{socket} found no machine under {connection} at {step}",
        samples:
            { socket: SOCKET, connection: id(), step: Step::Identity }
            { socket: SOCKET, connection: id(), step: Step::FinalSetup }
            { socket: SOCKET, connection: id(), step: Step::LoopEntry };

    // --- readiness ----------------------------------------------------------------------------

    ReadyReported { socket, connection, by } =>
        subject: Ready, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: (match by {
            // The welcome is what says so.
            ReadySource::Welcome => "welcome sent".to_owned(),
            ReadySource::MessageLoop | ReadySource::ReadinessCheck => {
                format!("ready reported by the {by}")
            }
        }),
        line: "{socket} reported ready as {connection} by the {by}",
        samples: { socket: SOCKET, connection: id(), by: ReadySource::Welcome };

    HandshakeMoved { socket, coordinator, to } =>
        subject: View, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "handshake #{coordinator} to {to}",
        line: "{socket} handshake #{coordinator} -> {to}",
        samples:
            { socket: SOCKET, coordinator: 1, to: HandshakeState::HandshakePending }
            { socket: SOCKET, coordinator: 1, to: HandshakeState::ReadyForMessages };

    CoordinatorAsked { socket, from, to, accepted } =>
        subject: View, sign: if *accepted { State } else { Refused }, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: (match accepted {
            true => format!("coordinator asked for {to}"),
            false => format!("coordinator refuses {to}"),
        }),
        line: (match accepted {
            true => format!("{socket} coordinator takes the request {from} -> {to}"),
            false => format!("{socket} coordinator rejects the request {from} -> {to}"),
        }),
        samples: {
            socket: SOCKET,
            from: CoordinatorState::Initializing,
            to: CoordinatorState::FactoryCreating,
            accepted: false,
        };

    CoordinatorMoved { socket, to } =>
        subject: View, sign: State, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "coordinator to {to}",
        line: "{socket} coordinator -> {to}",
        samples: { socket: SOCKET, to: CoordinatorState::Authenticating };

    IdentityMoved { socket, to } =>
        subject: View, sign: State, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "identity to {to}",
        line: "{socket} identity -> {to}",
        samples: { socket: SOCKET, to: IdentityState::Active };

    GateWaiting { socket, connection, state } =>
        subject: Other, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "loop-entry gate waits",
        line: "{socket} loop-entry gate waits: machine {connection} in {state}",
        samples: { socket: SOCKET, connection: id(), state: ConnectionState::Connecting };

    GateGaveUp { socket, connection, state, polls } =>
        subject: Other, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "loop-entry gate gave up",
        line: "{socket} loop-entry gate gave up after {polls} polls: machine {connection} in {state}",
        samples: { socket: SOCKET, connection: id(), state: ConnectionState::Connecting, polls: 10 };

    GateSkipped { socket, connection } =>
        subject: Other, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "loop-entry gate skipped",
        line: "{socket} loop-entry gate skipped: no machine under {connection}",
        samples: { socket: SOCKET, connection: id() };

    LoopEntered { socket, connection, user } =>
        subject: Other, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "message loop entered",
        line: "{socket} message loop entered as {connection}, user {user}",
        samples: { socket: SOCKET, connection: id(), user: user() };

    LoopEnded { socket, connection, messages, errors } =>
        subject: Other, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [Machine(connection)],
        title: "message loop ended",
        line: "{socket} message loop ended: {messages} messages, {errors} errors",
        samples: { socket: SOCKET, connection: id(), messages: 3, errors: 1 };

    // --- admission, authentication, services --------------------------------------------------

    Authenticated { socket, user, attempts } =>
        subject: Other, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "user bound",
        line: "{socket} authenticated as {user}, attempt {attempts}",
        samples: { socket: SOCKET, user: user(), attempts: 1 };

    AuthenticationFailed { socket, error, attempts } =>
        subject: Other, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "authentication failed with {error}",
        line: "{socket} authentication failed: {error}, attempt {attempts}",
        samples: { socket: SOCKET, error: ErrorCode::ValidationFailed, attempts: 1 };

    CallStarted { socket, service } =>
        subject: Call, sign: Asked, prominence: Routine,
        parties: Call(*socket, *service), touches: [],
        title: "{service} asked",
        line: (for_connection(*socket, format!("asks {service}"))),
        samples:
            { socket: Some(SOCKET), service: Service::Auth }
            { socket: None, service: Service::Redis };

    CallEnded { socket, service, ok } =>
        subject: Call,
        sign: if *ok { Answered } else { Refused },
        prominence: if *ok { Routine } else { Notable },
        parties: Call(*socket, *service), touches: [],
        title: (match ok {
            true => format!("{service} answered"),
            false => format!("{service} gave no answer"),
        }),
        line: (for_connection(*socket, match ok {
            true => format!("{service} answered"),
            false => format!("{service} gave no answer"),
        })),
        samples:
            { socket: Some(SOCKET), service: Service::Auth, ok: true }
            { socket: None, service: Service::Redis, ok: false };

    BreakerMoved { breaker, to } =>
        subject: Containment, sign: State, prominence: Notable,
        parties: General, touches: [Breaker(*breaker)],
        title: "breaker {breaker} {to}",
        line: "breaker {breaker} -> {to}",
        samples:
            { breaker: Breaker::AuthLocal, to: BreakerState::Closed }
            { breaker: Breaker::AuthLocal, to: BreakerState::Open }
            { breaker: Breaker::AuthLocal, to: BreakerState::HalfOpen };

    PhaseReached { phase } =>
        subject: Other, sign: State, prominence: Routine,
        parties: General, touches: [OwnContainer],
        title: "start-up phase {phase}",
        line: "start-up phase {phase}",
        samples: { phase: StartupPhase::Cache };

    ComponentChanged { component, ready } =>
        subject: Other, sign: State, prominence: Routine,
        parties: General, touches: [Component(*component)],
        title: (match ready {
            true => format!("component {component} there"),
            false => format!("component {component} gone"),
        }),
        line: (match ready {
            true => format!("component {component} is there"),
            false => format!("component {component} is gone"),
        }),
        samples: { component: Component::Redis, ready: false };

    ServicesValidated { socket, missing } =>
        subject: Other, sign: State, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: (match missing.is_empty() {
            true => "services validated, all there",
            false => "services validated, some missing",
        }),
        line: (match missing.is_empty() {
            true => format!("{socket} services validated, all there"),
            false => format!("{socket} services validated, missing: {}", listed(missing)),
        }),
        samples:
            { socket: SOCKET, missing: vec![] }
            { socket: SOCKET, missing: vec![Component::Redis, Component::ThreadService] };

    BreakerFed { socket, breaker, blame, failures } =>
        subject: Containment, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [Breaker(*breaker)],
        title: "breaker {breaker} fed with a failure of the {blame}",
        line: "{socket} breaker {breaker} counts {failures} failures, blame the {blame}",
        samples: { socket: SOCKET, breaker: Breaker::AuthLocal, blame: Blame::Client, failures: 5 };

    BreakerRefused { socket, breaker } =>
        subject: Containment, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Breaker(*breaker)],
        title: "refused by breaker {breaker}",
        line: "{socket} refused by the open breaker {breaker}",
        samples: { socket: SOCKET, breaker: Breaker::AuthLocal };

    AdmissionRefused { socket, limit, counted } =>
        subject: Containment, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "refused by the {limit} limit",
        line: (format!("{socket} exceeds the {limit} of its address: {}", listed(counted))),
        samples: { socket: SOCKET, limit: AdmissionLimit::Pool, counted: vec![SUCCESSOR] };

    ProcessBlocked { socket, for_ms } =>
        subject: Waiting, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [OwnContainer],
        title: "process blocked",
        line: "{socket} keeps the process to itself for {for_ms} ms",
        samples: { socket: SOCKET, for_ms: 500 };

    UpgradeRefused { socket, status, cause } =>
        subject: Life, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "upgrade refused with HTTP {status}",
        line: "{socket} upgrade refused with HTTP {status} (cause: {cause})",
        samples: { socket: SOCKET, status: 503, cause: CloseCause::NotReady };

    // --- messages and agent runs --------------------------------------------------------------

    Dispatched { socket, user, message } =>
        subject: Message, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: message.as_ref().map(Message),
        title: "message dispatched",
        line: (format!("{socket} {} dispatched for {user}", message_name(message))),
        samples: { socket: SOCKET, connection: id(), user: user(), message: Some(message()) };

    MessageRefused { socket, message, error } =>
        subject: Message, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: message.as_ref().map(Message),
        title: "message refused with {error}",
        line: (format!("{socket} {} refused: {error}", message_name(message))),
        samples: { socket: SOCKET, message: Some(message()), error: ErrorCode::MessageTooLarge };

    MessageDropped { socket, message } =>
        subject: Message, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: message.as_ref().map(Message),
        title: "message dropped",
        line: (format!("{socket} {} dropped without a report", message_name(message))),
        samples: { socket: SOCKET, message: None };

    MessageResumed { socket, message, after } =>
        subject: Message, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [Message(message)],
        title: "message resumed",
        line: (match after {
            Some(seq) => format!("message {message} resumed for {socket} after event {seq}"),
            None => format!("message {message} resumed for {socket} from its first event"),
        }),
        samples:
            { socket: SOCKET, message: "c0-m1".into(), after: None }
            { socket: SOCKET, message: "c0-m1".into(), after: Some(2) };

    NoticeSent { socket, notice, connection_ready } =>
        subject: Other, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: (match notice {
            Notice::ConnectionEstablished => "welcome sent".to_owned(),
            _ => format!("notice {notice} sent"),
        }),
        line: (match connection_ready {
            true => format!("{socket} {notice} sent, connection_ready"),
            false => format!("{socket} {notice} sent"),
        }),
        samples: { socket: SOCKET, notice: Notice::ConnectionEstablished, connection_ready: true };

    HandlerChosen { socket, handler_of } =>
        subject: Run, sign: Other, prominence: Routine,
        parties: Connections(*socket, *handler_of), touches: [],
        title: (match socket == handler_of {
            true => "message given to its own handler",
            false => "message given to another connection's handler",
        }),
        line: (match socket == handler_of {
            true => format!("{socket} message goes to its own handler"),
            false => format!("{socket} message goes to the handler of {handler_of}"),
        }),
        samples: { socket: SOCKET, handler_of: SUCCESSOR };

    RunStarted { socket, run, message, user } =>
        subject: Run, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [Message(message), Run(*run)],
        title: "agent run started",
        line: "{socket} {run} started for message {message} of {user}",
        samples: { socket: SOCKET, run: RUN, message: message(), user: user() };

    AgentEventEmitted { socket, run, seq, kind } =>
        subject: Run, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [Run(*run)],
        title: "{kind} emitted",
        line: "{run} event {seq} emitted: {kind}",
        samples: { socket: SOCKET, run: RUN, seq: 0, kind: AgentEventKind::AgentStarted };

    AgentEventSent { socket, run, seq, recovered } =>
        subject: Run, sign: Sent, prominence: Routine,
        parties: Connection(*socket), touches: [Run(*run)],
        title: (match recovered {
            true => "agent event sent again",
            false => "agent event sent",
        }),
        line: (match recovered {
            true => format!("{run} event {seq} sent again to {socket}"),
            false => format!("{run} event {seq} sent to {socket}"),
        }),
        samples:
            { socket: SOCKET, run: RUN, seq: 0, recovered: false }
            { socket: SOCKET, run: RUN, seq: 1, recovered: true };

    AgentEventStored { socket, run, seq } =>
        subject: Run, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [Run(*run)],
        title: "agent event stored",
        line: "{run} event {seq} stored",
        samples: { socket: SOCKET, run: RUN, seq: 1 };

    AgentEventJournaled { socket, run, seq } =>
        subject: Run, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [Run(*run)],
        title: "agent event written to the journal",
        line: "{run} event {seq} written to the journal",
        samples: { socket: SOCKET, run: RUN, seq: 1 };

    AgentEventFailed { socket, run, seq } =>
        subject: Run, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Run(*run)],
        title: "agent event failed",
        line: "{run} event {seq} failed, its producer was told",
        samples: { socket: SOCKET, run: RUN, seq: 2 };

    AgentEventLost { socket, run, seq } =>
        subject: Run, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [Run(*run)],
        title: "agent event lost",
        line: "{run} event {seq} lost, its producer was told that it succeeded",
        samples: { socket: SOCKET, run: RUN, seq: 3 };

    RunEnded { socket, run, complete } =>
        subject: Run, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [Run(*run)],
        title: (match complete {
            true => "agent run ended",
            false => "agent run ended before its end",
        }),
        line: (match complete {
            true => format!("{run} ended, complete"),
            false => format!("{run} ended, not complete"),
        }),
        samples: { socket: SOCKET, run: RUN, complete: true };

    HeartbeatTimedOut { socket } =>
        subject: Heartbeat, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "heartbeat timed out",
        line: "{socket} heartbeat timed out",
        samples: { socket: SOCKET };

    // --- tables -------------------------------------------------------------------------------

    EntryAdded { socket, table } =>
        subject: Holding, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "entry in the {table} made",
        line: "{socket} entered in table {table}",
        samples: { socket: SOCKET, table: Table::Manager };

    EntryRemoved { socket, table } =>
        subject: Holding, sign: Other, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "entry in the {table} removed",
        line: "{socket} removed from table {table}",
        samples: { socket: SOCKET, table: Table::Manager };

    // --- locks --------------------------------------------------------------------------------

    LockAsked { socket, lock, instance } =>
        subject: Waiting, sign: Other, prominence: Routine,
        parties: Task(*socket), touches: [Lock(*lock, *instance)],
        title: "lock {lock} waited for",
        line: (for_connection(*socket, format!("waits for lock {lock}/{instance}"))),
        samples: { socket: Some(SOCKET), lock: LockName::Manager, instance: 3, ticket: 1 };

    LockTaken { socket, lock, instance } =>
        subject: Waiting, sign: Other, prominence: Routine,
        parties: Task(*socket), touches: [Lock(*lock, *instance)],
        title: "lock {lock} taken",
        line: (for_connection(*socket, format!("holds lock {lock}/{instance}"))),
        samples: { socket: Some(SOCKET), lock: LockName::Manager, instance: 3, ticket: 1 };

    LockReleased { socket, lock, instance } =>
        subject: Waiting, sign: Other, prominence: Routine,
        parties: Task(*socket), touches: [Lock(*lock, *instance)],
        title: "lock {lock} released",
        line: (for_connection(*socket, format!("releases lock {lock}/{instance}"))),
        samples: { socket: Some(SOCKET), lock: LockName::Manager, instance: 3, ticket: 1 };

    LockGivenUp { socket, lock, instance } =>
        subject: Waiting, sign: Refused, prominence: Notable,
        parties: Task(*socket), touches: [Lock(*lock, *instance)],
        title: "lock {lock} waited for no more",
        line: (for_connection(*socket, format!("waits no more for lock {lock}/{instance}"))),
        samples: { socket: None, lock: LockName::MessageQueue, instance: 4, ticket: 2 };

    // --- limits -------------------------------------------------------------------------------

    LimitReached { socket, limit, value } =>
        subject: Other, sign: Refused, prominence: Notable,
        parties: Task(*socket), touches: [],
        title: "limit {limit} reached",
        line: (for_connection(*socket, format!("limit {limit} of {value} reached"))),
        samples:
            { socket: Some(SOCKET), limit: Limit::SendTime, value: LimitValue::Ms(5_000) }
            { socket: None, limit: Limit::DrainTime, value: LimitValue::Ms(3_500) }
            { socket: Some(SOCKET), limit: Limit::KeptEvents, value: LimitValue::Count(50) };
}
