use gatesim_model::{
    event::Event,
    ids::RunId,
    message::{AgentEventKind, ErrorCode},
    state::ConnectionState::ProcessingReady,
};

use super::*;

#[test]
fn no_client_message_lost() {
    let arrived = || {
        let mut story = Story::with_machine("ws_1", ProcessingReady);
        story
            .world(WorldEvent::MessageArrived {
                socket: SOCKET,
                message: Some("c0-m1".into()),
            })
            .world(WorldEvent::MessageArrived {
                socket: SOCKET,
                message: None,
            });
        story
    };
    let dispatch = |story: &mut Story| {
        story.container(Event::Dispatched {
            socket: SOCKET,
            connection: "ws_1".into(),
            user: "user0".into(),
            message: Some("c0-m1".into()),
        });
    };
    let finish = |story: &mut Story| {
        story.endpoint_ended(EndpointEnd::Returned, CloseCause::Finished);
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
    let mut crossing = Story::accepted();
    crossing
        .close(1000, CloseCause::Finished)
        .world(WorldEvent::MessageArrived {
            socket: SOCKET,
            message: Some("c0-m1".into()),
        });
    finish(&mut crossing);
    let mut twice = arrived();
    dispatch(&mut twice);
    dispatch(&mut twice);
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
            ("executed twice", &twice),
            ("dropped", &dropped),
            ("endpoint returns", &returned),
            ("closed with 1000", &closed),
        ]
    ));
}

#[test]
fn events_in_order() {
    let got = |story: &mut Story, socket, run, message: &str, seqs: &[u32]| {
        for seq in seqs {
            story.world(WorldEvent::ClientGotEvent {
                socket,
                run: RunId(run),
                message: message.into(),
                seq: *seq,
                kind: AgentEventKind::AgentThinking,
                recovered: false,
            });
        }
    };
    let story = |seqs: &[u32]| {
        let mut story = Story::new();
        got(&mut story, SOCKET, 0, "c0-m1", seqs);
        story
    };
    let mut several = Story::new();
    got(&mut several, SOCKET, 0, "c0-m1", &[0, 1]);
    got(&mut several, SOCKET, 1, "c0-m2", &[0, 1]);
    got(&mut several, OTHER, 0, "c1-m1", &[0]);
    let mut again_after_restart = Story::new();
    let second = SocketId {
        attempt: 2,
        ..SOCKET
    };
    for (socket, incarnation) in [(SOCKET, 1), (second, 2)] {
        again_after_restart
            .world(WorldEvent::ContainerStarted {
                container: 0,
                incarnation,
            })
            .world(WorldEvent::UpgradeRouted {
                socket,
                container: 0,
            });
        got(&mut again_after_restart, socket, 0, "c0-m1", &[0, 1]);
    }
    insta::assert_snapshot!(verdicts(
        Invariant::EventsInOrder,
        &[
            ("in order", &story(&[0, 1, 2])),
            ("with a gap", &story(&[0, 3])),
            ("several runs", &several),
            (
                "the message sent again after a restart",
                &again_after_restart
            ),
            ("overtaken", &story(&[0, 2, 1])),
            ("twice", &story(&[0, 0])),
        ]
    ));
}
