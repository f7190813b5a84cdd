//! Names, and what the checker does with findings.

use gatesim_model::{core::state::ConnectionState, event::ReadySource};

use super::*;

#[test]
fn names_survive_printing_and_serialisation() {
    for invariant in Invariant::ALL {
        assert_eq!(invariant.to_string().parse(), Ok(*invariant));
        let serialised = toml::Value::try_from(invariant).unwrap();
        assert_eq!(serialised.as_str(), Some(invariant.name()));
    }
    let error = "never-ready".parse::<Invariant>().unwrap_err().to_string();
    assert!(
        error.starts_with("unknown invariant `never-ready`; invariants are never-ready-without")
    );
}

#[test]
fn the_list_of_invariants() {
    let lines: Vec<String> = Invariant::ALL
        .iter()
        .map(|one| {
            format!(
                "{one:<28} {} {:<11} {}",
                one.number(),
                one.kind(),
                one.statement()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_first_violation_of_each_is_kept_in_the_order_of_happening() {
    let mut events = EventList::accepted();
    events
        .ready("ws_1", ReadySource::Welcome)
        .ready("ws_2", ReadySource::MessageLoop)
        .machine("ws_3", ConnectionState::Accepted)
        .machine("ws_4", ConnectionState::Connecting);
    let checker = events.judge();
    let found: Vec<(Invariant, u64)> = checker
        .violations()
        .iter()
        .map(|found| (found.invariant, found.event))
        .collect();
    assert_eq!(
        found,
        [
            (Invariant::NeverReadyWithoutMachine, 3),
            (Invariant::WelcomeAfterReady, 3),
            (Invariant::OneMachinePerConnection, 7),
            (Invariant::IdsAgree, 7),
            (Invariant::SetupNeverGoesBack, 7),
        ]
    );
    assert_eq!(checker.broken(), 5);
}

#[test]
fn what_can_never_happen_any_more_is_judged_at_the_end() {
    let mut events = EventList::accepted();
    events.world(WorldEvent::Finished {
        reason: crate::trace::event::FinishReason::TimeLimit,
    });
    assert_eq!(events.verdict(Invariant::SetupEndsInTime), "held");
    let mut events = EventList::accepted();
    events.world(WorldEvent::Finished {
        reason: crate::trace::event::FinishReason::Stuck,
    });
    assert!(
        events
            .verdict(Invariant::SetupEndsInTime)
            .contains("neither ready nor closed")
    );
}
