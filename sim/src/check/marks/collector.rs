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
    connections: PerClient<SocketId, Connection>,
    /// How many connections each container is setting up.
    setting_up: BTreeMap<u32, u32>,
    draining: BTreeSet<u32>,
    held: BTreeSet<(u32, LockName, u64)>,
    clients: PerClient<u32, Client>,
    /// Clients of each user that are ready.
    ready: BTreeMap<u32, BTreeSet<u32>>,
    /// Messages that arrived before their connection was ready and were not executed yet.
    early: BTreeSet<(SocketId, MessageId)>,
    /// The container that began to execute a message.
    begun_at: BTreeMap<MessageId, u32>,
    era: Era,
}

#[derive(Debug)]
struct Connection {
    container: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    NotAccepted,
    SettingUp,
    Ready,
    Closed,
}

#[derive(Debug)]
struct Client {
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
        if let Event::EndpointStarted { socket } = event {
            let stage = Stage::NotAccepted;
            self.connections
                .insert(*socket, Connection { container, stage });
            *self.setting_up.entry(container).or_default() += 1;
        } else if let Event::Accepted { socket, .. } = event {
            self.moves(*socket, Stage::SettingUp);
        } else if let Event::ReadyReported { socket, .. } = event {
            self.moves(*socket, Stage::Ready);
        } else if let Event::CloseSent { socket, cause, .. } = event {
            let before = self.connections.get(socket).map(|one| one.stage);
            if before == Some(Stage::NotAccepted) {
                self.marks.set(Mark::CloseBeforeAccept);
            }
            if *cause == CloseCause::PeerSilent {
                self.marks.set(Mark::PeerVanishedNoticed);
            }
            self.moves(*socket, Stage::Closed);
        } else if let Event::EndpointEnded { socket, .. } = event {
            self.moves(*socket, Stage::Closed);
            self.connections.remove(socket);
            self.forget_early(*socket);
        } else if let Event::UpgradeRefused { .. } = event {
            self.marks.set(Mark::RefusedBeforeEndpoint);
        } else if let Event::RegistrationRefused { full: true, .. } = event {
            self.marks.set(Mark::RegistryFull);
        } else if let Event::AdmissionRefused { .. } = event {
            self.marks.set(Mark::AddressLimited);
        } else if let Event::BreakerMoved { to, .. } = event {
            self.marks.set(match to {
                BreakerState::Open => Mark::BreakerOpened,
                BreakerState::HalfOpen => Mark::BreakerHalfOpen,
                BreakerState::Closed => Mark::BreakerClosedAgain,
            });
        } else if let Event::BreakerRefused { .. } = event {
            self.marks.set(Mark::BreakerRefused);
        } else if let Event::Dispatched {
            socket,
            message: Some(message),
            ..
        } = event
        {
            // The look-up costs a copy of the id, so it is not made for nothing.
            if !self.early.is_empty() && self.early.remove(&(*socket, message.clone())) {
                self.marks.set(Mark::EarlyFrame);
            }
        } else if let Event::MessageRefused { .. } = event {
            self.marks.set(Mark::MessageRefused);
        } else if let Event::LockAsked { lock, instance, .. } = event {
            if self.held.contains(&(container, *lock, *instance)) {
                self.marks.set(Mark::LockContended);
            }
        } else if let Event::LockTaken { lock, instance, .. } = event {
            self.held.insert((container, *lock, *instance));
        } else if let Event::LockReleased { lock, instance, .. } = event {
            self.held.remove(&(container, *lock, *instance));
        } else if let Event::RunStarted { message, .. } = event {
            self.begun_at.entry(message.clone()).or_insert(container);
        } else if let Event::MessageResumed { .. } = event {
            self.marks.set(Mark::MessageResumed);
        } else if let Event::AgentEventStored { .. } = event {
            self.marks.set(Mark::EventStored);
        } else if let Event::RunEnded {
            socket,
            complete: true,
            ..
        } = event
        {
            if !self.connections.contains_key(socket) {
                self.marks.set(Mark::RunOutlivedConnection);
            }
            if self.draining.contains(&container) {
                self.marks.set(Mark::DrainedRunFinished);
            }
        }
    }

    fn world(&mut self, event: &WorldEvent) {
        if let WorldEvent::ClientConnecting { socket, user } = event {
            let served_by = None;
            let client = Client {
                user: *user,
                served_by,
            };
            self.clients.entry(socket.peer).or_insert(client);
        } else if let WorldEvent::ClientReady { socket } = event {
            self.welcomed(*socket);
        } else if let WorldEvent::ClientClosed { socket, .. } = event {
            if let Some(client) = self.clients.get(&socket.peer)
                && let Some(ready) = self.ready.get_mut(&client.user)
            {
                ready.remove(&socket.peer);
            }
        } else if let WorldEvent::ClientGotEvent {
            socket,
            message,
            recovered,
            ..
        } = event
        {
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
        } else if let WorldEvent::MessageArrived {
            socket,
            message: Some(message),
        } = event
        {
            let stage = self.connections.get(socket).map(|one| one.stage);
            if matches!(stage, Some(Stage::NotAccepted | Stage::SettingUp)) {
                self.early.insert((*socket, message.clone()));
            }
        } else if let WorldEvent::ClientResent { .. } = event {
            self.marks.set(Mark::MessageSentAgain);
        } else if let WorldEvent::ClientTokenRenewed { .. } = event {
            self.marks.set(Mark::TokenRenewed);
        } else if let WorldEvent::UpgradeOvertook { .. } = event {
            self.marks.set(Mark::UpgradeOvertook);
        } else if let WorldEvent::UpgradeCopied { .. } = event {
            self.marks.set(Mark::DuplicateUpgrade);
        } else if let WorldEvent::HeaderChanged { .. } = event {
            self.marks.set(Mark::HeaderChanged);
        } else if let WorldEvent::ConnectionCut {
            reason: CutReason::Idle,
            ..
        } = event
        {
            self.marks.set(Mark::IdleConnectionCut);
        } else if let WorldEvent::FrameOvertook { .. } = event {
            self.marks.set(Mark::FrameOvertook);
        } else if let WorldEvent::ContainerTerminating { container } = event {
            self.draining.insert(*container);
        } else if let WorldEvent::ContainerGone { container, .. } = event {
            self.container_gone(*container);
        } else if let WorldEvent::ContainerStalled { container } = event {
            if self.setting_up.contains_key(container) {
                self.marks.set(Mark::StalledDuringSetup);
            }
        } else if let WorldEvent::ServiceDown { .. } | WorldEvent::ServiceImpaired { .. } = event {
            if !self.setting_up.is_empty() {
                self.marks.set(Mark::ServiceLostDuringSetup);
            }
        } else if let WorldEvent::LinkPartitioned { .. } = event {
            if !self.setting_up.is_empty() {
                self.marks.set(Mark::LinkCutDuringSetup);
            }
        } else if let WorldEvent::ClockSet { .. } = event {
            self.marks.set(Mark::ClockSet);
        } else if let WorldEvent::FaultsHealed = event {
            self.era = Era::Healed;
        }
    }

    fn moves(&mut self, socket: SocketId, to: Stage) {
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
fn is_setup(stage: Stage) -> bool {
    match stage {
        Stage::NotAccepted | Stage::SettingUp => true,
        Stage::Ready | Stage::Closed => false,
    }
}
