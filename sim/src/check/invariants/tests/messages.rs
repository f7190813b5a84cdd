use gatesim_model::{
    core::{
        ids::RunId,
        message::{AgentEventKind, ErrorCode},
        state::ConnectionState::ProcessingReady,
    },
    event::Event,
};

use super::*;

#[test]
fn no_client_message_lost() {
    let arrived = || {
        let mut events = EventList::with_machine("ws_1", ProcessingReady);
        events
            .world(WorldEvent::MessageArrived {
                socket: SOCKET,
                message: Some("c0-m1".into()),
            })
            .world(WorldEvent::MessageArrived {
                socket: SOCKET,
                message: None,
            });
        events
    };
    let dispatch = |events: &mut EventList| {
        events.container(Event::Dispatched {
            socket: SOCKET,
            connection: "ws_1".into(),
            user: "user0".into(),
            message: Some("c0-m1".into()),
        });
    };
    let finish = |events: &mut EventList| {
        events.endpoint_ended(EndpointEnd::Returned, CloseCause::Finished);
    };
    let mut executed = arrived();
    dispatch(&mut executed);
    finish(&mut executed);
    let mut refused = arrived();
    refused.container(Event::MessageRefused {
        socket: SOCKET,
        message: Some("c0-m1".into()),
        error: ErrorCode::MessageTooLarge,
    });
    finish(&mut refused);
    let mut not_normal = arrived();
    not_normal.close(1012, CloseCause::GoingAway);
    finish(&mut not_normal);
    let mut peer_first = arrived();
    peer_first.container(Event::DisconnectSeen {
        socket: SOCKET,
        code: 1001,
    });
    finish(&mut peer_first);
    let mut crossing = EventList::accepted();
    crossing
        .close(1000, CloseCause::Finished)
        .world(WorldEvent::MessageArrived {
            socket: SOCKET,
            message: Some("c0-m1".into()),
        });
    finish(&mut crossing);
    let mut dropped = arrived();
    dropped.container(Event::MessageDropped {
        socket: SOCKET,
        message: Some("c0-m1".into()),
    });
    let mut returned = arrived();
    finish(&mut returned);
    let mut closed = arrived();
    closed.close(1000, CloseCause::Finished);
    finish(&mut closed);
    insta::assert_snapshot!(verdicts(
        Invariant::NoClientMessageLost,
        &[
            ("executed", &executed),
            ("refused", &refused),
            ("closed with 1012", &not_normal),
            ("the peer went first", &peer_first),
            ("crosses with the close", &crossing),
            ("dropped", &dropped),
            ("endpoint returns", &returned),
            ("closed with 1000", &closed),
        ]
    ));
}

#[test]
fn events_in_order() {
    let got = |events: &mut EventList, socket, run, message: &str, seqs: &[u32]| {
        for seq in seqs {
            events.world(WorldEvent::ClientGotEvent {
                socket,
                run: RunId(run),
                message: message.into(),
                seq: *seq,
                kind: AgentEventKind::AgentThinking,
                recovered: false,
            });
        }
    };
    let events = |seqs: &[u32]| {
        let mut events = EventList::new();
        got(&mut events, SOCKET, 0, "c0-m1", seqs);
        events
    };
    let mut several = EventList::new();
    got(&mut several, SOCKET, 0, "c0-m1", &[0, 1]);
    got(&mut several, SOCKET, 1, "c0-m2", &[0, 1]);
    got(&mut several, OTHER, 0, "c1-m1", &[0]);
    let second = SocketId {
        attempt: 2,
        ..SOCKET
    };
    let over_two = |seqs: &[u32]| {
        let mut events = EventList::new();
        got(&mut events, SOCKET, 0, "c0-m1", &[0, 1]);
        got(&mut events, second, 0, "c0-m1", seqs);
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::EventsInOrder,
        &[
            ("in order", &events(&[0, 1, 2])),
            ("with a gap", &events(&[0, 3])),
            ("several runs", &several),
            ("resumed on the next connection", &over_two(&[2, 3])),
            ("given again on the next connection", &over_two(&[1, 2])),
            ("overtaken", &events(&[0, 2, 1])),
            ("twice", &events(&[0, 0])),
        ]
    ));
}

const AGAIN: SocketId = SocketId {
    attempt: 2,
    ..SOCKET
};

/// The client has a connection that it may use, and has sent its message.
fn sent() -> EventList {
    let mut events = EventList::new();
    events
        .world(WorldEvent::ClientReady { socket: SOCKET })
        .world(WorldEvent::ClientSent {
            socket: SOCKET,
            message: "c0-m1".into(),
        });
    events
}

/// A run of a message that came over this socket.
fn run(events: &mut EventList, socket: SocketId, run: u32) {
    events.container(Event::RunStarted {
        socket,
        run: RunId(run),
        message: "c0-m1".into(),
        user: "user0".into(),
    });
}

fn run_ends(events: &mut EventList, run: u32) {
    events.container(Event::RunEnded {
        socket: SOCKET,
        run: RunId(run),
        complete: true,
    });
}

fn answer(events: &mut EventList, seqs: &[u32], last: AgentEventKind) {
    for (seq, left) in seqs.iter().zip((0..seqs.len()).rev()) {
        events.world(WorldEvent::ClientGotEvent {
            socket: SOCKET,
            run: RunId(0),
            message: "c0-m1".into(),
            seq: *seq,
            kind: match left {
                0 => last,
                _ => AgentEventKind::AgentThinking,
            },
            recovered: false,
        });
    }
}

#[test]
fn a_message_is_executed_once_and_answered_in_full() {
    use AgentEventKind::{AgentCompleted, AgentThinking};
    let healed = |events: &mut EventList| {
        events.world(WorldEvent::FaultsHealed).wait_secs(40);
    };
    let mut answered = sent();
    run(&mut answered, SOCKET, 0);
    answer(&mut answered, &[0, 1, 2], AgentCompleted);
    healed(&mut answered);
    let mut failed = sent();
    failed.world(WorldEvent::ClientGotError {
        socket: SOCKET,
        message: Some("c0-m1".into()),
    });
    healed(&mut failed);
    let mut goes_on = sent();
    run(&mut goes_on, SOCKET, 0);
    healed(&mut goes_on);
    let mut faulty = sent();
    faulty.wait_secs(40);
    let mut away = sent();
    away.world(WorldEvent::ClientClosed {
        socket: SOCKET,
        code: 1006,
        clean: false,
        by_client: false,
    });
    healed(&mut away);
    let mut twice = sent();
    run(&mut twice, SOCKET, 0);
    run_ends(&mut twice, 0);
    run(&mut twice, AGAIN, 7);
    let mut gap = sent();
    run(&mut gap, SOCKET, 0);
    answer(&mut gap, &[0, 1, 3], AgentCompleted);
    let mut ignored = sent();
    healed(&mut ignored);
    let mut swallowed = sent();
    run(&mut swallowed, SOCKET, 0);
    answer(&mut swallowed, &[0, 1], AgentThinking);
    run_ends(&mut swallowed, 0);
    healed(&mut swallowed);
    insta::assert_snapshot!(verdicts(
        Invariant::NoClientMessageLost,
        &[
            ("answered", &answered),
            ("reported as failed", &failed),
            ("the run goes on", &goes_on),
            ("faults go on", &faulty),
            ("the client is away", &away),
            ("executed again after a reconnect", &twice),
            ("answered but for one event", &gap),
            ("never executed", &ignored),
            ("the answer stops", &swallowed),
        ]
    ));
}

#[test]
fn messages_in_order() {
    let events = |executed: &[&str]| {
        let mut events = EventList::with_machine("ws_1", ProcessingReady);
        for message in ["c0-m1", "c0-m2", "c0-m1"] {
            events.world(WorldEvent::MessageArrived {
                socket: SOCKET,
                message: Some(message.into()),
            });
        }
        for message in executed {
            events.container(Event::Dispatched {
                socket: SOCKET,
                connection: "ws_1".into(),
                user: "user0".into(),
                message: Some((*message).into()),
            });
        }
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::EventsInOrder,
        &[
            (
                "in order, one of them twice",
                &events(&["c0-m1", "c0-m2", "c0-m1"])
            ),
            ("with a gap", &events(&["c0-m2"])),
            ("overtaken", &events(&["c0-m2", "c0-m1"])),
        ]
    ));
}

#[test]
fn an_answer_is_of_one_run() {
    let answered = |runs: [u32; 2]| {
        let mut events = EventList::accepted();
        events.world(WorldEvent::ClientSent {
            socket: SOCKET,
            message: "c0-m1".into(),
        });
        for (run, seq) in runs.into_iter().zip(0..) {
            events.world(WorldEvent::ClientGotEvent {
                socket: SOCKET,
                run: RunId(run),
                message: "c0-m1".into(),
                seq,
                kind: AgentEventKind::AgentThinking,
                recovered: false,
            });
        }
        events.verdict(Invariant::NoClientMessageLost)
    };
    assert_eq!(answered([0, 0]), "held");
    let glued = answered([0, 1]);
    assert!(glued.contains("answered by two runs"), "{glued}");
}
