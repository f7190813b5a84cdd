//! Figures of merit, collected from the events of a run.
//!
//! # Which connections count
//! The incident reports ask that 99.5 % of connections succeed. An attempt counts towards that
//! unless, between its start and the welcome (or its end),
//! - the gateway found, rightly, that the client was not authenticated: the endpoint's honest
//!   cause says so, whatever close code the design chose; or
//! - a registry had no room for it, as large as the deployment made it; or
//! - a breaker refused it that had opened while there were faults: its cool-down is the protocol's,
//!   and goes on for some time after them; or
//! - the world took it away: its container was stopped or crashed, a link on its way was cut or
//!   reset, a backing service was down or not itself, a container was stalled, no container was in
//!   service, or the one that served it still lacked a required component when either side gave
//!   up; or
//! - its client left of its own accord sooner than [`HURRIED`], or before the balancer had routed
//!   it; or
//! - its client sent more frames than the gateway keeps for a connection that is being set up.
//!
//! Such an attempt is left out of both sides of the rate and of the times, even if it succeeded.
//! Those that began when every fault was over are also counted by themselves.
//!
//! # Which frames count
//! Those that appear as events: messages that reached a server, and welcomes, agent events and
//! errors that reached a client. Pings, acknowledgements and notices do not.
//!
//! # What messages come to
//! A message counts as executed twice when more than one run was started for it in the whole world,
//! and as lost when its client was there, ready, for long enough and nobody worked on it or had
//! done. Left behind is what the trace still shows of ended connections when the run is over.
//!
//! # What coordination costs
//! The overhead is the time from the accept to the welcome, less the time during which a call to a
//! service was under way for the connection, or was to be tried again after a failure, and less the
//! time during which the container lacked a required component. What lies outside (the network, the
//! balancer, the time that the transport takes over accept) is not in it to begin with.

mod accounts;
mod clock;
mod declared;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId},
        message::{AgentEventKind, ErrorCode},
        time::Time,
    },
    event::{Breaker, BreakerState, CloseCause, Component, Event, ReadySource},
    port::env::Service,
};

use accounts::Accounts;
use clock::{Clock, Stage};
pub use declared::{Accumulate, Count, CountByCode, Figures};

use crate::{
    check::{invariants::REQUIRED_COMPONENTS, per_client::PerClient},
    trace::event::{Actor, Era, Fact, TraceEvent, WorldEvent},
};

/// Watches a run and counts. Holds what is live; the durations of ready connections are kept, one
/// of each kind per connection, because the outcome reports them.
#[derive(Debug, Default)]
pub struct FiguresCollector {
    figures: Figures,
    attempts: PerClient<SocketId, Attempt>,
    /// By client, its last attempt if it failed, and when: it counts unless the client leaves.
    failed: PerClient<u32, (Time, Attempt)>,
    components: BTreeMap<u32, BTreeSet<Component>>,
    in_service: BTreeSet<u32>,
    services_down: BTreeSet<Service>,
    /// How many impairments of services and stalls of containers there are.
    troubles: u32,
    era: Era,
    /// Until when a call may still fail that began among the faults.
    failing_until: Time,
    /// Breakers that are not closed, and when they opened last.
    opened: BTreeMap<(u32, Breaker), Era>,
    cut: BTreeSet<(Actor, Actor)>,
    /// Messages that a client has sent and whose runs it has not received in full: what another
    /// tab of its user hears of them does not count.
    asked: BTreeSet<(u32, MessageId)>,
    streams: BTreeMap<Stream, Received>,
    accounts: Accounts,
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
/// what the gateway itself waits for start-up (protocol.md 8).
const HURRIED: Duration = Duration::from_secs(5);

/// How long after the healing a call may still fail that began before: the longest time-out of one
/// call (protocol.md 5.2).
const LAST_CALLS: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excuse {
    RightlyRefused,
    Fault,
}

/// One run as one client sees it: runs are numbered per container, messages are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stream {
    client: u32,
    message: MessageId,
    run: RunId,
}

/// The sequence numbers received, and the last one if it is known.
#[derive(Debug, Default)]
struct Received {
    seqs: BTreeSet<u32>,
    last: Option<u32>,
}

impl FiguresCollector {
    /// A collector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an event.
    pub fn observe(&mut self, entry: &TraceEvent) {
        match (&entry.fact, entry.actor) {
            (Fact::Protocol(event), Actor::Container(container)) => {
                self.accounts.protocol(&mut self.figures, container, event);
                self.protocol(entry.time, container, event);
            }
            (Fact::World(event), _) => {
                self.accounts.world(&mut self.figures, entry.time, event);
                self.world(entry.time, event);
            }
            // Only containers speak for the protocol; the checker insists on it.
            (Fact::Protocol(_), _) => {}
        }
    }

    /// The figures of the run. Attempts that are still under way count as not ready.
    pub fn finish(mut self) -> Figures {
        for mut attempt in std::mem::take(&mut self.attempts).into_values() {
            self.excuse_unserved(&mut attempt);
            self.failed(&attempt);
        }
        for (_, attempt) in std::mem::take(&mut self.failed).into_values() {
            self.failed(&attempt);
        }
        self.figures.left_behind = self.accounts.left_behind();
        self.figures
    }

    fn protocol(&mut self, now: Time, container: u32, event: &Event) {
        if let Event::Accepted { socket, .. } = event {
            self.stage(now, *socket, container, Stage::SettingUp);
        } else if let Event::ReadyReported {
            socket,
            by: ReadySource::Welcome,
            ..
        } = event
        {
            self.stage(now, *socket, container, Stage::Welcomed);
        } else if let Event::CallStarted {
            socket: Some(socket),
            ..
        } = event
        {
            self.calls(now, *socket, container, Clock::call_begins);
        } else if let Event::CallEnded {
            socket: Some(socket),
            ok,
            ..
        } = event
        {
            self.calls(now, *socket, container, |clock| clock.call_ends(*ok));
        } else if let Event::ComponentChanged { component, ready } = event {
            let present = self.components.entry(container).or_default();
            match ready {
                true => present.insert(*component),
                false => present.remove(component),
            };
            self.reset_clocks(now, container);
        } else if let Event::CloseSent { socket, cause, .. }
        | Event::EndpointEnded { socket, cause, .. } = event
        {
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
        } else if let Event::RegistrationRefused {
            socket, full: true, ..
        } = event
        {
            self.excuse_one(*socket, Excuse::RightlyRefused);
        } else if let Event::MessageRefused {
            socket,
            error: ErrorCode::NotReady,
            ..
        } = event
        {
            if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
                attempt.overran = true;
            }
        } else if let Event::BreakerMoved { breaker, to } = event {
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
        } else if let Event::BreakerRefused { socket, breaker } = event {
            if self.opened.get(&(container, *breaker)) == Some(&Era::Faulty) {
                self.excuse_one(*socket, Excuse::Fault);
            }
        } else if let Event::RunStarted { .. } = event {
            self.figures.agent_runs_started += 1;
        }
    }

    fn world(&mut self, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => self.begin_attempt(now, *socket),
            WorldEvent::ClientReady { socket } => self.ready(now, *socket),
            WorldEvent::ClientRefused { socket, .. } => self.end_attempt(now, *socket),
            WorldEvent::ClientClosed { socket, code, .. } => {
                *self.figures.close_codes.entry(*code).or_default() += 1;
                self.end_attempt(now, *socket);
            }
            WorldEvent::ClientGotEvent {
                socket,
                run,
                message,
                seq,
                kind,
                ..
            } => {
                self.figures.events_delivered += 1;
                self.figures.frames += 1;
                let stream = Stream {
                    client: socket.peer,
                    message: message.clone(),
                    run: *run,
                };
                self.received(stream, *seq, *kind);
            }
            WorldEvent::ClientGotError { .. } | WorldEvent::MessageArrived { .. } => {
                self.figures.frames += 1;
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                if let Some(attempt) = self.attempts.get_mut(&socket.original()) {
                    attempt.container = Some(*container);
                }
                self.excuse_disturbed();
            }
            WorldEvent::ClientSent { socket, message } => {
                self.asked.insert((socket.peer, message.clone()));
            }
            WorldEvent::LinkPartitioned { from, to } => {
                self.cut.insert((*from, *to));
                self.excuse_disturbed();
            }
            WorldEvent::LinkReset { from, to } => {
                self.excuse_on_way(&BTreeSet::from([*from, *to]));
            }
            WorldEvent::LinkRepaired { from, to } => {
                self.cut.remove(&(*from, *to));
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
                    self.failed(&attempt);
                }
                self.forget_client(*client);
            }
            WorldEvent::ClientGaveUp { client, .. } => {
                if let Some((_, attempt)) = self.failed.remove(client) {
                    self.failed(&attempt);
                }
                self.forget_client(*client);
            }
            // The request did not arrive as it was sent, or what it opened was ended.
            WorldEvent::HeaderChanged { socket, .. } | WorldEvent::ConnectionCut { socket, .. } => {
                self.excuse_one(*socket, Excuse::Fault);
            }
            WorldEvent::ClientOpened { .. }
            | WorldEvent::UpgradeCopied { .. }
            | WorldEvent::FrameOvertook { .. }
            | WorldEvent::ClientResent { .. }
            | WorldEvent::ClientTokenRenewed { .. }
            | WorldEvent::UpgradeRejected { .. }
            | WorldEvent::UpgradeOvertook { .. }
            | WorldEvent::TransportEnded { .. }
            | WorldEvent::TransportMisused { .. }
            | WorldEvent::PongArrived { .. }
            | WorldEvent::ClockSet { .. }
            | WorldEvent::FaultApplied { .. }
            | WorldEvent::Finished { .. } => {}
        }
    }

    fn begin_attempt(&mut self, now: Time, socket: SocketId) {
        if socket.attempt > 1 {
            self.figures.reconnects += 1;
        }
        if let Some((_, attempt)) = self.failed.remove(&socket.peer) {
            self.failed(&attempt);
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

    fn ready(&mut self, now: Time, socket: SocketId) {
        self.figures.frames += 1;
        let Some(attempt) = self.attempts.remove(&socket.original()) else {
            return;
        };
        if attempt.excuse.is_none() {
            self.expected(attempt.era);
            self.figures.connections_ready += 1;
            self.figures.healed_ready += u64::from(attempt.era == Era::Healed);
            self.figures.time_to_ready.push(now.since(attempt.since));
            self.figures
                .coordination_overhead
                .push(attempt.clock.total());
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

    fn failed(&mut self, attempt: &Attempt) {
        if attempt.excuse.is_none() {
            self.expected(attempt.era);
        }
    }

    fn expected(&mut self, era: Era) {
        self.figures.connections_expected += 1;
        self.figures.healed_expected += u64::from(era == Era::Healed);
    }

    fn received(&mut self, stream: Stream, seq: u32, kind: AgentEventKind) {
        let asked = (stream.client, stream.message.clone());
        if !self.asked.contains(&asked) {
            return;
        }
        let received = self.streams.entry(stream.clone()).or_default();
        received.seqs.insert(seq);
        if kind == AgentEventKind::AgentCompleted {
            received.last = Some(seq);
        }
        if let Some(last) = received.last
            && received.seqs.range(..=last).count() as u64 == u64::from(last) + 1
        {
            self.figures.agent_runs_delivered += 1;
            self.streams.remove(&stream);
            self.asked.remove(&asked);
        }
    }

    fn forget_client(&mut self, client: u32) {
        let first_of = |client| Stream {
            client,
            message: MessageId::from(""),
            run: RunId(0),
        };
        let next = client + 1;
        self.streams
            .extract_if(first_of(client)..first_of(next), |_, _| true)
            .for_each(drop);
        let asked = (client, MessageId::from(""))..(next, MessageId::from(""));
        self.asked.extract_if(asked, |_| true).for_each(drop);
    }

    fn container_leaves(&mut self, container: u32) {
        self.in_service.remove(&container);
        let nobody_left = self.in_service.is_empty();
        self.excuse(|_, attempt| nobody_left || attempt.container == Some(container));
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

    /// Excuses the attempts with a cut link on their way.
    fn excuse_disturbed(&mut self) {
        let ends = self
            .cut
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

    fn stage(&mut self, now: Time, socket: SocketId, container: u32, stage: Stage) {
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
