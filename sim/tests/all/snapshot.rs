//! Snapshots of whole runs: that they can be gone back through, and that nothing stays in them that
//! is not there any more.

use std::collections::BTreeSet;

use gatesim_model::core::ids::SocketId;
use gatesim_sim::{
    Options,
    run::outcome::Outcome,
    trace::event::{Actor, Fact, WorldEvent},
    view::snapshot::{History, Snapshot, StatePath, StateValue},
};

use crate::support::{execute, plan};

fn traced(design: &str, scenario: &str, seed: u64) -> Outcome {
    let options = Options {
        trace: true,
        ..Options::default()
    };
    execute(design, &plan(scenario, seed), &options)
}

/// Runs with every kind of fault, and with everything that may be left behind.
fn various() -> impl Iterator<Item = Outcome> {
    let runs = [
        ("reference", "chaos"),
        ("v2", "two-in-one-second"),
        ("v9", "chaos"),
        ("v9", "restart"),
    ];
    runs.into_iter()
        .flat_map(|(design, scenario)| (0..3).map(move |seed| traced(design, scenario, seed)))
}

#[test]
fn a_history_has_every_snapshot() {
    for outcome in various() {
        let history = History::of(&outcome.trace);
        let mut snapshot = Snapshot::new();
        for entry in &outcome.trace {
            let before = snapshot.clone();
            snapshot.apply(entry);
            // Each of the first, then every now and then: whole snapshots are compared.
            if entry.number < 100 || entry.number % 97 == 0 {
                assert_eq!(snapshot.difference(&history.snapshot(entry.number + 1)), []);
                let told = history.changes(entry.number);
                assert_eq!(before.difference(&snapshot), told, "event {}", entry.number);
            }
        }
    }
}

/// Connections whose transport has not ended: a close may still be on its way to a peer that is gone.
fn open_transports(outcome: &Outcome) -> BTreeSet<SocketId> {
    let mut open = BTreeSet::new();
    for entry in &outcome.trace {
        match &entry.fact {
            Fact::World(WorldEvent::UpgradeRouted { socket, .. }) => {
                open.insert(*socket);
            }
            Fact::World(WorldEvent::TransportEnded { socket }) => {
                open.remove(socket);
            }
            Fact::World(_) | Fact::Protocol(_) => {}
        }
    }
    open
}

/// What a sound protocol leaves behind is nothing, so what stands here at the end was
/// forgotten by the fold, not by the gateway.
#[test]
fn nothing_stays_that_is_not_there_any_more() {
    for scenario in [
        "golden-path",
        "chaos",
        "restart",
        "lb-reorder",
        "cold-start",
    ] {
        for seed in 0..10 {
            let outcome = traced("reference", scenario, seed);
            assert!(outcome.held(), "{scenario}:{seed}");
            let snapshot = Snapshot::after(&outcome.trace);
            let open = open_transports(&outcome);
            // A client that has left without a close may still be served.
            let idle = |actor: &Actor| snapshot.value(*actor, &StatePath::Endpoints).is_none();
            let left: Vec<String> = snapshot
                .actors()
                .filter(idle)
                .flat_map(|actor| snapshot.state(actor).into_iter().flatten())
                .filter(|(path, _)| match path {
                    StatePath::Connection(socket, _) => !open.contains(socket),
                    StatePath::Machine(_)
                    | StatePath::Registry
                    | StatePath::Endpoints
                    | StatePath::Table(_)
                    | StatePath::Lock(..)
                    | StatePath::AgentRun(_) => true,
                    StatePath::Run
                    | StatePath::Fault(_)
                    | StatePath::Link { .. }
                    | StatePath::User
                    | StatePath::Life
                    | StatePath::Tokens
                    | StatePath::Socket(_)
                    | StatePath::Messages
                    | StatePath::Message(_)
                    | StatePath::Route(_)
                    | StatePath::Answers
                    | StatePath::Impaired(_)
                    | StatePath::Journal(_)
                    | StatePath::Process
                    | StatePath::Processor
                    | StatePath::Clock
                    | StatePath::Phase
                    | StatePath::Component(_)
                    | StatePath::Breaker(_)
                    | StatePath::Call(_) => false,
                })
                .map(|(path, value)| format!("{path}: {value}"))
                .collect();
            assert_eq!(left, [""; 0], "{scenario}:{seed}");
        }
    }
}

#[test]
fn what_is_left_behind_stays_in_sight() {
    let outcome = traced("v9", "golden-path", 0);
    let snapshot = Snapshot::after(&outcome.trace);
    let registry = snapshot.value(Actor::Container(0), &StatePath::Registry);
    assert!(matches!(
        registry,
        Some(StateValue::Count { number: 1.., .. })
    ));
}
