//! What the balancer does to connections, seen in whole runs of the reference design.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::{core::time::Time, event::Event};
use gatesim_sim::{
    Options,
    plan::{
        BalancerPlan, BalancingPolicy, ClientPlan, Count, Direction, FaultKind, FaultPlan,
        HeaderPlan, HeaderPolicy, Micros, Millis, PerMille, Plan, Range, ReorderPlan,
    },
    run::outcome::Outcome,
    trace::event::{CutReason, Fact, Header, TraceEvent, WorldEvent},
};

use crate::support::{execute, plan};

/// A run of the golden path with another balancer.
fn with(seed: u64, edit: impl FnOnce(&mut Plan)) -> Outcome {
    let mut plan = plan("golden-path", seed);
    edit(&mut plan);
    let options = Options {
        trace: true,
        ..Options::default()
    };
    let outcome = execute("reference", &plan, &options);
    assert_eq!(outcome.violations, [], "seed {seed}");
    outcome
}

fn balancer(seed: u64, edit: impl FnOnce(&mut BalancerPlan)) -> Outcome {
    with(seed, |plan| edit(&mut plan.balancer))
}

fn world(outcome: &Outcome) -> impl Iterator<Item = (&TraceEvent, &WorldEvent)> {
    outcome.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::World(event) => Some((entry, event)),
        Fact::Protocol(_) => None,
    })
}

fn cuts(outcome: &Outcome, wanted: CutReason) -> Vec<Duration> {
    world(outcome)
        .filter(|(_, event)| {
            matches!(event, WorldEvent::ConnectionCut { reason, .. } if *reason == wanted)
        })
        .map(|(entry, _)| entry.time.since(Time::ZERO))
        .collect()
}

/// Clients without messages stay for as long as they are patient.
fn be_silent(plan: &mut Plan) {
    for client in &mut plan.clients {
        client.messages.clear();
    }
}

fn range(least: u64, most: u64) -> Range<Micros> {
    Range::new(least, most)
}

#[test]
fn an_upgrade_that_is_delivered_twice_opens_one_connection() {
    for seed in 0..10 {
        let outcome = balancer(seed, |plan| {
            plan.duplicate_per_mille = PerMille::new(1_000);
            plan.duplicate_after_us = range(0, 1_000);
        });
        let (mut opened, mut accepted) = (BTreeSet::new(), BTreeSet::new());
        for entry in &outcome.trace {
            match &entry.fact {
                Fact::World(WorldEvent::ClientOpened { socket }) => {
                    assert!(opened.insert(*socket), "seed {seed}");
                }
                Fact::Protocol(Event::Accepted { socket, .. }) => {
                    accepted.insert(*socket);
                }
                Fact::World(_) | Fact::Protocol(_) => {}
            }
        }
        let originals: BTreeSet<_> = opened.iter().map(|socket| socket.original()).collect();
        assert_eq!(originals.len(), opened.len(), "seed {seed}");
        assert_eq!(accepted.len(), 2 * opened.len(), "seed {seed}");
        let unwanted = cuts(&outcome, CutReason::NotWanted).len();
        assert_eq!(unwanted, opened.len(), "seed {seed}");
    }
}

#[test]
fn an_idle_connection_is_ended() {
    let outcome = with(1, |plan| {
        be_silent(plan);
        plan.balancer.idle_timeout_ms = Millis::new(6_000);
    });
    assert!(!cuts(&outcome, CutReason::Idle).is_empty());
    let outcome = with(1, be_silent);
    assert_eq!(cuts(&outcome, CutReason::Idle), []);
}

#[test]
fn a_container_that_leaves_service_loses_its_connections() {
    let mut drained = 0;
    for seed in 0..10 {
        let outcome = with(seed, |plan| {
            be_silent(plan);
            plan.balancer.drain_ms = Millis::new(0);
            plan.faults.push(FaultPlan {
                number: None,
                kind: FaultKind::Terminate {
                    container: 0,
                    grace_ms: Millis::new(5_000),
                    down_ms: Millis::new(100),
                },
                at_ms: Millis::new(5_000),
            });
        });
        for at in cuts(&outcome, CutReason::Drained) {
            assert_eq!(at, Duration::from_millis(5_000), "seed {seed}");
            drained += 1;
        }
    }
    assert!(drained > 0);
}

#[test]
fn headers_are_stripped_and_mangled_for_all_to_see() {
    for policy in [HeaderPolicy::Strip, HeaderPolicy::Mangle] {
        let outcome = with(1, |plan| {
            plan.heal_at_ms = Some(Millis::new(plan.time_limit_ms.get() + 1));
            plan.balancer.headers = HeaderPlan {
                per_mille: PerMille::new(1_000),
                subprotocols: policy,
                ..HeaderPlan::default()
            };
        });
        let routed = world(&outcome)
            .filter(|(_, event)| matches!(event, WorldEvent::UpgradeRouted { .. }))
            .count();
        let changed = world(&outcome)
            .filter(|(_, event)| {
                matches!(event, WorldEvent::HeaderChanged { header, policy: told, .. }
                    if *header == Header::Subprotocols && *told == policy)
            })
            .count();
        assert!(changed >= routed && routed > 0, "{policy:?}");
        let opened = world(&outcome)
            .filter(|(_, event)| matches!(event, WorldEvent::ClientOpened { .. }))
            .count();
        assert_eq!(opened, 0, "{policy:?}: a browser wants its subprotocol");
    }
}

#[test]
fn frames_overtake_each_other_on_the_way_up_and_are_all_handled() {
    let mut overtook = 0;
    for seed in 0..20 {
        let outcome = balancer(seed, |plan| {
            plan.reorder = Some(ReorderPlan {
                direction: Direction::Up,
                per_mille: PerMille::new(500),
                hold_us: range(0, 4_000_000),
            });
        });
        let frames =
            world(&outcome).filter(|(_, event)| matches!(event, WorldEvent::FrameOvertook { .. }));
        overtook += frames.count();
        let figures = &outcome.figures;
        assert_eq!(
            figures.agent_runs_delivered, figures.agent_runs_started,
            "seed {seed}"
        );
    }
    assert!(overtook > 5, "only {overtook}");
}

#[test]
fn an_upgrade_that_one_container_refuses_is_answered_by_another() {
    let mut routed = 0;
    for seed in 0..10 {
        let outcome = with(seed, |plan| {
            // In service and not listening: for a while it refuses.
            let mut deaf = plan.containers[0].clone();
            deaf.listen_after_ms = Millis::new(60_000);
            plan.containers.push(deaf);
            plan.balancer.retries = Count::new(1);
        });
        for (_, event) in world(&outcome) {
            if let WorldEvent::UpgradeRouted { container, .. } = event {
                assert_eq!(*container, 0, "seed {seed}");
                routed += 1;
            }
            let rejected = matches!(event, WorldEvent::UpgradeRejected { .. });
            assert!(!rejected, "seed {seed}");
        }
    }
    assert!(routed >= 10);
}

/// How many connections each container gets of 24 clients that stay.
fn spread(seed: u64, policy: BalancingPolicy) -> Vec<usize> {
    let outcome = with(seed, |plan| {
        be_silent(plan);
        plan.balancer.policy = policy;
        plan.balancer.affinity = false;
        let container = plan.containers[0].clone();
        plan.containers = vec![container; 3].into();
        // One after the other, when every container is in service.
        let one = plan.clients[0].clone();
        let clients = (0..24).map(|n| ClientPlan {
            start_ms: Millis::new(5_000 + 100 * n),
            patience_ms: Millis::new(20_000),
            ..one.clone()
        });
        plan.clients = clients.collect::<Vec<_>>().into();
    });
    let mut routed = BTreeMap::new();
    for (_, event) in world(&outcome) {
        if let WorldEvent::UpgradeRouted { container, .. } = event {
            *routed.entry(*container).or_insert(0) += 1;
        }
    }
    routed.into_values().collect()
}

#[test]
fn connections_go_where_the_fewest_are() {
    for seed in 0..5 {
        let even = spread(seed, BalancingPolicy::LeastConnections);
        assert_eq!(even, [8, 8, 8], "seed {seed}");
        let random = spread(seed, BalancingPolicy::Random);
        assert_eq!(random.iter().sum::<usize>(), 24, "seed {seed}");
        assert_ne!(random, even, "seed {seed}");
    }
}
