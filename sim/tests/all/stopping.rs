//! A container that is asked to stop: how long its process lives, and what it does meanwhile.

use std::time::Duration;

use gatesim_model::event::Event;
use gatesim_sim::{
    Options,
    plan::{FaultKind, FaultPlan, Millis, Plan},
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

use crate::support::{execute, plan};

const GRACE: Duration = Duration::from_secs(9);
const CONTAINER: u32 = 0;

/// A plan whose only fault is that a container is asked to stop while clients send messages.
fn with_a_stop(seed: u64) -> Plan {
    let mut plan = plan("restart", seed);
    let stop = FaultKind::Terminate {
        container: CONTAINER,
        grace_ms: Millis::new(GRACE.as_millis() as u64),
        down_ms: Millis::new(1_000),
    };
    plan.faults = vec![FaultPlan::new(stop, Millis::new(5_000))].into();
    plan
}

/// How long the process lives after it was asked to stop, and how many messages it dispatches in
/// that time.
fn after_the_stop(design: &str, seed: u64) -> (Duration, usize) {
    let options = Options {
        trace: true,
        ..Options::default()
    };
    let trace = execute(design, &with_a_stop(seed), &options).trace;
    let place = |event: WorldEvent| {
        let found = trace
            .iter()
            .position(|e| e.fact == Fact::World(event.clone()));
        found.unwrap_or_else(|| panic!("{design}, seed {seed}: no {event:?}"))
    };
    let asked = place(WorldEvent::ContainerTerminating {
        container: CONTAINER,
    });
    let gone = place(WorldEvent::ContainerGone {
        container: CONTAINER,
        crashed: false,
    });
    let is_dispatched = |entry: &&TraceEvent| {
        let dispatched = matches!(entry.fact, Fact::Protocol(Event::Dispatched { .. }));
        dispatched && entry.actor == Actor::Container(CONTAINER)
    };
    let dispatched = trace[asked..gone].iter().filter(is_dispatched).count();
    (trace[gone].time.since(trace[asked].time), dispatched)
}

#[test]
fn a_process_that_ignores_the_signal_serves_until_it_is_killed() {
    let mut dispatched_in_all = 0;
    for seed in 0..10 {
        let (lived, dispatched) = after_the_stop("reference+shutdown=ignored", seed);
        assert_eq!(lived, GRACE, "seed {seed}");
        dispatched_in_all += dispatched;
    }
    assert!(dispatched_in_all > 0);
}

#[test]
fn a_process_without_a_handler_exits_at_once() {
    for seed in 0..10 {
        let (lived, dispatched) = after_the_stop("reference+shutdown=exits-at-once", seed);
        assert_eq!((lived, dispatched), (Duration::ZERO, 0), "seed {seed}");
    }
}

#[test]
fn a_process_that_drains_exits_when_it_is_done() {
    for seed in 0..10 {
        let (lived, _) = after_the_stop("reference", seed);
        assert!(lived < GRACE, "seed {seed}");
    }
}
