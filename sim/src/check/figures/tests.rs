//! Counting by hand-written event lists.

use std::time::Duration;

use gatesim_model::{
    core::{
        ids::{RunId, SocketId},
        message::{AgentEventKind, ErrorCode},
        time::Time,
    },
    event::{Breaker, BreakerState, CloseCause, Component, Event, ReadySource},
    port::env::Service,
};

use super::{Figures, FiguresCollector};
use crate::{
    check::facts::REQUIRED_COMPONENTS,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

const SOCKET: SocketId = SocketId::first(0);

/// A run with events at given milliseconds.
struct WatchedRun {
    collector: FiguresCollector,
    number: u64,
}

impl WatchedRun {
    /// Container 0 is in service and has every component.
    fn new() -> Self {
        let mut watched = WatchedRun {
            collector: FiguresCollector::new(),
            number: 0,
        };
        watched.world(0, WorldEvent::ContainerInService { container: 0 });
        for component in REQUIRED_COMPONENTS {
            let ready = true;
            watched.container(0, Event::ComponentChanged { component, ready });
        }
        watched
    }

    /// An attempt that is being set up since 20 ms.
    fn connecting() -> Self {
        let mut watched = WatchedRun::new();
        let socket = SOCKET;
        watched
            .world(10, WorldEvent::ClientConnecting { socket, user: 0 })
            .world(
                15,
                WorldEvent::UpgradeRouted {
                    socket,
                    container: 0,
                },
            )
            .container(
                20,
                Event::Accepted {
                    socket,
                    subprotocol: None,
                    offered: false,
                },
            );
        watched
    }

    fn welcomed(&mut self, sent_ms: u64, arrived_ms: u64) -> &mut Self {
        let connection = "ws_1".into();
        let by = ReadySource::Welcome;
        let socket = SOCKET;
        self.container(
            sent_ms,
            Event::ReadyReported {
                socket,
                connection,
                by,
            },
        )
        .world(arrived_ms, WorldEvent::ClientReady { socket })
    }

    fn container(&mut self, ms: u64, event: Event) -> &mut Self {
        self.add(ms, Actor::Container(0), Fact::Protocol(event))
    }

    fn world(&mut self, ms: u64, event: WorldEvent) -> &mut Self {
        self.add(ms, Actor::World, Fact::World(event))
    }

    fn add(&mut self, ms: u64, actor: Actor, fact: Fact) -> &mut Self {
        let number = self.number;
        self.number += 1;
        let time = Time(ms * 1_000_000);
        self.collector.observe(&TraceEvent {
            number,
            time,
            step: number,
            actor,
            fact,
        });
        self
    }

    fn figures(self) -> Figures {
        self.collector.finish()
    }
}

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

/// Messages lost of a client that was ready and heard nothing for a minute, while the link was
/// cut for some seconds of it.
fn lost_behind_a_cut(from_secs: u64, to_secs: u64) -> u64 {
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
fn behind_a_cut_link_nothing_can_be_expected() {
    assert_eq!(lost_behind_a_cut(1, 60), 0, "it was never mended");
    assert_eq!(lost_behind_a_cut(1, 40), 0, "it was mended too late");
    assert_eq!(lost_behind_a_cut(1, 20), 1, "there was time enough");
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
