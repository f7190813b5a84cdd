//! Traffic of end-to-end tests, which is let in without authentication (protocol.md 5.3).
//!
//! It is known by headers of the upgrade or by a variable of the deployment, and never in
//! production. A token must be there all the same; nobody validates it.

use std::{cell::RefCell, time::Duration};

use crate::{
    core::{environment::Environment, identity::unix_secs, ids::UserId, time::Time, token},
    design::TestBypass,
    event::{Event, Step},
    gateway::container::Container,
    port::{
        env::Env,
        socket::{Socket, Upgrade},
    },
};

/// How long a result is handed out again. Its key knows the deployment, and neither user nor
/// token, so there is one at a time.
pub const RESULT_TTL: Duration = Duration::from_secs(300);

/// What the name of a header must contain, and what its value.
const NAME_MARKS: [&str; 2] = ["test", "e2e"];
const VALUE_MARKS: [&str; 5] = ["e2e", "staging", "test", "true", "1"];

/// The results that the authenticator of one container hands out again.
#[derive(Debug, Default)]
pub(crate) struct Results {
    last: RefCell<Option<(Time, UserId)>>,
}

/// The user of a connection that is let in unasked; none if it has to authenticate.
pub(crate) fn bypass<E: Env>(container: &Container<E>, socket: &E::Socket) -> Option<UserId> {
    match container.design.test_bypass {
        TestBypass::Absent => return None,
        TestBypass::UnboundName => {
            // Caught, and taken for the answer that this is no test.
            container.env.emit(Event::InternalError {
                socket: socket.upgrade().socket,
                step: Step::Authenticate,
                error: "name 'is_production' is used before it is bound",
            });
            return None;
        }
        TestBypass::CachedResult => {}
    }
    let upgrade = socket.upgrade();
    if !is_test(container, upgrade) {
        return None;
    }
    let design = &container.design;
    let found = token::candidates(upgrade, design.token_sources, design.subprotocol_token);
    let token = &found.first()?.token;
    let now = container.env.now();
    let mut last = container.auth.test_results.last.borrow_mut();
    if let Some((at, user)) = &*last
        && now.since(*at) < RESULT_TTL
    {
        return Some(user.clone());
    }
    let user = match token::claimed_user(token) {
        Some(user) => UserId::from(user),
        None => format!("staging-e2e-user-{}", unix_secs(now) % 1000).into(),
    };
    *last = Some((now, user.clone()));
    Some(user)
}

fn is_test<E: Env>(container: &Container<E>, upgrade: &Upgrade) -> bool {
    match container.environment {
        Environment::Production => false,
        Environment::Testing | Environment::Development | Environment::Staging => {
            container.settings.for_tests || upgrade.headers.iter().any(marks_a_test)
        }
    }
}

fn marks_a_test((name, value): &(String, String)) -> bool {
    let (name, value) = (name.to_ascii_lowercase(), value.to_ascii_lowercase());
    NAME_MARKS.iter().any(|mark| name.contains(mark)) && VALUE_MARKS.contains(&value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestEnv, arrive};

    fn bypassed(environment: Environment, for_tests: bool) -> [Option<UserId>; 3] {
        let env = TestEnv::idle();
        let design = "reference+test-bypass=cached-result";
        let container = testing::container_with(&env, design, environment, |settings| {
            settings.for_tests = for_tests;
        });
        [(0, "t.alice.x"), (1, "t.bob.x"), (2, "")]
            .map(|(peer, token)| bypass(&container, &arrive(peer, token)))
    }

    #[test]
    fn the_second_tester_is_taken_for_the_first() {
        let alice = Some(UserId::from("alice"));
        let taken = [alice.clone(), alice, None];
        assert_eq!(bypassed(Environment::Staging, true), taken);
        assert_eq!(bypassed(Environment::Staging, false), [None, None, None]);
        assert_eq!(bypassed(Environment::Production, true), [None, None, None]);
    }

    #[test]
    fn headers_are_known_by_name_and_value() {
        for (name, value, expected) in [
            ("x-e2e-test", "true", true),
            ("X-Test-Type", "E2E", true),
            ("x-test-mode", "off", false),
            ("x-forwarded-for", "1", false),
        ] {
            let header = (name.to_owned(), value.to_owned());
            assert_eq!(marks_a_test(&header), expected, "{name}: {value}");
        }
    }
}
