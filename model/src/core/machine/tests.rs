//! Tests of the machine, apart from it for the sake of its length.

use std::cell::RefCell;

use super::*;

fn machine() -> Machine {
    Machine::new("ws_1".into(), "alice".into(), Time::ZERO)
}

fn at_ms(ms: u64) -> Time {
    Time(ms * 1_000_000)
}

/// A machine that went through these states.
#[track_caller]
fn machine_in(path: &[ConnectionState]) -> Machine {
    let mut machine = machine();
    for &to in path {
        assert!(machine.request(to, "path", Time::ZERO).reports_success());
    }
    machine
}

const READY: [ConnectionState; 4] = [Accepted, Authenticated, ServicesReady, ProcessingReady];

fn callback(
    name: &'static str,
    on_failure: OnFailure,
    heard: &Rc<RefCell<Vec<String>>>,
) -> Callback {
    let heard = heard.clone();
    Callback {
        name,
        on_failure,
        run: Rc::new(move |change| {
            heard
                .borrow_mut()
                .push(format!("{name}: {} -> {}", change.from, change.to));
            Err(CallbackFailed)
        }),
    }
}

#[test]
fn the_table_is_the_one_of_the_protocol() {
    let mut table = String::new();
    for from in ConnectionState::ALL {
        let next = ConnectionState::ALL
            .into_iter()
            .filter(|&to| can_move(from, to));
        let next: Vec<_> = next.map(ConnectionState::name).collect();
        table += format!("{from:<16} -> {}", next.join(", ")).trim_end();
        table += "\n";
    }
    insta::assert_snapshot!(table, @r"
    CONNECTING       -> ACCEPTED, CLOSED, FAILED
    ACCEPTED         -> AUTHENTICATED, CLOSED, FAILED
    AUTHENTICATED    -> SERVICES_READY, DEGRADED, CLOSED, FAILED
    SERVICES_READY   -> PROCESSING_READY, DEGRADED, CLOSED, FAILED
    PROCESSING_READY -> PROCESSING, IDLE, DEGRADED, CLOSING, CLOSED, FAILED
    PROCESSING       -> PROCESSING_READY, IDLE, DEGRADED, CLOSING, CLOSED, FAILED
    IDLE             -> PROCESSING_READY, PROCESSING, DEGRADED, CLOSING, CLOSED, FAILED
    DEGRADED         -> PROCESSING_READY, PROCESSING, IDLE, RECONNECTING, CLOSING, CLOSED, FAILED
    RECONNECTING     -> SERVICES_READY, PROCESSING_READY, DEGRADED, CLOSED, FAILED
    CLOSING          -> CLOSED
    CLOSED           ->
    FAILED           -> CONNECTING
    ");
}

#[test]
fn the_guard_adds_nothing_to_the_table() {
    for from in ConnectionState::ALL {
        assert!(!allowed(from).contains(&from), "{from} has a self-loop");
        for to in ConnectionState::ALL {
            assert_eq!(
                can_move(from, to),
                allowed(from).contains(&to),
                "{from} -> {to}"
            );
        }
    }
}

#[test]
fn a_refusal_leaves_no_trace_but_the_count() {
    let mut machine = machine();
    let refused = machine.request(ServicesReady, "too early", at_ms(5));
    assert_eq!(
        refused,
        Moved::Refused {
            from: Connecting,
            to: ServicesReady
        }
    );
    assert!(!refused.reports_success());
    assert_eq!(machine.history().count(), 0);
    assert_eq!(machine.failures(), 1);
    assert_eq!(
        machine.metrics(),
        Metrics {
            total: 0,
            failed: 1
        }
    );
    assert_eq!(machine.last_transition(), Time::ZERO);
}

#[test]
fn the_sixth_request_lands_in_failed_and_reports_success() {
    let mut machine = machine();
    for _ in 0..MAX_FAILURES {
        assert!(
            !machine
                .request(Idle, "invalid", Time::ZERO)
                .reports_success()
        );
        assert_eq!(machine.state(), Connecting);
    }
    let forced = machine.request(Accepted, "valid", Time::ZERO);
    assert_eq!(
        forced,
        Moved::ForcedFailed {
            from: Connecting,
            requested: Accepted
        }
    );
    assert!(forced.reports_success());
    assert_eq!((machine.state(), machine.failures()), (Failed, 0));
}

#[test]
fn a_success_forgives_the_failures_before_it() {
    let mut machine = machine();
    for _ in 1..MAX_FAILURES {
        let _ = machine.request(Idle, "invalid", Time::ZERO);
    }
    assert!(
        machine
            .request(Accepted, "valid", Time::ZERO)
            .reports_success()
    );
    assert_eq!((machine.state(), machine.failures()), (Accepted, 0));
}

#[test]
fn four_invalid_requests_make_a_ready_connection_unready() {
    let mut machine = machine_in(&READY);
    assert!(machine.can_process_messages());
    for _ in 0..MAX_FAILURES_TO_PROCESS {
        let _ = machine.request(Accepted, "invalid", Time::ZERO);
    }
    assert!(!machine.can_process_messages());
    assert!(machine.is_ready_for_messages());
    assert_eq!(machine.state(), ProcessingReady);
}

#[test]
fn a_degraded_connection_needs_two_completed_states() {
    assert!(machine_in(&[Accepted, Authenticated, Degraded]).can_process_messages());
    let mut bare = machine();
    bare.state = Degraded;
    bare.completed.insert(Accepted);
    assert!(bare.is_ready_for_messages());
    assert!(!bare.can_process_messages());
}

#[test]
fn a_forced_failure_takes_two_requests_to_leave() {
    let mut machine = machine_in(&[Accepted]);
    assert_eq!(machine.force_failed("broken", at_ms(3)), Accepted);
    let last = machine.history().last().cloned().expect("it was recorded");
    assert_eq!((last.from, last.to), (Failed, Failed));
    assert_eq!(last.reason, "EMERGENCY: broken");
    assert_eq!(
        machine.request(Connecting, "again", at_ms(4)),
        Moved::ForcedFailed {
            from: Failed,
            requested: Connecting
        }
    );
    assert_eq!(
        machine.request(Connecting, "again", at_ms(5)),
        Moved::Moved {
            from: Failed,
            to: Connecting
        }
    );
    // Nothing starts afresh: the user, the history, the clock and the completed states stay.
    assert_eq!(machine.history().count(), 4);
    assert!(machine.completed().iter().eq(&[Connecting, Accepted]));
    assert_eq!(machine.setup_duration(at_ms(9)), Duration::from_millis(9));
}

#[test]
fn the_setup_clock_is_live_only_while_connecting() {
    let mut machine = machine();
    assert_eq!(machine.setup_duration(at_ms(7)), Duration::from_millis(7));
    for (ms, to) in [(10, Accepted), (20, Authenticated), (30, ServicesReady)] {
        let _ = machine.request(to, "set-up", at_ms(ms));
        assert_eq!(machine.setup_duration(at_ms(99)), Duration::ZERO);
    }
    let _ = machine.request(ProcessingReady, "set-up", at_ms(40));
    assert_eq!(machine.setup_duration(at_ms(99)), Duration::from_millis(40));
}

#[test]
fn callbacks_that_fail_are_ignored() {
    let heard = Rc::default();
    let mut machine = machine();
    assert!(machine.add_callback(callback("queue", OnFailure::Ignore, &heard)));
    assert!(
        machine
            .request(Accepted, "set-up", Time::ZERO)
            .reports_success()
    );
    assert_eq!(*heard.borrow(), ["queue: CONNECTING -> ACCEPTED"]);
    assert_eq!((machine.state(), machine.failures()), (Accepted, 0));
}

#[test]
fn a_failure_inside_a_move_rolls_back_the_state_and_nothing_else() {
    let heard = Rc::default();
    let mut machine = machine();
    machine.add_callback(callback("queue", OnFailure::Ignore, &heard));
    machine.add_callback(callback("ledger", OnFailure::RollBack, &heard));
    let moved = machine.request(Accepted, "set-up", Time::ZERO);
    assert_eq!(
        moved,
        Moved::RolledBack {
            from: Connecting,
            to: Accepted,
            by: "ledger"
        }
    );
    assert!(!moved.reports_success());
    assert_eq!(*heard.borrow(), ["ledger: CONNECTING -> ACCEPTED"]);
    assert_eq!((machine.state(), machine.failures()), (Connecting, 1));
    assert_eq!(
        machine.metrics(),
        Metrics {
            total: 1,
            failed: 1
        }
    );
    assert!(machine.completed().contains(&Accepted));
    assert_eq!(machine.history().count(), 1);
}

#[test]
fn a_proposal_is_compared_before_it_is_executed() {
    let mut machine = machine_in(&[Accepted]);
    let propose = |from, to| Proposal {
        from,
        to,
        reason: "proposal",
    };
    let stale = machine.execute_transition(&propose(Connecting, Accepted), Time::ZERO);
    assert_eq!(stale, Executed::Stale { found: Accepted });
    let wrong = machine.execute_transition(&propose(Accepted, Idle), Time::ZERO);
    assert_eq!(wrong, Executed::NotAllowed);
    assert_eq!(machine.failures(), 0);
    assert_eq!(
        machine.execute_transition(&propose(Accepted, Authenticated), Time::ZERO),
        Executed::Asked(Moved::Moved {
            from: Accepted,
            to: Authenticated
        })
    );
}

#[test]
fn history_and_callbacks_are_bounded() {
    let heard = Rc::default();
    let mut machine = machine_in(&READY);
    for _ in 0..MAX_HISTORY {
        let _ = machine.request(Processing, "message", Time::ZERO);
        let _ = machine.request(Idle, "done", Time::ZERO);
    }
    assert_eq!(machine.history().count(), MAX_HISTORY);
    let names: [&str; MAX_CALLBACKS] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
    ];
    for name in names {
        assert!(machine.add_callback(callback(name, OnFailure::Ignore, &heard)));
    }
    assert!(!machine.add_callback(callback("more", OnFailure::Ignore, &heard)));
}
