use std::iter;

use gatesim_model::{
    core::{
        ids::{RunId, SocketId},
        message::AgentEventKind,
        state::ConnectionState::ProcessingReady,
    },
    event::{Event, LockName, TaskName},
    port::env::Service,
};

use super::*;
use crate::trace::event::FinishReason;

const RUN: RunId = RunId(3);

fn attempt(number: u16) -> SocketId {
    SocketId {
        attempt: number,
        ..SOCKET
    }
}

fn completed(events: &mut EventList) {
    events.world(WorldEvent::ClientGotEvent {
        socket: SOCKET,
        run: RUN,
        message: "c0-m0".into(),
        seq: 4,
        kind: AgentEventKind::AgentCompleted,
        recovered: false,
    });
}

#[test]
fn a_client_is_served_after_healing() {
    let sent = || {
        let mut events = EventList::accepted();
        events
            .world(WorldEvent::ClientOpened { socket: SOCKET })
            .world(WorldEvent::ClientReady { socket: SOCKET })
            .world(WorldEvent::ClientSent {
                socket: SOCKET,
                message: "c0-m0".into(),
            });
        events
    };
    let mut answered = sent();
    answered.world(WorldEvent::FaultsHealed).wait_secs(30);
    completed(&mut answered);
    answered.wait_secs(200);
    let mut not_healed = sent();
    not_healed.wait_secs(400);
    let mut left = sent();
    left.world(WorldEvent::FaultsHealed)
        .wait_secs(60)
        .world(WorldEvent::ClientDone { client: 0 })
        .wait_secs(200);
    let mut bad_token = EventList::accepted();
    bad_token.world(WorldEvent::FaultsHealed);
    for _ in 0..3 {
        bad_token
            .wait_secs(60)
            .close(1008, CloseCause::NotAuthenticated);
    }
    let mut not_run = sent();
    not_run.world(WorldEvent::FaultsHealed).wait_secs(200);
    let mut asks = sent();
    asks.container(Event::RunStarted {
        socket: SOCKET,
        run: RUN,
        message: "c0-m0".into(),
        user: "user0".into(),
    })
    .container(Event::CallStarted {
        socket: Some(SOCKET),
        service: Service::Supervisor,
    })
    .world(WorldEvent::FaultsHealed)
    .wait_secs(200);
    let mut lost = sent();
    lost.container(Event::RunStarted {
        socket: SOCKET,
        run: RUN,
        message: "c0-m0".into(),
        user: "user0".into(),
    })
    .gone()
    .world(WorldEvent::ClientClosed {
        socket: SOCKET,
        code: 1006,
        clean: false,
        by_client: false,
    })
    .world(WorldEvent::ClientConnecting {
        socket: attempt(2),
        user: 0,
    })
    .world(WorldEvent::ClientOpened { socket: attempt(2) })
    .world(WorldEvent::ClientReady { socket: attempt(2) })
    .world(WorldEvent::FaultsHealed)
    .wait_secs(200);
    let mut never_welcome = EventList::accepted();
    never_welcome
        .world(WorldEvent::ClientOpened { socket: SOCKET })
        .world(WorldEvent::FaultsHealed)
        .wait_secs(200);
    let mut stuck = sent();
    stuck.world(WorldEvent::Finished {
        reason: FinishReason::Stuck,
    });
    let mut endless = sent();
    endless.world(WorldEvent::Finished {
        reason: FinishReason::StepLimit,
    });
    insta::assert_snapshot!(verdicts(
        Invariant::NothingWaitsForever,
        &[
            ("answered", &answered),
            ("faults go on", &not_healed),
            ("the client leaves", &left),
            ("rightly refused", &bad_token),
            ("no run", &not_run),
            ("a run that waits", &asks),
            ("a run that went with its container", &lost),
            ("never welcome", &never_welcome),
            ("stuck", &stuck),
            ("endless", &endless),
        ]
    ));
}

#[test]
fn a_lock_is_acquired_in_time() {
    let lock = LockName::Manager;
    let asked = |socket, ticket| Event::LockAsked {
        socket: Some(socket),
        lock,
        instance: 7,
        ticket,
    };
    let taken = |socket, ticket| Event::LockTaken {
        socket: Some(socket),
        lock,
        instance: 7,
        ticket,
    };
    let held = || {
        let mut events = EventList::accepted();
        events
            .container(asked(SOCKET, 0))
            .container(taken(SOCKET, 0));
        events
    };
    let released = |events: &mut EventList| {
        events.container(Event::LockReleased {
            socket: Some(SOCKET),
            lock,
            instance: 7,
            ticket: 0,
        });
    };
    let mut in_turn = held();
    in_turn.container(asked(OTHER, 1)).wait_secs(10);
    released(&mut in_turn);
    in_turn.container(taken(OTHER, 1)).wait_secs(60);
    let mut given_up = held();
    given_up
        .container(asked(OTHER, 1))
        .container(Event::LockGivenUp {
            socket: Some(OTHER),
            lock,
            instance: 7,
            ticket: 1,
        })
        .wait_secs(60);
    let mut died = held();
    died.container(asked(OTHER, 1)).gone().wait_secs(60);
    let mut by_itself = held();
    by_itself.container(asked(SOCKET, 1)).wait_secs(60);
    let mut by_other = held();
    by_other.container(asked(OTHER, 1)).wait_secs(60);
    let mut passed_over = held();
    passed_over.container(asked(OTHER, 1));
    released(&mut passed_over);
    passed_over.wait_secs(60);
    insta::assert_snapshot!(verdicts(
        Invariant::NothingWaitsForever,
        &[
            ("one after the other", &in_turn),
            ("given up", &given_up),
            ("its container died", &died),
            ("held by oneself", &by_itself),
            ("held by another", &by_other),
            ("free and not acquired", &passed_over),
        ]
    ));
}

#[test]
fn clients_do_not_storm() {
    let refused = |count: u16, gap_secs: u64| {
        let mut events = EventList::new();
        for number in 1..=count {
            let socket = attempt(number);
            events
                .world(WorldEvent::ClientConnecting { socket, user: 0 })
                .world(WorldEvent::ClientClosed {
                    socket,
                    code: 1011,
                    clean: true,
                    by_client: false,
                })
                .wait_secs(gap_secs);
        }
        events
    };
    let welcomed = |lasting_secs: u64| {
        let mut events = EventList::new();
        for number in 1..=20 {
            let socket = attempt(number);
            events
                .world(WorldEvent::ClientConnecting { socket, user: 0 })
                .world(WorldEvent::ClientReady { socket })
                .wait_secs(lasting_secs)
                .world(WorldEvent::ClientClosed {
                    socket,
                    code: 1006,
                    clean: false,
                    by_client: false,
                });
        }
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::ClientsDoNotStorm,
        &[
            ("patient", &refused(30, 8)),
            ("each connection held for a while", &welcomed(5)),
            ("at once, again and again", &refused(12, 3)),
            ("welcomed and ended at once", &welcomed(2)),
        ]
    ));
}

#[test]
fn dead_peers_are_noticed() {
    let heartbeat = |events: &mut EventList, name: fn(SocketId) -> Event| {
        events.container(name(SOCKET));
    };
    let begins: fn(SocketId) -> Event = |socket| Event::TaskStarted {
        socket,
        name: TaskName::Heartbeat,
    };
    let ends: fn(SocketId) -> Event = |socket| Event::TaskEnded {
        socket,
        name: TaskName::Heartbeat,
    };
    let timed_out: fn(SocketId) -> Event = |socket| Event::HeartbeatTimedOut { socket };
    let watched = || {
        let mut events = EventList::with_machine("ws_1", ProcessingReady);
        heartbeat(&mut events, begins);
        events
    };
    let mut answers = watched();
    for _ in iter::repeat_n((), 20) {
        answers
            .wait_secs(20)
            .world(WorldEvent::PongArrived { socket: SOCKET });
    }
    let mut closed = watched();
    closed.wait_secs(110);
    heartbeat(&mut closed, timed_out);
    closed.close(1001, CloseCause::PeerSilent).wait_secs(60);
    let mut speaks = watched();
    for _ in iter::repeat_n((), 10) {
        speaks.wait_secs(30).world(WorldEvent::MessageArrived {
            socket: SOCKET,
            message: None,
        });
    }
    let mut not_watched = EventList::accepted();
    not_watched.wait_secs(200);
    let mut left = watched();
    left.wait_secs(115);
    heartbeat(&mut left, timed_out);
    heartbeat(&mut left, ends);
    left.wait_secs(60);
    let mut unnoticed = watched();
    unnoticed.wait_secs(200);
    let mut ended = watched();
    heartbeat(&mut ended, ends);
    ended.wait_secs(200);
    let mut starved = watched();
    for _ in iter::repeat_n((), 6) {
        starved
            .wait_secs(20)
            .world(WorldEvent::PongArrived { socket: SOCKET });
    }
    heartbeat(&mut starved, timed_out);
    let mut held_up = watched();
    held_up.wait_secs(60).world(WorldEvent::MessageArrived {
        socket: SOCKET,
        message: None,
    });
    held_up.wait_secs(50);
    heartbeat(&mut held_up, timed_out);
    let mut unreachable = watched();
    unreachable.wait_secs(60).world(WorldEvent::MessageArrived {
        socket: SOCKET,
        message: None,
    });
    unreachable.world(WorldEvent::LinkPartitioned {
        from: crate::trace::event::Actor::Balancer,
        to: crate::trace::event::Actor::Client(SOCKET.peer),
    });
    unreachable.wait_secs(50);
    heartbeat(&mut unreachable, timed_out);
    unreachable.close(1001, CloseCause::PeerSilent);
    insta::assert_snapshot!(verdicts(
        Invariant::DeadPeersAreNoticed,
        &[
            ("it answers", &answers),
            ("silent, and closed", &closed),
            ("it does not answer, but speaks", &speaks),
            ("no heartbeat watches", &not_watched),
            ("noticed, and nothing came of it", &left),
            ("not noticed", &unnoticed),
            ("the heartbeat ended", &ended),
            ("it answered and was not heard", &starved),
            ("it spoke, and did not answer in time", &held_up),
            ("it spoke, and could not be reached", &unreachable),
        ]
    ));
}
