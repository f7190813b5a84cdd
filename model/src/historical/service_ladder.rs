//! Validation of the services behind a connection by a retry ladder for each component.
//!
//! Implements docs/protocol.md#service-validation.

use std::time::Duration;

use crate::{
    core::{
        environment::{Environment, Polls, Ratio},
        ids::SocketId,
        services::Component,
    },
    event::Limit,
    port::{env::Env, limits},
};

/// First sleep of the ladder; doubles with every attempt (docs/protocol.md#service-validation).
const RETRY_BASE: Duration = Duration::from_secs(1);

/// How much depends on a component (docs/protocol.md#service-validation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Criticality {
    /// Time-outs are stretched to 3/2.
    Critical,
    /// Time-outs are stretched to 6/5.
    Important,
}

/// One row of the table (docs/protocol.md#service-validation).
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

/// What the ladder needs of its container and its connection.
pub(crate) struct ServiceLadder<'a, E, H, R> {
    pub(crate) env: &'a E,
    /// The connection that waits.
    pub(crate) socket: SocketId,
    pub(crate) environment: Environment,
    /// Whether a component is present.
    pub(crate) has: H,
    /// What follows when Redis is present; it has no effect on the answer.
    pub(crate) ping_redis: R,
}

impl<E: Env, H: Fn(Component) -> bool, R: AsyncFn()> ServiceLadder<'_, E, H, R> {
    /// Polls for the end of start-up, in the cloud only; false if it does not come
    /// (docs/protocol.md#step-21).
    pub(crate) async fn wait_for(&self, complete: impl Fn() -> bool) -> bool {
        self.poll(self.environment.startup_wait(), complete).await
    }

    /// Looks again for a component that validation did not find, in the cloud only
    /// (docs/protocol.md#step-23).
    pub(crate) async fn poll_for(&self, component: Component) {
        let polls = self.environment.service_polls();
        self.poll(polls, || (self.has)(component)).await;
    }

    async fn poll(&self, polls: Option<Polls>, done: impl Fn() -> bool) -> bool {
        let Some(polls) = polls else { return true };
        for _ in 0..polls.count {
            if done() {
                return true;
            }
            self.env.sleep(polls.interval).await;
        }
        let done = done();
        if !done {
            self.gave_up(polls.total());
        }
        done
    }

    /// Validates one component: its dependencies first, whose verdicts are ignored and whose time
    /// counts, then presence with doubling sleeps. The time-out is checked only after a sleep.
    pub(crate) async fn climb(&self, component: Component) {
        let started = self.env.now();
        let requirement = Requirement::of(component);
        for dependency in requirement.dependencies {
            Box::pin(self.climb(*dependency)).await;
        }
        let limit = requirement.timeout(self.environment);
        for attempt in 0..=requirement.retries {
            if self.check(component).await {
                return;
            }
            if attempt == requirement.retries {
                return self.gave_up(self.env.now() - started);
            }
            self.env.sleep(RETRY_BASE * 2u32.pow(attempt)).await;
            if self.env.now() - started >= limit {
                return self.gave_up(limit);
            }
        }
    }

    fn gave_up(&self, after: Duration) {
        limits::reached(self.env, self.socket, Limit::ServicesTime, after);
    }

    async fn check(&self, component: Component) -> bool {
        let present = (self.has)(component);
        if present && component == Component::Redis {
            (self.ping_redis)().await;
        }
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestEnv;

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
        let ladder = ServiceLadder {
            socket: SocketId::first(0),
            env: &env,
            environment: Environment::Staging,
            has: |_| false,
            ping_redis: async || {},
        };
        env.block_on(async {
            for component in Component::ALL {
                if *component != Component::WebsocketBridge {
                    ladder.climb(*component).await;
                }
            }
        });
        assert_eq!(env.now().as_millis(), 126_000);
    }
}
