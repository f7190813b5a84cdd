//! The witness of a capsule: what led to its violation, as the world saw it. If the run no longer
//! fails, the witness tells whether the gateway met the same situation and every invariant
//! held, or whether the situation did not arise.
//!
//! Only what the world does to the gateway counts (clients that connect and send, upgrades that
//! are routed, faults, containers that stop), and nothing of what the gateway does: a gateway
//! without the fault does something else, or the capsule would still fail.

use std::collections::{BTreeSet, VecDeque};

use gatesim_sim::{
    check::Violation,
    run::outcome::Outcome,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::target::expectation::Expectation;

/// The last facts before the violation that are kept; a situation that takes more to describe is
/// told from others by its end.
const MAX_FACTS: usize = 40;

/// What led to a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Virtual time of the violation.
    pub time_ms: u64,
    /// The facts in order, in the words of the column `witness` of the world's events.
    pub facts: Vec<String>,
}

/// How much of a witness happened in a run, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessMatch {
    /// All of it happened, in order.
    Whole,
    /// Part of it did not happen.
    Diverged {
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
    pub fn look_for(&self, trace: &[TraceEvent]) -> WitnessMatch {
        let mut facts = self.facts.iter();
        let mut next = facts.next();
        for fact in trace.iter().filter_map(in_words) {
            if next == Some(&fact) {
                next = facts.next();
            }
        }
        match next {
            None => WitnessMatch::Whole,
            Some(missing) => WitnessMatch::Diverged {
                matched: self.facts.len() - facts.len() - 1,
                missing: missing.clone(),
            },
        }
    }
}

/// What a violation concerns: its client, and the containers that served it. None of them in
/// particular means all.
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
        let parties = entry.fact.parties().actors();
        parties.into_iter().any(|party| match party {
            Actor::Client(client) => self.clients.contains(&client),
            Actor::Socket(socket) => self.clients.contains(&socket.peer),
            Actor::Container(container) => self.containers.contains(&container),
            // What happens to them concerns all.
            Actor::World | Actor::Service(_) => true,
            // It is on every path.
            Actor::Balancer => false,
        })
    }
}

/// What happened, in words that stand in files; none for what is no part of a witness.
fn in_words(event: &TraceEvent) -> Option<String> {
    let what = event.fact.row().witness()?;
    Some(format!("{} {what}", event.actor))
}

#[cfg(test)]
mod tests {
    use gatesim_model::core::{ids::SocketId, time::Time};

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
        let expect = Expectation::of(&outcome);
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
        assert_eq!(look(&events), WitnessMatch::Whole);
        events.swap(1, 3);
        let missing = "balancer c0#1 routed to container0".to_owned();
        let matched = 1;
        assert_eq!(look(&events), WitnessMatch::Diverged { matched, missing });
        events.swap(1, 3);
        events.remove(6);
        let missing = "world container0 crashed".to_owned();
        let matched = 3;
        assert_eq!(look(&events), WitnessMatch::Diverged { matched, missing });
    }

    #[test]
    fn nothing_is_known_without_a_trace() {
        let mut outcome = failed_outcome();
        outcome.trace.clear();
        let expect = Expectation::of(&outcome).unwrap();
        assert_eq!(Witness::of(&outcome, &expect), None);
    }
}
