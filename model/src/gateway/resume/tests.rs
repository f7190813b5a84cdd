//! Messages that are sent again, over containers that share a ledger and nothing else.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    core::{
        environment::Environment,
        ids::{RunId, UserId},
        ledger::{KEPT_FOR, LEASE, LedgerAnswer, LedgerCommand, MessageKey, Rival},
        message::{self, ErrorCode, ServerMessage},
    },
    event::{Event, TaskName},
    gateway::{
        agent, calls, connection::Connection, container::Container, managers, router::AgentHandler,
    },
    port::env::{AgentStep, CallError, Env, Reply, Request},
    testing::{self, Peer, TestEnv, TestSocket, connect},
};

use super::CLAIM_LIMIT;

const SECOND: Duration = Duration::from_secs(1);

struct ResumeScene {
    env: TestEnv,
    redis_is_down: Rc<Cell<bool>>,
}

type Client = (Rc<Connection<TestEnv>>, Rc<TestSocket>);

impl ResumeScene {
    /// A supervisor that takes 100 ms for each of: think, call a tool, get its result, finish; and
    /// a Redis that answers at once.
    fn new() -> Self {
        let redis_is_down = Rc::new(Cell::new(false));
        let down = redis_is_down.clone();
        let env = TestEnv::new(move |request| match request {
            Request::NextAgentStep { step, .. } => {
                let step = match step {
                    0 => AgentStep::Think,
                    1 => AgentStep::ToolStarted,
                    2 => AgentStep::ToolFinished,
                    _ => AgentStep::Done,
                };
                (SECOND / 10, Ok(Reply::AgentStep(step)))
            }
            Request::Ledger { .. } | Request::PingRedis if down.get() => {
                (Duration::ZERO, Err(CallError::Refused))
            }
            Request::Ledger { .. }
            | Request::PingRedis
            | Request::ProbeAuth
            | Request::ValidateToken { .. }
            | Request::CheckDatabase => (Duration::ZERO, Ok(Reply::Alive)),
        });
        ResumeScene { env, redis_is_down }
    }

    fn container(&self, design: &str) -> Rc<Container<TestEnv>> {
        testing::container(&self.env, design, Environment::Testing)
    }

    /// A connection of the one user, ready.
    fn join(&self, container: &Rc<Container<TestEnv>>, peer: u32) -> Client {
        let (connection, socket) = connect(container, peer, "a.b.c");
        connection.bind_user(&user());
        let user = user();
        let made = managers::create(container, &connection, &user);
        self.env.block_on(made).unwrap();
        let manager = container.managers.of(connection.socket_id()).unwrap();
        let id = format!("ws_{peer}").into();
        self.env.block_on(manager.add(&connection, id));
        connection.set_ready();
        (connection, socket)
    }

    /// Sends the one message.
    fn ask(&self, container: &Rc<Container<TestEnv>>, client: &Client, after: Option<u32>) {
        self.ask_again(container, client, after, Duration::ZERO);
    }

    /// Sends the one message, which was first sent so long ago.
    fn ask_again(
        &self,
        container: &Rc<Container<TestEnv>>,
        client: &Client,
        after: Option<u32>,
        age: Duration,
    ) {
        let request = message::RunRequest {
            id: "m1".into(),
            thread: None,
            text: "hello".into(),
            after,
            age_ms: age.as_secs() * 1_000,
        };
        let handler = AgentHandler::Supervisor;
        let start = agent::start(container, &client.0, user(), request, handler);
        self.env.block_on(start);
    }

    fn pass(&self, duration: Duration) {
        self.env.block_on(self.env.sleep(duration));
    }

    fn runs(&self) -> usize {
        let started = |event: &&Event| matches!(event, Event::RunStarted { .. });
        self.env.events().iter().filter(started).count()
    }
}

fn user() -> UserId {
    "alice".into()
}

/// What a client was sent: the numbers of events, and errors.
fn heard(client: &Client) -> String {
    let words = client.1.sent.borrow();
    let words = words.iter().map(|message| match message {
        ServerMessage::AgentEvent(event) => event.seq.to_string(),
        ServerMessage::Error { code, .. } => format!("{code:?}"),
        other => panic!("{other:?}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_message_is_executed_once_and_answered_wherever_it_is_sent_again() {
    let scene = ResumeScene::new();
    let (here, there) = (scene.container("reference"), scene.container("reference"));
    let first = scene.join(&here, 0);
    scene.ask(&here, &first, None);
    scene.pass(SECOND / 4);
    first.1.peer.set(Peer::Gone);
    let (same, other) = (scene.join(&here, 1), scene.join(&there, 2));
    scene.ask(&here, &same, Some(1));
    scene.ask(&there, &other, None);
    scene.pass(SECOND);
    let late = scene.join(&there, 3);
    scene.ask(&there, &late, Some(3));
    scene.pass(SECOND);
    assert_eq!(scene.runs(), 1);
    let all = [&first, &same, &other, &late].map(heard);
    assert_eq!(all, ["0 1 2", "2 3 4", "0 1 2 3 4", "4"].map(String::from));
}

#[test]
fn one_connection_is_given_an_answer_once() {
    let scene = ResumeScene::new();
    let container = scene.container("reference");
    let client = scene.join(&container, 0);
    scene.ask(&container, &client, None);
    scene.ask(&container, &client, None);
    scene.pass(SECOND);
    assert_eq!(heard(&client), "0 1 2 3 4");
}

#[test]
fn a_message_that_is_sent_again_elsewhere() {
    let table = [
        ("reference", 1),
        ("reference+message-ledger=per-container", 2),
        ("reference+message-ledger=none", 2),
    ];
    for (design, runs) in table {
        let scene = ResumeScene::new();
        let (here, there) = (scene.container(design), scene.container(design));
        for container in [&here, &there] {
            let client = scene.join(container, 0);
            scene.ask(container, &client, None);
        }
        scene.pass(2 * SECOND);
        assert_eq!(scene.runs(), runs, "{design}");
    }
}

/// The message was claimed by a run that is silent.
fn hang(design: &str) -> (ResumeScene, Client) {
    let scene = ResumeScene::new();
    let container = scene.container(design);
    let client = scene.join(&container, 0);
    let key = MessageKey {
        user: user(),
        message: "m1".into(),
    };
    let command = LedgerCommand::Claim {
        owner: RunId(u32::MAX),
        rival: Rival::Respected,
        age: Duration::ZERO,
    };
    let claim = calls::ask_ledger(&scene.env, client.0.socket_id(), &key, command, SECOND);
    assert_eq!(scene.env.block_on(claim), Ok(LedgerAnswer::Done));
    scene.ask(&container, &client, None);
    scene.pass(LEASE + 3 * SECOND);
    (scene, client)
}

#[test]
fn a_message_whose_run_is_silent() {
    let table = [
        ("failed", 0, "AgentFailed"),
        ("executed-again", 1, "0 1 2 3 4"),
        ("awaited", 0, ""),
    ];
    for (answer, runs, words) in table {
        let (scene, client) = hang(&format!("reference+silent-run={answer}"));
        assert_eq!((scene.runs(), &*heard(&client)), (runs, words), "{answer}");
    }
}

#[test]
fn a_message_that_may_have_been_forgotten() {
    let table = [
        ("refused", 1, "OutcomeUnknown"),
        // Not the rest of the first run and the end of the second.
        ("executed", 2, "0 1 2 3 4"),
    ];
    for (answer, runs, words) in table {
        let scene = ResumeScene::new();
        let container = scene.container(&format!("reference+late-repetition={answer}"));
        let first = scene.join(&container, 0);
        scene.ask(&container, &first, None);
        scene.pass(KEPT_FOR + SECOND);
        let late = scene.join(&container, 1);
        scene.ask_again(&container, &late, Some(1), KEPT_FOR + SECOND);
        scene.pass(SECOND);
        assert_eq!((scene.runs(), &*heard(&late)), (runs, words), "{answer}");
    }
}

#[test]
fn a_message_that_cannot_be_claimed() {
    for (answer, runs) in [("refused", 0), ("executed", 1)] {
        let scene = ResumeScene::new();
        let container = scene.container(&format!("reference+ledger-outage={answer}"));
        let client = scene.join(&container, 0);
        scene.redis_is_down.set(true);
        scene.ask(&container, &client, None);
        scene.pass(CLAIM_LIMIT + SECOND / 2);
        assert_eq!(scene.runs(), runs, "{answer}");
        let refused = matches!(
            client.1.sent.borrow().first(),
            Some(ServerMessage::Error {
                code: ErrorCode::ServiceUnavailable,
                ..
            })
        );
        assert_eq!(refused, runs == 0, "{answer}");
    }
}

#[test]
fn a_run_outlives_a_short_outage_of_redis() {
    let scene = ResumeScene::new();
    let container = scene.container("reference");
    let client = scene.join(&container, 0);
    scene.ask(&container, &client, None);
    scene.pass(SECOND / 4);
    scene.redis_is_down.set(true);
    scene.pass(10 * SECOND);
    assert_eq!(heard(&client), "0 1 2");
    scene.redis_is_down.set(false);
    scene.pass(SECOND);
    assert_eq!(heard(&client), "0 1 2 3 4");
}

#[test]
fn a_container_that_stops_fails_its_runs_for_every_connection() {
    let scene = ResumeScene::new();
    let (here, there) = (scene.container("reference"), scene.container("reference"));
    let (first, second) = (scene.join(&here, 0), scene.join(&there, 1));
    scene.ask(&here, &first, None);
    scene.pass(SECOND / 4);
    scene.ask(&there, &second, None);
    here.agent_runs.stop.set();
    scene.pass(SECOND);
    let events = scene.env.events();
    let ended = |event: &Event| matches!(event, Event::RunEnded { complete, .. } if !complete);
    assert!(events.iter().any(ended));
    let all = [&first, &second].map(heard);
    assert_eq!(all, ["0 1 2 AgentFailed", "0 1 2 AgentFailed"]);
}

#[test]
fn an_answer_ends_with_its_connection() {
    let scene = ResumeScene::new();
    let container = scene.container("reference");
    let client = scene.join(&container, 0);
    scene.ask(&container, &client, None);
    client.1.peer.set(Peer::Gone);
    scene.pass(SECOND);
    let count = |wanted: fn(&Event) -> bool| {
        let events = scene.env.events();
        events.into_iter().filter(wanted).count()
    };
    let is_answer = |event: &Event| {
        matches!(
            event,
            Event::TaskEnded {
                name: TaskName::Answer,
                ..
            }
        )
    };
    assert_eq!(count(is_answer), 1);
    assert_eq!(client.0.answers(), 0);
    let complete = |event: &Event| matches!(event, Event::RunEnded { complete: true, .. });
    assert_eq!(count(complete), 1);
}
