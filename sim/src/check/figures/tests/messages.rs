//! Messages, their runs, and what is left of connections.

use super::*;

#[test]
fn a_run_is_delivered_when_all_its_events_have_arrived() {
    let run_of = |peer: u32, seqs: &[u32]| {
        let mut watched = WatchedRun::new();
        let asking = SocketId { peer, ..SOCKET };
        watched.world(
            5,
            WorldEvent::ClientSent {
                socket: asking,
                message: "c0-m1".into(),
            },
        );
        for seq in seqs {
            let kind = match seq {
                2 => AgentEventKind::AgentCompleted,
                _ => AgentEventKind::AgentThinking,
            };
            watched.world(
                10,
                WorldEvent::ClientGotEvent {
                    socket: SOCKET,
                    run: RunId(0),
                    message: "c0-m1".into(),
                    seq: *seq,
                    kind,
                    recovered: false,
                },
            );
        }
        let figures = watched.figures();
        (figures.agent_runs_delivered, figures.events_delivered)
    };
    let client = SOCKET.peer;
    assert_eq!(run_of(client, &[0, 1, 2]), (1, 3));
    assert_eq!(run_of(client, &[0, 2, 1]), (1, 3));
    assert_eq!(run_of(client, &[0, 2]), (0, 2));
    let another_tab = client + 1;
    assert_eq!(run_of(another_tab, &[0, 1, 2]), (0, 3));
}

#[test]
fn messages_executed_twice_lost_and_what_is_left() {
    let mut watched = WatchedRun::connecting();
    let sent = |number: u32| WorldEvent::ClientSent {
        socket: SOCKET,
        message: format!("c0-m{number}").into(),
    };
    let begun = |number: u32, run: u32| Event::RunStarted {
        socket: SOCKET,
        run: RunId(run),
        message: format!("c0-m{number}").into(),
        user: "user0".into(),
    };
    let entered = || Event::EntryAdded {
        socket: SOCKET,
        table: gatesim_model::event::Table::Router,
    };
    for number in 0..3 {
        watched.world(30, sent(number));
    }
    watched
        .welcomed(31, 32)
        .container(40, begun(0, 0))
        .container(41, begun(0, 1))
        .container(42, begun(1, 2))
        .world(
            43,
            WorldEvent::ContainerGone {
                container: 0,
                crashed: true,
            },
        )
        // It is ready again, elsewhere.
        .world(
            43,
            WorldEvent::UpgradeRouted {
                socket: SOCKET,
                container: 1,
            },
        )
        .world(43, WorldEvent::ClientReady { socket: SOCKET })
        .container(44, begun(2, 3))
        .container(45, entered())
        .container(46, entered())
        .container(
            47,
            Event::EntryRemoved {
                socket: SOCKET,
                table: gatesim_model::event::Table::Router,
            },
        )
        .world(
            50,
            WorldEvent::ClientGotError {
                socket: SOCKET,
                message: Some("c0-m1".into()),
            },
        )
        .world(
            31_000,
            WorldEvent::ClientClosed {
                socket: SOCKET,
                code: 1000,
                clean: true,
                by_client: true,
            },
        )
        .world(31_000, WorldEvent::ClientDone { client: 0 })
        .world(31_001, WorldEvent::TransportEnded { socket: SOCKET });
    let figures = watched.collector.finish();
    assert_eq!(figures.messages_sent, 3);
    assert_eq!(figures.messages_executed_twice, 1);
    // One was answered, and the run of another goes on.
    assert_eq!(figures.messages_lost, 1);
    assert_eq!(figures.left_behind, 1);
}

/// Messages lost of a client that was ready and heard nothing for a minute, while the link was
/// partitioned for some seconds of it.
fn lost_behind_a_partition(from_secs: u64, to_secs: u64) -> u64 {
    let (socket, code, clean, by_client) = (SOCKET, 1000, true, true);
    let (from, to) = (Actor::Client(0), Actor::Balancer);
    let message = "c0-m0".into();
    let mut watched = WatchedRun::connecting();
    watched
        .welcomed(30, 40)
        .world(50, WorldEvent::ClientSent { socket, message })
        .world(from_secs * 1_000, WorldEvent::LinkPartitioned { from, to });
    if to_secs < 60 {
        watched.world(to_secs * 1_000, WorldEvent::LinkRepaired { from, to });
    }
    watched
        .world(
            61_000,
            WorldEvent::ClientClosed {
                socket,
                code,
                clean,
                by_client,
            },
        )
        .world(61_000, WorldEvent::ClientDone { client: 0 });
    watched.figures().messages_lost
}

#[test]
fn behind_a_partitioned_link_no_answer_is_owed() {
    assert_eq!(lost_behind_a_partition(1, 60), 0, "it was never repaired");
    assert_eq!(
        lost_behind_a_partition(1, 40),
        0,
        "it was repaired too late"
    );
    assert_eq!(lost_behind_a_partition(1, 20), 1, "there was time enough");
}

#[test]
fn a_connection_that_only_the_client_takes_for_alive_owes_no_answer() {
    let lost = |end: Option<WorldEvent>| {
        let (socket, code, clean, by_client) = (SOCKET, 1006, false, true);
        let message = "c0-m0".into();
        let mut watched = WatchedRun::connecting();
        let container = 0;
        watched
            .world(20, WorldEvent::UpgradeRouted { socket, container })
            .welcomed(30, 40)
            .world(50, WorldEvent::ClientSent { socket, message });
        if let Some(end) = end {
            watched.world(60, end);
        }
        watched
            .world(
                61_000,
                WorldEvent::ClientClosed {
                    socket,
                    code,
                    clean,
                    by_client,
                },
            )
            .world(61_000, WorldEvent::ClientDone { client: 0 });
        watched.figures().messages_lost
    };
    let crashed = true;
    let gone = |container| Some(WorldEvent::ContainerGone { container, crashed });
    assert_eq!(lost(None), 1);
    assert_eq!(lost(Some(WorldEvent::TransportEnded { socket: SOCKET })), 0);
    assert_eq!(lost(gone(0)), 0, "its container has lost its host");
    assert_eq!(lost(gone(1)), 1, "another container");
}
