//! What an event is called: a short name in the protocol's words, without ids, times and numbers,
//! so that it is the same in every run.

use gatesim_model::{
    core::message::{ErrorCode, Notice},
    event::{Event, LockName, ReadySource},
};

use crate::trace::event::{Actor, Fact, Impairment, TraceEvent, WorldEvent};

/// What happened, in a few words that are the same for every run.
pub fn title(entry: &TraceEvent) -> String {
    match &entry.fact {
        Fact::Protocol(event) => of_protocol(event),
        Fact::World(event) => of_world(event),
    }
}

/// One arm for each event, in the order of their declaration.
fn of_protocol(event: &Event) -> String {
    match event {
        Event::EndpointStarted { .. } => "endpoint started".to_owned(),
        Event::Accepted { .. } => "accept".to_owned(),
        Event::CloseSent { code, .. } => format!("close {code} handed over"),
        Event::DisconnectSeen { .. } => "peer's disconnect seen".to_owned(),
        Event::EndpointEnded { how, .. } => format!("endpoint {how}"),
        Event::InternalError { step, .. } => format!("internal error at {step}"),
        Event::TaskStarted { name, .. } => format!("task {name} started"),
        Event::TaskEnded { name, .. } => format!("task {name} ended"),
        Event::IdGiven { holder, .. } => format!("id given to the {holder}"),
        Event::MachineRegistered { .. } => "machine registered".to_owned(),
        Event::MachineShared { .. } => "existing machine handed out".to_owned(),
        Event::RegistrationRefused { full, .. } => match full {
            true => "registration refused, registry full".to_owned(),
            false => "registration refused, id taken".to_owned(),
        },
        Event::MachineUnregistered { .. } => "machine unregistered".to_owned(),
        Event::Transition { to, .. } => format!("machine to {to}"),
        Event::TransitionRefused { to, .. } => format!("{to} refused by the machine"),
        Event::MachineMissing { step, .. } => format!("no machine found at {step}"),
        // The welcome is what says so.
        Event::ReadyReported { by, .. } => match by {
            ReadySource::Welcome => "welcome sent".to_owned(),
            ReadySource::MessageLoop | ReadySource::ReadinessCheck => {
                format!("ready reported by the {by}")
            }
        },
        Event::HandshakeMoved {
            coordinator, to, ..
        } => format!("handshake #{coordinator} to {to}"),
        Event::CoordinatorAsked { to, accepted, .. } => match accepted {
            true => format!("coordinator asked for {to}"),
            false => format!("coordinator refuses {to}"),
        },
        Event::CoordinatorMoved { to, .. } => format!("coordinator to {to}"),
        Event::IdentityMoved { to, .. } => format!("identity to {to}"),
        Event::GateWaiting { .. } => "loop-entry gate waits".to_owned(),
        Event::GateGaveUp { .. } => "loop-entry gate gave up".to_owned(),
        Event::GateSkipped { .. } => "loop-entry gate skipped".to_owned(),
        Event::LoopEntered { .. } => "message loop entered".to_owned(),
        Event::LoopEnded { .. } => "message loop ended".to_owned(),
        Event::Authenticated { .. } => "user bound".to_owned(),
        Event::AuthenticationFailed { error, .. } => {
            format!("authentication failed with {}", error)
        }
        Event::CallStarted { service, .. } => format!("{} asked", Actor::Service(*service)),
        Event::CallEnded { service, ok, .. } => match ok {
            true => format!("{} answered", Actor::Service(*service)),
            false => format!("{} gave no answer", Actor::Service(*service)),
        },
        Event::BreakerMoved { breaker, to } => format!("breaker {breaker} {to}"),
        Event::PhaseReached { phase } => format!("start-up phase {phase}"),
        Event::ComponentChanged { component, ready } => match ready {
            true => format!("component {component} there"),
            false => format!("component {component} gone"),
        },
        Event::ServicesValidated { missing, .. } => match missing.is_empty() {
            true => "services validated, all there".to_owned(),
            false => "services validated, some missing".to_owned(),
        },
        Event::BreakerFed { breaker, blame, .. } => {
            format!("breaker {breaker} fed with a failure of the {blame}")
        }
        Event::BreakerRefused { breaker, .. } => format!("refused by breaker {breaker}"),
        Event::AdmissionRefused { limit, .. } => format!("refused by the {limit} limit"),
        Event::ProcessBlocked { .. } => "process blocked".to_owned(),
        Event::UpgradeRefused { status, .. } => format!("upgrade refused with HTTP {status}"),
        Event::Dispatched { .. } => "message dispatched".to_owned(),
        Event::MessageRefused { error, .. } => refused("message", *error),
        Event::MessageDropped { .. } => "message dropped".to_owned(),
        Event::MessageResumed { .. } => "message resumed".to_owned(),
        Event::NoticeSent { notice, .. } => match notice {
            Notice::ConnectionEstablished => "welcome sent".to_owned(),
            Notice::DegradedMode
            | Notice::DegradedModeActive
            | Notice::Initializing
            | Notice::ConnectionRecovery
            | Notice::ServerShutdown => format!("notice {} sent", notice),
        },
        Event::HandlerChosen { socket, handler_of } => match socket == handler_of {
            true => "message given to its own handler".to_owned(),
            false => "message given to another connection's handler".to_owned(),
        },
        Event::RunStarted { .. } => "agent run started".to_owned(),
        Event::AgentEventEmitted { kind, .. } => format!("{} emitted", kind),
        Event::AgentEventSent { recovered, .. } => match recovered {
            true => "agent event sent again".to_owned(),
            false => "agent event sent".to_owned(),
        },
        Event::AgentEventStored { .. } => "agent event stored".to_owned(),
        Event::AgentEventJournaled { .. } => "agent event written to the journal".to_owned(),
        Event::AgentEventFailed { .. } => "agent event failed".to_owned(),
        Event::AgentEventLost { .. } => "agent event lost".to_owned(),
        Event::RunEnded { complete, .. } => match complete {
            true => "agent run ended".to_owned(),
            false => "agent run ended before its end".to_owned(),
        },
        Event::HeartbeatTimedOut { .. } => "heartbeat timed out".to_owned(),
        Event::EntryAdded { table, .. } => format!("entry in the {table} made"),
        Event::EntryRemoved { table, .. } => format!("entry in the {table} removed"),
        Event::LockAsked { lock, .. } => of_lock(*lock, "waited for"),
        Event::LockTaken { lock, .. } => of_lock(*lock, "taken"),
        Event::LockReleased { lock, .. } => of_lock(*lock, "released"),
        Event::LockGivenUp { lock, .. } => of_lock(*lock, "waited for no more"),
    }
}

fn refused(what: &str, error: ErrorCode) -> String {
    format!("{what} refused with {}", error)
}

fn of_lock(lock: LockName, what: &str) -> String {
    format!("lock {lock} {what}")
}

/// One arm for each event, in the order of their declaration.
fn of_world(event: &WorldEvent) -> String {
    match event {
        WorldEvent::ClientConnecting { .. } => "client connecting".to_owned(),
        WorldEvent::ClientOpened { .. } => "connection open at the client".to_owned(),
        WorldEvent::ClientRefused { status, .. } => match status {
            0 => "client without a connection".to_owned(),
            status => format!("client refused with HTTP {status}"),
        },
        WorldEvent::ClientReady { .. } => "welcome at the client".to_owned(),
        WorldEvent::ClientSent { .. } => "message sent by the client".to_owned(),
        WorldEvent::ClientGotEvent { kind, .. } => format!("{} at the client", kind),
        WorldEvent::ClientGotError { .. } => "error at the client".to_owned(),
        WorldEvent::ClientClosed { code, .. } => format!("connection closed at the client, {code}"),
        WorldEvent::ClientDone { .. } => "client leaves".to_owned(),
        WorldEvent::ClientGaveUp { .. } => "client gave up".to_owned(),
        WorldEvent::ClientResent { .. } => "message sent again by the client".to_owned(),
        WorldEvent::ClientTokenRenewed { .. } => "token renewed".to_owned(),
        WorldEvent::UpgradeRouted { .. } => "upgrade routed".to_owned(),
        WorldEvent::UpgradeRejected { status, .. } => {
            format!("upgrade rejected with HTTP {status}")
        }
        WorldEvent::UpgradeOvertook { .. } => "upgrade overtook another".to_owned(),
        WorldEvent::HeaderChanged { .. } => "header changed on the way".to_owned(),
        WorldEvent::UpgradeCopied { .. } => "upgrade delivered once more".to_owned(),
        WorldEvent::ConnectionCut { reason, .. } => {
            format!("connection cut, {}", reason)
        }
        WorldEvent::FrameOvertook { .. } => "frame overtook another".to_owned(),
        WorldEvent::LinkPartitioned { .. } => "link cut".to_owned(),
        WorldEvent::LinkRepaired { .. } => "link mended".to_owned(),
        WorldEvent::LinkReset { .. } => "connections reset".to_owned(),
        WorldEvent::MessageArrived { .. } => "message arrived".to_owned(),
        WorldEvent::PongArrived { .. } => "pong arrived".to_owned(),
        WorldEvent::TransportEnded { .. } => "transport ended".to_owned(),
        WorldEvent::TransportMisused { operation, .. } => {
            format!("{} refused by the transport", operation)
        }
        WorldEvent::ContainerStarted { .. } => "container started".to_owned(),
        WorldEvent::ContainerInService { .. } => "container in service".to_owned(),
        WorldEvent::ContainerTerminating { .. } => "container asked to stop".to_owned(),
        WorldEvent::ContainerGone { crashed, .. } => match crashed {
            true => "container crashed".to_owned(),
            false => "container gone".to_owned(),
        },
        WorldEvent::ServiceDown { service } => format!("{} down", Actor::Service(*service)),
        WorldEvent::ServiceUp { service } => format!("{} up", Actor::Service(*service)),
        WorldEvent::ContainerStalled { .. } => "container without a processor".to_owned(),
        WorldEvent::ContainerResumed { .. } => "container going on".to_owned(),
        WorldEvent::ClockSet { .. } => "clock set".to_owned(),
        WorldEvent::ServiceImpaired { service, how } => {
            format!("{} {}", Actor::Service(*service), impaired(*how))
        }
        WorldEvent::ServiceRecovered { service, how } => {
            format!("{} no longer {}", Actor::Service(*service), impaired(*how))
        }
        WorldEvent::FaultApplied { .. } => "fault applied".to_owned(),
        WorldEvent::FaultsHealed => "every fault over".to_owned(),
        WorldEvent::Finished { .. } => "run over".to_owned(),
    }
}

fn impaired(how: Impairment) -> &'static str {
    match how {
        Impairment::Slow { .. } => "slow",
        Impairment::Erring { .. } => "failing",
        Impairment::Wrong { .. } => "giving wrong answers",
    }
}
