//! What an event is about, so that only the rules concerned are asked: most events concern two or
//! three rules.

use gatesim_model::event::Event;

use crate::trace::event::{Fact, WorldEvent};

/// What events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A connection begins, is accepted, is closed, ends; or its container does.
    Life,
    /// Something inside went wrong, or a rule of the transport was broken.
    Error,
    /// Ids and machines.
    Machine,
    /// A part of the gateway declares a connection ready.
    Ready,
    /// The other views of a connection: handshake, coordinator, id manager.
    View,
    /// What belongs to a connection: tasks and table entries.
    Holding,
    /// Messages of the client.
    Message,
    /// Agent runs and their events, at the server.
    Run,
    /// What the client and the network do and see.
    Client,
    /// Whether one client's failures reach another: breakers and limits.
    Containment,
    /// Locks, and tasks that block their process.
    Waiting,
    /// Calls to backing services.
    Call,
    /// The heartbeat and its answers.
    Heartbeat,
    /// The run as a whole: its end, and the end of all faults.
    World,
    /// Nothing that a rule asks for.
    Other,
}

impl Subject {
    /// What this event is about.
    pub fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Protocol(event) => of_protocol(event),
            Fact::World(event) => of_world(event),
        }
    }

    /// A set with this subject alone; sets are joined by `|`.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u16
    }
}

fn of_protocol(event: &Event) -> Subject {
    match event {
        Event::EndpointStarted { .. }
        | Event::Accepted { .. }
        | Event::CloseSent { .. }
        | Event::DisconnectSeen { .. }
        | Event::UpgradeRefused { .. }
        | Event::EndpointEnded { .. } => Subject::Life,
        Event::InternalError { .. } => Subject::Error,
        Event::LockAsked { .. }
        | Event::LockTaken { .. }
        | Event::LockReleased { .. }
        | Event::LockGivenUp { .. }
        | Event::ProcessBlocked { .. } => Subject::Waiting,
        Event::TaskStarted { .. }
        | Event::TaskEnded { .. }
        | Event::EntryAdded { .. }
        | Event::EntryRemoved { .. } => Subject::Holding,
        Event::IdGiven { .. }
        | Event::MachineRegistered { .. }
        | Event::MachineShared { .. }
        | Event::RegistrationRefused { .. }
        | Event::MachineUnregistered { .. }
        | Event::Transition { .. }
        | Event::TransitionRefused { .. }
        | Event::MachineMissing { .. } => Subject::Machine,
        Event::ReadyReported { .. } => Subject::Ready,
        Event::HandshakeMoved { .. }
        | Event::CoordinatorAsked { .. }
        | Event::CoordinatorMoved { .. }
        | Event::IdentityMoved { .. } => Subject::View,
        Event::Dispatched { .. }
        | Event::MessageRefused { .. }
        | Event::MessageDropped { .. }
        | Event::MessageResumed { .. } => Subject::Message,
        Event::HandlerChosen { .. }
        | Event::RunStarted { .. }
        | Event::AgentEventEmitted { .. }
        | Event::AgentEventSent { .. }
        | Event::AgentEventStored { .. }
        | Event::AgentEventJournaled { .. }
        | Event::AgentEventFailed { .. }
        | Event::AgentEventLost { .. }
        | Event::RunEnded { .. } => Subject::Run,
        Event::BreakerMoved { .. }
        | Event::BreakerFed { .. }
        | Event::BreakerRefused { .. }
        | Event::AdmissionRefused { .. } => Subject::Containment,
        Event::CallStarted { .. } | Event::CallEnded { .. } => Subject::Call,
        Event::HeartbeatTimedOut { .. } => Subject::Heartbeat,
        Event::GateWaiting { .. }
        | Event::GateGaveUp { .. }
        | Event::GateSkipped { .. }
        | Event::LoopEntered { .. }
        | Event::LoopEnded { .. }
        | Event::Authenticated { .. }
        | Event::AuthenticationFailed { .. }
        | Event::PhaseReached { .. }
        | Event::ComponentChanged { .. }
        | Event::ServicesValidated { .. }
        | Event::NoticeSent { .. } => Subject::Other,
    }
}

fn of_world(event: &WorldEvent) -> Subject {
    match event {
        WorldEvent::TransportEnded { .. } | WorldEvent::ContainerGone { .. } => Subject::Life,
        WorldEvent::TransportMisused { .. } => Subject::Error,
        WorldEvent::MessageArrived { .. } => Subject::Message,
        WorldEvent::PongArrived { .. } => Subject::Heartbeat,
        WorldEvent::FaultsHealed
        | WorldEvent::ServiceImpaired { .. }
        | WorldEvent::ServiceRecovered { .. }
        | WorldEvent::Finished { .. } => Subject::World,
        WorldEvent::ClientConnecting { .. }
        | WorldEvent::ClientOpened { .. }
        | WorldEvent::ClientRefused { .. }
        | WorldEvent::ClientReady { .. }
        | WorldEvent::ClientSent { .. }
        | WorldEvent::ClientGotEvent { .. }
        | WorldEvent::ClientGotError { .. }
        | WorldEvent::ClientClosed { .. }
        | WorldEvent::ClientResent { .. }
        | WorldEvent::ClientTokenRenewed { .. }
        | WorldEvent::ClientDone { .. }
        | WorldEvent::ClientGaveUp { .. }
        | WorldEvent::UpgradeRouted { .. }
        | WorldEvent::HeaderChanged { .. }
        | WorldEvent::ConnectionCut { .. }
        | WorldEvent::LinkPartitioned { .. }
        | WorldEvent::LinkReset { .. }
        | WorldEvent::LinkRepaired { .. } => Subject::Client,
        WorldEvent::UpgradeRejected { .. }
        | WorldEvent::UpgradeOvertook { .. }
        | WorldEvent::UpgradeCopied { .. }
        | WorldEvent::FrameOvertook { .. }
        | WorldEvent::ContainerStarted { .. }
        | WorldEvent::ContainerInService { .. }
        | WorldEvent::ContainerTerminating { .. }
        | WorldEvent::ServiceDown { .. }
        | WorldEvent::ServiceUp { .. }
        | WorldEvent::ContainerStalled { .. }
        | WorldEvent::ContainerResumed { .. }
        | WorldEvent::ClockSet { .. }
        | WorldEvent::FaultApplied { .. } => Subject::Other,
    }
}
