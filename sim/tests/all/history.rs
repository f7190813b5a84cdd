//! The incident as the reports tell it: each revision fails, or works, in its own way.

use std::time::Duration;

use gatesim_model::{
    core::{
        ids::SocketId,
        message::AgentEventKind,
        state::ConnectionState::{self, Authenticated, Connecting, ProcessingReady, ServicesReady},
        time::Time,
    },
    event::{EndpointEnd, Event},
};
use gatesim_sim::{
    Options,
    check::invariants::Invariant,
    run::outcome::Outcome,
    trace::event::{Fact, TraceEvent, WorldEvent},
};

use crate::support::{execute, plan};

const SEEDS: std::ops::Range<u64> = 0..25;

fn runs(scenario: &str, design: &str) -> impl Iterator<Item = Outcome> {
    let options = Options {
        trace: true,
        ..Options::default()
    };
    SEEDS.map(move |seed| execute(design, &plan(scenario, seed), &options))
}

fn cause(outcome: &Outcome, invariant: Invariant) -> Option<&str> {
    let broken = outcome
        .violations
        .iter()
        .find(|violation| violation.invariant == invariant);
    broken.map(|violation| violation.cause.as_str())
}

/// The protocol's events of one connection, with their times.
fn story(outcome: &Outcome, socket: SocketId) -> Vec<(Time, &Event)> {
    let events = outcome.trace.iter();
    events
        .filter(|event| event.socket() == Some(socket))
        .filter_map(|event| match &event.fact {
            Fact::Protocol(fact) => Some((event.time, fact)),
            Fact::World(_) => None,
        })
        .collect()
}

fn first_connection(outcome: &Outcome) -> SocketId {
    let routed = outcome.trace.iter().find_map(|entry| match entry.fact {
        Fact::World(WorldEvent::UpgradeRouted { socket, .. }) => Some(socket),
        Fact::World(_) | Fact::Protocol(_) => None,
    });
    routed.expect("a client connects")
}

fn refused(story: &[(Time, &Event)], wanted: ConnectionState) -> Option<(Time, ConnectionState)> {
    story.iter().find_map(|(time, event)| match event {
        Event::TransitionRefused { from, to, .. } if *to == wanted => Some((*time, *from)),
        _ => None,
    })
}

/// D01: the registry is out of scope in the identity block.
#[test]
fn v3_and_v4_meet_an_unbound_name_under_every_seed() {
    for design in ["v3", "v4"] {
        for outcome in runs("golden-path", design) {
            let found = cause(&outcome, Invariant::NoInternalError);
            assert_eq!(
                found,
                Some("name 'state_registry' is not defined at identity")
            );
            assert!(cause(&outcome, Invariant::NeverReadyWithoutMachine).is_some());
        }
    }
}

/// D02: the look-up of the final set-up was never imported.
#[test]
fn v1_fails_in_the_final_set_up_under_every_seed() {
    for outcome in runs("golden-path", "v1") {
        let found = cause(&outcome, Invariant::NoInternalError);
        assert_eq!(
            found,
            Some("name 'get_connection_state_machine' is not defined at final-setup")
        );
    }
}

/// S4, with D04 behind it: refused, refused, ten polls of 100 ms, and a close that says nothing.
#[test]
fn v2_and_v5_are_stuck_in_connecting_under_every_seed() {
    for design in ["v2", "v5"] {
        for outcome in runs("golden-path", design) {
            let socket = first_connection(&outcome);
            let story = story(&outcome, socket);
            assert_eq!(
                refused(&story, Authenticated).unwrap().1,
                Connecting,
                "{design}"
            );
            let (refused_at, from) = refused(&story, ServicesReady).unwrap();
            assert_eq!(from, Connecting, "{design}");
            let (gave_up_at, polls) = story
                .iter()
                .find_map(|(time, event)| match event {
                    Event::GateGaveUp { polls, .. } => Some((*time, *polls)),
                    _ => None,
                })
                .expect("the wait at the loop gives up");
            assert_eq!(polls, 10);
            assert_eq!(gave_up_at.since(refused_at), Duration::from_secs(1));
            let returned = |(_, event): &(Time, &Event)| {
                matches!(
                    event,
                    Event::EndpointEnded {
                        how: EndpointEnd::Returned,
                        ..
                    }
                )
            };
            assert!(story.iter().any(returned));
            assert!(
                !story
                    .iter()
                    .any(|(_, event)| matches!(event, Event::CloseSent { .. }))
            );
            let told = outcome.trace.iter().find_map(|entry| match &entry.fact {
                Fact::World(WorldEvent::ClientClosed {
                    socket: closed,
                    code,
                    ..
                }) if *closed == socket => Some(*code),
                Fact::World(_) | Fact::Protocol(_) => None,
            });
            assert_eq!(told, Some(1000), "a normal end is all that the client sees");
            assert!(cause(&outcome, Invariant::CloseTellsTheTruth).is_some());
        }
    }
}

/// D16 by way of D07: ids with the precision of a second.
#[test]
fn v2_shares_a_machine_when_two_connect_within_one_second() {
    let shared = |outcome: &Outcome| {
        outcome
            .trace
            .iter()
            .any(|entry| matches!(&entry.fact, Fact::Protocol(Event::MachineShared { .. })))
    };
    let outcomes: Vec<Outcome> = runs("two-in-one-second", "v2").collect();
    assert!(outcomes.iter().filter(|outcome| shared(outcome)).count() > SEEDS.count() / 3);
    let cause = |outcome| cause(outcome, Invariant::OneMachinePerConnection);
    assert!(
        outcomes
            .iter()
            .any(|outcome| cause(outcome) == Some("one machine for two connections"))
    );
}

/// From v6 on every connection is served, and every run's five events arrive, unless a manager waits
/// for itself (D66).
#[test]
fn v6_to_v9_and_the_reference_carry_the_golden_path() {
    for design in ["v6", "v7", "v7b", "v8", "v9", "reference"] {
        for outcome in runs("golden-path", design) {
            let figures = &outcome.figures;
            assert_eq!(
                figures.connections_ready, figures.connections_expected,
                "{design}"
            );
            if cause(&outcome, Invariant::NothingWaitsForever).is_none() {
                assert_eq!(
                    figures.agent_runs_delivered, figures.agent_runs_started,
                    "{design}"
                );
            }
            assert!(figures.agent_runs_delivered > 0);
            let ready = |entry: &TraceEvent| {
                matches!(
                    &entry.fact,
                    Fact::Protocol(Event::Transition {
                        to: ProcessingReady,
                        ..
                    })
                )
            };
            assert!(outcome.trace.iter().any(ready), "{design}");
            for kind in [
                AgentEventKind::AgentStarted,
                AgentEventKind::AgentThinking,
                AgentEventKind::ToolExecuting,
                AgentEventKind::ToolCompleted,
                AgentEventKind::AgentCompleted,
            ] {
                let got = |entry: &TraceEvent| {
                    matches!(
                        &entry.fact,
                        Fact::World(WorldEvent::ClientGotEvent { kind: got, .. }) if *got == kind
                    )
                };
                assert!(outcome.trace.iter().any(got), "{design}: {kind:?}");
            }
        }
    }
}

/// What v9 still breaks, and `reference` does not, where the world is rough (D08, D21, D31, D60).
#[test]
fn v9_still_breaks_what_the_catalogue_says() {
    let broken: std::collections::BTreeSet<Invariant> = ["cold-start", "lb-reorder", "chaos"]
        .iter()
        .flat_map(|scenario| runs(scenario, "v9"))
        .flat_map(|outcome| outcome.violations)
        .map(|violation| violation.invariant)
        .collect();
    for invariant in [
        Invariant::TransportDiscipline,
        Invariant::NothingLeftBehind,
        Invariant::ServicesReadyIsTrue,
        Invariant::WelcomeAfterReady,
        Invariant::SetupEndsInTime,
        Invariant::CloseTellsTheTruth,
        Invariant::FiveEventsComplete,
    ] {
        assert!(broken.contains(&invariant), "{invariant}");
    }
    for scenario in [
        "golden-path",
        "cold-start",
        "restart",
        "lb-reorder",
        "chaos",
    ] {
        for outcome in runs(scenario, "reference") {
            assert_eq!(outcome.violations, []);
        }
    }
}
