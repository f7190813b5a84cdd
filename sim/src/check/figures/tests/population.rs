//! What all clients meet together.

use super::*;
use crate::check::figures::Peak;

fn socket(client: u32) -> SocketId {
    SocketId::first(client)
}

fn ready(run: &mut WatchedRun, ms: u64, client: u32) {
    let socket = socket(client);
    run.world(
        ms,
        WorldEvent::ClientConnecting {
            socket,
            user: client,
        },
    );
    let container = 0;
    run.world(ms, WorldEvent::UpgradeRouted { socket, container });
    run.container(ms, Event::EndpointStarted { socket });
    run.world(ms, WorldEvent::ClientReady { socket });
}

fn closed(run: &mut WatchedRun, ms: u64, client: u32, code: u16) {
    let event = WorldEvent::ClientClosed {
        socket: socket(client),
        code,
        clean: code != 1006,
        by_client: false,
    };
    run.world(ms, event);
}

#[test]
fn attempts_are_counted_within_any_second() {
    let mut run = WatchedRun::new();
    for (client, ms) in [100, 900, 1_050, 1_099, 1_900].into_iter().enumerate() {
        ready(&mut run, ms, client as u32);
    }
    let figures = run.collector.finish();
    // From 100 to 1,099 ms, and from 900 on: a second has its end without.
    assert_eq!(
        (figures.attempts, figures.attempts_per_second),
        (5, Peak(4))
    );
}

#[test]
fn a_cut_is_of_a_healthy_connection_if_nothing_in_the_world_explains_it() {
    let mut run = WatchedRun::new();
    for client in 0..5 {
        ready(&mut run, 100, client);
    }
    closed(&mut run, 200, 0, 1011);
    let (from, to) = (Actor::Client(1), Actor::Balancer);
    run.world(300, WorldEvent::LinkReset { from, to });
    closed(&mut run, 300, 1, 1006);
    run.world(400, WorldEvent::ContainerTerminating { container: 0 });
    closed(&mut run, 500, 2, 1012);
    let gone = WorldEvent::ContainerGone {
        container: 0,
        crashed: false,
    };
    run.world(600, gone);
    closed(&mut run, 700, 3, 1006);
    let figures = run.collector.finish();
    assert_eq!(figures.healthy_connections_cut, 1);
    assert_eq!(figures.planned_stops_ended, 2);
    assert_eq!(figures.planned_stops_ended_1006, 1);
}

#[test]
fn an_attempt_that_others_end_before_the_welcome_was_refused() {
    let mut run = WatchedRun::new();
    for client in 0..3 {
        let socket = socket(client);
        run.world(100, WorldEvent::ClientConnecting { socket, user: 0 });
    }
    let refused = WorldEvent::ClientRefused {
        socket: socket(0),
        status: 503,
    };
    run.world(200, refused);
    closed(&mut run, 200, 1, 1013);
    assert_eq!(run.collector.finish().attempts_refused, 2);
}

#[test]
fn a_fair_share_is_that_of_the_containers_in_service() {
    let mut run = WatchedRun::new();
    // Alone, a container may have all.
    ready(&mut run, 100, 0);
    ready(&mut run, 100, 1);
    ready(&mut run, 100, 2);
    run.world(200, WorldEvent::ContainerInService { container: 1 });
    // Four of four on one of two.
    ready(&mut run, 300, 3);
    let figures = run.collector.finish();
    assert_eq!(figures.connections_over_fair_share, Peak(2));
}
