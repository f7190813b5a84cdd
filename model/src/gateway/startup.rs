//! Start-up of a container, and the health check that outlives it
//! (docs/protocol.md#startup-orchestrator).
//!
//! The orchestrator goes through its phases in order and creates components on the way. Traffic
//! does not wait for it: connections arrive while it runs.

use std::{rc::Rc, time::Duration};

use crate::{
    core::environment::doubling,
    event::{Component, StartupPhase, TaskName},
    gateway::{calls, container::Container, managers, services::REDIS_PING_TIMEOUT},
    port::env::{Env, Request},
};

/// Time between two health checks of Redis while it answers
/// (docs/protocol.md#startup-orchestrator).
pub const REDIS_HEALTH_INTERVAL: Duration = Duration::from_secs(30);

/// First and longest pause between two attempts to reach Redis again
/// (docs/protocol.md#startup-orchestrator).
pub const REDIS_RECONNECT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long the database may take to answer one check.
pub const DATABASE_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// First and longest pause between two checks of the database. There is no last one: a container
/// without a database never finishes its start-up, and its platform replaces it.
pub const DATABASE_RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The phases that take time, in order.
const PHASES: [StartupPhase; 7] = [
    StartupPhase::Init,
    StartupPhase::Dependencies,
    StartupPhase::Database,
    StartupPhase::Cache,
    StartupPhase::Services,
    StartupPhase::Websocket,
    StartupPhase::Finalize,
];

/// Goes through the phases; returns when start-up is complete. A phase's components are there at
/// its end.
pub async fn run<E: Env>(container: &Rc<Container<E>>) {
    let env = &container.env;
    managers::watch(container);
    for (phase, duration) in PHASES.into_iter().zip(container.settings.phase_durations) {
        container.app.reach(env, phase);
        env.sleep(duration).await;
        match phase {
            StartupPhase::Init | StartupPhase::Finalize | StartupPhase::Complete => {}
            StartupPhase::Dependencies => create(container, &[Component::AuthSystem]),
            StartupPhase::Database => {
                reach_database(container).await;
                create(container, &[Component::Database]);
            }
            StartupPhase::Cache => {
                // Redis connects in the background: start-up does not wait for it.
                let health = watch_redis(container.clone());
                container.spawn_background(TaskName::RedisHealth, health);
            }
            StartupPhase::Services => create(
                container,
                &[Component::AgentSupervisor, Component::ThreadService],
            ),
            StartupPhase::Websocket => create(container, &[Component::WebsocketBridge]),
        }
    }
    container.app.reach(env, StartupPhase::Complete);
}

/// Creates components, except those that this deployment never gets.
fn create<E: Env>(container: &Container<E>, components: &[Component]) {
    for component in components {
        if !container.settings.never_ready.contains(component) {
            container.app.set(&container.env, *component, true);
        }
    }
}

async fn reach_database<E: Env>(container: &Container<E>) {
    let env = &container.env;
    let (first, longest) = DATABASE_RETRY;
    let mut failures = 0;
    while calls::ask(env, None, Request::CheckDatabase, DATABASE_CHECK_TIMEOUT)
        .await
        .is_err()
    {
        env.sleep(doubling(first, failures, longest)).await;
        failures = failures.saturating_add(1);
    }
}

/// Pings Redis for as long as the container runs, and moves its flag. The reports count ten
/// attempts before a line "giving up"; the attempts go on after it.
async fn watch_redis<E: Env>(container: Rc<Container<E>>) {
    let env = &container.env;
    let (first, longest) = REDIS_RECONNECT;
    let mut failures = 0;
    loop {
        let answer = calls::ask(env, None, Request::PingRedis, REDIS_PING_TIMEOUT).await;
        if answer.is_ok() {
            failures = 0;
            create(&container, &[Component::Redis]);
            env.sleep(REDIS_HEALTH_INTERVAL).await;
        } else {
            container.app.set(env, Component::Redis, false);
            env.sleep(doubling(first, failures, longest)).await;
            failures = failures.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::environment::Environment,
        event::Event,
        port::env::{CallError, Reply},
        testing::{self, TestEnv},
    };

    #[test]
    fn components_come_with_their_phases() {
        // The database is not there for the first four seconds.
        let clock = Rc::new(std::cell::Cell::new(0));
        let calls = clock.clone();
        let env = TestEnv::new(move |request| {
            calls.set(calls.get() + 1);
            let reply = match request {
                Request::CheckDatabase if calls.get() < 3 => Err(CallError::Refused),
                Request::CheckDatabase
                | Request::PingRedis
                | Request::ProbeAuth
                | Request::ValidateToken { .. }
                | Request::Ledger { .. }
                | Request::NextAgentStep { .. } => Ok(Reply::Alive),
            };
            (Duration::ZERO, reply)
        });
        let container = testing::container(&env, "reference", Environment::Testing);
        env.block_on(run(&container));
        // Seven phases of a second each, and two retries of the database.
        assert_eq!(env.now().as_secs(), 7 + 1 + 2);
        let seen: Vec<&str> = env
            .events()
            .iter()
            .filter_map(|event| match event {
                Event::PhaseReached { phase } => Some(phase.name()),
                Event::ComponentChanged {
                    component,
                    ready: true,
                } => Some(component.name()),
                _ => None,
            })
            .collect();
        assert_eq!(
            seen.join(" "),
            "init dependencies auth_system database database cache services redis \
             agent_supervisor thread_service websocket websocket_bridge finalize complete"
        );
    }
}
