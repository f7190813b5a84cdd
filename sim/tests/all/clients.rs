//! What clients do, in whole runs of plans in which little else happens.

use std::time::Duration;

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    design::Design,
};
use gatesim_sim::{
    Options,
    plan::{ClientPlan, Direction, FaultKind, FaultPlan, Millis, NoiseKind, NoisePlan, Plan},
    run,
    run::outcome::Outcome,
    trace::event::{Fact, WorldEvent},
};

use crate::support::plan;

/// The golden path in staging with one client, which is made as `change` wants it.
fn one_client(change: impl FnOnce(&mut ClientPlan)) -> Plan {
    let mut plan = plan("golden-path", 1);
    plan.time_limit_ms = Millis::new(600_000);
    plan.clients.truncate(1);
    let client = &mut plan.clients[0];
    client.messages.truncate(1);
    client.messages[0].at_ms = Millis::new(0);
    change(client);
    plan
}

/// A second message, this long after the first.
fn and_later(client: &mut ClientPlan, secs: u64) {
    let mut message = client.messages[0];
    message.at_ms = Millis::new(secs * 1_000);
    client.messages.push(message);
}

fn execute(design: &str, plan: &Plan) -> Outcome {
    let options = Options {
        trace: true,
        ..Options::default()
    };
    let design = Design::resolve(design).expect("a design");
    let outcome = run(&design, plan, &options);
    assert_eq!(outcome.panic, None);
    outcome
}

/// What the world's events say, in order, as far as `pick` has words for it.
fn told(outcome: &Outcome, pick: impl Fn(&WorldEvent) -> Option<String>) -> Vec<String> {
    let events = outcome.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::World(event) => pick(event),
        Fact::Protocol(_) => None,
    });
    events.collect()
}

/// When each attempt began.
fn attempts(outcome: &Outcome) -> Vec<Time> {
    let began = outcome.trace.iter().filter_map(|entry| match entry.fact {
        Fact::World(WorldEvent::ClientConnecting { .. }) => Some(entry.time),
        Fact::World(_) | Fact::Protocol(_) => None,
    });
    began.collect()
}

fn lives(event: &WorldEvent) -> Option<String> {
    let attempt = |socket: &SocketId| socket.attempt;
    match event {
        WorldEvent::ClientReady { socket } => Some(format!("{} ready", attempt(socket))),
        WorldEvent::ClientClosed {
            socket,
            code,
            by_client,
            ..
        } => {
            let by = if *by_client { "client" } else { "server" };
            Some(format!("{} closed by {by}: {code}", attempt(socket)))
        }
        WorldEvent::ClientTokenRenewed { .. } => Some("new token".to_owned()),
        WorldEvent::ClientResent { after, .. } => Some(format!("again after {after:?}")),
        WorldEvent::ClientDone { .. } => Some("done".to_owned()),
        WorldEvent::ClientGaveUp { .. } => Some("gave up".to_owned()),
        _ => None,
    }
}

#[test]
fn a_client_that_is_busy_does_not_call_the_server_silent() {
    // Longer than it waits for answers to two of its pings.
    let plan = one_client(|client| {
        client.reads_every_ms = Millis::new(70_000);
        client.patience_ms = Millis::new(300_000);
    });
    let outcome = execute("reference", &plan);
    assert_eq!(attempts(&outcome).len(), 1, "{:?}", told(&outcome, lives));
}

/// A token of 90 s is renewed after 60 s.
fn short_lived_token() -> Plan {
    one_client(|client| {
        client.token_life_ms = Some(Millis::new(90_000));
        and_later(client, 80);
    })
}

#[test]
fn a_new_token_is_changed_over_to_without_a_gap() {
    let outcome = execute("reference", &short_lived_token());
    assert_eq!(outcome.violations, []);
    let expected = [
        "1 ready",
        "new token",
        "2 ready",
        "1 closed by client: 1000",
        "2 closed by client: 1000",
        "done",
    ];
    assert_eq!(told(&outcome, lives), expected);
}

#[test]
fn d54_the_late_end_of_an_old_socket_is_taken_for_that_of_the_present_one() {
    let outcome = execute("reference+client-handlers=any-socket", &short_lived_token());
    assert!(attempts(&outcome).len() >= 3, "{:?}", told(&outcome, lives));
}

#[test]
fn d54_without_a_token_there_is_no_point_in_connecting() {
    let plan = one_client(|client| {
        client.token_after_ms = Millis::new(40_000);
        client.patience_ms = Millis::new(60_000);
    });
    let patient = execute("reference", &plan);
    let (start, first) = (plan.clients[0].start_ms.get(), attempts(&patient)[0]);
    assert_eq!(first.as_millis(), start + 40_000);
    let hasty = execute("reference+client-connect=at-once", &plan);
    assert_eq!(
        told(&hasty, lives).last().map(String::as_str),
        Some("gave up")
    );
}

#[test]
fn a_client_that_hears_nothing_opens_another_connection() {
    let mut plan = one_client(|client| and_later(client, 200));
    plan.faults.push(FaultPlan {
        number: None,
        at_ms: Millis::new(20_000),
        kind: FaultKind::Partition {
            client: 0,
            direction: Direction::Down,
            for_ms: Millis::new(100_000),
        },
    });
    let outcome = execute("reference", &plan);
    let second = attempts(&outcome)[1];
    // Two pings of 30 s each went unanswered.
    assert!((60..90).contains(&second.as_secs()), "{second}");
    let deaf = execute("reference+client-silence=ignored", &plan);
    let attempts = attempts(&deaf);
    assert!(attempts.get(1).is_none_or(|second| second.as_secs() >= 90));
}

#[test]
fn noise_is_answered_and_does_no_harm() {
    let plan = one_client(|client| {
        let kinds = [
            NoiseKind::NotJson,
            NoiseKind::NotAnObject,
            NoiseKind::NoType,
            NoiseKind::WrongShape,
            NoiseKind::Control,
        ];
        let noise = |kind| NoisePlan {
            at_ms: Millis::new(0),
            kind,
        };
        client.noise = kinds.map(noise).into_iter().collect();
    });
    let outcome = execute("reference", &plan);
    assert_eq!(outcome.violations, []);
    let errors = told(&outcome, |event| match event {
        WorldEvent::ClientGotError { message, .. } => Some(format!("{message:?}")),
        _ => None,
    });
    assert_eq!(errors, ["None"; 5]);
}

#[test]
fn a_slow_reader_gets_everything_in_its_own_time() {
    let plan = one_client(|client| client.reads_every_ms = Millis::new(700));
    let outcome = execute("reference", &plan);
    assert_eq!(outcome.violations, []);
    let heard: Vec<Time> = outcome
        .trace
        .iter()
        .filter(|entry| matches!(entry.fact, Fact::World(WorldEvent::ClientGotEvent { .. })))
        .map(|entry| entry.time)
        .collect();
    assert!(heard.len() >= 3);
    for pair in heard.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(700));
    }
}
