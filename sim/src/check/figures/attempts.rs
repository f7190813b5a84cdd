//! Attempts of clients to connect that no fault has touched, and how long it took until their welcome.
//! The rules are those of [the module](super).
//!
//! Knows from: what clients see, links, containers and services; the calls made for a connection and
//! the components of its container.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{Component, Event, ReadySource},
    port::env::Service,
};

use super::clock::{AttemptStage, Clock};
use crate::{
    check::{facts::REQUIRED_COMPONENTS, per_client::PerClient},
    plan::figure::Figures,
    trace::event::{Actor, WorldEvent},
};

/// Follows each attempt from its start to the welcome or its end, and what the world does to it.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    attempts: PerClient<SocketId, Attempt>,
    components: BTreeMap<u32, BTreeSet<Component>>,
    in_service: BTreeSet<u32>,
    services_down: BTreeSet<Service>,
    /// How many impairments of services and stalls of containers are in effect.
    troubles: u32,
    /// Links that are partitioned.
    partitioned: BTreeSet<(Actor, Actor)>,
}

/// A client's attempt until the welcome arrives or the attempt ends.
#[derive(Debug)]
struct Attempt {
    since: Time,
    /// A fault has touched it.
    disturbed: bool,
    container: Option<u32>,
    clock: Clock,
}

impl Attempts {
    pub(super) fn protocol(&mut self, now: Time, container: u32, event: &Event) {
        match event {
            Event::Accepted { socket, .. } => {
                self.stage(now, *socket, container, AttemptStage::SettingUp);
            }
            Event::ReadyReported {
                socket,
                by: ReadySource::Welcome,
                ..
            } => {
                self.stage(now, *socket, container, AttemptStage::Welcomed);
            }
            Event::CallStarted {
                socket: Some(socket),
                ..
            } => {
                self.calls(now, *socket, container, Clock::call_begins);
            }
            Event::CallEnded {
                socket: Some(socket),
                ok,
                ..
            } => {
                self.calls(now, *socket, container, |clock| clock.call_ends(*ok));
            }
            Event::ComponentChanged { component, ready } => {
                let present = self.components.entry(container).or_default();
                match ready {
                    true => present.insert(*component),
                    false => present.remove(component),
                };
                self.reset_clocks(now, container);
            }
            _ => {}
        }
    }

    pub(super) fn world(&mut self, figures: &mut Figures, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => self.begin_attempt(now, *socket),
            WorldEvent::ClientReady { socket } => self.ready(figures, now, *socket),
            WorldEvent::ClientRefused { socket, .. } | WorldEvent::ClientClosed { socket, .. } => {
                self.attempts.remove(&socket.original());
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
                    attempt.container = Some(*container);
                }
                self.disturb_partitioned();
            }
            WorldEvent::LinkPartitioned { from, to } => {
                self.partitioned.insert((*from, *to));
                self.disturb_partitioned();
            }
            WorldEvent::LinkReset { from, to } => {
                self.disturb_on_way(&BTreeSet::from([*from, *to]));
            }
            WorldEvent::LinkRepaired { from, to } => {
                self.partitioned.remove(&(*from, *to));
            }
            WorldEvent::ContainerStarted { container, .. } => {
                self.components.insert(*container, BTreeSet::new());
            }
            WorldEvent::ContainerInService { container } => {
                self.in_service.insert(*container);
            }
            WorldEvent::ContainerTerminating { container }
            | WorldEvent::ContainerGone { container, .. } => self.container_leaves(*container),
            WorldEvent::ServiceDown { service } => {
                self.services_down.insert(*service);
                self.disturb(|_, _| true);
            }
            WorldEvent::ServiceImpaired { .. } | WorldEvent::ContainerStalled { .. } => {
                self.troubles += 1;
                self.disturb(|_, _| true);
            }
            WorldEvent::ServiceRecovered { .. } | WorldEvent::ContainerResumed { .. } => {
                self.troubles = self.troubles.saturating_sub(1);
            }
            WorldEvent::ServiceUp { service } => {
                self.services_down.remove(service);
            }
            // The request did not arrive as it was sent, or what it opened was ended.
            WorldEvent::HeaderChanged { socket, .. } | WorldEvent::ConnectionCut { socket, .. } => {
                self.disturb_one(*socket);
            }
            _ => {}
        }
    }

    fn begin_attempt(&mut self, now: Time, socket: SocketId) {
        let disturbed =
            self.in_service.is_empty() || !self.services_down.is_empty() || self.troubles > 0;
        let attempt = Attempt {
            since: now,
            disturbed,
            container: None,
            clock: Clock::default(),
        };
        self.attempts.insert(socket, attempt);
        self.disturb_partitioned();
    }

    fn ready(&mut self, figures: &mut Figures, now: Time, socket: SocketId) {
        let Some(attempt) = self.attempts.remove(&socket.original()) else {
            return;
        };
        if !attempt.disturbed {
            figures.time_to_ready.push(now.since(attempt.since));
            figures.coordination_overhead.push(attempt.clock.total());
        }
    }

    fn container_leaves(&mut self, container: u32) {
        self.in_service.remove(&container);
        let none_left = self.in_service.is_empty();
        self.disturb(|_, attempt| none_left || attempt.container == Some(container));
    }

    fn disturb_one(&mut self, socket: SocketId) {
        if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
            attempt.disturbed = true;
        }
    }

    /// Faults touch the attempts for which this is so.
    fn disturb(&mut self, is_touched: impl Fn(SocketId, &Attempt) -> bool) {
        for (socket, attempt) in self.attempts.iter_mut() {
            attempt.disturbed |= is_touched(socket, attempt);
        }
    }

    /// The attempts with a partitioned link on their way.
    fn disturb_partitioned(&mut self) {
        let ends = self
            .partitioned
            .iter()
            .flat_map(|(from, to)| [*from, *to])
            .collect();
        self.disturb_on_way(&ends);
    }

    /// The attempts whose way touches one of these ends.
    fn disturb_on_way(&mut self, ends: &BTreeSet<Actor>) {
        if !ends.is_empty() {
            self.disturb(|socket, attempt| {
                ends.iter()
                    .any(|end| end.is_on_way(socket, attempt.container))
            });
        }
    }

    fn stage(&mut self, now: Time, socket: SocketId, container: u32, stage: AttemptStage) {
        let there = self.components_there(container);
        if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
            attempt.container = Some(container);
            attempt.clock.reaches(stage);
            attempt.clock.set(now, there);
        }
    }

    fn calls(&mut self, now: Time, socket: SocketId, container: u32, change: impl Fn(&mut Clock)) {
        let there = self.components_there(container);
        if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
            change(&mut attempt.clock);
            attempt.clock.set(now, there);
        }
    }

    fn reset_clocks(&mut self, now: Time, container: u32) {
        let there = self.components_there(container);
        for attempt in self.attempts.values_mut() {
            if attempt.container == Some(container) {
                attempt.clock.set(now, there);
            }
        }
    }

    fn components_there(&self, container: u32) -> bool {
        self.components
            .get(&container)
            .is_some_and(|present| REQUIRED_COMPONENTS.iter().all(|one| present.contains(one)))
    }
}
