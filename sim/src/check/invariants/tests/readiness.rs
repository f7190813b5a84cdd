use gatesim_model::{
    core::state::ConnectionState::{Accepted, Authenticated, ProcessingReady, ServicesReady},
    event::{Component, Event, ReadySource, Step},
    port::socket::SocketError,
};

use super::*;
use crate::trace::event::Operation;

#[test]
fn never_ready_without_machine() {
    let mut ready = EventList::with_machine("ws_1", ProcessingReady);
    ready
        .ready("ws_1", ReadySource::Welcome)
        .ready("ws_1", ReadySource::MessageLoop);
    let mut not_ready_but_there = EventList::with_machine("ws_1", Accepted);
    not_ready_but_there.ready("ws_1", ReadySource::Welcome);
    let mut never_registered = EventList::accepted();
    never_registered.ready("ws_fallback_1", ReadySource::Welcome);
    let mut other_id = EventList::with_machine("ws_init_1", Accepted);
    other_id.ready("ws_final_1", ReadySource::MessageLoop);
    let mut checked = EventList::accepted();
    checked.ready("ws_1", ReadySource::ReadinessCheck);
    let mut container_died = EventList::with_machine("ws_1", ProcessingReady);
    container_died.gone().ready("ws_1", ReadySource::Welcome);
    insta::assert_snapshot!(verdicts(
        Invariant::NeverReadyWithoutMachine,
        &[
            ("ready machine", &ready),
            (
                "machine not ready: another rule's business",
                &not_ready_but_there
            ),
            ("no machine at all", &never_registered),
            ("machine under another id", &other_id),
            ("readiness of the unknown", &checked),
            ("machine died with its container", &container_died),
        ]
    ));
}

#[test]
fn no_message_before_ready() {
    let dispatched = |mut events: EventList, id: &str, message: Option<&str>| {
        events.container(Event::Dispatched {
            socket: SOCKET,
            connection: id.into(),
            user: "user0".into(),
            message: message.map(Into::into),
        });
        events
    };
    let ready = dispatched(
        EventList::with_machine("ws_1", ProcessingReady),
        "ws_1",
        Some("c0-m1"),
    );
    let early = dispatched(
        EventList::with_machine("ws_1", Authenticated),
        "ws_1",
        Some("c0-m1"),
    );
    let control = dispatched(EventList::with_machine("ws_1", Accepted), "ws_1", None);
    let missing = dispatched(EventList::accepted(), "ws_1", Some("c0-m1"));
    insta::assert_snapshot!(verdicts(
        Invariant::NoMessageBeforeReady,
        &[
            ("ready", &ready),
            ("still setting up", &early),
            ("a ping counts too", &control),
            ("no machine", &missing),
        ]
    ));
}

#[test]
fn welcome_after_ready() {
    let mut after = EventList::with_machine("ws_1", ProcessingReady);
    after.ready("ws_1", ReadySource::Welcome);
    let mut before = EventList::with_machine("ws_1", Authenticated);
    before.ready("ws_1", ReadySource::Welcome);
    let mut without = EventList::accepted();
    without.ready("ws_1", ReadySource::Welcome);
    insta::assert_snapshot!(verdicts(
        Invariant::WelcomeAfterReady,
        &[
            ("after PROCESSING_READY", &after),
            ("while AUTHENTICATED", &before),
            ("without a machine", &without),
        ]
    ));
}

#[test]
fn services_ready_is_true() {
    let mut all = EventList::new();
    all.components()
        .container(Event::EndpointStarted { socket: SOCKET });
    all.machine("ws_1", ServicesReady);
    let mut lost = EventList::new();
    lost.components()
        .container(Event::EndpointStarted { socket: SOCKET })
        .component(Component::Redis, false)
        .component(Component::ThreadService, false)
        .machine("ws_1", ServicesReady);
    let mut fresh = EventList::new();
    fresh
        .components()
        .gone()
        .container(Event::EndpointStarted { socket: SOCKET })
        .machine("ws_1", ServicesReady);
    insta::assert_snapshot!(verdicts(
        Invariant::ServicesReadyIsTrue,
        &[
            ("all there", &all),
            ("two are gone", &lost),
            ("a new process has nothing", &fresh),
        ]
    ));
}

#[test]
fn errors() {
    let mut caught = EventList::accepted();
    caught.container(Event::InternalError {
        socket: SOCKET,
        step: Step::Identity,
        error: "name 'state_registry' is not defined",
    });
    insta::assert_snapshot!(verdicts(
        Invariant::NoInternalError,
        &[
            ("none", &EventList::accepted()),
            ("an unbound name, caught", &caught),
        ]
    ));

    let misuse = |operation, error| {
        let mut events = EventList::accepted();
        events.world(WorldEvent::TransportMisused {
            socket: SOCKET,
            operation,
            error,
        });
        events
    };
    insta::assert_snapshot!(verdicts(
        Invariant::TransportDiscipline,
        &[
            (
                "the peer is gone",
                &misuse(Operation::Send, SocketError::PeerGone)
            ),
            (
                "accept twice",
                &misuse(Operation::Accept, SocketError::AcceptTwice)
            ),
            (
                "two receivers",
                &misuse(Operation::Receive, SocketError::TwoReceivers)
            ),
            (
                "send after close",
                &misuse(Operation::Send, SocketError::SendAfterClose)
            ),
        ]
    ));
}
