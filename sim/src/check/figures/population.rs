//! What the population of clients meets: attempts in one instant, cuts without a reason, the ends of
//! planned stops, and how connections are spread over containers.
//!
//! Knows from: clients, links, faults and containers, and from the plan, which says whose client
//! misbehaves. Codes and causes that the gateway states do not matter, but for the one fact that a
//! client sees: whether a connection ended with a close frame or without one (1006).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::Event,
};

use crate::{
    check::per_client::PerClient,
    plan::{
        FaultKind, Plan,
        figure::{Figures, Peak},
    },
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

/// The window in which attempts of all clients are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// The least grace that leaves a process time to say goodbye: a sound one lets runs finish for some
/// seconds, so that it need not send its closes in the first.
const TIME_TO_SPARE: Duration = Duration::from_secs(5);

/// A connection that ends without a close frame (RFC 6455, 7.1.5).
const NO_CLOSE_FRAME: u16 = 1006;

/// Follows the connections of all clients. Holds what is live, and the attempts of one second.
#[derive(Debug, Default)]
pub struct PopulationCollector {
    /// Clients that send nonsense, or read so slowly that a server may rightly end their connections.
    misbehaving: BTreeSet<u32>,
    /// Some planned stop of the run kills before a process can say goodbye.
    kills_early: bool,
    recent: VecDeque<Time>,
    connections: PerClient<SocketId, WatchedConnection>,
    partitioned: BTreeSet<(Actor, Actor)>,
    stalled: BTreeSet<u32>,
    stopping: BTreeSet<u32>,
    in_service: BTreeSet<u32>,
    /// The container whose endpoint serves each connection.
    served_by: PerClient<SocketId, u32>,
    /// How many each container serves, and their sum.
    served: BTreeMap<u32, u64>,
    all_served: u64,
}

/// A connection of a client, until it ends there.
#[derive(Debug, Default)]
struct WatchedConnection {
    container: Option<u32>,
    /// The welcome has arrived.
    ready: bool,
    /// Its container was asked to stop.
    stopping: bool,
    /// Something other than an orderly stop may have ended it.
    disturbed: bool,
}

fn is_planned_stop(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Terminate { .. } | FaultKind::ScaleIn { .. } | FaultKind::RollingDeploy { .. }
    )
}

impl PopulationCollector {
    /// A collector for a run of this plan.
    pub fn new(plan: &Plan) -> Self {
        let misbehaving = plan
            .clients()
            .filter(|(_, client)| !client.noise.is_empty() || client.reads_every_ms.get() > 0)
            .map(|(number, _)| number);
        let stops = plan.faults().map(|(_, fault)| fault.kind);
        let mut stops = stops.filter(is_planned_stop);
        PopulationCollector {
            kills_early: stops.any(|stop| stop.grace() < TIME_TO_SPARE),
            misbehaving: misbehaving.collect(),
            ..Self::default()
        }
    }

    /// Counts an event.
    pub fn observe(&mut self, figures: &mut Figures, entry: &TraceEvent) {
        match (&entry.fact, entry.actor) {
            (Fact::Protocol(Event::EndpointStarted { socket }), Actor::Container(container)) => {
                self.is_served(figures, *socket, container);
            }
            (Fact::Protocol(_), _) => {}
            (Fact::World(event), _) => self.world(figures, entry.time, event),
        }
    }

    fn world(&mut self, figures: &mut Figures, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => self.begins(figures, now, *socket),
            WorldEvent::UpgradeRouted { socket, container } => self.is_routed(*socket, *container),
            WorldEvent::ClientReady { socket } => {
                if let Some(connection) = self.connections.get_mut(&socket.original()) {
                    connection.ready = true;
                }
            }
            WorldEvent::ClientRefused { socket, .. } => {
                self.connections.remove(&socket.original());
                figures.attempts_refused += 1;
            }
            WorldEvent::ClientClosed {
                socket,
                code,
                by_client,
                ..
            } => {
                let ended = self.connections.remove(&socket.original());
                if let Some(connection) = ended.filter(|_| !by_client) {
                    self.count_end(figures, socket.peer, &connection, *code);
                }
            }
            WorldEvent::TransportEnded { socket } => {
                if let Some(container) = self.served_by.remove(socket) {
                    self.all_served -= 1;
                    *self.served.entry(container).or_default() -= 1;
                }
            }
            WorldEvent::ConnectionCut { socket, .. } => {
                if let Some(connection) = self.connections.get_mut(&socket.original()) {
                    connection.disturbed = true;
                }
            }
            WorldEvent::LinkPartitioned { from, to } => {
                self.partitioned.insert((*from, *to));
                self.disturb_on_way(*from, *to);
            }
            WorldEvent::LinkRepaired { from, to } => {
                self.partitioned.remove(&(*from, *to));
            }
            WorldEvent::LinkReset { from, to } => self.disturb_on_way(*from, *to),
            WorldEvent::ContainerInService { container } => {
                self.in_service.insert(*container);
            }
            WorldEvent::ContainerStalled { container } => {
                self.stalled.insert(*container);
                self.in_container(*container, |connection| connection.disturbed = true);
            }
            WorldEvent::ContainerResumed { container } => {
                self.stalled.remove(container);
            }
            WorldEvent::ContainerTerminating { container } => {
                self.in_service.remove(container);
                self.stopping.insert(*container);
                self.in_container(*container, |connection| connection.stopping = true);
            }
            WorldEvent::ContainerGone { container, crashed } => {
                self.in_service.remove(container);
                self.stopping.remove(container);
                if *crashed {
                    self.in_container(*container, |connection| connection.disturbed = true);
                }
                let gone = self.served.remove(container).unwrap_or_default();
                self.all_served -= gone;
                self.served_by.retain(|_, by| by != container);
            }
            _ => {}
        }
    }

    fn begins(&mut self, figures: &mut Figures, now: Time, socket: SocketId) {
        figures.attempts += 1;
        self.recent.push_back(now);
        while self
            .recent
            .front()
            .is_some_and(|first| now.since(*first) >= WINDOW)
        {
            self.recent.pop_front();
        }
        let peak = Peak(self.recent.len() as u64);
        figures.attempts_per_second = figures.attempts_per_second.max(peak);
        let connection = WatchedConnection {
            disturbed: self.is_partitioned(socket, None),
            ..WatchedConnection::default()
        };
        self.connections.insert(socket, connection);
    }

    fn is_routed(&mut self, socket: SocketId, container: u32) {
        let disturbed =
            self.stalled.contains(&container) || self.is_partitioned(socket, Some(container));
        let stopping = self.stopping.contains(&container);
        if let Some(connection) = self.connections.get_mut(&socket.original()) {
            connection.container = Some(container);
            connection.disturbed |= disturbed;
            connection.stopping |= stopping;
        }
    }

    /// A connection that the server or the network has ended.
    fn count_end(
        &self,
        figures: &mut Figures,
        client: u32,
        connection: &WatchedConnection,
        code: u16,
    ) {
        let WatchedConnection {
            ready,
            stopping,
            disturbed,
            ..
        } = *connection;
        if !ready {
            figures.attempts_refused += 1;
        }
        if stopping && !disturbed && !self.kills_early {
            figures.planned_stops_ended += 1;
            figures.planned_stops_ended_1006 += u64::from(code == NO_CLOSE_FRAME);
        } else if ready && !stopping && !disturbed && !self.misbehaving.contains(&client) {
            figures.healthy_connections_cut += 1;
        }
    }

    fn is_served(&mut self, figures: &mut Figures, socket: SocketId, container: u32) {
        self.served_by.insert(socket, container);
        self.all_served += 1;
        let here = self.served.entry(container).or_default();
        *here += 1;
        let containers = self.in_service.len().max(1) as u64;
        let beyond = here.saturating_sub(self.all_served.div_ceil(containers));
        let peak = figures.connections_over_fair_share.max(Peak(beyond));
        figures.connections_over_fair_share = peak;
    }

    fn in_container(&mut self, container: u32, change: impl Fn(&mut WatchedConnection)) {
        let connections = self.connections.values_mut();
        connections
            .filter(|connection| connection.container == Some(container))
            .for_each(change);
    }

    fn disturb_on_way(&mut self, from: Actor, to: Actor) {
        for (socket, connection) in self.connections.iter_mut() {
            let on_way = |end: Actor| end.is_on_way(socket, connection.container);
            connection.disturbed |= on_way(from) || on_way(to);
        }
    }

    fn is_partitioned(&self, socket: SocketId, container: Option<u32>) -> bool {
        let mut ends = self.partitioned.iter().flat_map(|(from, to)| [*from, *to]);
        ends.any(|end| end.is_on_way(socket, container))
    }
}
