use gatesim_model::{
    core::{
        ids::RunId,
        message::AgentEventKind::{
            self, AgentCompleted, AgentStarted, AgentThinking, ToolCompleted, ToolExecuting,
        },
        state::ConnectionState::ProcessingReady,
    },
    event::{Event, ReadySource, TaskName},
};

use super::*;

const RUN: RunId = RunId(0);

/// A ready connection of user 0 that has started a run.
fn started() -> EventList {
    let mut events = EventList::with_machine("ws_1", ProcessingReady);
    events
        .container(Event::Authenticated {
            socket: SOCKET,
            user: "user0".into(),
            attempts: 1,
        })
        .container(Event::RunStarted {
            socket: SOCKET,
            run: RUN,
            message: "c0-m1".into(),
            user: "user0".into(),
        });
    events
}

fn emit(events: &mut EventList, seq: u32, kind: AgentEventKind) {
    events.container(Event::AgentEventEmitted {
        socket: SOCKET,
        run: RUN,
        seq,
        kind,
    });
}

fn sent(events: &mut EventList, socket: SocketId, seq: u32) {
    events.container(Event::AgentEventSent {
        socket,
        run: RUN,
        seq,
        recovered: socket != SOCKET,
    });
}

fn end(events: &mut EventList, complete: bool) {
    events.container(Event::RunEnded {
        socket: SOCKET,
        run: RUN,
        complete,
    });
}

/// A run that emits these kinds, sends them all, and is reported complete.
fn told(kinds: &[AgentEventKind]) -> EventList {
    let mut events = started();
    for (kind, seq) in kinds.iter().zip(0..) {
        emit(&mut events, seq, *kind);
        sent(&mut events, SOCKET, seq);
    }
    end(&mut events, true);
    events.wait_secs(400);
    events
}

#[test]
fn the_order_of_the_five() {
    insta::assert_snapshot!(verdicts(
        Invariant::FiveEventsComplete,
        &[
            (
                "all five",
                &told(&[
                    AgentStarted,
                    AgentThinking,
                    ToolExecuting,
                    ToolCompleted,
                    AgentCompleted
                ]),
            ),
            (
                "without tools",
                &told(&[AgentStarted, AgentThinking, AgentCompleted])
            ),
            (
                "without thinking",
                &told(&[AgentStarted, ToolExecuting, ToolCompleted, AgentCompleted]),
            ),
            ("too few", &told(&[AgentStarted, AgentCompleted])),
            (
                "no beginning",
                &told(&[AgentThinking, AgentStarted, AgentCompleted])
            ),
            (
                "no end",
                &told(&[AgentStarted, AgentThinking, ToolExecuting, ToolCompleted])
            ),
            (
                "a tool stays open",
                &told(&[AgentStarted, ToolExecuting, AgentCompleted])
            ),
            (
                "a tool that was not called",
                &told(&[AgentStarted, AgentThinking, ToolCompleted, AgentCompleted]),
            ),
        ]
    ));
}

#[test]
fn the_fate_of_an_event() {
    let emitted = || {
        let mut events = started();
        emit(&mut events, 0, AgentStarted);
        events
    };
    let failed = || {
        let mut events = emitted();
        events.container(Event::AgentEventFailed {
            socket: SOCKET,
            run: RUN,
            seq: 0,
        });
        end(&mut events, false);
        events.wait_secs(400);
        events
    };
    let mut lost = emitted();
    lost.container(Event::AgentEventLost {
        socket: SOCKET,
        run: RUN,
        seq: 0,
    });
    let mut into_nothing = emitted();
    into_nothing.transport_ended();
    sent(&mut into_nothing, SOCKET, 0);
    let mut forgotten = emitted();
    forgotten.wait_secs(40);

    let stored = || {
        let mut events = emitted();
        events.transport_ended().container(Event::AgentEventStored {
            socket: SOCKET,
            run: RUN,
            seq: 0,
        });
        end(&mut events, false);
        events.wait_secs(100);
        events
            .container(Event::EndpointStarted { socket: OTHER })
            .container(Event::Authenticated {
                socket: OTHER,
                user: "user0".into(),
                attempts: 1,
            })
            .container(Event::ReadyReported {
                socket: OTHER,
                connection: "ws_2".into(),
                by: ReadySource::Welcome,
            });
        events
    };
    let mut replayed = stored();
    sent(&mut replayed, OTHER, 0);
    replayed.wait_secs(40);
    let mut gone_again = stored();
    gone_again
        .world(WorldEvent::TransportEnded { socket: OTHER })
        .wait_secs(40);
    let mut not_replayed = stored();
    not_replayed.wait_secs(40);
    insta::assert_snapshot!(verdicts(
        Invariant::FiveEventsComplete,
        &[
            ("reported as failed", &failed()),
            ("stored and replayed", &replayed),
            ("stored, and the user is gone again", &gone_again),
            ("lost", &lost),
            ("sent into an ended transport", &into_nothing),
            ("neither sent, stored nor failed", &forgotten),
            ("stored and not replayed", &not_replayed),
        ]
    ));
}

#[test]
fn every_run_ends() {
    let with_task = || {
        let mut events = EventList::with_machine("ws_1", ProcessingReady);
        events
            .container(Event::TaskStarted {
                socket: SOCKET,
                name: TaskName::AgentRun,
            })
            .container(Event::RunStarted {
                socket: SOCKET,
                run: RUN,
                message: "c0-m1".into(),
                user: "user0".into(),
            })
            .endpoint_ended(EndpointEnd::Returned, CloseCause::PeerGone);
        events
    };
    let task_ended = |events: &mut EventList| {
        events.container(Event::TaskEnded {
            socket: SOCKET,
            name: TaskName::AgentRun,
        });
    };
    let mut outlives = with_task();
    end(&mut outlives, false);
    task_ended(&mut outlives);
    outlives.wait_secs(400);
    let mut died = with_task();
    died.gone().wait_secs(400);
    let mut claims_first = EventList::with_machine("ws_1", ProcessingReady);
    claims_first
        .container(Event::TaskStarted {
            socket: SOCKET,
            name: TaskName::AgentRun,
        })
        .world(WorldEvent::ContainerGone {
            container: 1,
            crashed: true,
        })
        .container(Event::RunStarted {
            socket: SOCKET,
            run: RUN,
            message: "c0-m1".into(),
            user: "user0".into(),
        })
        .endpoint_ended(EndpointEnd::Returned, CloseCause::PeerGone);
    end(&mut claims_first, false);
    let mut cancelled = with_task();
    task_ended(&mut cancelled);
    let mut inline = started();
    inline.endpoint_ended(EndpointEnd::Raised, CloseCause::ServerFault);
    let mut endless = with_task();
    endless.wait_secs(400);
    insta::assert_snapshot!(verdicts(
        Invariant::FiveEventsComplete,
        &[
            ("after its connection, in its own task", &outlives),
            ("its container died", &died),
            ("another container dies before it begins", &claims_first),
            ("its task was cancelled", &cancelled),
            ("its endpoint ended", &inline),
            ("endless", &endless),
        ]
    ));
}
