//! Which attempts count, and what coordination costs them.

use super::*;

#[test]
fn overhead_leaves_out_network_calls_and_missing_components() {
    let mut watched = WatchedRun::connecting();
    let (socket, service) = (Some(SOCKET), Service::Auth);
    let component = Component::Redis;
    watched
        .container(25, Event::CallStarted { socket, service })
        .container(
            125,
            Event::CallEnded {
                socket,
                service,
                ok: true,
            },
        )
        .container(
            130,
            Event::ComponentChanged {
                component,
                ready: false,
            },
        )
        .container(
            530,
            Event::ComponentChanged {
                component,
                ready: true,
            },
        )
        .welcomed(537, 550);
    let figures = watched.figures();
    assert_eq!(figures.time_to_ready, [Duration::from_millis(540)]);
    // 5 before the call, 5 after it, 7 after Redis came back.
    assert_eq!(figures.coordination_overhead, [Duration::from_millis(17)]);
}

#[test]
fn what_counts_as_a_connection() {
    let rates = |watched: WatchedRun| {
        let figures = watched.figures();
        (figures.connections_ready, figures.connections_expected)
    };
    let (socket, container) = (SOCKET, 0);

    let mut ready = WatchedRun::connecting();
    ready.welcomed(30, 40);
    assert_eq!(rates(ready), (1, 1));

    assert_eq!(
        rates(WatchedRun::connecting()),
        (0, 1),
        "the run ended first"
    );

    let ended = |cause| {
        let mut watched = WatchedRun::connecting();
        let how = gatesim_model::event::EndpointEnd::Returned;
        let (code, clean, by_client) = (1011, true, false);
        watched
            .container(30, Event::EndpointEnded { socket, how, cause })
            .world(
                40,
                WorldEvent::ClientClosed {
                    socket,
                    code,
                    clean,
                    by_client,
                },
            );
        watched
    };
    assert_eq!(rates(ended(CloseCause::AuthUnavailable)), (0, 1));
    assert_eq!(
        rates(ended(CloseCause::NotAuthenticated)),
        (0, 0),
        "rightly refused"
    );

    let mut cold = WatchedRun::new();
    let (component, ready) = (Component::Redis, false);
    cold.container(5, Event::ComponentChanged { component, ready });
    cold.world(10, WorldEvent::ClientConnecting { socket, user: 0 })
        .container(
            20,
            Event::Accepted {
                socket,
                subprotocol: None,
                offered: false,
            },
        );
    assert_eq!(rates(cold), (0, 0), "its container was not complete");

    let disturbed = |event| {
        let mut watched = WatchedRun::connecting();
        watched.world(30, event).welcomed(35, 40);
        watched
    };
    let service = Service::Auth;
    let (from, to) = (Actor::Client(0), Actor::Balancer);
    for event in [
        WorldEvent::ContainerTerminating { container },
        WorldEvent::ServiceDown { service },
        WorldEvent::LinkPartitioned { from, to },
    ] {
        assert_eq!(rates(disturbed(event)), (0, 0), "a fault on the way");
    }
    let from = Actor::Client(1);
    assert_eq!(
        rates(disturbed(WorldEvent::LinkPartitioned { from, to })),
        (1, 1),
        "not its link"
    );
}

#[test]
fn attempts_after_healing_are_counted_by_themselves() {
    let mut watched = WatchedRun::connecting();
    watched
        .world(25, WorldEvent::FaultsHealed)
        .welcomed(30, 40)
        .world(
            50,
            WorldEvent::ClientConnecting {
                socket: SocketId {
                    attempt: 2,
                    ..SOCKET
                },
                user: 0,
            },
        )
        .world(
            60,
            WorldEvent::ClientReady {
                socket: SocketId {
                    attempt: 2,
                    ..SOCKET
                },
            },
        );
    let figures = watched.collector.finish();
    assert_eq!(figures.connections_expected, 2);
    assert_eq!((figures.healed_expected, figures.healed_ready), (1, 1));
}

/// An attempt after the healing that a breaker refuses, which opened at this time; the healing is
/// at 5 ms.
fn refused_by_a_breaker(opened_ms: u64) -> Figures {
    let (socket, breaker, container) = (SOCKET, Breaker::AuthClient, 0);
    let to = BreakerState::Open;
    let mut watched = WatchedRun::new();
    if opened_ms < 5 {
        watched.container(opened_ms, Event::BreakerMoved { breaker, to });
    }
    watched.world(5, WorldEvent::FaultsHealed);
    if opened_ms > 5 {
        watched.container(opened_ms, Event::BreakerMoved { breaker, to });
    }
    let then = opened_ms.max(5);
    watched
        .world(then + 5, WorldEvent::ClientConnecting { socket, user: 0 })
        .world(then + 10, WorldEvent::UpgradeRouted { socket, container })
        .container(then + 15, Event::BreakerRefused { socket, breaker })
        .world(
            then + 25,
            WorldEvent::ClientRefused {
                socket,
                status: 503,
            },
        );
    watched.figures()
}

#[test]
fn what_a_breaker_refuses_that_faults_have_opened_does_not_count() {
    let left_by_the_faults = refused_by_a_breaker(1);
    assert_eq!(left_by_the_faults.healed_expected, 0);
    let left_by_their_last_calls = refused_by_a_breaker(7);
    assert_eq!(left_by_their_last_calls.healed_expected, 0);
    let of_its_own = refused_by_a_breaker(6_000);
    assert_eq!(
        (of_its_own.healed_expected, of_its_own.healed_ready),
        (1, 0)
    );
}

/// Connections expected of an attempt that began at 10 ms and that the client left at this time.
fn expected_when_left(left_ms: u64, done_ms: u64) -> u64 {
    let (socket, code, clean, by_client) = (SOCKET, 1006, false, true);
    let mut watched = WatchedRun::connecting();
    watched
        .world(
            left_ms,
            WorldEvent::ClientClosed {
                socket,
                code,
                clean,
                by_client,
            },
        )
        .world(done_ms, WorldEvent::ClientDone { client: 0 });
    watched.figures().connections_expected
}

#[test]
fn a_client_that_leaves_at_once_has_not_waited() {
    assert_eq!(expected_when_left(4_000, 4_000), 0);
    assert_eq!(expected_when_left(6_000, 6_000), 1, "it has waited");
    assert_eq!(expected_when_left(4_000, 4_001), 1, "it left later");
}

#[test]
fn a_client_that_sends_too_much_too_early_is_rightly_refused() {
    let expected = |refusals: usize| {
        let (socket, code, cause) = (SOCKET, 1013, CloseCause::Overload);
        let mut watched = WatchedRun::connecting();
        for _ in 0..refusals {
            let (message, error) = (None, ErrorCode::NotReady);
            watched.container(
                25,
                Event::MessageRefused {
                    socket,
                    message,
                    error,
                },
            );
        }
        watched.container(
            30,
            Event::CloseSent {
                socket,
                code,
                reason: "".into(),
                cause,
            },
        );
        watched.figures().connections_expected
    };
    assert_eq!((expected(0), expected(1)), (1, 0));
}
