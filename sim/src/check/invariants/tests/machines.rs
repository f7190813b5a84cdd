use gatesim_model::{
    core::state::ConnectionState::{
        Accepted, Authenticated, Closed, Connecting, Degraded, Failed, ProcessingReady,
        Reconnecting, ServicesReady,
    },
    event::{CloseCause, Event, IdHolder},
};

use super::*;

fn unregister(events: &mut EventList, id: &str) {
    events.container(Event::MachineUnregistered {
        socket: SOCKET,
        connection: id.into(),
    });
}

#[test]
fn one_machine_per_connection() {
    let mut cleaned_up = EventList::with_machine("ws_1", ProcessingReady);
    cleaned_up.close(1001, CloseCause::GoingAway);
    unregister(&mut cleaned_up, "ws_1");
    let mut closed_first = EventList::with_machine("ws_1", ProcessingReady);
    closed_first.transition("ws_1", ProcessingReady, Closed);
    unregister(&mut closed_first, "ws_1");
    let mut peer_went = EventList::with_machine("ws_1", ProcessingReady);
    peer_went.transport_ended();
    unregister(&mut peer_went, "ws_1");
    let mut second = EventList::with_machine("ws_init_1", Accepted);
    second.machine("ws_2", Connecting);
    let mut migrated = EventList::with_machine("ws_init_1", Accepted);
    unregister(&mut migrated, "ws_init_1");
    migrated.machine("ws_2", Connecting);
    let shared = |other| {
        let mut events = EventList::with_machine("ws_1", Accepted);
        events
            .container(Event::EndpointStarted { socket: other })
            .container(Event::MachineShared {
                socket: other,
                connection: "ws_1".into(),
                state: Accepted,
                existing_user: "user0".into(),
                requested_user: "user1".into(),
            });
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::OneMachinePerConnection,
        &[
            ("unregistered after the close", &cleaned_up),
            ("unregistered in CLOSED", &closed_first),
            ("unregistered after the peer went", &peer_went),
            ("registered again by its own connection", &shared(SOCKET)),
            ("a second machine", &second),
            ("unregister, then register", &migrated),
            ("shared with another connection", &shared(OTHER)),
        ]
    ));
}

#[test]
fn ids_agree() {
    let given = |events: &mut EventList, holder, id: &str| {
        events.container(Event::IdGiven {
            socket: SOCKET,
            holder,
            connection: id.into(),
        });
    };
    let mut agree = EventList::with_machine("ws_1", Accepted);
    given(&mut agree, IdHolder::Socket, "ws_1");
    given(&mut agree, IdHolder::Manager, "ws_1");
    let mut disagree = EventList::with_machine("ws_1", Accepted);
    given(&mut disagree, IdHolder::Manager, "client_7");
    let mut renamed = EventList::accepted();
    given(&mut renamed, IdHolder::Socket, "ws_1");
    given(&mut renamed, IdHolder::Socket, "ws_2");
    insta::assert_snapshot!(verdicts(
        Invariant::IdsAgree,
        &[
            ("one id", &agree),
            ("manager has another", &disagree),
            ("the socket is renamed", &renamed),
        ]
    ));
}

#[test]
fn setup_never_goes_back() {
    let forward = EventList::with_machine("ws_1", ProcessingReady);
    let mut degraded = EventList::with_machine("ws_1", ProcessingReady);
    degraded
        .transition("ws_1", ProcessingReady, Degraded)
        .transition("ws_1", Degraded, Reconnecting)
        .transition("ws_1", Reconnecting, ServicesReady);
    let mut retried = EventList::with_machine("ws_1", Authenticated);
    retried
        .transition("ws_1", Authenticated, Failed)
        .transition("ws_1", Failed, Connecting)
        .transition("ws_1", Connecting, Accepted);
    let mut migrated = EventList::with_machine("ws_init_1", Accepted);
    unregister(&mut migrated, "ws_init_1");
    migrated.machine("ws_2", Connecting);
    let mut back = EventList::with_machine("ws_1", ServicesReady);
    back.transition("ws_1", ServicesReady, Authenticated);
    insta::assert_snapshot!(verdicts(
        Invariant::SetupNeverGoesBack,
        &[
            ("forward", &forward),
            ("through RECONNECTING", &degraded),
            ("through FAILED", &retried),
            ("a new machine starts over", &migrated),
            ("a transition goes back", &back),
        ]
    ));
}
