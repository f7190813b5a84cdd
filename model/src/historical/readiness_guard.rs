//! The guard that asks, before the endpoint, whether the whole container is ready.
//!
//! Implements docs/protocol.md#readiness-guard.
//!
//! Only in the cloud. Three phases, one service after the other, each polled. The limit of a phase
//! is checked after the sleeps, and restarts for each service. What is optional in staging is
//! required in production.

use std::{cell::Cell, time::Duration};

use crate::{
    core::{
        environment::{Environment, Polls, READINESS_CACHE_TTL},
        time::Time,
    },
    event::Component,
    port::env::Env,
};

/// The result of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardVerdict {
    /// The upgrade may pass.
    Ready,
    /// It is answered with 503.
    NotReady,
}

/// The guard's memory, one for each container.
#[derive(Debug, Default)]
pub(crate) struct ReadinessGuard {
    last: Cell<Option<(Time, GuardVerdict)>>,
}

/// How a look at Redis is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedisLook {
    /// The flag is read.
    Read,
    /// The flag is called as if it were a function, which raises.
    Called,
}

/// One row of the table (docs/protocol.md#readiness-guard).
struct Check {
    component: Component,
    looks: Polls,
    /// Of its phase, for this service alone.
    limit: Duration,
    /// Whether staging does without.
    staging_does_without: bool,
}

const CHECKS: [Check; 6] = [
    check(Component::Database, 8, 2000, 20, true),
    check(Component::Redis, 4, 1500, 20, true),
    check(Component::AuthSystem, 3, 1000, 20, false),
    check(Component::AgentSupervisor, 10, 2000, 10, false),
    check(Component::ThreadService, 10, 2000, 10, false),
    check(Component::WebsocketBridge, 5, 1000, 10, true),
];

const fn check(
    component: Component,
    count: u32,
    interval_ms: u64,
    limit_secs: u64,
    staging_does_without: bool,
) -> Check {
    Check {
        component,
        looks: Polls::new(count, Duration::from_millis(interval_ms)),
        limit: Duration::from_secs(limit_secs),
        staging_does_without,
    }
}

impl ReadinessGuard {
    /// The last result while it is fresh, otherwise a new one, also while another request
    /// determines one. `has` says whether the container has a component.
    pub(crate) async fn ask(
        &self,
        env: &impl Env,
        environment: Environment,
        has: impl Fn(Component) -> bool,
    ) -> GuardVerdict {
        if let Some((at, verdict)) = self.last.get()
            && env.now().since(at) < READINESS_CACHE_TTL
        {
            return verdict;
        }
        let verdict = examine(env, environment, RedisLook::Read, has).await;
        self.last.set(Some((env.now(), verdict)));
        verdict
    }
}

/// Checks every service. The first one that does not appear, and is required, decides.
pub(crate) async fn examine(
    env: &impl Env,
    environment: Environment,
    redis: RedisLook,
    has: impl Fn(Component) -> bool,
) -> GuardVerdict {
    for check in &CHECKS {
        let there = wait_for(env, environment, check, redis, &has).await;
        if !there && !does_without(environment, check) {
            return GuardVerdict::NotReady;
        }
    }
    GuardVerdict::Ready
}

fn does_without(environment: Environment, check: &Check) -> bool {
    match environment {
        Environment::Staging => check.staging_does_without,
        Environment::Testing | Environment::Development | Environment::Production => false,
    }
}

async fn wait_for(
    env: &impl Env,
    environment: Environment,
    check: &Check,
    redis: RedisLook,
    has: &impl Fn(Component) -> bool,
) -> bool {
    if check.component == Component::Redis && redis == RedisLook::Called {
        return false;
    }
    // What staging does without is not waited for either.
    if does_without(environment, check) {
        return has(check.component);
    }
    let started = env.now();
    for _ in 0..check.looks.count {
        if has(check.component) {
            return true;
        }
        env.sleep(check.looks.interval).await;
        if env.now().since(started) >= check.limit {
            break;
        }
    }
    has(check.component)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::testing::TestEnv;

    fn examined(environment: Environment, missing: Component) -> (GuardVerdict, u64) {
        let env = TestEnv::idle();
        let has = |component| component != missing;
        let verdict = env.block_on(examine(&env, environment, RedisLook::Read, has));
        (verdict, env.now().as_millis())
    }

    #[test]
    fn each_service_has_its_limit_and_staging_does_without_some() {
        use {Component::*, Environment::*, GuardVerdict::*};
        for (missing, in_staging, in_production) in [
            (Database, (Ready, 0), (NotReady, 16_000)),
            (Redis, (Ready, 0), (NotReady, 6_000)),
            (AuthSystem, (NotReady, 3_000), (NotReady, 3_000)),
            (AgentSupervisor, (NotReady, 10_000), (NotReady, 10_000)),
            (WebsocketBridge, (Ready, 0), (NotReady, 5_000)),
        ] {
            assert_eq!(examined(Staging, missing), in_staging, "{missing}");
            assert_eq!(examined(Production, missing), in_production, "{missing}");
        }
    }

    #[test]
    fn a_verdict_is_cached_for_thirty_seconds() {
        let env = TestEnv::idle();
        let guard = ReadinessGuard::default();
        let present: RefCell<Vec<Component>> = RefCell::default();
        let has = |component| present.borrow().contains(&component);
        let ask = || env.block_on(guard.ask(&env, Environment::Production, has));
        assert_eq!(ask(), GuardVerdict::NotReady);
        present.borrow_mut().extend(Component::ALL);
        assert_eq!(ask(), GuardVerdict::NotReady, "the verdict is cached");
        env.block_on(env.sleep(READINESS_CACHE_TTL));
        assert_eq!(ask(), GuardVerdict::Ready);
        present.borrow_mut().clear();
        assert_eq!(ask(), GuardVerdict::Ready, "the verdict is cached");
    }
}
