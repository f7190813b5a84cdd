use gatesim_model::{
    core::state::ConnectionState::{Accepted, Authenticated, Closed, ProcessingReady},
    event::{CoordinatorState, Event, HandshakeState, IdentityState, Table, TaskName},
};

use super::*;

#[test]
fn setup_ends_in_time() {
    let mut ready = EventList::with_machine("ws_1", ProcessingReady);
    ready.wait_secs(40);
    let mut closed = EventList::accepted();
    closed.close(1013, CloseCause::NotReady).wait_secs(40);
    let mut died = EventList::accepted();
    died.gone().wait_secs(40);
    let mut silent = EventList::with_machine("ws_1", Authenticated);
    silent.endpoint_ended(EndpointEnd::Returned, CloseCause::NotReady);
    let mut stuck = EventList::with_machine("ws_1", Accepted);
    stuck.wait_secs(40);
    insta::assert_snapshot!(verdicts(
        Invariant::SetupEndsInTime,
        &[
            ("ready", &ready),
            ("closed", &closed),
            ("its container died", &died),
            ("returned without a report", &silent),
            ("waits", &stuck),
        ]
    ));
}

#[test]
fn nothing_left_behind() {
    let begun = || {
        let mut events = EventList::with_machine("ws_1", ProcessingReady);
        events
            .container(Event::EntryAdded {
                socket: SOCKET,
                table: Table::Router,
            })
            .container(Event::TaskStarted {
                socket: SOCKET,
                name: TaskName::Heartbeat,
            })
            .container(Event::TaskStarted {
                socket: SOCKET,
                name: TaskName::AgentRun,
            })
            .container(Event::RunStarted {
                socket: SOCKET,
                run: gatesim_model::core::ids::RunId(0),
                message: "c0-m1".into(),
                user: "user0".into(),
            })
            .transport_ended();
        events
    };
    let tidy = |events: &mut EventList| {
        events
            .container(Event::EntryRemoved {
                socket: SOCKET,
                table: Table::Router,
            })
            .container(Event::TaskEnded {
                socket: SOCKET,
                name: TaskName::Heartbeat,
            })
            .container(Event::MachineUnregistered {
                socket: SOCKET,
                connection: "ws_1".into(),
            })
            .endpoint_ended(EndpointEnd::Returned, CloseCause::PeerGone);
    };
    let run_ends = |events: &mut EventList| {
        events.container(Event::RunEnded {
            socket: SOCKET,
            run: gatesim_model::core::ids::RunId(0),
            complete: false,
        });
    };
    let task_ends = |events: &mut EventList| {
        events.container(Event::TaskEnded {
            socket: SOCKET,
            name: TaskName::AgentRun,
        });
    };
    let mut clean = begun();
    tidy(&mut clean);
    clean.wait_secs(20);
    run_ends(&mut clean);
    task_ends(&mut clean);
    clean.wait_secs(20);
    let mut died = begun();
    died.gone().wait_secs(20);
    let mut running = begun();
    running.wait_secs(20);
    let mut leaking = begun();
    leaking
        .endpoint_ended(EndpointEnd::Returned, CloseCause::PeerGone)
        .wait_secs(20);
    let mut run_task_stays = begun();
    tidy(&mut run_task_stays);
    run_ends(&mut run_task_stays);
    run_task_stays.wait_secs(20);
    let mut resurrected = begun();
    tidy(&mut resurrected);
    run_ends(&mut resurrected);
    task_ends(&mut resurrected);
    resurrected
        .container(Event::EntryAdded {
            socket: SOCKET,
            table: Table::Coordinator,
        })
        .wait_secs(20);
    insta::assert_snapshot!(verdicts(
        Invariant::NothingLeftBehind,
        &[
            ("tidied up, the run goes on for its user", &clean),
            ("its container died", &died),
            ("the endpoint still runs", &running),
            ("the endpoint left everything", &leaking),
            ("the task of a run that has ended", &run_task_stays),
            ("an entry that came back", &resurrected),
        ]
    ));
}

#[test]
fn close_tells_the_truth() {
    let closed = |code, cause| {
        let mut events = EventList::accepted();
        events
            .close(code, cause)
            .endpoint_ended(EndpointEnd::Returned, cause);
        events
    };
    let returned = |cause| {
        let mut events = EventList::accepted();
        events.endpoint_ended(EndpointEnd::Returned, cause);
        events
    };
    let refused = |code, cause| {
        let mut events = EventList::new();
        events
            .container(Event::EndpointStarted { socket: SOCKET })
            .close(code, cause);
        events
    };
    let seen = |code| {
        let mut events = closed(1008, CloseCause::NotAuthenticated);
        events.world(WorldEvent::ClientClosed {
            socket: SOCKET,
            code,
            clean: true,
            by_client: false,
        });
        events
    };
    let mut through_a_cut = closed(1008, CloseCause::NotAuthenticated);
    through_a_cut
        .world(WorldEvent::LinkPartitioned {
            from: Actor::Balancer,
            to: Actor::Client(0),
        })
        .world(WorldEvent::ClientClosed {
            socket: SOCKET,
            code: 1006,
            clean: false,
            by_client: false,
        });
    let mut reset = closed(1008, CloseCause::NotAuthenticated);
    reset
        .world(WorldEvent::LinkReset {
            from: Actor::Client(0),
            to: Actor::Balancer,
        })
        .world(WorldEvent::ClientClosed {
            socket: SOCKET,
            code: 1006,
            clean: false,
            by_client: false,
        });
    let mut peer_first = EventList::accepted();
    peer_first
        .transport_ended()
        .endpoint_ended(EndpointEnd::Returned, CloseCause::NotReady);
    insta::assert_snapshot!(verdicts(
        Invariant::CloseTellsTheTruth,
        &[
            (
                "1008 for a bad token",
                &closed(1008, CloseCause::NotAuthenticated)
            ),
            (
                "403 for a bad token",
                &refused(1011, CloseCause::NotAuthenticated)
            ),
            ("a normal end", &returned(CloseCause::Finished)),
            ("the peer went first", &peer_first),
            ("seen by the client", &seen(1008)),
            ("lost on a partitioned link", &through_a_cut),
            ("lost by a reset", &reset),
            (
                "1011 for a bad token",
                &closed(1011, CloseCause::NotAuthenticated)
            ),
            ("illegal", &closed(1005, CloseCause::ServerFault)),
            ("403 for not ready", &refused(1013, CloseCause::NotReady)),
            ("returned over a failure", &returned(CloseCause::NotReady)),
            ("changed on the way", &seen(1006)),
        ]
    ));
}

#[test]
fn views_agree() {
    let handshake = |mut events: EventList| {
        events.container(Event::HandshakeMoved {
            socket: SOCKET,
            coordinator: 1,
            to: HandshakeState::ReadyForMessages,
        });
        events
    };
    let coordinated = || {
        let mut events = EventList::accepted();
        events
            .container(Event::EntryAdded {
                socket: SOCKET,
                table: Table::Coordinator,
            })
            .machine("ws_1", ProcessingReady);
        events
    };
    let mut followed = coordinated();
    followed
        .container(Event::CoordinatorMoved {
            socket: SOCKET,
            to: CoordinatorState::Authenticating,
        })
        .wait_secs(2);
    let mut lags = coordinated();
    lags.wait_secs(2);
    let ended = |state| {
        let mut events = EventList::with_machine("ws_1", ProcessingReady);
        events
            .container(Event::IdentityMoved {
                socket: SOCKET,
                to: IdentityState::Active,
            })
            .transport_ended()
            .transition("ws_1", ProcessingReady, state)
            .endpoint_ended(EndpointEnd::Returned, CloseCause::PeerGone);
        events
    };
    let mut gone = ended(Closed);
    gone.container(Event::EntryRemoved {
        socket: SOCKET,
        table: Table::IdManager,
    })
    .wait_secs(20);
    let mut identity_stays = ended(Closed);
    identity_stays.wait_secs(20);
    let mut machine_stays = EventList::with_machine("ws_1", ProcessingReady);
    machine_stays.transport_ended().wait_secs(20);
    insta::assert_snapshot!(verdicts(
        Invariant::ViewsAgree,
        &[
            (
                "handshake after the machine",
                &handshake(EventList::with_machine("ws_1", ProcessingReady))
            ),
            ("coordinator follows", &followed),
            ("all views see the end", &gone),
            (
                "handshake before the machine",
                &handshake(EventList::with_machine("ws_1", Accepted))
            ),
            (
                "handshake without a machine",
                &handshake(EventList::accepted())
            ),
            ("coordinator lags", &lags),
            ("identity outlives the transport", &identity_stays),
            ("machine outlives the transport", &machine_stays),
        ]
    ));
}

#[test]
fn what_the_server_says_of_an_end_must_be_so() {
    let held = |events: &EventList| events.verdict(Invariant::CloseTellsTheTruth) == "held";
    let named = |events: &EventList, cause: &str| {
        let verdict = events.verdict(Invariant::CloseTellsTheTruth);
        assert!(verdict.contains(cause), "{cause}: {verdict}");
    };
    let (from, to) = (Actor::Client(0), Actor::Balancer);
    let container = 0;

    let mut there = EventList::accepted();
    there.close(1000, CloseCause::PeerGone);
    named(&there, "peer said to be gone is there");
    let mut cut_off = EventList::accepted();
    cut_off
        .world(WorldEvent::LinkReset { from, to })
        .close(1000, CloseCause::PeerGone);
    assert!(held(&cut_off), "its link was reset");

    let mut finished = EventList::accepted();
    finished.endpoint_ended(EndpointEnd::Returned, CloseCause::Finished);
    named(&finished, "session ended as finished");

    let mut stays = EventList::accepted();
    stays.close(1012, CloseCause::GoingAway);
    named(&stays, "container said to go away stays");
    let mut goes = EventList::accepted();
    goes.world(WorldEvent::ContainerTerminating { container })
        .close(1012, CloseCause::GoingAway);
    assert!(held(&goes), "its container goes");

    let mut trusted = EventList::new();
    trusted
        .container(Event::EndpointStarted { socket: TRUSTED })
        .container(Event::Accepted {
            socket: TRUSTED,
            subprotocol: None,
            offered: false,
        })
        .container(Event::CloseSent {
            socket: TRUSTED,
            code: 1008,
            reason: "".into(),
            cause: CloseCause::NotAuthenticated,
        });
    named(&trusted, "good token said to be bad");
}

#[test]
fn a_planned_stop_closes_each_connection() {
    let (container, crashed) = (0, false);
    let mut silent = EventList::accepted();
    silent
        .world(WorldEvent::ContainerTerminating { container })
        .wait_secs(10)
        .world(WorldEvent::ContainerGone { container, crashed });
    let verdict = silent.verdict(Invariant::CloseTellsTheTruth);
    assert!(verdict.contains("stopped without a close"), "{verdict}");

    let mut closed = EventList::accepted();
    closed
        .world(WorldEvent::ContainerTerminating { container })
        .close(1012, CloseCause::GoingAway)
        .world(WorldEvent::ContainerGone { container, crashed });
    let mut killed = EventList::accepted();
    killed.world(WorldEvent::ContainerGone {
        container,
        crashed: true,
    });
    for (what, events) in [("closed", closed), ("crashed", killed)] {
        assert_eq!(
            events.verdict(Invariant::CloseTellsTheTruth),
            "held",
            "{what}"
        );
    }
}
