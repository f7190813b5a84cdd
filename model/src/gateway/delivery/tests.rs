//! Scenarios of one run: which connection gets which event, and how it ends.

use super::*;
use crate::{
    core::{environment::Environment, message},
    gateway::{agent, managers, router::AgentHandler},
    port::env::{AgentStep, Reply, Request},
    testing::{self, Peer, TestEnv, TestSocket, connect},
};

/// A supervisor that takes 100 ms for each of: think, call a tool, get its result, finish.
fn env() -> TestEnv {
    TestEnv::new(|request| {
        let reply = match request {
            Request::NextAgentStep { step: 0, .. } => Reply::AgentStep(AgentStep::Think),
            Request::NextAgentStep { step: 1, .. } => Reply::AgentStep(AgentStep::ToolStarted),
            Request::NextAgentStep { step: 2, .. } => Reply::AgentStep(AgentStep::ToolFinished),
            Request::NextAgentStep { .. } => Reply::AgentStep(AgentStep::Done),
            Request::ProbeAuth
            | Request::ValidateToken { .. }
            | Request::PingRedis
            | Request::Ledger { .. }
            | Request::CheckDatabase => Reply::Alive,
        };
        (Duration::from_millis(100), Ok(reply))
    })
}

/// The reference with this answer, where each container keeps what it could not deliver.
const KEEPING: &str = "reference+message-ledger=none+undelivered-events=stored-and-replayed";

struct DeliveryScene {
    env: TestEnv,
    container: Rc<Container<TestEnv>>,
}

impl DeliveryScene {
    fn new(design: &str) -> Self {
        let env = env();
        let container = testing::container(&env, design, Environment::Testing);
        DeliveryScene { env, container }
    }

    /// A connection of the one user, ready.
    fn join(&self, peer: u32) -> (Rc<Connection<TestEnv>>, Rc<TestSocket>) {
        let (connection, socket) = connect(&self.container, peer, "a.b.c");
        connection.bind_user(&user());
        let id = format!("ws_{peer}").into();
        let user = user();
        let made = managers::create(&self.container, &connection, &user);
        self.env.block_on(made).unwrap();
        let manager = self.container.managers.of(connection.socket_id()).unwrap();
        self.env.block_on(manager.add(&connection, id));
        connection.set_ready();
        let back = replay(&self.container, &connection, &user);
        self.env.block_on(back);
        (connection, socket)
    }

    fn ask(&self, connection: &Rc<Connection<TestEnv>>, thread: Option<&str>) {
        let request = message::RunRequest {
            id: "m1".into(),
            thread: thread.map(Into::into),
            text: "hello".into(),
            after: None,
            age_ms: 0,
        };
        let handler = AgentHandler::Supervisor;
        let run = agent::start(&self.container, connection, user(), request, handler);
        self.env.block_on(run);
    }

    fn pass(&self, ms: u64) {
        self.env.block_on(self.env.sleep(Duration::from_millis(ms)));
    }

    /// How the events of the run fared, by sequence number, and how the run ended.
    fn story(&self) -> String {
        let mut words = Vec::new();
        for event in self.env.events() {
            match event {
                Event::AgentEventSent {
                    socket,
                    seq,
                    recovered,
                    ..
                } => {
                    let again = if recovered { " again" } else { "" };
                    words.push(format!("{seq} to c{}{again}", socket.peer));
                }
                Event::AgentEventStored { seq, .. } => words.push(format!("{seq} kept")),
                Event::AgentEventFailed { seq, .. } => words.push(format!("{seq} failed")),
                Event::AgentEventLost { seq, .. } => words.push(format!("{seq} lost")),
                Event::LimitReached { limit, .. } => words.push(limit.to_string()),
                Event::RunEnded { complete: true, .. } => words.push("complete".into()),
                Event::RunEnded {
                    complete: false, ..
                } => words.push("incomplete".into()),
                _ => {}
            }
        }
        words.join(", ")
    }
}

fn user() -> UserId {
    "alice".into()
}

#[test]
fn a_live_connection_gets_the_five_events_in_order() {
    for design in ["v9", KEEPING] {
        let scene = DeliveryScene::new(design);
        let (connection, socket) = scene.join(0);
        scene.ask(&connection, None);
        scene.pass(1000);
        let expected = "0 to c0, 1 to c0, 2 to c0, 3 to c0, 4 to c0, complete";
        assert_eq!(scene.story(), expected, "{design}");
        assert_eq!(socket.sent.borrow().len(), 5);
        assert!(scene.container.outboxes.all().is_empty());
    }
}

/// The peer leaves after the second event.
fn leave_early(design: &str) -> DeliveryScene {
    let scene = DeliveryScene::new(design);
    let (connection, socket) = scene.join(0);
    let leaver = scene.env.clone();
    scene.env.spawn(TaskName::Reader, None, async move {
        leaver.sleep(Duration::from_millis(150)).await;
        socket.peer.set(Peer::Gone);
    });
    scene.ask(&connection, None);
    scene.pass(250);
    scene
}

#[test]
fn events_for_a_peer_that_is_gone_are_handled_as_the_design_says() {
    let table = [
        ("lost", "0 to c0, 1 to c0, 2 lost, 3 lost, 4 lost, complete"),
        ("failed", "0 to c0, 1 to c0, 2 failed, incomplete"),
        (
            "retry-raises",
            "0 to c0, 1 to c0, 2 lost, 3 lost, 4 lost, complete",
        ),
    ];
    for (answer, story) in table {
        let scene = leave_early(&format!(
            "reference+message-ledger=none+undelivered-events={answer}"
        ));
        scene.pass(1000);
        assert_eq!(scene.story(), story);
    }
}

#[test]
fn the_next_connection_gets_kept_events_before_new_ones() {
    let scene = leave_early(KEEPING);
    let (_, socket) = scene.join(1);
    scene.pass(1000);
    assert_eq!(
        scene.story(),
        "0 to c0, 1 to c0, 2 kept, 2 to c1 again, 3 to c1, 4 to c1, complete"
    );
    assert_eq!(socket.sent.borrow().len(), 3);
    assert!(scene.container.outboxes.all().is_empty());
}

#[test]
fn what_is_kept_twice_is_sent_twice() {
    // D58.
    let scene = leave_early("reference+message-ledger=none+undelivered-events=kept-twice");
    let (_, socket) = scene.join(1);
    scene.pass(1000);
    assert_eq!(
        scene.story(),
        "0 to c0, 1 to c0, 2 kept, 2 to c1 again, 3 to c1, 4 to c1, complete, 2 to c1"
    );
    assert_eq!(socket.sent.borrow().len(), 4);
}

#[test]
fn events_that_no_connection_fetches_fail_in_the_end() {
    let scene = leave_early(KEEPING);
    scene.pass(31_000);
    assert_eq!(
        scene.story(),
        "0 to c0, 1 to c0, 2 kept, 3 kept, 4 kept, complete, kept-event-time, 2 failed, \
         kept-event-time, 3 failed, kept-event-time, 4 failed"
    );
    assert!(scene.container.outboxes.all().is_empty());
}

#[test]
fn a_peer_that_does_not_read_loses_its_run_to_the_next_connection() {
    let scene = DeliveryScene::new(KEEPING);
    let (connection, socket) = scene.join(0);
    socket.peer.set(Peer::Stuck);
    scene.ask(&connection, None);
    scene.pass(6_000);
    scene.join(1);
    scene.pass(6_000);
    assert_eq!(
        scene.story(),
        "send-time, 0 kept, 1 kept, send-time, 0 to c1 again, 1 to c1 again, 2 to c1, 3 to c1, \
         4 to c1, complete"
    );
}

#[test]
fn a_thread_that_only_the_message_names_has_no_connections() {
    let scene = DeliveryScene::new("v9");
    let (connection, _) = scene.join(0);
    scene.ask(&connection, Some("thread-7"));
    assert_eq!(
        scene.story(),
        "0 lost, 1 lost, 2 lost, 3 lost, 4 lost, complete"
    );
}

#[test]
fn a_container_that_stops_ends_its_runs_explicitly() {
    let scene = DeliveryScene::new(KEEPING);
    let (connection, socket) = scene.join(0);
    scene.ask(&connection, None);
    scene.pass(150);
    scene.container.agent_runs.stop.set();
    scene.pass(1);
    assert_eq!(scene.story(), "0 to c0, 1 to c0, incomplete");
    let sent = socket.sent.borrow();
    assert!(matches!(
        sent.last(),
        Some(message::ServerMessage::Error { .. })
    ));
}
