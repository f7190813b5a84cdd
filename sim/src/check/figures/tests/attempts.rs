//! Which attempts have a time, and what coordination costs them.

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
fn an_attempt_that_a_fault_touches_has_no_time() {
    let times = |event| {
        let mut watched = WatchedRun::connecting();
        watched.world(30, event).welcomed(35, 40);
        watched.figures().time_to_ready.len()
    };
    let (container, service) = (0, Service::Auth);
    let (from, to) = (Actor::Client(0), Actor::Balancer);
    for event in [
        WorldEvent::ContainerTerminating { container },
        WorldEvent::ServiceDown { service },
        WorldEvent::LinkPartitioned { from, to },
    ] {
        assert_eq!(times(event), 0);
    }
    let from = Actor::Client(1);
    assert_eq!(
        times(WorldEvent::LinkPartitioned { from, to }),
        1,
        "not its link"
    );
}
