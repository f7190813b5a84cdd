//! What a container has, and how a connection finds out (docs/protocol.md#step-20,
//! docs/protocol.md#stage-f, docs/protocol.md#service-validation).
//!
//! Readiness of a service is the presence of a component in the [`crate::gateway::app_state`]; the
//! services behind the components are asked only where this is documented. Two ways to validate
//! them: the ladder that production climbed after accept, and one that waits for a change within
//! a declared budget.

use std::{rc::Rc, time::Duration};

use crate::{
    core::{ids::SocketId, message::Notice},
    design::{RedisGrace, ServiceValidation},
    event::{Component, Event, Limit, TaskName},
    gateway::{app_state::REQUIRED, calls, connection::Connection, container::Container},
    historical::service_ladder::ServiceLadder,
    port::{
        env::{Env, Request},
        limits,
        wait::timeout,
    },
};

/// How long the sound validation waits for components that are still being created.
pub const VALIDATION_BUDGET: Duration = Duration::from_secs(5);

/// How long Redis may take to answer a PING (docs/protocol.md#redis-grace).
pub const REDIS_PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Waits for what a connection needs (docs/protocol.md#stage-f) and returns which of the required
/// components are missing after that. The ladder may take two minutes, the budgeted answer at most
/// [`VALIDATION_BUDGET`] and what Redis is given.
pub async fn validate<E: Env>(
    container: &Container<E>,
    connection: &Rc<Connection<E>>,
) -> Vec<Component> {
    match container.design.service_validation {
        ServiceValidation::Absent => {}
        ServiceValidation::Ladder => {
            let ladder = ServiceLadder {
                env: &container.env,
                socket: connection.socket_id(),
                environment: container.environment,
                has: |component| container.app.has(component),
                ping_redis: async || ping_redis(container, connection.socket_id()).await,
            };
            if !ladder.wait_for(|| container.app.startup_complete()).await {
                report_degraded_mode(connection);
            }
            for component in REQUIRED {
                ladder.climb(component).await;
            }
            for component in [Component::AgentSupervisor, Component::ThreadService] {
                ladder.poll_for(component).await;
            }
        }
        ServiceValidation::Budgeted => {
            let all = container.app.all_of(&REQUIRED);
            // What counts is what is there now, whether or not the wait was cut short.
            let (env, socket) = (&container.env, connection.socket_id());
            let came = timeout(env, VALIDATION_BUDGET, all).await;
            limits::in_time(env, socket, Limit::ServicesTime, VALIDATION_BUDGET, came);
            if container.app.has(Component::Redis) {
                give_grace(container, connection.socket_id()).await;
            }
        }
    }
    let missing = container.app.missing(&REQUIRED);
    container.env.emit(Event::ServicesValidated {
        socket: connection.socket_id(),
        missing: missing.clone(),
    });
    missing
}

/// Start-up takes too long: a task that is not awaited notifies the client, and the connection
/// goes on.
fn report_degraded_mode<E: Env>(connection: &Rc<Connection<E>>) {
    let told = connection.clone();
    connection.spawn(TaskName::Notice, async move {
        // A notice that cannot be handed over is forgotten.
        let _ = told.send_notice(Notice::DegradedMode).await;
    });
}

/// Pings Redis, to no effect on the answer, and then gives it a grace.
async fn ping_redis<E: Env>(container: &Container<E>, socket: SocketId) {
    let env = &container.env;
    // The answer is logged and nothing else.
    let _ = calls::ask(env, Some(socket), Request::PingRedis, REDIS_PING_TIMEOUT).await;
    give_grace(container, socket).await;
}

/// Redis is connected, and is given time before anything is asked of it
/// (docs/protocol.md#redis-grace).
async fn give_grace<E: Env>(container: &Container<E>, socket: SocketId) {
    let Some(grace) = container.environment.redis_grace() else {
        return;
    };
    let env = &container.env;
    match container.design.redis_grace {
        RedisGrace::None => {}
        RedisGrace::Asleep => env.sleep(grace).await,
        RedisGrace::Blocking => {
            env.emit(Event::ProcessBlocked {
                socket,
                for_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
            });
            env.block(grace).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{environment::Environment, time::Time},
        event::StartupPhase,
        port::env::CallError,
        testing::{self, TestEnv, connect},
    };

    #[test]
    fn a_healthy_cloud_container_pays_the_redis_grace_twice() {
        let env = TestEnv::idle();
        let container = testing::container(&env, "v9", Environment::Staging);
        container.app.reach(&env, StartupPhase::Complete);
        for component in REQUIRED {
            container.app.set(&env, component, true);
        }
        let (connection, _) = connect(&container, 0, "a.b.c");
        let missing = env.block_on(validate(&container, &connection));
        assert_eq!((missing, env.now().as_millis()), (vec![], 1000));
    }

    #[test]
    fn the_budgeted_answer_comes_with_the_last_component() {
        let env = TestEnv::idle();
        let container = testing::container(&env, "reference", Environment::Staging);
        let (connection, _) = connect(&container, 0, "a.b.c");
        let (late, later) = (container.clone(), env.clone());
        env.spawn(TaskName::Startup, None, async move {
            for component in REQUIRED {
                later.sleep(Duration::from_millis(700)).await;
                late.app.set(&later, component, true);
            }
        });
        let missing = env.block_on(validate(&container, &connection));
        assert_eq!((missing, env.now().as_millis()), (vec![], 3500));
    }

    #[test]
    fn the_budgeted_answer_does_not_wait_for_ever() {
        let env = TestEnv::new(|_| (Duration::ZERO, Err(CallError::Refused)));
        let container = testing::container(&env, "reference", Environment::Staging);
        container.app.set(&env, Component::Database, true);
        let (connection, _) = connect(&container, 0, "a.b.c");
        let missing = env.block_on(validate(&container, &connection));
        assert_eq!(missing, REQUIRED[1..]);
        assert_eq!(env.now().since(Time::ZERO), VALIDATION_BUDGET);
        let reached = Event::LimitReached {
            socket: Some(connection.socket_id()),
            limit: Limit::ServicesTime,
            value: VALIDATION_BUDGET.into(),
        };
        assert!(env.events().contains(&reached));
    }
}
