//! Which connections are owed, and which of them were ready.

use gatesim_model::core::state::ConnectionState;

use super::*;

/// Owed, welcomed and ready.
fn counts(watched: WatchedRun) -> (u64, u64, u64) {
    let figures = watched.figures();
    (
        figures.connections_expected,
        figures.connections_welcomed,
        figures.connections_ready,
    )
}

fn attempt(number: u16) -> SocketId {
    SocketId {
        attempt: number,
        ..SOCKET
    }
}

/// A machine that has come to this state, and a message loop under its id.
fn served(watched: &mut WatchedRun, to: ConnectionState) {
    let (socket, connection, user) = (SOCKET, "ws_1", "user0");
    watched
        .container(
            22,
            Event::MachineRegistered {
                socket,
                connection: connection.into(),
                user: user.into(),
            },
        )
        .container(
            24,
            Event::Transition {
                socket,
                connection: connection.into(),
                from: ConnectionState::Connecting,
                to,
                reason: "",
            },
        )
        .container(
            26,
            Event::LoopEntered {
                socket,
                connection: connection.into(),
                user: user.into(),
            },
        );
}

#[test]
fn a_welcome_does_not_make_a_connection_ready() {
    let mut sound = WatchedRun::connecting();
    served(&mut sound, ConnectionState::ProcessingReady);
    sound.welcomed(30, 40);
    assert_eq!(counts(sound), (1, 1, 1));

    let mut early = WatchedRun::connecting();
    served(&mut early, ConnectionState::Accepted);
    early.welcomed(30, 40);
    assert_eq!(counts(early), (1, 1, 0), "its machine is not ready");

    let mut without = WatchedRun::connecting();
    without.welcomed(30, 40);
    assert_eq!(counts(without), (1, 1, 0), "it has no machine");
}

#[test]
fn what_is_owed_does_not_grow_with_the_number_of_tries() {
    let mut watched = WatchedRun::connecting();
    let (status, user) = (503, 0);
    for (number, ms) in (1..20).zip((1_000..).step_by(1_000)) {
        let (socket, next) = (attempt(number), attempt(number + 1));
        watched
            .world(ms, WorldEvent::ClientRefused { socket, status })
            .world(
                ms + 500,
                WorldEvent::ClientConnecting { socket: next, user },
            );
    }
    assert_eq!(counts(watched), (1, 0, 0));

    let mut again = WatchedRun::connecting();
    served(&mut again, ConnectionState::ProcessingReady);
    let socket = attempt(2);
    again
        .welcomed(30, 40)
        .world(50, WorldEvent::FaultsHealed)
        .world(60, WorldEvent::ClientConnecting { socket, user });
    let figures = again.figures();
    assert_eq!(
        (figures.connections_expected, figures.connections_ready),
        (2, 1)
    );
    assert_eq!((figures.healed_expected, figures.healed_ready), (1, 0));
}

#[test]
fn a_client_that_leaves_at_once_has_not_waited() {
    let owed = |left_ms| {
        let mut watched = WatchedRun::connecting();
        watched.world(left_ms, WorldEvent::ClientDone { client: 0 });
        counts(watched).0
    };
    assert_eq!(owed(4_000), 0);
    assert_eq!(owed(6_000), 1);
}
