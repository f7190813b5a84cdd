//! What clients are owed is demanded in every scenario: worlds in which it is not given, made from the
//! traces of sound runs, are told from those in which it is.

use std::{collections::BTreeSet, time::Duration};

use gatesim_model::{
    core::{
        ids::{MessageId, SocketId},
        state::ConnectionState,
        time::Time,
    },
    event::Event,
};
use gatesim_sim::{
    Options,
    check::invariants::{Checker, Invariant, Limits},
    plan::Plan,
    trace::event::{Actor, Fact, FinishReason, TraceEvent, WorldEvent},
};

use crate::support::{SCENARIOS, execute, plan};

/// Clients of a run that is looked at; more would show no more.
const CLIENTS: u32 = 40;

/// How long after a run it is asked what is still owed.
const LATER: Duration = Duration::from_secs(100_000);

/// A run in which at least two messages are sent, and its trace without the leave of any client: in the
/// worlds that are made from it they would have stayed.
fn sound(scenario: &str) -> (Plan, Vec<TraceEvent>) {
    let options = Options {
        trace: true,
        invariants: false,
        ..Options::default()
    };
    let runs = (0..50).map(|seed| {
        let mut plan = plan(scenario, seed);
        plan.retain_clients(|number| number < CLIENTS);
        let trace = execute("reference", &plan, &options).trace;
        (plan, trace)
    });
    let mut busy = runs.filter(|(_, trace)| sent(trace).len() > 1 && serves(trace));
    let (plan, mut trace) = busy.next().expect("some seed sends messages");
    let mut left = BTreeSet::new();
    trace.reverse();
    trace.retain(|entry| match entry.fact {
        Fact::World(WorldEvent::ClientDone { .. } | WorldEvent::Finished { .. }) => false,
        Fact::World(WorldEvent::ClientClosed { socket, .. }) => !left.insert(socket.peer),
        _ => true,
    });
    trace.reverse();
    (plan, trace)
}

fn sent(trace: &[TraceEvent]) -> BTreeSet<MessageId> {
    let sent = trace.iter().filter_map(|entry| match &entry.fact {
        Fact::World(WorldEvent::ClientSent { message, .. }) => Some(message.clone()),
        _ => None,
    });
    sent.collect()
}

fn serves(trace: &[TraceEvent]) -> bool {
    trace
        .iter()
        .any(|entry| matches!(entry.fact, Fact::World(WorldEvent::ClientGotEvent { .. })))
}

/// The invariants that are broken in the world in which only these events happen, looked at for a
/// long time.
fn broken(
    plan: &Plan,
    trace: &[TraceEvent],
    happens: impl Fn(&Fact) -> bool,
) -> BTreeSet<Invariant> {
    let mut checker = Checker::new(&Limits::of(plan));
    let kept = trace.iter().filter(|entry| happens(&entry.fact));
    kept.for_each(|entry| checker.observe(entry));
    let last = trace.last().expect("a run has events");
    let healed = WorldEvent::FaultsHealed;
    if !trace
        .iter()
        .any(|entry| entry.fact == Fact::World(healed.clone()))
    {
        checker.observe(&TraceEvent {
            time: last.time.max(Time::ZERO + plan.healed_by()),
            actor: Actor::World,
            fact: Fact::World(healed),
            ..*last
        });
    }
    checker.finish(last.time + plan.healed_by() + LATER, FinishReason::Done);
    let violations = checker.violations().iter();
    violations.map(|violation| violation.invariant).collect()
}

/// The message that an event brings its client, of its answer or of its failure.
fn answers(fact: &Fact) -> Option<&MessageId> {
    match fact {
        Fact::World(WorldEvent::ClientGotEvent { message, .. }) => Some(message),
        Fact::World(WorldEvent::ClientGotError { message, .. }) => message.as_ref(),
        _ => None,
    }
}

/// In every scenario this invariant is broken in the world that is made from the trace of a sound run.
fn is_told_in_every_scenario<H: Fn(&Fact) -> bool>(
    invariant: Invariant,
    world: impl Fn(&[TraceEvent]) -> H,
) {
    for (name, _) in SCENARIOS {
        let (plan, trace) = sound(name);
        let found = broken(&plan, &trace, world(&trace));
        assert!(found.contains(&invariant), "{name}: {found:?}");
    }
}

#[test]
fn a_world_in_which_nothing_is_served_is_told_in_every_scenario() {
    is_told_in_every_scenario(Invariant::NothingWaitsForever, |_| {
        |fact: &Fact| answers(fact).is_none()
    });
}

#[test]
fn a_world_in_which_half_is_served_is_told_in_every_scenario() {
    is_told_in_every_scenario(Invariant::NothingWaitsForever, |trace| {
        let unserved: BTreeSet<MessageId> = sent(trace).into_iter().step_by(2).collect();
        move |fact: &Fact| answers(fact).is_none_or(|message| !unserved.contains(message))
    });
}

#[test]
fn a_world_in_which_no_client_is_welcomed_is_told_in_every_scenario() {
    is_told_in_every_scenario(Invariant::NothingWaitsForever, |_| {
        |fact: &Fact| !matches!(fact, Fact::World(WorldEvent::ClientReady { .. }))
    });
}

#[test]
fn a_world_in_which_clients_are_welcomed_and_no_machine_is_ready_is_told_in_every_scenario() {
    is_told_in_every_scenario(Invariant::WelcomeAfterReady, |trace| {
        let ready = trace.iter().filter_map(|entry| match entry.fact {
            Fact::Protocol(Event::Transition {
                socket,
                to: ConnectionState::ProcessingReady,
                ..
            }) => Some(socket),
            _ => None,
        });
        let unready: BTreeSet<SocketId> = ready.collect();
        move |fact: &Fact| match fact {
            Fact::Protocol(Event::Transition {
                socket, from, to, ..
            }) => {
                let ready = [from, to].contains(&&ConnectionState::ProcessingReady);
                !(ready && unready.contains(socket))
            }
            _ => true,
        }
    });
}

#[test]
fn the_sound_world_itself_owes_nothing() {
    let (plan, trace) = sound("golden-path");
    assert_eq!(broken(&plan, &trace, |_| true), BTreeSet::new());
}
