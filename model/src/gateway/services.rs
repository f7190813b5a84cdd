//! What a container has, and how a connection finds out (protocol.md 1.4 steps 20..24, 6.1).
//!
//! Readiness of a service is the presence of a component in the [`crate::gateway::app_state`]; the
//! services behind the components are asked only where the text says so. Two ways to validate
//! them: the ladder that production climbed after accept, and one that waits for a change within
//! a declared budget.

use std::{rc::Rc, time::Duration};

use crate::{
    core::{
        environment::{Environment, Ratio},
        ids::SocketId,
        message::Notice,
    },
    design::{RedisGrace, ServiceValidation},
    event::{Component, Event, TaskName},
    gateway::{app_state::REQUIRED, calls, connection::Connection, container::Container},
    port::{
        env::{Env, Request},
        wait::timeout,
    },
};

/// How long the sound validation waits for components that are still being created.
pub const VALIDATION_BUDGET: Duration = Duration::from_secs(5);

/// How long Redis may take to answer a PING (6.1).
pub const REDIS_PING_TIMEOUT: Duration = Duration::from_secs(2);

/// First sleep of the ladder; doubles with every attempt (6.1).
const RETRY_BASE: Duration = Duration::from_secs(1);

/// How much depends on a component (6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Criticality {
    /// Time-outs are stretched to 3/2.
    Critical,
    /// Time-outs are stretched to 6/5.
    Important,
}

/// One row of the table in 6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Requirement {
    criticality: Criticality,
    base: Duration,
    maximum: Duration,
    retries: u32,
    dependencies: &'static [Component],
}

impl Requirement {
    fn of(component: Component) -> Requirement {
        use Component::*;
        use Criticality::*;
        let row = |criticality, base, maximum, retries, dependencies| Requirement {
            criticality,
            base: Duration::from_secs(base),
            maximum: Duration::from_secs(maximum),
            retries,
            dependencies,
        };
        match component {
            Database => row(Critical, 15, 45, 3, &[]),
            Redis => row(Critical, 10, 60, 5, &[]),
            AuthSystem => row(Critical, 10, 30, 3, &[]),
            AgentSupervisor => row(Critical, 20, 60, 5, &[Database, Redis, AuthSystem]),
            ThreadService => row(Critical, 15, 45, 3, &[Database, AuthSystem]),
            WebsocketBridge => row(Important, 10, 30, 3, &[AgentSupervisor]),
        }
    }

    /// min(base x environment x criticality, maximum).
    fn timeout(&self, environment: Environment) -> Duration {
        let criticality = match self.criticality {
            Criticality::Critical => Ratio::new(3, 2),
            Criticality::Important => Ratio::new(6, 5),
        };
        let stretched = environment.service_timeout_multiplier().of(self.base);
        criticality.of(stretched).min(self.maximum)
    }
}

/// Waits for what a connection needs (steps 21 to 23) and returns which of the required
/// components are missing after that. The ladder may take two minutes, the budgeted answer at most
/// [`VALIDATION_BUDGET`] and what Redis is given.
pub async fn validate<E: Env>(
    container: &Container<E>,
    connection: &Rc<Connection<E>>,
) -> Vec<Component> {
    match container.design.service_validation {
        ServiceValidation::Absent => {}
        ServiceValidation::Ladder => {
            wait_for_startup(container, connection).await;
            for component in REQUIRED {
                climb(container, connection.socket_id(), component).await;
            }
            for component in [Component::AgentSupervisor, Component::ThreadService] {
                poll_for(container, component).await;
            }
        }
        ServiceValidation::Budgeted => {
            let all = container.app.all_of(&REQUIRED);
            // What counts is what is there now, whether or not the wait was cut short.
            timeout(&container.env, VALIDATION_BUDGET, all).await;
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

/// Polls for the end of start-up, in the cloud only. If it does not come, the client is told by
/// a task that nobody waits for, and the connection goes on (step 21).
async fn wait_for_startup<E: Env>(container: &Container<E>, connection: &Rc<Connection<E>>) {
    let Some(polls) = container.environment.startup_wait() else {
        return;
    };
    for _ in 0..polls.count {
        if container.app.startup_complete() {
            return;
        }
        container.env.sleep(polls.interval).await;
    }
    if !container.app.startup_complete() {
        let told = connection.clone();
        connection.spawn(TaskName::Notice, async move {
            // A notice that cannot be handed over is forgotten.
            let _ = told.send_notice(Notice::DegradedMode).await;
        });
    }
}

/// Looks again for a component that validation did not find, in the cloud only (step 23).
async fn poll_for<E: Env>(container: &Container<E>, component: Component) {
    let Some(polls) = container.environment.service_polls() else {
        return;
    };
    for _ in 0..polls.count {
        if container.app.has(component) {
            return;
        }
        container.env.sleep(polls.interval).await;
    }
}

/// Validates one component: its dependencies first, whose verdicts are ignored and whose time
/// counts, then presence with doubling sleeps. The time-out is looked at only after a sleep.
async fn climb<E: Env>(container: &Container<E>, socket: SocketId, component: Component) {
    let env = &container.env;
    let started = env.now();
    let requirement = Requirement::of(component);
    for dependency in requirement.dependencies {
        Box::pin(climb(container, socket, *dependency)).await;
    }
    let limit = requirement.timeout(container.environment);
    for attempt in 0..=requirement.retries {
        if check(container, socket, component).await {
            return;
        }
        if attempt == requirement.retries {
            return;
        }
        env.sleep(RETRY_BASE * 2u32.pow(attempt)).await;
        if env.now() - started >= limit {
            return;
        }
    }
}

/// A presence check. Redis is also pinged, to no effect on the answer, and then given a grace.
async fn check<E: Env>(container: &Container<E>, socket: SocketId, component: Component) -> bool {
    let present = container.app.has(component);
    if present && component == Component::Redis {
        let env = &container.env;
        // The answer is logged and nothing else.
        let _ = calls::ask(env, Some(socket), Request::PingRedis, REDIS_PING_TIMEOUT).await;
        give_grace(container, socket).await;
    }
    present
}

/// Redis is connected, and is given time before anything is asked of it (6.1).
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
        core::time::Time,
        event::StartupPhase,
        port::env::CallError,
        testing::{self, TestEnv, connect},
    };

    #[test]
    fn effective_timeouts_are_those_of_the_table() {
        use Component::*;
        let table = [
            (Database, 45, 45),
            (Redis, 30, 45),
            (AuthSystem, 30, 30),
            (AgentSupervisor, 60, 60),
            (ThreadService, 45, 45),
            (WebsocketBridge, 24, 30),
        ];
        for (component, staging, production) in table {
            let timeout = |environment| Requirement::of(component).timeout(environment).as_secs();
            let timeouts = (
                timeout(Environment::Staging),
                timeout(Environment::Production),
            );
            assert_eq!(timeouts, (staging, production), "{component}");
        }
    }

    #[test]
    fn dependencies_come_earlier_in_the_list() {
        for component in Component::ALL {
            for dependency in Requirement::of(*component).dependencies {
                assert!(dependency < component, "{component} needs {dependency}");
            }
        }
    }

    #[test]
    fn the_ladder_takes_two_minutes_when_everything_is_down() {
        let env = TestEnv::idle();
        let container = testing::container(&env, "v9", Environment::Staging);
        let (connection, _) = connect(&container, 0, "a.b.c");
        env.block_on(async {
            for component in REQUIRED {
                climb(&container, connection.socket_id(), component).await;
            }
        });
        assert_eq!(env.now().as_millis(), 126_000);
    }

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
    }
}
