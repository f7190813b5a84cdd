//! One entry of each kind, for the snapshots.

use gatesim_model::{
    core::{
        ids::{ConnectionId, MessageId, RunId, SocketId, UserId},
        message::{AgentEventKind, ErrorCode, Notice},
        state::ConnectionState,
        time::Time,
    },
    event::*,
    port::{env::Service, socket::SocketError},
};

use crate::{
    plan::{HeaderPolicy, Token},
    trace::event::{
        Actor, CutReason, Fact, FinishReason, Header, Impairment, Operation, TraceEvent, WorldEvent,
    },
};

const SOCKET: SocketId = SocketId::first(2);
const SUCCESSOR: SocketId = SocketId {
    peer: 2,
    attempt: 2,
    copy: 1,
};
const RUN: RunId = RunId(7);

/// All of them, numbered, a millisecond apart.
pub(crate) fn entries() -> Vec<TraceEvent> {
    let protocol = protocol()
        .into_iter()
        .map(|event| (Actor::Container(0), Fact::Protocol(event)));
    let world = world()
        .into_iter()
        .map(|event| (Actor::World, Fact::World(event)));
    protocol
        .chain(world)
        .zip(0..)
        .map(|((actor, fact), number)| TraceEvent {
            number,
            time: Time(number * 1_000_000),
            step: number,
            actor,
            fact,
        })
        .collect()
}

fn id() -> ConnectionId {
    "ws_staging_1757481480000_1a2b3c4d".into()
}

fn user() -> UserId {
    "user2".into()
}

fn message() -> MessageId {
    "c2-m1".into()
}

fn protocol() -> Vec<Event> {
    let socket = SOCKET;
    let connection = id();
    let mut events = vec![
        Event::EndpointStarted { socket },
        Event::Accepted {
            socket,
            subprotocol: Some("jwt-auth"),
            offered: true,
        },
        Event::CloseSent {
            socket,
            code: 1008,
            reason: "Authentication failed".into(),
            cause: CloseCause::NotAuthenticated,
        },
        Event::DisconnectSeen { socket, code: 1001 },
        Event::EndpointEnded {
            socket,
            how: EndpointEnd::Returned,
            cause: CloseCause::NotAuthenticated,
        },
        Event::TaskStarted {
            socket,
            name: TaskName::Heartbeat,
        },
        Event::TaskEnded {
            socket,
            name: TaskName::Heartbeat,
        },
        Event::IdGiven {
            socket,
            holder: IdHolder::Manager,
            connection: id(),
        },
        Event::MachineRegistered {
            socket,
            connection: id(),
            user: user(),
        },
        Event::MachineShared {
            socket,
            connection: id(),
            state: ConnectionState::Accepted,
            existing_user: "pending_auth".into(),
            requested_user: user(),
        },
        Event::RegistrationRefused {
            socket,
            connection: id(),
            full: true,
        },
        Event::MachineUnregistered {
            socket,
            connection: id(),
        },
        Event::Transition {
            socket,
            connection: id(),
            from: ConnectionState::Accepted,
            to: ConnectionState::Authenticated,
            reason: "user bound",
        },
        Event::TransitionRefused {
            socket,
            connection: id(),
            from: ConnectionState::Connecting,
            to: ConnectionState::ServicesReady,
        },
        Event::ReadyReported {
            socket,
            connection: id(),
            by: ReadySource::Welcome,
        },
        Event::CoordinatorAsked {
            socket,
            from: CoordinatorState::Initializing,
            to: CoordinatorState::FactoryCreating,
            accepted: false,
        },
        Event::CoordinatorMoved {
            socket,
            to: CoordinatorState::Authenticating,
        },
        Event::IdentityMoved {
            socket,
            to: IdentityState::Active,
        },
        Event::GateWaiting {
            socket,
            connection: id(),
            state: ConnectionState::Connecting,
        },
        Event::GateGaveUp {
            socket,
            connection: id(),
            state: ConnectionState::Connecting,
            polls: 10,
        },
        Event::GateSkipped {
            socket,
            connection: id(),
        },
        Event::LoopEntered {
            socket,
            connection: id(),
            user: user(),
        },
        Event::LoopEnded {
            socket,
            connection: id(),
            messages: 3,
            errors: 1,
        },
        Event::Authenticated {
            socket,
            user: user(),
            attempts: 1,
        },
        Event::AuthenticationFailed {
            socket,
            error: ErrorCode::ValidationFailed,
            attempts: 1,
        },
        Event::CallStarted {
            socket: Some(socket),
            service: Service::Auth,
        },
        Event::CallEnded {
            socket: Some(socket),
            service: Service::Auth,
            ok: true,
        },
        Event::CallStarted {
            socket: None,
            service: Service::Redis,
        },
        Event::CallEnded {
            socket: None,
            service: Service::Redis,
            ok: false,
        },
        Event::PhaseReached {
            phase: StartupPhase::Cache,
        },
        Event::ComponentChanged {
            component: Component::Redis,
            ready: false,
        },
        Event::ServicesValidated {
            socket,
            missing: vec![],
        },
        Event::ServicesValidated {
            socket,
            missing: vec![Component::Redis, Component::ThreadService],
        },
        Event::BreakerFed {
            socket,
            breaker: Breaker::AuthLocal,
            blame: Blame::Client,
            failures: 5,
        },
        Event::BreakerRefused {
            socket,
            breaker: Breaker::AuthLocal,
        },
        Event::ProcessBlocked {
            socket,
            for_ms: 500,
        },
        Event::UpgradeRefused {
            socket,
            status: 503,
            cause: CloseCause::NotReady,
        },
        Event::AdmissionRefused {
            socket,
            limit: AdmissionLimit::Pool,
            counted: vec![SUCCESSOR],
        },
        Event::Dispatched {
            socket,
            connection: id(),
            user: user(),
            message: Some(message()),
        },
        Event::MessageRefused {
            socket,
            message: Some(message()),
            error: ErrorCode::MessageTooLarge,
        },
        Event::MessageDropped {
            socket,
            message: None,
        },
        Event::MessageResumed {
            socket,
            message: "c0-m1".into(),
            after: None,
        },
        Event::MessageResumed {
            socket,
            message: "c0-m1".into(),
            after: Some(2),
        },
        Event::NoticeSent {
            socket,
            notice: Notice::ConnectionEstablished,
            connection_ready: true,
        },
        Event::RunStarted {
            socket,
            run: RUN,
            message: message(),
            user: user(),
        },
        Event::AgentEventEmitted {
            socket,
            run: RUN,
            seq: 0,
            kind: AgentEventKind::AgentStarted,
        },
        Event::AgentEventSent {
            socket,
            run: RUN,
            seq: 0,
            recovered: false,
        },
        Event::AgentEventSent {
            socket,
            run: RUN,
            seq: 1,
            recovered: true,
        },
        Event::AgentEventStored {
            socket,
            run: RUN,
            seq: 1,
        },
        Event::AgentEventJournaled {
            socket,
            run: RUN,
            seq: 1,
        },
        Event::AgentEventFailed {
            socket,
            run: RUN,
            seq: 2,
        },
        Event::AgentEventLost {
            socket,
            run: RUN,
            seq: 3,
        },
        Event::RunEnded {
            socket,
            run: RUN,
            complete: true,
        },
        Event::HeartbeatTimedOut { socket },
        Event::EntryAdded {
            socket,
            table: Table::Manager,
        },
        Event::EntryRemoved {
            socket,
            table: Table::Manager,
        },
        Event::LockAsked {
            socket: Some(socket),
            lock: LockName::Manager,
            instance: 3,
            ticket: 1,
        },
        Event::LockTaken {
            socket: Some(socket),
            lock: LockName::Manager,
            instance: 3,
            ticket: 1,
        },
        Event::LockReleased {
            socket: Some(socket),
            lock: LockName::Manager,
            instance: 3,
            ticket: 1,
        },
        Event::LockGivenUp {
            socket: None,
            lock: LockName::MessageQueue,
            instance: 4,
            ticket: 2,
        },
        Event::HandlerChosen {
            socket,
            handler_of: SUCCESSOR,
        },
    ];
    for step in [Step::Identity, Step::FinalSetup, Step::LoopEntry] {
        let error = "name 'state_registry' is not defined";
        events.push(Event::InternalError {
            socket,
            step,
            error,
        });
        events.push(Event::MachineMissing {
            socket,
            connection: connection.clone(),
            step,
        });
    }
    for to in [
        HandshakeState::HandshakePending,
        HandshakeState::ReadyForMessages,
    ] {
        events.push(Event::HandshakeMoved {
            socket,
            coordinator: 1,
            to,
        });
    }
    for to in BreakerState::ALL {
        events.push(Event::BreakerMoved {
            breaker: Breaker::AuthLocal,
            to: *to,
        });
    }
    events
}

fn world() -> Vec<WorldEvent> {
    let socket = SOCKET;
    vec![
        WorldEvent::ClientConnecting { socket, user: 0 },
        WorldEvent::ClientOpened { socket },
        WorldEvent::ClientRefused { socket, status: 0 },
        WorldEvent::ClientRefused {
            socket,
            status: 403,
        },
        WorldEvent::ClientReady { socket },
        WorldEvent::ClientSent {
            socket,
            message: message(),
        },
        WorldEvent::ClientGotEvent {
            socket,
            run: RUN,
            message: message(),
            seq: 4,
            kind: AgentEventKind::AgentCompleted,
            recovered: true,
        },
        WorldEvent::ClientGotError {
            socket,
            message: Some(message()),
        },
        WorldEvent::ClientClosed {
            socket,
            code: 1006,
            clean: false,
            by_client: false,
        },
        WorldEvent::ClientDone { client: 2 },
        WorldEvent::ClientGaveUp {
            client: 2,
            attempts: 10,
            token: Token::Valid,
        },
        WorldEvent::ClientResent {
            socket,
            message: message(),
            after: None,
        },
        WorldEvent::ClientResent {
            socket,
            message: message(),
            after: Some(3),
        },
        WorldEvent::ClientTokenRenewed { client: 2 },
        WorldEvent::UpgradeRouted {
            socket,
            container: 1,
        },
        WorldEvent::UpgradeRejected {
            socket,
            status: 503,
        },
        WorldEvent::UpgradeOvertook {
            socket: SUCCESSOR,
            overtaken: socket,
        },
        WorldEvent::HeaderChanged {
            socket,
            header: Header::Subprotocols,
            policy: HeaderPolicy::Mangle,
        },
        WorldEvent::UpgradeCopied {
            original: SUCCESSOR.original(),
            socket: SUCCESSOR,
        },
        WorldEvent::ConnectionCut {
            socket,
            reason: CutReason::Idle,
        },
        WorldEvent::FrameOvertook {
            socket,
            overtaken: 2,
        },
        WorldEvent::LinkPartitioned {
            from: Actor::Client(2),
            to: Actor::Balancer,
        },
        WorldEvent::LinkRepaired {
            from: Actor::Client(2),
            to: Actor::Balancer,
        },
        WorldEvent::LinkReset {
            from: Actor::Client(2),
            to: Actor::Balancer,
        },
        WorldEvent::MessageArrived {
            socket,
            message: Some(message()),
        },
        WorldEvent::PongArrived { socket },
        WorldEvent::TransportEnded { socket },
        WorldEvent::TransportMisused {
            socket,
            operation: Operation::Send,
            error: SocketError::SendAfterClose,
        },
        WorldEvent::ContainerStarted {
            container: 1,
            incarnation: 2,
        },
        WorldEvent::ContainerInService { container: 1 },
        WorldEvent::ContainerTerminating { container: 1 },
        WorldEvent::ContainerGone {
            container: 1,
            crashed: true,
        },
        WorldEvent::ServiceDown {
            service: Service::Auth,
        },
        WorldEvent::ServiceUp {
            service: Service::Auth,
        },
        WorldEvent::ContainerStalled { container: 1 },
        WorldEvent::ContainerResumed { container: 1 },
        WorldEvent::ClockSet {
            container: 1,
            ahead_ms: -1_500,
        },
        WorldEvent::ServiceImpaired {
            service: Service::Auth,
            how: Impairment::Slow { factor: 20 },
        },
        WorldEvent::ServiceRecovered {
            service: Service::Supervisor,
            how: Impairment::Wrong { per_mille: 100 },
        },
        WorldEvent::FaultsHealed,
        WorldEvent::FaultApplied { fault: 5 },
        WorldEvent::Finished {
            reason: FinishReason::Done,
        },
    ]
}
