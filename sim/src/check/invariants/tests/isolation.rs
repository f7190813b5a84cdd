use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId},
        message::AgentEventKind,
    },
    event::{AdmissionLimit, Blame, Breaker, BreakerState, Event},
};

use super::*;

/// A second client of the first one's user.
const TAB: SocketId = SocketId { peer: 2, ..SOCKET };

/// Three clients, the last of which is the first one's user again; the first has sent a message.
fn three_clients() -> EventList {
    let mut events = EventList::new();
    for (socket, user) in [(SOCKET, 0), (OTHER, 1), (TAB, 0)] {
        events.world(WorldEvent::ClientConnecting { socket, user });
    }
    events.world(WorldEvent::ClientSent {
        socket: SOCKET,
        message: message(),
    });
    events
}

fn message() -> MessageId {
    "c0-m0".into()
}

#[test]
fn users_are_isolated() {
    let dispatched = |socket, user: &str| {
        let mut events = three_clients();
        events.container(Event::Dispatched {
            socket,
            connection: "ws_1".into(),
            user: user.into(),
            message: Some(message()),
        });
        events
    };
    let heard = |socket| {
        let mut events = three_clients();
        events.world(WorldEvent::ClientGotEvent {
            socket,
            run: RunId(0),
            message: message(),
            seq: 0,
            kind: AgentEventKind::AgentStarted,
            recovered: false,
        });
        events
    };
    let successor = SocketId {
        attempt: 2,
        ..SOCKET
    };
    let handled = |handler_of| {
        let mut events = three_clients();
        let socket = SOCKET;
        events.container(Event::HandlerChosen { socket, handler_of });
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::UsersIsolated,
        &[
            ("executed for its user", &dispatched(SOCKET, "user0")),
            ("heard by the one that asked", &heard(successor)),
            ("its own handler", &handled(SOCKET)),
            ("executed for another", &dispatched(SOCKET, "user1")),
            ("another's message", &dispatched(OTHER, "user1")),
            ("heard by another user", &heard(OTHER)),
            ("heard by another tab", &heard(TAB)),
            ("another user's handler", &handled(OTHER)),
            ("a handler that was left", &handled(successor)),
        ]
    ));
}

#[test]
fn failures_stay_local() {
    let breaker = Breaker::AuthLocal;
    let opened = |failures: &[(SocketId, Blame)]| {
        let mut events = three_clients();
        for ((socket, blame), number) in failures.iter().zip(1..) {
            events.container(Event::BreakerFed {
                socket: *socket,
                breaker,
                blame: *blame,
                failures: number,
            });
        }
        let to = BreakerState::Open;
        events.container(Event::BreakerMoved { breaker, to });
        events
    };
    let refused = |mut events: EventList| {
        let socket = SOCKET;
        events.container(Event::BreakerRefused { socket, breaker });
        events
    };
    let forgotten = {
        let mut events = three_clients();
        for (socket, blame) in [(OTHER, Blame::Client), (SOCKET, Blame::Client)] {
            events.container(Event::BreakerFed {
                socket,
                breaker,
                blame,
                failures: 1,
            });
        }
        let to = BreakerState::Open;
        events.container(Event::BreakerMoved { breaker, to });
        events
    };
    let exceeded = |counted: &[SocketId]| {
        let mut events = three_clients();
        events.container(Event::AdmissionRefused {
            socket: SOCKET,
            limit: AdmissionLimit::Pool,
            counted: counted.to_vec(),
        });
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::FailuresStayLocal,
        &[
            (
                "the service failed",
                &refused(opened(&[(OTHER, Blame::Server), (OTHER, Blame::Client)]))
            ),
            (
                "its user's own failures",
                &refused(opened(&[(SOCKET, Blame::Client), (TAB, Blame::Client)]))
            ),
            ("the other's do not count any more", &refused(forgotten)),
            ("its own pool", &exceeded(&[SOCKET, TAB])),
            (
                "another's failures",
                &refused(opened(&[(OTHER, Blame::Client), (OTHER, Blame::Client)]))
            ),
            ("another's connections", &exceeded(&[SOCKET, OTHER])),
        ]
    ));
}
