//! Which events tell the story of a run, and which only fill it in.

use gatesim_model::{core::message::AgentEventKind, event::Event};
use gatesim_sim::trace::event::{Fact, WorldEvent};
use serde::Serialize;

/// How much of the story an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prominence {
    /// Bookkeeping: tasks, table entries, locks that were free, single calls and agent events.
    Routine,
    /// What an engineer would draw on a whiteboard.
    Notable,
}

impl Prominence {
    /// Of one fact.
    pub fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Protocol(event) => of_protocol(event),
            Fact::World(event) => of_world(event),
        }
    }
}

fn of_protocol(event: &Event) -> Prominence {
    match event {
        Event::CallEnded { ok, .. } if !ok => Prominence::Notable,
        Event::RunEnded { .. }
        | Event::EndpointStarted { .. }
        | Event::Accepted { .. }
        | Event::CloseSent { .. }
        | Event::DisconnectSeen { .. }
        | Event::EndpointEnded { .. }
        | Event::InternalError { .. }
        | Event::MachineRegistered { .. }
        | Event::MachineShared { .. }
        | Event::RegistrationRefused { .. }
        | Event::MachineUnregistered { .. }
        | Event::Transition { .. }
        | Event::TransitionRefused { .. }
        | Event::MachineMissing { .. }
        | Event::ReadyReported { .. }
        | Event::HandshakeMoved { .. }
        | Event::GateWaiting { .. }
        | Event::GateGaveUp { .. }
        | Event::GateSkipped { .. }
        | Event::LoopEntered { .. }
        | Event::LoopEnded { .. }
        | Event::Authenticated { .. }
        | Event::AuthenticationFailed { .. }
        | Event::BreakerMoved { .. }
        | Event::ServicesValidated { .. }
        | Event::BreakerRefused { .. }
        | Event::AdmissionRefused { .. }
        | Event::ProcessBlocked { .. }
        | Event::UpgradeRefused { .. }
        | Event::Dispatched { .. }
        | Event::MessageRefused { .. }
        | Event::MessageDropped { .. }
        | Event::MessageResumed { .. }
        | Event::NoticeSent { .. }
        | Event::RunStarted { .. }
        | Event::AgentEventFailed { .. }
        | Event::AgentEventLost { .. }
        | Event::HeartbeatTimedOut { .. }
        | Event::LockGivenUp { .. } => Prominence::Notable,
        Event::TaskStarted { .. }
        | Event::TaskEnded { .. }
        | Event::IdGiven { .. }
        | Event::CoordinatorAsked { .. }
        | Event::CoordinatorMoved { .. }
        | Event::IdentityMoved { .. }
        | Event::CallStarted { .. }
        | Event::CallEnded { .. }
        | Event::PhaseReached { .. }
        | Event::ComponentChanged { .. }
        | Event::BreakerFed { .. }
        | Event::HandlerChosen { .. }
        | Event::AgentEventEmitted { .. }
        | Event::AgentEventSent { .. }
        | Event::AgentEventStored { .. }
        | Event::AgentEventJournaled { .. }
        | Event::EntryAdded { .. }
        | Event::EntryRemoved { .. }
        | Event::LockAsked { .. }
        | Event::LockTaken { .. }
        | Event::LockReleased { .. } => Prominence::Routine,
    }
}

fn of_world(event: &WorldEvent) -> Prominence {
    match event {
        WorldEvent::ClientGotEvent { kind, .. } => match kind {
            AgentEventKind::AgentStarted | AgentEventKind::AgentCompleted => Prominence::Notable,
            AgentEventKind::AgentThinking
            | AgentEventKind::ToolExecuting
            | AgentEventKind::ToolCompleted => Prominence::Routine,
        },
        WorldEvent::ClientConnecting { .. }
        | WorldEvent::ClientOpened { .. }
        | WorldEvent::ClientRefused { .. }
        | WorldEvent::ClientReady { .. }
        | WorldEvent::ClientSent { .. }
        | WorldEvent::ClientGotError { .. }
        | WorldEvent::ClientClosed { .. }
        | WorldEvent::ClientDone { .. }
        | WorldEvent::ClientGaveUp { .. }
        | WorldEvent::ClientResent { .. }
        | WorldEvent::ClientTokenRenewed { .. }
        | WorldEvent::UpgradeRouted { .. }
        | WorldEvent::UpgradeRejected { .. }
        | WorldEvent::UpgradeOvertook { .. }
        | WorldEvent::HeaderChanged { .. }
        | WorldEvent::UpgradeCopied { .. }
        | WorldEvent::ConnectionCut { .. }
        | WorldEvent::FrameOvertook { .. }
        | WorldEvent::LinkPartitioned { .. }
        | WorldEvent::LinkRepaired { .. }
        | WorldEvent::LinkReset { .. }
        | WorldEvent::MessageArrived { .. }
        | WorldEvent::TransportEnded { .. }
        | WorldEvent::TransportMisused { .. }
        | WorldEvent::ContainerStarted { .. }
        | WorldEvent::ContainerInService { .. }
        | WorldEvent::ContainerTerminating { .. }
        | WorldEvent::ContainerGone { .. }
        | WorldEvent::ServiceDown { .. }
        | WorldEvent::ServiceUp { .. }
        | WorldEvent::ContainerStalled { .. }
        | WorldEvent::ContainerResumed { .. }
        | WorldEvent::ClockSet { .. }
        | WorldEvent::ServiceImpaired { .. }
        | WorldEvent::ServiceRecovered { .. }
        | WorldEvent::FaultApplied { .. }
        | WorldEvent::FaultsHealed
        | WorldEvent::Finished { .. } => Prominence::Notable,
        WorldEvent::PongArrived { .. } => Prominence::Routine,
    }
}
