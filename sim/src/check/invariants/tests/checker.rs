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
fn the_first_sighting_of_each_cause_is_kept_in_the_order_of_happening() {
    let mut events = EventList::accepted();
    events
        .ready("ws_1", ReadySource::Welcome)
        .ready("ws_2", ReadySource::MessageLoop)
        .ready("ws_1", ReadySource::Welcome)
        .machine("ws_3", ConnectionState::Accepted)
        .machine("ws_4", ConnectionState::Connecting);
    let checker = events.judge();
    let found: Vec<String> = checker
        .violations()
        .iter()
        .map(|found| format!("#{} {}", found.event, found.signature()))
        .collect();
    assert_eq!(
        found,
        [
            "#3 never-ready-without-machine: welcome without a machine",
            "#3 welcome-after-ready: welcome without a machine",
            "#4 never-ready-without-machine: message loop without a machine",
            "#8 one-machine-per-connection: a second machine for one connection",
            "#8 ids-agree: machine id changes",
            "#8 setup-never-goes-back: new machine in CONNECTING after ACCEPTED",
        ]
    );
    assert_eq!(checker.broken(), 6);
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
