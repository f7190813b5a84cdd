//! The guard that asks whether the whole container is ready, before the endpoint (protocol.md 6.2).
//!
//! Only in the cloud. Three phases, one service after the other, each looked at again and again;
//! the limit of a phase is looked at after the sleeps, and counts for each service anew. What
//! staging lets pass, production does not.

use std::{cell::Cell, time::Duration};

use crate::{
    core::{
        environment::{Environment, Polls, READINESS_CACHE_TTL},
        time::Time,
    },
    design::ReadinessGuardPolicy,
    event::Component,
    gateway::container::Container,
    port::env::Env,
};

/// What the guard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The upgrade may pass.
    Ready,
    /// It is answered with 503.
    NotReady,
}

/// The guard's memory, one for each container.
#[derive(Debug, Default)]
pub(crate) struct ReadinessGuard {
    last: Cell<Option<(Time, Verdict)>>,
}

/// How a look at Redis is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RedisLook {
    /// The flag is read.
    Read,
    /// The flag is called as if it were a function, which raises.
    Called,
}

/// One row of the table in 6.2.
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

/// Asks the guard about one upgrade. May take as long as [`examine`].
pub(crate) async fn ask<E: Env>(container: &Container<E>) -> Verdict {
    if !container.environment.is_cloud() {
        return Verdict::Ready;
    }
    match container.design.readiness_guard {
        ReadinessGuardPolicy::Absent => Verdict::Ready,
        ReadinessGuardPolicy::Cached => ask_cache(container).await,
        ReadinessGuardPolicy::PropertyCalled => examine(container, RedisLook::Called).await,
        ReadinessGuardPolicy::PhaseUnknown => Verdict::NotReady,
    }
}

/// Whoever finds no answer, or an old one, makes one of its own, also while another does.
async fn ask_cache<E: Env>(container: &Container<E>) -> Verdict {
    let memory = &container.readiness_guard.last;
    if let Some((at, verdict)) = memory.get()
        && container.env.now().since(at) < READINESS_CACHE_TTL
    {
        return verdict;
    }
    let verdict = examine(container, RedisLook::Read).await;
    memory.set(Some((container.env.now(), verdict)));
    verdict
}

/// Looks at every service; the first one that does not come, and cannot be done without, is the
/// verdict.
async fn examine<E: Env>(container: &Container<E>, redis: RedisLook) -> Verdict {
    for check in &CHECKS {
        let there = wait_for(container, check, redis).await;
        if !there && !does_without(container.environment, check) {
            return Verdict::NotReady;
        }
    }
    Verdict::Ready
}

fn does_without(environment: Environment, check: &Check) -> bool {
    match environment {
        Environment::Staging => check.staging_does_without,
        Environment::Testing | Environment::Development | Environment::Production => false,
    }
}

async fn wait_for<E: Env>(container: &Container<E>, check: &Check, redis: RedisLook) -> bool {
    if check.component == Component::Redis && redis == RedisLook::Called {
        return false;
    }
    // What staging does without is not waited for either.
    if does_without(container.environment, check) {
        return container.app.has(check.component);
    }
    let env = &container.env;
    let started = env.now();
    for _ in 0..check.looks.count {
        if container.app.has(check.component) {
            return true;
        }
        env.sleep(check.looks.interval).await;
        if env.now().since(started) >= check.limit {
            break;
        }
    }
    container.app.has(check.component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestEnv};

    fn examined(environment: Environment, missing: Component) -> (Verdict, u64) {
        let env = TestEnv::idle();
        let container = testing::container(&env, "reference", environment);
        for component in Component::ALL {
            let there = *component != missing;
            container.app.set(&env, *component, there);
        }
        let verdict = env.block_on(examine(&container, RedisLook::Read));
        (verdict, env.now().as_millis())
    }

    #[test]
    fn each_service_has_its_time_and_staging_does_without_some() {
        use {Component::*, Environment::*, Verdict::*};
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
    fn an_answer_is_believed_for_thirty_seconds_whatever_happens() {
        let env = TestEnv::idle();
        let design = "reference+readiness-guard=cached";
        let container = testing::container(&env, design, Environment::Production);
        let ask = || env.block_on(ask(&container));
        assert_eq!(ask(), Verdict::NotReady);
        for component in Component::ALL {
            container.app.set(&env, *component, true);
        }
        assert_eq!(ask(), Verdict::NotReady, "the answer is cached");
        env.block_on(env.sleep(READINESS_CACHE_TTL));
        assert_eq!(ask(), Verdict::Ready);
        container.app.set(&env, Component::Redis, false);
        assert_eq!(ask(), Verdict::Ready, "the answer is cached");
    }
}
