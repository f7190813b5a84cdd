//! The witness of a capsule: what led to its violation, as the world saw it. If the run no longer
//! fails, the witness tells whether the gateway met the same situation and held, or whether the
//! situation did not come about.
//!
//! Only what the world does to the gateway counts (clients that connect and send, upgrades that
//! are routed, faults, containers that go), and nothing of what the gateway does: a gateway
//! without the fault does something else, or the capsule would still fail.

use std::collections::{BTreeSet, VecDeque};

use gatesim_sim::{
    check::Violation,
    run::outcome::Outcome,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};
use serde::{Deserialize, Serialize};

use crate::target::expectation::Expectation;

/// The last facts before the violation that are kept; a situation that takes more to describe is
/// told from others by its end.
const MAX_FACTS: usize = 40;

/// What led to a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Virtual time of the violation.
    pub time_ms: u64,
    /// The facts in order, in the words of this file.
    pub facts: Vec<String>,
}

/// How far a run went the way of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// All of it happened, in order.
    Whole,
    /// It parted.
    Parted {
        /// The facts that happened, in order.
        matched: usize,
        /// The first that did not.
        missing: String,
    },
}

impl Witness {
    /// Of a traced run that failed as expected; none without a trace, which a run that panicked
    /// has not.
    pub fn of(outcome: &Outcome, expect: &Expectation) -> Option<Self> {
        let mut violations = outcome.violations.iter();
        let violation = violations.find(|one| expect.is_of(one))?;
        if outcome.trace.is_empty() {
            return None;
        }
        let until = violation.event;
        let before = || outcome.trace.iter().filter(|entry| entry.number <= until);
        let concerned = Concerned::of(violation, before());
        let mut facts = VecDeque::new();
        for fact in before()
            .filter(|entry| concerned.includes(entry))
            .filter_map(in_words)
        {
            if facts.len() == MAX_FACTS {
                facts.pop_front();
            }
            facts.push_back(fact);
        }
        Some(Witness {
            time_ms: violation.time.0 / 1_000_000,
            facts: facts.into(),
        })
    }

    /// Looks for it in a trace.
    pub fn look_for(&self, trace: &[TraceEvent]) -> Sighting {
        let mut facts = self.facts.iter();
        let mut next = facts.next();
        for fact in trace.iter().filter_map(in_words) {
            if next == Some(&fact) {
                next = facts.next();
            }
        }
        match next {
            None => Sighting::Whole,
            Some(missing) => Sighting::Parted {
                matched: self.facts.len() - facts.len() - 1,
                missing: missing.clone(),
            },
        }
    }
}

/// Whom a violation concerns: its client, and the containers that served it. Nobody in particular
/// means everybody.
struct Concerned {
    clients: BTreeSet<u32>,
    containers: BTreeSet<u32>,
}

impl Concerned {
    fn of<'a>(violation: &Violation, before: impl Iterator<Item = &'a TraceEvent>) -> Self {
        let mut concerned = Concerned {
            clients: BTreeSet::new(),
            containers: BTreeSet::new(),
        };
        (concerned.clients).extend(violation.socket.map(|socket| socket.peer));
        match violation.actor {
            Actor::Client(client) => concerned.clients.extend([client]),
            Actor::Socket(socket) => concerned.clients.extend([socket.peer]),
            Actor::Container(container) => concerned.containers.extend([container]),
            Actor::World | Actor::Balancer | Actor::Service(_) => {}
        }
        for entry in before {
            if let Fact::World(WorldEvent::UpgradeRouted { socket, container }) = &entry.fact
                && concerned.clients.contains(&socket.peer)
            {
                concerned.containers.insert(*container);
            }
        }
        concerned
    }

    fn includes(&self, entry: &TraceEvent) -> bool {
        if self.clients.is_empty() && self.containers.is_empty() {
            return true;
        }
        let Fact::World(event) = &entry.fact else {
            return false;
        };
        parties(event).into_iter().any(|party| match party {
            Actor::Client(client) => self.clients.contains(&client),
            Actor::Socket(socket) => self.clients.contains(&socket.peer),
            Actor::Container(container) => self.containers.contains(&container),
            // Whatever happens to them concerns everybody.
            Actor::World | Actor::Service(_) => true,
            // It is on every way.
            Actor::Balancer => false,
        })
    }
}

/// Whom something concerns that the world does.
fn parties(event: &WorldEvent) -> Vec<Actor> {
    match event {
        WorldEvent::ClientConnecting { socket, .. }
        | WorldEvent::ClientOpened { socket }
        | WorldEvent::ClientRefused { socket, .. }
        | WorldEvent::ClientReady { socket }
        | WorldEvent::ClientSent { socket, .. }
        | WorldEvent::ClientGotEvent { socket, .. }
        | WorldEvent::ClientGotError { socket, .. }
        | WorldEvent::ClientClosed { socket, .. }
        | WorldEvent::ClientResent { socket, .. }
        | WorldEvent::UpgradeRouted { socket, .. }
        | WorldEvent::UpgradeRejected { socket, .. }
        | WorldEvent::HeaderChanged { socket, .. }
        | WorldEvent::UpgradeCopied { socket, .. }
        | WorldEvent::ConnectionCut { socket, .. }
        | WorldEvent::FrameOvertook { socket, .. }
        | WorldEvent::MessageArrived { socket, .. }
        | WorldEvent::PongArrived { socket }
        | WorldEvent::TransportEnded { socket }
        | WorldEvent::TransportMisused { socket, .. } => vec![Actor::Socket(*socket)],
        WorldEvent::UpgradeOvertook { socket, overtaken } => {
            vec![Actor::Socket(*socket), Actor::Socket(*overtaken)]
        }
        WorldEvent::ClientDone { client }
        | WorldEvent::ClientGaveUp { client, .. }
        | WorldEvent::ClientTokenRenewed { client } => vec![Actor::Client(*client)],
        WorldEvent::LinkPartitioned { from, to }
        | WorldEvent::LinkRepaired { from, to }
        | WorldEvent::LinkReset { from, to } => vec![*from, *to],
        WorldEvent::ContainerStarted { container, .. }
        | WorldEvent::ContainerInService { container }
        | WorldEvent::ContainerTerminating { container }
        | WorldEvent::ContainerGone { container, .. }
        | WorldEvent::ContainerStalled { container }
        | WorldEvent::ContainerResumed { container }
        | WorldEvent::ClockSet { container, .. } => vec![Actor::Container(*container)],
        WorldEvent::ServiceDown { service }
        | WorldEvent::ServiceUp { service }
        | WorldEvent::ServiceImpaired { service, .. }
        | WorldEvent::ServiceRecovered { service, .. } => vec![Actor::Service(*service)],
        WorldEvent::FaultApplied { .. }
        | WorldEvent::FaultsHealed
        | WorldEvent::Finished { .. } => vec![Actor::World],
    }
}

/// A fact that the world made, in words that stand in files: rewording one makes every witness
/// that has it look like another run. None for what the gateway does or answers.
fn in_words(entry: &TraceEvent) -> Option<String> {
    let Fact::World(event) = &entry.fact else {
        return None;
    };
    let what = match event {
        WorldEvent::ClientConnecting { socket, .. } => format!("{socket} connecting"),
        WorldEvent::ClientSent { socket, message } => format!("{socket} sent {message}"),
        WorldEvent::ClientResent {
            socket, message, ..
        } => format!("{socket} sent {message} again"),
        WorldEvent::ClientClosed {
            socket,
            by_client: true,
            ..
        } => format!("{socket} closed"),
        WorldEvent::ClientTokenRenewed { .. } => "has a new token".to_owned(),
        WorldEvent::UpgradeRouted { socket, container } => {
            format!("{socket} routed to container{container}")
        }
        WorldEvent::UpgradeOvertook { socket, overtaken } => {
            format!("{socket} overtook {overtaken}")
        }
        WorldEvent::HeaderChanged { socket, .. } => format!("{socket} header changed"),
        WorldEvent::UpgradeCopied { original, socket } => {
            format!("{original} copied as {socket}")
        }
        WorldEvent::ConnectionCut { socket, .. } => format!("{socket} cut"),
        WorldEvent::FrameOvertook { socket, overtaken } => {
            format!("{socket} frame overtook {overtaken}")
        }
        WorldEvent::LinkPartitioned { from, to } => format!("link {from} to {to} cut"),
        WorldEvent::LinkRepaired { from, to } => format!("link {from} to {to} mended"),
        WorldEvent::LinkReset { from, to } => format!("link {from} to {to} reset"),
        WorldEvent::MessageArrived { socket, message } => match message {
            Some(message) => format!("{socket} {message} arrived"),
            None => format!("{socket} frame arrived"),
        },
        WorldEvent::ContainerStarted {
            container,
            incarnation,
        } => format!("container{container} started {incarnation}"),
        WorldEvent::ContainerInService { container } => format!("container{container} in service"),
        WorldEvent::ContainerTerminating { container } => {
            format!("container{container} asked to stop")
        }
        WorldEvent::ContainerGone { container, crashed } => match crashed {
            true => format!("container{container} crashed"),
            false => format!("container{container} gone"),
        },
        WorldEvent::ContainerStalled { container } => format!("container{container} stalled"),
        WorldEvent::ContainerResumed { container } => format!("container{container} resumed"),
        WorldEvent::ClockSet { container, .. } => format!("container{container} clock set"),
        WorldEvent::ServiceDown { service } => format!("{} down", Actor::Service(*service)),
        WorldEvent::ServiceUp { service } => format!("{} up", Actor::Service(*service)),
        WorldEvent::ServiceImpaired { service, .. } => {
            format!("{} impaired", Actor::Service(*service))
        }
        WorldEvent::ServiceRecovered { service, .. } => {
            format!("{} recovered", Actor::Service(*service))
        }
        WorldEvent::FaultApplied { fault } => format!("fault {fault} applied"),
        WorldEvent::FaultsHealed => "faults healed".to_owned(),
        // What follows from what the gateway did; pongs, of which a client owes as many as there
        // were pings; the balancer's refusals, which follow from who is in service.
        WorldEvent::ClientClosed {
            by_client: false, ..
        }
        | WorldEvent::ClientOpened { .. }
        | WorldEvent::ClientRefused { .. }
        | WorldEvent::ClientReady { .. }
        | WorldEvent::ClientGotEvent { .. }
        | WorldEvent::ClientGotError { .. }
        | WorldEvent::ClientDone { .. }
        | WorldEvent::ClientGaveUp { .. }
        | WorldEvent::UpgradeRejected { .. }
        | WorldEvent::PongArrived { .. }
        | WorldEvent::TransportEnded { .. }
        | WorldEvent::TransportMisused { .. }
        | WorldEvent::Finished { .. } => return None,
    };
    Some(format!("{} {what}", entry.actor))
}

#[cfg(test)]
mod tests {
    use gatesim_model::core::{ids::SocketId, time::Time};
    use gatesim_sim::check::invariants::Invariant;

    use super::*;
    use crate::target::failure::tests::failed_outcome;

    const FIRST: SocketId = SocketId::first(0);
    const OTHER: SocketId = SocketId::first(1);

    fn entries(events: Vec<(Actor, WorldEvent)>) -> Vec<TraceEvent> {
        let numbered = events.into_iter().zip(0..);
        let entry = |((actor, event), number)| TraceEvent {
            number,
            time: Time(number * 1_000_000),
            step: number,
            actor,
            fact: Fact::World(event),
        };
        numbered.map(entry).collect()
    }

    fn way_to_the_violation() -> Vec<(Actor, WorldEvent)> {
        let connecting = |socket: SocketId| {
            let user = socket.peer;
            let event = WorldEvent::ClientConnecting { socket, user };
            (Actor::Client(socket.peer), event)
        };
        let routed = |socket, container| {
            (
                Actor::Balancer,
                WorldEvent::UpgradeRouted { socket, container },
            )
        };
        let gone = |container| {
            let crashed = true;
            let event = WorldEvent::ContainerGone { container, crashed };
            (Actor::World, event)
        };
        vec![
            connecting(OTHER),
            connecting(FIRST),
            routed(OTHER, 1),
            routed(FIRST, 0),
            (Actor::World, WorldEvent::FaultApplied { fault: 3 }),
            gone(1),
            gone(0),
            (Actor::Client(0), WorldEvent::ClientReady { socket: FIRST }),
            (Actor::World, WorldEvent::FaultApplied { fault: 4 }),
        ]
    }

    fn witness() -> Witness {
        let mut outcome = failed_outcome();
        outcome.trace = entries(way_to_the_violation());
        outcome.violations.truncate(1);
        outcome.violations[0].event = 7;
        let expect = Expectation::breaking(&outcome, Invariant::NeverReadyWithoutMachine);
        Witness::of(&outcome, &expect.unwrap()).unwrap()
    }

    #[test]
    fn what_the_world_did_to_the_connection_and_its_container_is_kept() {
        assert_eq!(
            witness().facts,
            [
                "client0 c0#1 connecting",
                "balancer c0#1 routed to container0",
                "world fault 3 applied",
                "world container0 crashed",
            ]
        );
        assert_eq!(witness().time_ms, 1_600);
    }

    #[test]
    fn a_run_goes_the_same_way_or_parts_from_it() {
        let mut events = way_to_the_violation();
        let look = |events: &[(Actor, WorldEvent)]| witness().look_for(&entries(events.to_vec()));
        assert_eq!(look(&events), Sighting::Whole);
        events.swap(1, 3);
        let missing = "balancer c0#1 routed to container0".to_owned();
        let matched = 1;
        assert_eq!(look(&events), Sighting::Parted { matched, missing });
        events.swap(1, 3);
        events.remove(6);
        let missing = "world container0 crashed".to_owned();
        let matched = 3;
        assert_eq!(look(&events), Sighting::Parted { matched, missing });
    }

    #[test]
    fn nothing_is_known_without_a_trace() {
        let mut outcome = failed_outcome();
        outcome.trace.clear();
        let expect = Expectation::of(&outcome).unwrap();
        assert_eq!(Witness::of(&outcome, &expect), None);
    }
}
