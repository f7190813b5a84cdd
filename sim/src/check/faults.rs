//! What became of each fault of a plan: whether the run got to it, and whether it had an effect.
//!
//! Knows from: the plan, which says what a fault acts on and how long it lasts, and from the world,
//! which says whether that was there. A crash of a container that is down, a reset of a link
//! without a connection, an outage of a service that is not called are applied without effect.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::Event,
};
use serde::Serialize;

use crate::{
    plan::{ActsOn, Plan},
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

/// What became of a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultFate {
    /// The run ended before it.
    #[default]
    NotReached,
    /// It was applied, and what it acts on was not there.
    WithoutEffect,
    /// It was applied, and what it acts on was there.
    Happened,
}

/// Watches a run. Keeps what is live of the things that faults act on.
#[derive(Debug, Default)]
pub struct FaultCollector {
    planned: BTreeMap<u32, PlannedFault>,
    fates: BTreeMap<u32, FaultFate>,
    /// Faults that were applied, last still, and have found nothing to act on yet.
    searching: Vec<Searching>,
    running: BTreeSet<u32>,
    /// Connections that clients have, or are opening.
    at_client: BTreeMap<u32, BTreeSet<SocketId>>,
    /// Connections that the balancer has to a container.
    at_container: BTreeMap<u32, BTreeSet<SocketId>>,
    routed_to: BTreeMap<SocketId, u32>,
}

#[derive(Clone, Copy, Debug)]
struct PlannedFault {
    acts_on: ActsOn,
    ends: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Searching {
    fault: u32,
    acts_on: ActsOn,
    until: Time,
}

impl FaultCollector {
    /// A collector for the faults of a plan.
    pub fn new(plan: &Plan) -> Self {
        let healed = Time::ZERO + plan.heals_at();
        let planned = plan.faults().map(|(number, fault)| {
            let ends = fault.kind.lasts().map(|lasts| {
                let ends = Time::ZERO + fault.at() + lasts;
                ends.min(healed)
            });
            let acts_on = fault.kind.acts_on();
            (number, PlannedFault { acts_on, ends })
        });
        FaultCollector {
            planned: planned.collect(),
            fates: plan
                .faults()
                .map(|(n, _)| (n, FaultFate::NotReached))
                .collect(),
            ..Self::default()
        }
    }

    /// Takes an event into account.
    pub fn observe(&mut self, entry: &TraceEvent) {
        if self.planned.is_empty() {
            return;
        }
        match &entry.fact {
            Fact::Protocol(
                Event::CallStarted { service, .. } | Event::CallEnded { service, .. },
            ) => {
                self.appears(entry.time, ActsOn::Calls(*service));
            }
            Fact::Protocol(_) => {}
            Fact::World(event) => self.world(entry.time, event),
        }
    }

    /// What became of each fault, by its number.
    pub fn finish(self) -> BTreeMap<u32, FaultFate> {
        self.fates
    }

    fn world(&mut self, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => {
                self.at_client
                    .entry(socket.peer)
                    .or_default()
                    .insert(*socket);
                self.appears(now, ActsOn::Connections(Actor::Client(socket.peer)));
            }
            WorldEvent::ClientRefused { socket, .. } | WorldEvent::ClientClosed { socket, .. } => {
                if let Some(live) = self.at_client.get_mut(&socket.peer) {
                    live.remove(&socket.original());
                }
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                self.leaves_container(*socket);
                self.routed_to.insert(*socket, *container);
                self.at_container
                    .entry(*container)
                    .or_default()
                    .insert(*socket);
                self.appears(now, ActsOn::Connections(Actor::Container(*container)));
            }
            WorldEvent::TransportEnded { socket } => self.leaves_container(*socket),
            WorldEvent::ContainerStarted { container, .. } => {
                self.running.insert(*container);
            }
            WorldEvent::ContainerGone { container, .. } => {
                self.running.remove(container);
                for socket in self.at_container.remove(container).unwrap_or_default() {
                    self.routed_to.remove(&socket);
                }
            }
            WorldEvent::FaultApplied { fault } => self.applied(now, *fault),
            WorldEvent::FaultsHealed => self.searching.clear(),
            _ => {}
        }
    }

    fn leaves_container(&mut self, socket: SocketId) {
        if let Some(container) = self.routed_to.remove(&socket)
            && let Some(live) = self.at_container.get_mut(&container)
        {
            live.remove(&socket);
        }
    }

    fn applied(&mut self, now: Time, fault: u32) {
        let Some(PlannedFault { acts_on, ends }) = self.planned.get(&fault).copied() else {
            return;
        };
        let fate = match self.is_there(acts_on) {
            true => FaultFate::Happened,
            false => FaultFate::WithoutEffect,
        };
        self.fates.insert(fault, fate);
        let is_process = matches!(acts_on, ActsOn::Process(_) | ActsOn::AnyProcess);
        if fate == FaultFate::WithoutEffect && !is_process {
            self.searching.push(Searching {
                fault,
                acts_on,
                until: ends.unwrap_or(now),
            });
        }
    }

    fn is_there(&self, what: ActsOn) -> bool {
        let any = |live: Option<&BTreeSet<SocketId>>| live.is_some_and(|live| !live.is_empty());
        match what {
            ActsOn::Process(container) => self.running.contains(&container),
            ActsOn::AnyProcess => !self.running.is_empty(),
            ActsOn::Connections(Actor::Client(client)) => any(self.at_client.get(&client)),
            ActsOn::Connections(Actor::Container(container)) => {
                any(self.at_container.get(&container))
            }
            // Calls are there only in the moments in which they begin or end.
            ActsOn::Connections(_) | ActsOn::Calls(_) => false,
        }
    }

    /// Something appears that a fault in force may have been searching for.
    fn appears(&mut self, now: Time, what: ActsOn) {
        if self.searching.is_empty() {
            return;
        }
        let fates = &mut self.fates;
        self.searching.retain(|one| {
            let found = one.acts_on == what && now <= one.until;
            if found {
                fates.insert(one.fault, FaultFate::Happened);
            }
            !found && now <= one.until
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Direction, FaultKind, FaultPlan, Millis, scenario::Scenario},
        trace::event::FinishReason,
    };

    const PEER: u32 = 0;

    fn socket(attempt: u16) -> SocketId {
        SocketId {
            peer: PEER,
            attempt,
            copy: 0,
        }
    }

    /// What becomes of one fault at 5 s, given what happens around it.
    fn fate(kind: FaultKind, events: &[(u64, WorldEvent)]) -> FaultFate {
        let text = include_str!("../../../seeds/scenarios/golden-path.toml");
        let mut plan = Scenario::parse("x", "x", text).unwrap().plan(1);
        plan.faults = vec![FaultPlan::new(kind, Millis::new(5_000))].into();
        let mut collector = FaultCollector::new(&plan);
        for (ms, event) in events {
            collector.observe(&TraceEvent {
                number: 0,
                time: Time(ms * 1_000_000),
                step: 0,
                actor: Actor::World,
                fact: Fact::World(event.clone()),
            });
        }
        collector.finish()[&0]
    }

    const APPLIED: WorldEvent = WorldEvent::FaultApplied { fault: 0 };

    fn connecting(attempt: u16) -> WorldEvent {
        let socket = socket(attempt);
        WorldEvent::ClientConnecting { socket, user: 0 }
    }

    #[test]
    fn a_run_that_ends_before_a_fault_does_not_reach_it() {
        let over = WorldEvent::Finished {
            reason: FinishReason::Done,
        };
        let reset = FaultKind::Reset { client: PEER };
        assert_eq!(fate(reset, &[(4_000, over)]), FaultFate::NotReached);
    }

    #[test]
    fn a_reset_needs_a_connection_in_that_moment() {
        let reset = FaultKind::Reset { client: PEER };
        let during = [(1_000, connecting(1)), (5_000, APPLIED)];
        assert_eq!(fate(reset, &during), FaultFate::Happened);
        let closed = WorldEvent::ClientClosed {
            socket: socket(1),
            code: 1000,
            clean: true,
            by_client: true,
        };
        let between = [
            (1_000, connecting(1)),
            (4_000, closed),
            (5_000, APPLIED),
            (5_001, connecting(2)),
        ];
        assert_eq!(fate(reset, &between), FaultFate::WithoutEffect);
    }

    #[test]
    fn a_partition_meets_what_comes_while_it_lasts() {
        let partition = FaultKind::Partition {
            client: PEER,
            direction: Direction::Both,
            for_ms: Millis::new(2_000),
        };
        let meets = |ms| fate(partition, &[(5_000, APPLIED), (ms, connecting(1))]);
        assert_eq!(meets(6_999), FaultFate::Happened);
        assert_eq!(meets(7_001), FaultFate::WithoutEffect);
    }

    #[test]
    fn a_crash_needs_a_process() {
        let crash = FaultKind::Crash {
            container: 0,
            down_ms: Millis::new(60_000),
        };
        let started = |ms| {
            let event = WorldEvent::ContainerStarted {
                container: 0,
                incarnation: 1,
            };
            (ms, event)
        };
        assert_eq!(
            fate(crash, &[started(0), (5_000, APPLIED)]),
            FaultFate::Happened
        );
        assert_eq!(
            fate(crash, &[(5_000, APPLIED), started(5_001)]),
            FaultFate::WithoutEffect
        );
    }
}
