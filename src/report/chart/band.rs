//! What lasts: the states of machines, clients, containers and services, from event to event.

use std::collections::BTreeMap;

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
    },
    event::Event,
    port::env::Service,
};
use gatesim_sim::trace::event::{Actor, Fact, TraceEvent, WorldEvent};
use serde::Serialize;

use super::{lane::Lanes, window::Kept};

/// One thing, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// Whose lane it stands in.
    pub lane: usize,
    /// What it is.
    pub kind: BandKind,
    /// Its name: of a machine its key, of anything else its actor.
    pub name: String,
    /// The connection it was made for.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "super::as_text"
    )]
    pub socket: Option<SocketId>,
    /// Its states, in the order of time.
    pub segments: Vec<Segment>,
    /// The event that ended it; none if it was there at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// What a band shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BandKind {
    /// The machine of a connection.
    Machine,
    /// A connection, as its client sees it.
    Connection,
    /// A container.
    Container,
    /// A service that is not as it should be.
    Service,
}

/// A state, from an event on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The event.
    pub from: u64,
    /// The state in the protocol's words.
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum BandKey {
    Machine(Actor, ConnectionId),
    Connection(SocketId),
    Container(u32),
    Service(Service),
}

struct OpenBand {
    socket: Option<SocketId>,
    segments: Vec<Segment>,
}

/// Follows what lasts, event by event.
#[derive(Default)]
pub struct BandBuilder {
    open: BTreeMap<BandKey, OpenBand>,
    closed: Vec<(BandKey, OpenBand, u64)>,
    /// How many faults a service has at a time.
    impairments: BTreeMap<Service, u32>,
}

/// The state of a container that gets no processor.
const STALLED: &str = "stalled";

impl BandBuilder {
    /// Takes the next event.
    pub fn observe(&mut self, entry: &TraceEvent) {
        let number = entry.number;
        match &entry.fact {
            Fact::Protocol(event) => self.protocol(entry.actor, number, event),
            Fact::World(event) => self.world(number, event),
        }
    }

    /// The bands of what is kept, in the order of their lanes and beginnings.
    pub fn finish(self, lanes: &Lanes, kept: &Kept) -> Vec<Band> {
        let closed = (self.closed.into_iter()).map(|(key, open, until)| (key, open, Some(until)));
        let open = (self.open.into_iter()).map(|(key, open)| (key, open, None));
        let mut bands: Vec<Band> = closed
            .chain(open)
            .filter_map(|(key, open, until)| {
                let (actor, kind, name) = key.parts(open.socket);
                let begins = open.segments.first()?.from;
                let shown = kept.overlaps(begins, until)
                    && open.socket.is_none_or(|socket| kept.keeps_peer(socket));
                shown.then_some(Band {
                    lane: lanes.find(actor)?,
                    kind,
                    name,
                    socket: open.socket,
                    segments: open.segments,
                    until,
                })
            })
            .collect();
        bands.sort_by_key(|band| (band.lane, band.segments.first().map(|first| first.from)));
        bands
    }

    fn world(&mut self, number: u64, event: &WorldEvent) {
        match *event {
            WorldEvent::ClientConnecting { socket, .. } => {
                self.begin(
                    BandKey::Connection(socket),
                    Some(socket),
                    number,
                    "connecting",
                );
            }
            WorldEvent::ClientOpened { socket } => {
                self.enter(BandKey::Connection(socket), Some(socket), number, "open");
            }
            WorldEvent::ClientReady { socket } => {
                self.enter(BandKey::Connection(socket), Some(socket), number, "ready");
            }
            WorldEvent::ClientRefused { socket, .. } | WorldEvent::ClientClosed { socket, .. } => {
                self.end(&BandKey::Connection(socket), number);
                // The copy that answered may have another name than what was asked for.
                self.end(&BandKey::Connection(socket.original()), number);
            }
            WorldEvent::ContainerStarted { container, .. } => {
                self.begin(BandKey::Container(container), None, number, "starting");
            }
            WorldEvent::ContainerInService { container } => {
                self.enter(BandKey::Container(container), None, number, "in service");
            }
            // A container that is down can be stalled as well, but has no band that would show it.
            WorldEvent::ContainerStalled { container }
                if self.open.contains_key(&BandKey::Container(container)) =>
            {
                self.enter(BandKey::Container(container), None, number, STALLED);
            }
            WorldEvent::ContainerResumed { container } => {
                if let Some(before) = self.before_stall(container) {
                    self.enter(BandKey::Container(container), None, number, &before);
                }
            }
            WorldEvent::ContainerTerminating { container } => {
                self.enter(BandKey::Container(container), None, number, "stopping");
            }
            WorldEvent::ContainerGone { container, .. } => {
                self.end(&BandKey::Container(container), number);
                self.forget_machines(Actor::Container(container), number);
            }
            WorldEvent::ServiceDown { service } => {
                *self.impairments.entry(service).or_insert(0) += 1;
                self.enter(BandKey::Service(service), None, number, "down");
            }
            WorldEvent::ServiceImpaired { service, .. } => {
                *self.impairments.entry(service).or_insert(0) += 1;
                self.enter(BandKey::Service(service), None, number, "impaired");
            }
            WorldEvent::ServiceUp { service } | WorldEvent::ServiceRecovered { service, .. } => {
                let left = self.impairments.entry(service).or_insert(1);
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.end(&BandKey::Service(service), number);
                }
            }
            _ => {}
        }
    }

    /// Of the protocol only machines have bands.
    fn protocol(&mut self, actor: Actor, number: u64, event: &Event) {
        let machine = |connection: &ConnectionId| BandKey::Machine(actor, connection.clone());
        match event {
            Event::MachineRegistered {
                socket, connection, ..
            } => {
                let state = ConnectionState::Connecting.to_string();
                self.begin(machine(connection), Some(*socket), number, &state);
            }
            Event::Transition { connection, to, .. } => {
                self.enter(machine(connection), None, number, &to.to_string());
            }
            Event::MachineUnregistered { connection, .. } => {
                self.end(&machine(connection), number);
            }
            _ => {}
        }
    }

    /// Begins a band, and ends the one before it under this key.
    fn begin(&mut self, key: BandKey, socket: Option<SocketId>, from: u64, state: &str) {
        self.end(&key, from);
        self.enter(key, socket, from, state);
    }

    fn enter(&mut self, key: BandKey, socket: Option<SocketId>, from: u64, state: &str) {
        let open = self.open.entry(key).or_insert(OpenBand {
            socket,
            segments: Vec::new(),
        });
        open.segments.push(Segment {
            from,
            state: state.to_owned(),
        });
    }

    fn end(&mut self, key: &BandKey, until: u64) {
        if let Some(open) = self.open.remove(key) {
            self.closed.push((key.clone(), open, until));
        }
    }

    /// What a container was before it was stalled; none if it has been restarted since, or is
    /// not there.
    fn before_stall(&self, container: u32) -> Option<String> {
        let segments = &self.open.get(&BandKey::Container(container))?.segments;
        match segments.as_slice() {
            [.., before, stalled] if stalled.state == STALLED => Some(before.state.clone()),
            _ => None,
        }
    }

    /// A process is gone with all its memory.
    fn forget_machines(&mut self, container: Actor, until: u64) {
        let of_container =
            |key: &&BandKey| matches!(key, BandKey::Machine(actor, _) if *actor == container);
        let gone: Vec<BandKey> = self.open.keys().filter(of_container).cloned().collect();
        for key in gone {
            self.end(&key, until);
        }
    }
}

impl BandKey {
    fn parts(&self, socket: Option<SocketId>) -> (Actor, BandKind, String) {
        match self {
            BandKey::Machine(actor, connection) => {
                (*actor, BandKind::Machine, connection.to_string())
            }
            BandKey::Connection(id) => (
                Actor::Client(id.peer),
                BandKind::Connection,
                socket.unwrap_or(*id).to_string(),
            ),
            BandKey::Container(n) => {
                let actor = Actor::Container(*n);
                (actor, BandKind::Container, actor.to_string())
            }
            BandKey::Service(service) => {
                let actor = Actor::Service(*service);
                (actor, BandKind::Service, actor.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(key: BandKey, events: &[WorldEvent]) -> Vec<String> {
        let mut bands = BandBuilder::default();
        for (number, event) in (0..).zip(events) {
            bands.world(number, event);
        }
        let closed = bands.closed.into_iter().map(|(key, open, _)| (key, open));
        let all = closed.chain(bands.open).filter(|(of, _)| *of == key);
        all.flat_map(|(_, open)| open.segments)
            .map(|segment| segment.state)
            .collect()
    }

    #[test]
    fn a_stalled_container_goes_on_with_what_it_was() {
        let container = 0;
        let stalled = WorldEvent::ContainerStalled { container };
        let resumed = WorldEvent::ContainerResumed { container };
        let started = WorldEvent::ContainerStarted {
            container,
            incarnation: 1,
        };
        let key = || BandKey::Container(container);
        assert_eq!(
            states(key(), &[started.clone(), stalled.clone(), resumed.clone()]),
            ["starting", "stalled", "starting"]
        );
        assert_eq!(
            states(key(), &[stalled.clone(), started, resumed]),
            ["starting"]
        );
        assert!(states(key(), &[stalled]).is_empty());
    }

    #[test]
    fn a_service_with_two_faults_is_well_when_both_are_over() {
        let service = Service::Auth;
        let mut bands = BandBuilder::default();
        bands.world(0, &WorldEvent::ServiceDown { service });
        bands.world(1, &WorldEvent::ServiceDown { service });
        bands.world(2, &WorldEvent::ServiceUp { service });
        assert!(bands.closed.is_empty());
        bands.world(3, &WorldEvent::ServiceUp { service });
        assert_eq!(bands.closed[0].2, 3);
    }
}
