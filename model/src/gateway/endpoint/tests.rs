//! One connection of a silent client, step by step, under each design.

use std::time::Duration;

use crate::{
    core::{environment::Environment, time::Time},
    design::Design,
    event::{Component, EndpointEnd, TaskName},
    port::env::{Env, Reply, Request, TokenVerdict},
    testing::{self, TestEnv, TestSocket, arrive},
};

use super::*;

/// Events that show a set-up.
const MILESTONES: [&str; 16] = [
    "accepted",
    "machine_registered",
    "machine_shared",
    "registration_refused",
    "machine_unregistered",
    "transition",
    "transition_refused",
    "machine_missing",
    "internal_error",
    "notice_sent",
    "gate_waiting",
    "gate_gave_up",
    "gate_skipped",
    "loop_entered",
    "close_sent",
    "endpoint_ended",
];

/// Services that know every token and take 5 ms.
fn env() -> TestEnv {
    TestEnv::new(|request| {
        let reply = match request {
            Request::ValidateToken { .. } => {
                Reply::Token(TokenVerdict::Valid { user: "ada".into() })
            }
            Request::ProbeAuth
            | Request::PingRedis
            | Request::CheckDatabase
            | Request::Ledger { .. }
            | Request::NextAgentStep { .. } => Reply::Alive,
        };
        (Duration::from_millis(5), Ok(reply))
    })
}

struct EndpointScene {
    env: TestEnv,
    container: Rc<Container<TestEnv>>,
    since: Time,
}

impl EndpointScene {
    /// A container that has been up for a while.
    fn new(design: &str) -> Self {
        let env = env();
        let container = testing::container(&env, design, Environment::Staging);
        env.block_on(container.start());
        let since = env.now();
        EndpointScene {
            env,
            container,
            since,
        }
    }

    fn serve(&self, peer: u32) -> Rc<TestSocket> {
        let socket = arrive(peer, "a.b.c");
        let endpoint = self.container.clone().serve(socket.clone());
        let task = async move { assert_eq!(endpoint.await, EndpointEnd::Returned) };
        self.env.spawn(TaskName::Startup, None, task);
        socket
    }

    fn wait(&self, duration: Duration) {
        self.env.block_on(self.env.sleep(duration));
    }

    /// The milestones since the container was ready, one per line, in milliseconds.
    fn story(&self) -> String {
        let mut story = String::new();
        for (time, event) in self.env.timed_events() {
            let mut event = serde_json::to_value(&event).unwrap();
            let fields = event.as_object_mut().unwrap();
            let name = fields.remove("event").unwrap();
            if time < self.since || !MILESTONES.contains(&name.as_str().unwrap()) {
                continue;
            }
            fields.remove("socket");
            let ms = (time - self.since).as_millis();
            let mut line = format!("{ms:>5} {}", name.as_str().unwrap());
            for (key, value) in fields {
                line.push_str(&format!(" {key}={value}"));
            }
            story.push_str(&line.replace('"', ""));
            story.push('\n');
        }
        story
    }
}

#[test]
fn set_up_under_each_design() {
    for design in Design::builtin_names() {
        let scene = EndpointScene::new(design);
        scene.serve(1);
        scene.wait(Duration::from_secs(10));
        insta::assert_snapshot!(format!("set_up_{design}"), scene.story());
    }
}

#[test]
fn nothing_is_left_of_a_container_that_was_drained() {
    let scene = EndpointScene::new("reference");
    let ready = scene.serve(1);
    scene.wait(Duration::from_secs(1));
    let container = scene.container.clone();
    scene.env.block_on(async { container.terminate().await });
    let late = scene.serve(2);
    scene.wait(Duration::from_secs(1));
    assert_eq!(ready.closed.get(), Some(1012));
    assert_eq!(late.closed.get(), Some(1012));
    assert!(container.live_connections().is_empty());
    assert!(container.registry.borrow().is_empty());
    insta::assert_snapshot!(scene.story());
}

/// A registry that is full: the one answer that decides is what a missing machine means.
#[test]
fn without_a_machine_a_connection_is_closed_or_let_through() {
    for (design, closed) in [
        ("reference", Some(1013)),
        ("reference+missing-machine=ready", None),
    ] {
        let scene = EndpointScene::new(design);
        let capacity = u32::try_from(scene.container.settings.registry_capacity).unwrap();
        for peer in 0..capacity {
            scene.serve(peer);
        }
        scene.wait(Duration::from_secs(1));
        let one_too_many = scene.serve(capacity);
        scene.wait(Duration::from_secs(1));
        assert_eq!(one_too_many.closed.get(), closed, "{design}");
    }
}

#[test]
fn a_missing_service_is_reported_or_hidden() {
    for (design, closed) in [
        ("reference", Some(1013)),
        ("reference+failure-exit=silent-return", None),
    ] {
        let scene = EndpointScene::new(design);
        let supervisor = Component::AgentSupervisor;
        scene.container.app.set(&scene.env, supervisor, false);
        let socket = scene.serve(1);
        scene.wait(Duration::from_secs(6));
        assert_eq!(socket.closed.get(), closed, "{design}");
        assert!(scene.container.live_connections().is_empty(), "{design}");
    }
}
