//! What kind of event it is, as a sign that can be seen before anything is read.

use gatesim_model::event::Event;
use gatesim_sim::trace::event::{Fact, TraceEvent, WorldEvent};

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Something became something else.
    State,
    /// Something was sent to the other side.
    Sent,
    /// Something arrived from the other side.
    Arrived,
    /// A service was asked.
    Asked,
    /// A service answered.
    Answered,
    /// Something was refused, lost or given up.
    Refused,
    /// The world got worse, or better.
    Fault,
    /// Anything else.
    Other,
}

impl Sign {
    /// One character.
    pub fn glyph(self) -> char {
        match self {
            Sign::State => '●',
            Sign::Sent => '→',
            Sign::Arrived => '←',
            Sign::Asked => '↗',
            Sign::Answered => '↙',
            Sign::Refused => '✗',
            Sign::Fault => '▲',
            Sign::Other => '·',
        }
    }
}

/// The sign of an event.
pub fn sign(entry: &TraceEvent) -> Sign {
    match &entry.fact {
        Fact::Protocol(event) => of_protocol(event),
        Fact::World(event) => of_world(event),
    }
}

fn of_protocol(event: &Event) -> Sign {
    match event {
        Event::Accepted { .. }
        | Event::CloseSent { .. }
        | Event::NoticeSent { .. }
        | Event::AgentEventSent { .. } => Sign::Sent,
        Event::DisconnectSeen { .. } => Sign::Arrived,
        Event::CallStarted { .. } => Sign::Asked,
        Event::CallEnded { ok: true, .. } => Sign::Answered,
        Event::CallEnded { ok: false, .. }
        | Event::InternalError { .. }
        | Event::RegistrationRefused { .. }
        | Event::TransitionRefused { .. }
        | Event::MachineMissing { .. }
        | Event::CoordinatorAsked {
            accepted: false, ..
        }
        | Event::GateGaveUp { .. }
        | Event::GateSkipped { .. }
        | Event::AuthenticationFailed { .. }
        | Event::BreakerRefused { .. }
        | Event::AdmissionRefused { .. }
        | Event::UpgradeRefused { .. }
        | Event::MessageRefused { .. }
        | Event::MessageDropped { .. }
        | Event::AgentEventFailed { .. }
        | Event::AgentEventLost { .. }
        | Event::HeartbeatTimedOut { .. }
        | Event::LockGivenUp { .. } => Sign::Refused,
        Event::MachineRegistered { .. }
        | Event::MachineShared { .. }
        | Event::MachineUnregistered { .. }
        | Event::Transition { .. }
        | Event::ReadyReported { .. }
        | Event::HandshakeMoved { .. }
        | Event::CoordinatorAsked { accepted: true, .. }
        | Event::CoordinatorMoved { .. }
        | Event::IdentityMoved { .. }
        | Event::Authenticated { .. }
        | Event::BreakerMoved { .. }
        | Event::PhaseReached { .. }
        | Event::ComponentChanged { .. }
        | Event::ServicesValidated { .. } => Sign::State,
        Event::EndpointStarted { .. }
        | Event::EndpointEnded { .. }
        | Event::TaskStarted { .. }
        | Event::TaskEnded { .. }
        | Event::IdGiven { .. }
        | Event::GateWaiting { .. }
        | Event::LoopEntered { .. }
        | Event::LoopEnded { .. }
        | Event::BreakerFed { .. }
        | Event::ProcessBlocked { .. }
        | Event::Dispatched { .. }
        | Event::MessageResumed { .. }
        | Event::HandlerChosen { .. }
        | Event::RunStarted { .. }
        | Event::AgentEventEmitted { .. }
        | Event::AgentEventStored { .. }
        | Event::AgentEventJournaled { .. }
        | Event::RunEnded { .. }
        | Event::EntryAdded { .. }
        | Event::EntryRemoved { .. }
        | Event::LockAsked { .. }
        | Event::LockTaken { .. }
        | Event::LockReleased { .. } => Sign::Other,
    }
}

fn of_world(event: &WorldEvent) -> Sign {
    match event {
        WorldEvent::ClientConnecting { .. }
        | WorldEvent::ClientSent { .. }
        | WorldEvent::ClientResent { .. }
        | WorldEvent::UpgradeRouted { .. }
        | WorldEvent::UpgradeCopied { .. } => Sign::Sent,
        WorldEvent::ClientOpened { .. }
        | WorldEvent::ClientReady { .. }
        | WorldEvent::ClientGotEvent { .. }
        | WorldEvent::ClientGotError { .. }
        | WorldEvent::ClientClosed { .. }
        | WorldEvent::MessageArrived { .. }
        | WorldEvent::PongArrived { .. } => Sign::Arrived,
        WorldEvent::ClientRefused { .. }
        | WorldEvent::ClientGaveUp { .. }
        | WorldEvent::UpgradeRejected { .. }
        | WorldEvent::ConnectionCut { .. }
        | WorldEvent::TransportMisused { .. } => Sign::Refused,
        WorldEvent::UpgradeOvertook { .. }
        | WorldEvent::HeaderChanged { .. }
        | WorldEvent::FrameOvertook { .. }
        | WorldEvent::LinkPartitioned { .. }
        | WorldEvent::LinkRepaired { .. }
        | WorldEvent::LinkReset { .. }
        | WorldEvent::ContainerTerminating { .. }
        | WorldEvent::ContainerGone { .. }
        | WorldEvent::ContainerStalled { .. }
        | WorldEvent::ContainerResumed { .. }
        | WorldEvent::ClockSet { .. }
        | WorldEvent::ServiceDown { .. }
        | WorldEvent::ServiceUp { .. }
        | WorldEvent::ServiceImpaired { .. }
        | WorldEvent::ServiceRecovered { .. }
        | WorldEvent::FaultApplied { .. }
        | WorldEvent::FaultsHealed => Sign::Fault,
        WorldEvent::ContainerStarted { .. } | WorldEvent::ContainerInService { .. } => Sign::State,
        WorldEvent::ClientDone { .. }
        | WorldEvent::ClientTokenRenewed { .. }
        | WorldEvent::TransportEnded { .. }
        | WorldEvent::Finished { .. } => Sign::Other,
    }
}
