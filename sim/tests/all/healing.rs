//! The second phase of a run: every fault ends, none begins, and the world is whole.

use std::collections::BTreeSet;

use gatesim_model::core::time::Time;
use gatesim_sim::{
    Options,
    check::invariants::Limits,
    plan::FaultKind,
    trace::event::{Fact, TraceEvent, WorldEvent},
};

use crate::support::{SCENARIOS, execute, plan};

/// What is broken in the world after these events.
fn broken(trace: &[TraceEvent]) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for entry in trace {
        let Fact::World(event) = &entry.fact else {
            continue;
        };
        let (what, is_broken) = match event {
            WorldEvent::ServiceDown { service } => (format!("{service:?} down"), true),
            WorldEvent::ServiceUp { service } => (format!("{service:?} down"), false),
            WorldEvent::ServiceImpaired { service, how } => (format!("{service:?} {how:?}"), true),
            WorldEvent::ServiceRecovered { service, how } => {
                (format!("{service:?} {how:?}"), false)
            }
            WorldEvent::LinkPartitioned { from, to } => {
                (format!("{from} to {to} partitioned"), true)
            }
            WorldEvent::LinkRepaired { from, to } => (format!("{from} to {to} partitioned"), false),
            WorldEvent::ContainerStalled { container } => (format!("{container} stalled"), true),
            WorldEvent::ContainerResumed { container } => (format!("{container} stalled"), false),
            WorldEvent::ClockSet {
                container,
                ahead_ms,
            } => (format!("{container} wrong clock"), *ahead_ms != 0),
            WorldEvent::ContainerGone { container, .. } => (format!("{container} away"), true),
            WorldEvent::ContainerInService { container } => (format!("{container} away"), false),
            _ => continue,
        };
        match is_broken {
            true => broken.insert(what),
            false => broken.remove(&what),
        };
    }
    broken
}

#[test]
fn when_the_faults_are_over_nothing_is_broken_and_nothing_breaks_any_more() {
    let options = Options {
        trace: true,
        ..Options::default()
    };
    let mut compared = 0;
    for seed in 0..40 {
        let plan = plan("chaos", seed);
        let trace = execute("reference", &plan, &options).trace;
        let is_healing = |entry: &TraceEvent| entry.fact == Fact::World(WorldEvent::FaultsHealed);
        let Some(healed) = trace.iter().position(is_healing) else {
            // Every client had left before.
            continue;
        };
        let by = Time::ZERO + plan.healed_by();
        assert_eq!(trace[healed].time, by, "seed {seed}");
        let retired: BTreeSet<String> = plan
            .faults
            .iter()
            .filter_map(|fault| match fault.kind {
                FaultKind::ScaleIn { container, .. } => Some(format!("{container} away")),
                _ => None,
            })
            .collect();
        let left = &broken(&trace[..healed]) - &retired;
        assert_eq!(left, BTreeSet::new(), "seed {seed}");
        assert_eq!(broken(&trace[healed..]), BTreeSet::new(), "seed {seed}");
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} runs are long enough");
}

#[test]
fn every_scenario_leaves_its_clients_the_time_that_they_are_owed() {
    for (name, _) in SCENARIOS {
        let short = (0..50).map(|seed| plan(name, seed)).find_map(|plan| {
            let needs = plan.over_by(Limits::of(&plan).converged);
            let has = plan.time_limit_ms.duration();
            (has < needs).then(|| format!("seed {}: {needs:?}, but has {has:?}", plan.seed))
        });
        assert_eq!(short, None, "{name}");
    }
}
