//! Which marks a run has, from its events.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    core::ids::{MessageId, SocketId},
    event::{BreakerState, CloseCause, Event, LockName},
};

use super::{Mark, Marks};
use crate::{
    check::per_client::PerClient,
    trace::event::{Actor, CutReason, Era, Fact, TraceEvent, WorldEvent},
};

/// Watches a run. Keeps what is live, and for each client where it was served last.
#[derive(Debug, Default)]
pub struct MarkCollector {
    marks: Marks,
    /// Connections whose endpoint runs.
    connections: PerClient<SocketId, ServedConnection>,
    /// How many connections each container is setting up.
    setting_up: BTreeMap<u32, u32>,
    draining: BTreeSet<u32>,
    held: BTreeSet<(u32, LockName, u64)>,
    clients: PerClient<u32, ServedClient>,
    /// Clients of each user that are ready.
    ready: BTreeMap<u32, BTreeSet<u32>>,
    /// Messages that arrived before their connection was ready and were not executed yet.
    early: BTreeSet<(SocketId, MessageId)>,
    /// The container that began to execute a message.
    begun_at: BTreeMap<MessageId, u32>,
    era: Era,
}

#[derive(Debug)]
struct ServedConnection {
    container: u32,
    stage: MarkedStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkedStage {
    NotAccepted,
    SettingUp,
    Ready,
    Closed,
}

#[derive(Debug)]
struct ServedClient {
    user: u32,
    /// The container that welcomed it last.
    served_by: Option<u32>,
}

impl MarkCollector {
    /// A collector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event into account.
    pub fn observe(&mut self, entry: &TraceEvent) {
        match (&entry.fact, entry.actor) {
            (Fact::Protocol(event), Actor::Container(container)) => {
                self.protocol(container, event);
            }
            (Fact::World(event), _) => self.world(event),
            // Only containers speak for the protocol; the checker insists on it.
            (Fact::Protocol(_), _) => {}
        }
    }

    /// The marks of the run.
    pub fn finish(self) -> Marks {
        self.marks
    }

    fn protocol(&mut self, container: u32, event: &Event) {
        match event {
            Event::EndpointStarted { socket } => {
                let stage = MarkedStage::NotAccepted;
                self.connections
                    .insert(*socket, ServedConnection { container, stage });
                *self.setting_up.entry(container).or_default() += 1;
            }
            Event::Accepted { socket, .. } => {
                self.moves(*socket, MarkedStage::SettingUp);
            }
            Event::ReadyReported { socket, .. } => {
                self.moves(*socket, MarkedStage::Ready);
            }
            Event::CloseSent { socket, cause, .. } => {
                let before = self.connections.get(socket).map(|one| one.stage);
                if before == Some(MarkedStage::NotAccepted) {
                    self.marks.set(Mark::CloseBeforeAccept);
                }
                if *cause == CloseCause::PeerSilent {
                    self.marks.set(Mark::PeerVanishedNoticed);
                }
                self.moves(*socket, MarkedStage::Closed);
            }
            Event::EndpointEnded { socket, .. } => {
                self.moves(*socket, MarkedStage::Closed);
                self.connections.remove(socket);
                self.forget_early(*socket);
            }
            Event::UpgradeRefused { .. } => {
                self.marks.set(Mark::RefusedBeforeEndpoint);
            }
            Event::RegistrationRefused { full: true, .. } => {
                self.marks.set(Mark::RegistryFull);
            }
            Event::AdmissionRefused { .. } => {
                self.marks.set(Mark::AddressLimited);
            }
            Event::BreakerMoved { to, .. } => {
                self.marks.set(match to {
                    BreakerState::Open => Mark::BreakerOpened,
                    BreakerState::HalfOpen => Mark::BreakerHalfOpen,
                    BreakerState::Closed => Mark::BreakerClosedAgain,
                });
            }
            Event::BreakerRefused { .. } => {
                self.marks.set(Mark::BreakerRefused);
            }
            Event::Dispatched {
                socket,
                message: Some(message),
                ..
            } => {
                // The look-up costs a copy of the id, so it is not made for nothing.
                let was_early =
                    !self.early.is_empty() && self.early.remove(&(*socket, message.clone()));
                if was_early {
                    self.marks.set(Mark::EarlyFrame);
                }
            }
            Event::MessageRefused { .. } => {
                self.marks.set(Mark::MessageRefused);
            }
            Event::LockAsked { lock, instance, .. }
                if self.held.contains(&(container, *lock, *instance)) =>
            {
                self.marks.set(Mark::LockContended);
            }
            Event::LockTaken { lock, instance, .. } => {
                self.held.insert((container, *lock, *instance));
            }
            Event::LockReleased { lock, instance, .. } => {
                self.held.remove(&(container, *lock, *instance));
            }
            Event::RunStarted { message, .. } => {
                self.begun_at.entry(message.clone()).or_insert(container);
            }
            Event::MessageResumed { .. } => {
                self.marks.set(Mark::MessageResumed);
            }
            Event::AgentEventStored { .. } => {
                self.marks.set(Mark::EventStored);
            }
            Event::RunEnded {
                socket,
                complete: true,
                ..
            } => {
                if !self.connections.contains_key(socket) {
                    self.marks.set(Mark::RunOutlivedConnection);
                }
                if self.draining.contains(&container) {
                    self.marks.set(Mark::DrainedRunFinished);
                }
            }
            _ => {}
        }
    }

    fn world(&mut self, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, user } => {
                let served_by = None;
                let client = ServedClient {
                    user: *user,
                    served_by,
                };
                self.clients.entry(socket.peer).or_insert(client);
            }
            WorldEvent::ClientReady { socket } => {
                self.welcomed(*socket);
            }
            WorldEvent::ClientClosed { socket, .. } => {
                if let Some(client) = self.clients.get(&socket.peer)
                    && let Some(ready) = self.ready.get_mut(&client.user)
                {
                    ready.remove(&socket.peer);
                }
            }
            WorldEvent::ClientGotEvent {
                socket,
                message,
                recovered,
                ..
            } => {
                if *recovered {
                    self.marks.set(Mark::ReplayedAfterReconnect);
                }
                let served_by = self.clients.get(&socket.peer).and_then(|one| one.served_by);
                let begun_at = self.begun_at.get(message).copied();
                if let (Some(served_by), Some(begun_at)) = (served_by, begun_at)
                    && served_by != begun_at
                {
                    self.marks.set(Mark::ResumedElsewhere);
                }
            }
            WorldEvent::MessageArrived {
                socket,
                message: Some(message),
            } => {
                let stage = self.connections.get(socket).map(|one| one.stage);
                if matches!(
                    stage,
                    Some(MarkedStage::NotAccepted | MarkedStage::SettingUp)
                ) {
                    self.early.insert((*socket, message.clone()));
                }
            }
            WorldEvent::ClientResent { .. } => {
                self.marks.set(Mark::MessageSentAgain);
            }
            WorldEvent::ClientTokenRenewed { .. } => {
                self.marks.set(Mark::TokenRenewed);
            }
            WorldEvent::UpgradeOvertook { .. } => {
                self.marks.set(Mark::UpgradeOvertook);
            }
            WorldEvent::UpgradeCopied { .. } => {
                self.marks.set(Mark::DuplicateUpgrade);
            }
            WorldEvent::HeaderChanged { .. } => {
                self.marks.set(Mark::HeaderChanged);
            }
            WorldEvent::ConnectionCut {
                reason: CutReason::Idle,
                ..
            } => {
                self.marks.set(Mark::IdleConnectionCut);
            }
            WorldEvent::FrameOvertook { .. } => {
                self.marks.set(Mark::FrameOvertook);
            }
            WorldEvent::ContainerTerminating { container } => {
                self.draining.insert(*container);
            }
            WorldEvent::ContainerGone { container, .. } => {
                self.container_gone(*container);
            }
            WorldEvent::ContainerStalled { container }
                if self.setting_up.contains_key(container) =>
            {
                self.marks.set(Mark::StalledDuringSetup);
            }
            WorldEvent::ServiceDown { .. } | WorldEvent::ServiceImpaired { .. }
                if !self.setting_up.is_empty() =>
            {
                self.marks.set(Mark::ServiceLostDuringSetup);
            }
            WorldEvent::LinkPartitioned { .. } if !self.setting_up.is_empty() => {
                self.marks.set(Mark::LinkCutDuringSetup);
            }
            WorldEvent::ClockSet { .. } => {
                self.marks.set(Mark::ClockSet);
            }
            WorldEvent::FaultsHealed => {
                self.era = Era::Healed;
            }
            _ => {}
        }
    }

    fn moves(&mut self, socket: SocketId, to: MarkedStage) {
        let Some(connection) = self.connections.get_mut(&socket) else {
            return;
        };
        let before = connection.stage;
        connection.stage = to;
        if is_setup(before)
            && !is_setup(to)
            && let Some(count) = self.setting_up.get_mut(&connection.container)
        {
            *count -= 1;
            if *count == 0 {
                self.setting_up.remove(&connection.container);
            }
        }
    }

    fn welcomed(&mut self, socket: SocketId) {
        let container = self.connections.get(&socket).map(|one| one.container);
        let Some(client) = self.clients.get_mut(&socket.peer) else {
            return;
        };
        if let (Some(before), Some(now)) = (client.served_by, container)
            && before != now
        {
            self.marks.set(Mark::ReconnectedElsewhere);
        }
        client.served_by = container.or(client.served_by);
        let ready = self.ready.entry(client.user).or_default();
        ready.insert(socket.peer);
        if ready.len() > 1 {
            self.marks.set(Mark::TwoTabsReady);
        }
        match self.era {
            Era::Faulty => {}
            Era::Healed => self.marks.set(Mark::WelcomedAfterHealing),
        }
    }

    fn container_gone(&mut self, container: u32) {
        if self.setting_up.remove(&container).is_some() {
            self.marks.set(Mark::ContainerReplacedDuringSetup);
        }
        self.draining.remove(&container);
        self.held.retain(|(of, ..)| *of != container);
        let gone: Vec<SocketId> = self
            .connections
            .extract(|_, connection| connection.container == container)
            .into_iter()
            .map(|(socket, _)| socket)
            .collect();
        for socket in gone {
            self.forget_early(socket);
        }
    }

    fn forget_early(&mut self, socket: SocketId) {
        while let Some(next) = self
            .early
            .range((socket, MessageId::from(""))..)
            .next()
            .filter(|(of, _)| *of == socket)
            .cloned()
        {
            self.early.remove(&next);
        }
    }
}

/// Whether a connection in this stage is being set up.
fn is_setup(stage: MarkedStage) -> bool {
    match stage {
        MarkedStage::NotAccepted | MarkedStage::SettingUp => true,
        MarkedStage::Ready | MarkedStage::Closed => false,
    }
}
