//! Attempts of clients to connect: which of them count, which became ready, and how long it took.
//! The rules are those of [the module](super).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::{
    core::{ids::SocketId, message::ErrorCode, time::Time},
    event::{Breaker, BreakerState, CloseCause, Component, Event, ReadySource},
    port::env::Service,
};

use super::clock::{AttemptStage, Clock};
use crate::{
    check::{facts::REQUIRED_COMPONENTS, per_client::PerClient},
    plan::figure::Figures,
    trace::event::{Actor, Era, WorldEvent},
};

/// Follows each attempt from its start to the welcome or its end, and what the world does to it.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    attempts: PerClient<SocketId, Attempt>,
    /// By client, its last attempt if it failed, and when: it counts unless the client leaves.
    failed: PerClient<u32, (Time, Attempt)>,
    components: BTreeMap<u32, BTreeSet<Component>>,
    in_service: BTreeSet<u32>,
    services_down: BTreeSet<Service>,
    /// How many impairments of services and stalls of containers are in effect.
    troubles: u32,
    era: Era,
    /// Until when a call that began before the end of the faults may still fail.
    failing_until: Time,
    /// Breakers that are not closed, and when they opened last.
    opened: BTreeMap<(u32, Breaker), Era>,
    /// Links that are partitioned.
    partitioned: BTreeSet<(Actor, Actor)>,
}

/// A client's attempt until the welcome arrives or the attempt ends.
#[derive(Debug)]
struct Attempt {
    since: Time,
    /// When it began.
    era: Era,
    /// What keeps it from counting.
    excuse: Option<Excuse>,
    container: Option<u32>,
    /// Its client sent more than the gateway keeps before it is ready.
    overran: bool,
    clock: Clock,
}

/// A client that leaves sooner than this after it began to connect has not waited for the gateway:
/// what the gateway itself waits for start-up (`docs/protocol.md#timing-startup-wait`).
pub(super) const HURRIED: Duration = Duration::from_secs(5);

/// How long after the healing a call may still fail that began before: the longest time-out of one
/// call (`docs/protocol.md#auth-ladders`).
const LAST_CALLS: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excuse {
    RightlyRefused,
    Fault,
}

impl Attempt {
    /// It has not become ready.
    fn failed(&self, figures: &mut Figures) {
        if self.excuse.is_none() {
            self.expected(figures);
        }
    }

    fn expected(&self, figures: &mut Figures) {
        figures.connections_expected += 1;
        figures.healed_expected += u64::from(self.era == Era::Healed);
    }
}

impl Attempts {
    /// Attempts that are still under way have not become ready.
    pub(super) fn finish(mut self, figures: &mut Figures) {
        for mut attempt in std::mem::take(&mut self.attempts).into_values() {
            self.excuse_unserved(&mut attempt);
            attempt.failed(figures);
        }
        for (_, attempt) in self.failed.into_values() {
            attempt.failed(figures);
        }
    }

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
            Event::CloseSent { socket, cause, .. } | Event::EndpointEnded { socket, cause, .. } => {
                let not_ready = !self.components_there(container);
                if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
                    let rightly_refused = match cause {
                        CloseCause::NotAuthenticated => true,
                        CloseCause::Overload => attempt.overran,
                        CloseCause::ClientMisbehaved
                        | CloseCause::PeerGone
                        | CloseCause::Finished
                        | CloseCause::NotReady
                        | CloseCause::AuthUnavailable
                        | CloseCause::ServerFault
                        | CloseCause::GoingAway
                        | CloseCause::PeerSilent => false,
                    };
                    if rightly_refused {
                        attempt.excuse = Some(Excuse::RightlyRefused);
                    } else if not_ready {
                        attempt.excuse = Some(Excuse::Fault);
                    }
                }
            }
            Event::RegistrationRefused {
                socket, full: true, ..
            } => {
                self.excuse_one(*socket, Excuse::RightlyRefused);
            }
            Event::MessageRefused {
                socket,
                error: ErrorCode::NotReady,
                ..
            } => {
                if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
                    attempt.overran = true;
                }
            }
            Event::BreakerMoved { breaker, to } => {
                let key = (container, *breaker);
                match to {
                    BreakerState::Open => {
                        let era = match now < self.failing_until {
                            true => Era::Faulty,
                            false => self.era,
                        };
                        self.opened.insert(key, era);
                    }
                    BreakerState::Closed => drop(self.opened.remove(&key)),
                    BreakerState::HalfOpen => {}
                }
            }
            Event::BreakerRefused { socket, breaker }
                if self.opened.get(&(container, *breaker)) == Some(&Era::Faulty) =>
            {
                self.excuse_one(*socket, Excuse::Fault);
            }
            _ => {}
        }
    }

    pub(super) fn world(&mut self, figures: &mut Figures, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => {
                self.begin_attempt(figures, now, *socket)
            }
            WorldEvent::ClientReady { socket } => self.ready(figures, now, *socket),
            WorldEvent::ClientRefused { socket, .. } | WorldEvent::ClientClosed { socket, .. } => {
                self.end_attempt(now, *socket)
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
                    attempt.container = Some(*container);
                }
                self.excuse_disturbed();
            }
            WorldEvent::LinkPartitioned { from, to } => {
                self.partitioned.insert((*from, *to));
                self.excuse_disturbed();
            }
            WorldEvent::LinkReset { from, to } => {
                self.excuse_on_way(&BTreeSet::from([*from, *to]));
            }
            WorldEvent::LinkRepaired { from, to } => {
                self.partitioned.remove(&(*from, *to));
            }
            WorldEvent::ContainerStarted { container, .. } => {
                self.components.insert(*container, BTreeSet::new());
                self.opened.retain(|(of, _), _| of != container);
            }
            WorldEvent::ContainerInService { container } => {
                self.in_service.insert(*container);
            }
            WorldEvent::ContainerTerminating { container }
            | WorldEvent::ContainerGone { container, .. } => self.container_leaves(*container),
            WorldEvent::ServiceDown { service } => {
                self.services_down.insert(*service);
                self.excuse(|_, _| true);
            }
            WorldEvent::ServiceImpaired { .. } | WorldEvent::ContainerStalled { .. } => {
                self.troubles += 1;
                self.excuse(|_, _| true);
            }
            WorldEvent::ServiceRecovered { .. } | WorldEvent::ContainerResumed { .. } => {
                self.troubles = self.troubles.saturating_sub(1);
            }
            WorldEvent::FaultsHealed => {
                self.era = Era::Healed;
                self.failing_until = now + LAST_CALLS;
            }
            WorldEvent::ServiceUp { service } => {
                self.services_down.remove(service);
            }
            WorldEvent::ClientDone { client } => {
                if let Some((ended, attempt)) = self.failed.remove(client)
                    && (ended < now || ended.since(attempt.since) >= HURRIED)
                {
                    attempt.failed(figures);
                }
            }
            WorldEvent::ClientGaveUp { client, .. } => {
                if let Some((_, attempt)) = self.failed.remove(client) {
                    attempt.failed(figures);
                }
            }
            // The request did not arrive as it was sent, or what it opened was ended.
            WorldEvent::HeaderChanged { socket, .. } | WorldEvent::ConnectionCut { socket, .. } => {
                self.excuse_one(*socket, Excuse::Fault);
            }
            _ => {}
        }
    }

    fn begin_attempt(&mut self, figures: &mut Figures, now: Time, socket: SocketId) {
        if let Some((_, attempt)) = self.failed.remove(&socket.peer) {
            attempt.failed(figures);
        }
        let fault =
            self.in_service.is_empty() || !self.services_down.is_empty() || self.troubles > 0;
        let attempt = Attempt {
            since: now,
            era: self.era,
            excuse: fault.then_some(Excuse::Fault),
            container: None,
            overran: false,
            clock: Clock::default(),
        };
        self.attempts.insert(socket, attempt);
        self.excuse_disturbed();
    }

    fn ready(&mut self, figures: &mut Figures, now: Time, socket: SocketId) {
        let Some(attempt) = self.attempts.remove(&socket.original()) else {
            return;
        };
        if attempt.excuse.is_none() {
            attempt.expected(figures);
            figures.connections_ready += 1;
            figures.healed_ready += u64::from(attempt.era == Era::Healed);
            figures.time_to_ready.push(now.since(attempt.since));
            figures.coordination_overhead.push(attempt.clock.total());
        }
    }

    /// An attempt is over. It has failed, unless its client turns out to have left.
    fn end_attempt(&mut self, now: Time, socket: SocketId) {
        let Some(mut attempt) = self.attempts.remove(&socket.original()) else {
            return;
        };
        self.excuse_unserved(&mut attempt);
        self.failed.insert(socket.peer, (now, attempt));
    }

    fn excuse_unserved(&self, attempt: &mut Attempt) {
        let served = |container| self.components_there(container);
        if !attempt.container.is_some_and(served) {
            attempt.excuse.get_or_insert(Excuse::Fault);
        }
    }

    fn container_leaves(&mut self, container: u32) {
        self.in_service.remove(&container);
        let none_left = self.in_service.is_empty();
        self.excuse(|_, attempt| none_left || attempt.container == Some(container));
    }

    fn excuse_one(&mut self, socket: SocketId, excuse: Excuse) {
        if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
            attempt.excuse.get_or_insert(excuse);
        }
    }

    /// Excuses the attempts that the world disturbs.
    fn excuse(&mut self, disturbed: impl Fn(SocketId, &Attempt) -> bool) {
        for (socket, attempt) in self.attempts.iter_mut() {
            if attempt.excuse.is_none() && disturbed(socket, attempt) {
                attempt.excuse = Some(Excuse::Fault);
            }
        }
    }

    /// Excuses the attempts with a partitioned link on their way.
    fn excuse_disturbed(&mut self) {
        let ends = self
            .partitioned
            .iter()
            .flat_map(|(from, to)| [*from, *to])
            .collect();
        self.excuse_on_way(&ends);
    }

    /// Excuses the attempts whose way touches one of these ends.
    fn excuse_on_way(&mut self, ends: &BTreeSet<Actor>) {
        if !ends.is_empty() {
            self.excuse(|socket, attempt| {
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
