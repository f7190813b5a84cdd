//! Charts of hand-written runs.

use gatesim_model::{
    core::{
        ids::{ConnectionId, MessageId, SocketId, UserId},
        state::ConnectionState,
        time::Time,
    },
    design::Design,
    event::{Breaker, BreakerState, Event},
    port::env::Service,
};
use gatesim_sim::{
    check::{Violation, invariants::Invariant},
    plan::Plan,
    run::outcome::Outcome,
    trace::event::{Actor, Fact, FinishReason, TraceEvent, WorldEvent},
};

use super::{
    Chart,
    band::Band,
    window::{Cut, Window},
};
use crate::{
    target::failure::tests::failed_outcome,
    target::{Target, catalog, origin::Origin, run_name::RunName, title::RunTitle},
};

const SOCKET: SocketId = SocketId::first(0);
const CONTAINER: Actor = Actor::Container(0);

/// No text of a run may end the script of the page.
pub const NASTY: &str = "</script><!--#;&";

fn entries(facts: Vec<(u64, Actor, Fact)>) -> Vec<TraceEvent> {
    let numbered = facts.into_iter().zip(0..);
    numbered
        .map(|((ms, actor, fact), number)| TraceEvent {
            number,
            time: Time(ms * 1_000_000),
            step: number * 3,
            actor,
            fact,
        })
        .collect()
}

fn of_container(ms: u64, event: Event) -> (u64, Actor, Fact) {
    (ms, CONTAINER, Fact::Protocol(event))
}

fn of_world(ms: u64, actor: Actor, event: WorldEvent) -> (u64, Actor, Fact) {
    (ms, actor, Fact::World(event))
}

/// A client connects, a crash is applied, the machine refuses to move, one message is lost.
pub fn sample_trace() -> Vec<TraceEvent> {
    let client = Actor::Client(0);
    let connection = || ConnectionId::from(NASTY);
    let message = |text: &str| MessageId::from(text);
    let socket = SOCKET;
    entries(vec![
        of_world(
            0,
            Actor::World,
            WorldEvent::ContainerStarted {
                container: 0,
                incarnation: 1,
            },
        ),
        of_world(
            10,
            Actor::World,
            WorldEvent::ContainerInService { container: 0 },
        ),
        of_world(
            1_000,
            client,
            WorldEvent::ClientConnecting { socket, user: 0 },
        ),
        of_world(
            1_010,
            Actor::Balancer,
            WorldEvent::UpgradeRouted {
                socket,
                container: 0,
            },
        ),
        of_container(1_011, Event::EndpointStarted { socket }),
        of_container(
            1_011,
            Event::Accepted {
                socket,
                subprotocol: None,
                offered: false,
            },
        ),
        of_container(
            1_011,
            Event::MachineRegistered {
                socket,
                connection: connection(),
                user: UserId::from("user0"),
            },
        ),
        of_container(
            1_011,
            Event::CallStarted {
                socket: Some(socket),
                service: Service::Auth,
            },
        ),
        of_world(1_020, client, WorldEvent::ClientOpened { socket }),
        of_world(
            1_021,
            client,
            WorldEvent::ClientSent {
                socket,
                message: message("c0-m0"),
            },
        ),
        of_container(
            1_030,
            Event::CallEnded {
                socket: Some(socket),
                service: Service::Auth,
                ok: true,
            },
        ),
        of_container(
            1_030,
            Event::TransitionRefused {
                socket,
                connection: connection(),
                from: ConnectionState::Connecting,
                to: ConnectionState::Authenticated,
            },
        ),
        of_world(
            1_031,
            CONTAINER,
            WorldEvent::MessageArrived {
                socket,
                message: Some(message("c0-m0")),
            },
        ),
        of_container(
            1_040,
            Event::Transition {
                socket,
                connection: connection(),
                from: ConnectionState::Connecting,
                to: ConnectionState::Accepted,
                reason: "late",
            },
        ),
        of_container(
            1_050,
            Event::BreakerMoved {
                breaker: Breaker::AuthLocal,
                to: BreakerState::Open,
            },
        ),
        of_world(
            1_060,
            client,
            WorldEvent::ClientSent {
                socket,
                message: message("c0-m1"),
            },
        ),
        of_world(1_070, Actor::World, WorldEvent::FaultApplied { fault: 0 }),
        of_world(
            1_070,
            Actor::World,
            WorldEvent::ContainerGone {
                container: 0,
                crashed: true,
            },
        ),
        of_world(
            2_000,
            Actor::World,
            WorldEvent::Finished {
                reason: FinishReason::Done,
            },
        ),
    ])
}

/// The sample with a violation at the refused transition.
pub fn sample_outcome() -> Outcome {
    let trace = sample_trace();
    Outcome {
        events: trace.len() as u64,
        violations: vec![Violation {
            invariant: Invariant::SetupNeverGoesBack,
            time: Time(1_030_000_000),
            step: 33,
            event: 11,
            actor: CONTAINER,
            socket: Some(SOCKET),
            message: None,
            cause: "refused".to_owned(),
            sentence: format!("The machine {NASTY} refused to move."),
        }],
        trace,
        ..failed_outcome()
    }
}

/// A plan with one crash, for the sample's fault.
pub fn sample_plan() -> Plan {
    let mut plan = catalog::scenario("golden-path").unwrap().plan(3);
    let text = toml::to_string(&plan).unwrap();
    let fault = "\n[[faults]]\nkind = \"crash\"\nat_ms = 1070\ncontainer = 0\ndown_ms = 500\n";
    plan = toml::from_str(&(text + fault)).unwrap();
    plan
}

/// What the sample would be a run of.
pub fn sample_target() -> Target {
    let run: RunName = "golden-path@v4:3".parse().unwrap();
    Target {
        title: RunTitle::of_name(&run),
        run,
        design: Design::clone(&catalog::design("v4").unwrap()),
        plan: sample_plan(),
        origin: Origin::Name,
        capsule: None,
        asked: None,
    }
}

fn chart(outcome: &Outcome, window: &Window) -> Chart {
    Chart::new(&sample_plan(), outcome, outcome.violations.first(), window)
}

fn sample_chart() -> Chart {
    chart(&sample_outcome(), &Window::PAGE)
}

#[test]
fn lanes_stand_as_frames_travel() {
    let names: Vec<String> = (sample_chart().lanes.iter())
        .map(|lane| lane.name.to_string())
        .collect();
    assert_eq!(names, ["client0", "balancer", "container0", "auth"]);
}

#[test]
fn what_arrives_has_an_arrow_and_what_does_not_is_lost() {
    let chart = sample_chart();
    let arrows: Vec<(u64, Option<u64>, &str)> = (chart.arrows.iter())
        .map(|arrow| (arrow.from, arrow.to, arrow.label.as_str()))
        .collect();
    assert_eq!(
        arrows,
        [
            (2, Some(3), "upgrade"),
            (3, Some(4), "upgrade"),
            (5, Some(8), "accepted"),
            (9, Some(12), "message c0-m0"),
            (15, None, "message c0-m1"),
        ]
    );
    let [call] = &chart.calls[..] else {
        panic!("one call: {:?}", chart.calls)
    };
    assert_eq!((call.from, call.to, call.ok), (7, Some(10), true));
}

#[test]
fn bands_end_with_their_process() {
    let chart = sample_chart();
    let bands: Vec<String> = chart.bands.iter().map(in_words).collect();
    assert_eq!(
        bands,
        [
            "c0#1: 2 connecting, 8 open".to_owned(),
            "container0: 0 starting, 1 in service, 17 over".to_owned(),
            format!("{NASTY}: 6 CONNECTING, 13 ACCEPTED, 17 over"),
        ]
    );
}

fn in_words(band: &Band) -> String {
    let segments = band.segments.iter();
    let mut words: Vec<String> = segments
        .map(|segment| format!("{} {}", segment.from, segment.state))
        .collect();
    words.extend(band.until.map(|until| format!("{until} over")));
    format!("{}: {}", band.name, words.join(", "))
}

#[test]
fn a_fault_lasts_as_long_as_the_plan_says() {
    let [fault] = &sample_chart().faults[..] else {
        panic!("one fault")
    };
    assert_eq!(
        (fault.number, fault.event, fault.until_ns),
        (0, 16, Some(1_570_000_000))
    );
    assert_eq!(fault.lanes, [2]);
}

#[test]
fn a_long_run_is_cut_around_its_violation() {
    let window = Window {
        events: 8,
        clients: 1,
    };
    let outcome = sample_outcome();
    let cut = chart(&outcome, &window);
    let numbers: Vec<u64> = cut.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (5..13).collect::<Vec<_>>());
    let shown = |number: u64| numbers.contains(&number);
    assert!(
        cut.arrows
            .iter()
            .all(|arrow| shown(arrow.from) && arrow.to.is_none_or(shown))
    );
    assert_eq!(
        cut.cut,
        Some(Cut {
            events: 19,
            events_shown: 8,
            clients: 1,
            clients_shown: 1
        })
    );
    assert_eq!(chart(&outcome, &Window::PAGE).cut, None);
}
