//! What an upgrade passes before it reaches the endpoint (docs/protocol.md#step-2,
//! docs/protocol.md#middleware-stack).
//!
//! Middleware can answer an upgrade with an HTTP error, which the endpoint cannot: a close before
//! accept is HTTP 403 for every cause. Nothing of the connection exists yet.

use crate::{
    design::{ReadinessGuardPolicy, SessionMiddleware},
    event::{CloseCause, Event, Step},
    gateway::{app_state::REQUIRED, container::Container},
    historical::readiness_guard::{GuardVerdict, RedisLook, examine},
    port::{env::Env, socket::Socket},
};

/// Where the upgrade is after the middleware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Passed {
    /// On its way to the endpoint.
    On,
    /// It was answered.
    Answered,
}

/// Takes one upgrade through the stack. May suspend where there is a readiness guard.
pub(crate) async fn pass<E: Env>(container: &Container<E>, socket: &E::Socket) -> Passed {
    match container.design.session_middleware {
        SessionMiddleware::BeforeContext => {}
        SessionMiddleware::AfterContext => {
            container.env.emit(Event::InternalError {
                socket: socket.upgrade().socket,
                step: Step::Prepare,
                error: "the session is used before its middleware has run",
            });
            return refuse(container, socket, 500, CloseCause::ServerFault).await;
        }
    }
    match ask_guard(container).await {
        GuardVerdict::Ready => Passed::On,
        GuardVerdict::NotReady => {
            // The guard may be wrong, and then it is not for want of a service that it refuses.
            let cause = match container.app.missing(&REQUIRED).is_empty() {
                true => CloseCause::ServerFault,
                false => CloseCause::NotReady,
            };
            refuse(container, socket, 503, cause).await
        }
    }
}

/// Asks the guard about one upgrade, in the cloud only. May take a minute and a half.
async fn ask_guard<E: Env>(container: &Container<E>) -> GuardVerdict {
    let (env, environment) = (&container.env, container.environment);
    if !environment.is_cloud() {
        return GuardVerdict::Ready;
    }
    let has = |component| container.app.has(component);
    match container.design.readiness_guard {
        ReadinessGuardPolicy::Absent => GuardVerdict::Ready,
        ReadinessGuardPolicy::Cached => {
            let guard = &container.readiness_guard;
            guard.ask(env, environment, has).await
        }
        ReadinessGuardPolicy::PropertyCalled => {
            examine(env, environment, RedisLook::Called, has).await
        }
        ReadinessGuardPolicy::PhaseUnknown => GuardVerdict::NotReady,
    }
}

async fn refuse<E: Env>(
    container: &Container<E>,
    socket: &E::Socket,
    status: u16,
    cause: CloseCause,
) -> Passed {
    container.env.emit(Event::UpgradeRefused {
        socket: socket.upgrade().socket,
        status,
        cause,
    });
    // It was not answered before, and a client that has gone needs no answer.
    let _ = socket.refuse(status).await;
    Passed::Answered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::environment::Environment,
        event::{Component, EndpointEnd},
        testing::{self, TestEnv, arrive},
    };

    fn answers(design: &str, missing: &[Component]) -> (Option<u16>, Vec<Event>) {
        let env = TestEnv::idle();
        let container = testing::container(&env, design, Environment::Production);
        for component in Component::ALL {
            let there = !missing.contains(component);
            container.app.set(&env, *component, there);
        }
        let socket = arrive(0, "a.b.c");
        let passed = env.block_on(pass(&container, &*socket));
        assert_eq!(passed == Passed::Answered, socket.closed.get().is_some());
        let refusals = env.events().into_iter();
        let refusals = refusals.filter(|event| matches!(event, Event::UpgradeRefused { .. }));
        (socket.closed.get(), refusals.collect())
    }

    #[test]
    fn a_guard_that_errs_refuses_for_another_cause_than_it_says() {
        for (design, missing, status, cause) in [
            ("reference", &[] as &[Component], None, None),
            ("reference", &[Component::Redis], None, None),
            (
                "reference+session-middleware=after-context",
                &[],
                Some(500),
                Some(CloseCause::ServerFault),
            ),
            ("reference+readiness-guard=cached", &[], None, None),
            (
                "reference+readiness-guard=cached",
                &[Component::Redis],
                Some(503),
                Some(CloseCause::NotReady),
            ),
            (
                "reference+readiness-guard=phase-unknown",
                &[],
                Some(503),
                Some(CloseCause::ServerFault),
            ),
            (
                "reference+readiness-guard=property-called",
                &[],
                Some(503),
                Some(CloseCause::ServerFault),
            ),
        ] {
            let (answered, refusals) = answers(design, missing);
            assert_eq!(answered, status, "{design} {missing:?}");
            let causes = refusals.iter().map(|event| match event {
                Event::UpgradeRefused { cause, .. } => *cause,
                other => panic!("{other:?}"),
            });
            assert_eq!(
                causes.collect::<Vec<_>>(),
                Vec::from_iter(cause),
                "{design}"
            );
        }
    }

    #[test]
    fn an_answered_upgrade_never_reaches_the_endpoint() {
        let env = TestEnv::idle();
        let design = "reference+session-middleware=after-context";
        let container = testing::container(&env, design, Environment::Staging);
        let end = env.block_on(container.serve(arrive(0, "a.b.c")));
        assert_eq!(end, EndpointEnd::Returned);
        let endpoint = |event: &Event| matches!(event, Event::EndpointStarted { .. });
        assert!(!env.events().iter().any(endpoint));
    }
}
