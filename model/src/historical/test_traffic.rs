//! Traffic of end-to-end tests, which is admitted without authentication.
//!
//! Implements docs/protocol.md#e2e-context and docs/protocol.md#e2e-result-cache.
//!
//! It is recognised by headers of the upgrade or by a variable of the deployment, and never in
//! production. A token must be there all the same; it is not validated.

use std::{cell::RefCell, time::Duration};

use crate::{
    core::{
        environment::Environment,
        identity::{self, unix_secs},
        ids::{ConnectionId, UserId},
        time::Time,
        token,
        upgrade::Upgrade,
    },
    design::Design,
    port::env::Env,
};

/// How long a result is handed out again. Its key knows the deployment, and neither user nor
/// token, so there is one at a time.
pub const RESULT_TTL: Duration = Duration::from_secs(300);

/// What the name of a header must contain, and what its value.
const NAME_MARKS: [&str; 2] = ["test", "e2e"];
const VALUE_MARKS: [&str; 5] = ["e2e", "staging", "test", "true", "1"];

/// The results that the authenticator of one container hands out again.
#[derive(Debug, Default)]
pub(crate) struct TestResults {
    last: RefCell<Option<(Time, Tester)>>,
}

/// The user that a connection is taken for that is admitted without authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tester {
    /// The user.
    pub(crate) user: UserId,
    /// The id of the user's context. It is that of the connection that the result was made for.
    pub(crate) client_id: ConnectionId,
}

impl TestResults {
    /// The user that a connection is taken for that is admitted without authentication; none if it has to
    /// authenticate. `for_tests` says whether the deployment carries the variable of tests.
    pub(crate) fn tester(
        &self,
        env: &impl Env,
        environment: Environment,
        for_tests: bool,
        design: &Design,
        upgrade: &Upgrade,
    ) -> Option<Tester> {
        if !is_test(environment, for_tests, upgrade) {
            return None;
        }
        let found = token::candidates(upgrade, design.token_sources, design.subprotocol_token);
        let token = &found.first()?.token;
        let now = env.now();
        let mut last = self.last.borrow_mut();
        if let Some((at, tester)) = &*last
            && now.since(*at) < RESULT_TTL
        {
            return Some(tester.clone());
        }
        let user = match token::claimed_user(token) {
            Some(user) => UserId::from(user),
            None => format!("staging-e2e-user-{}", unix_secs(now) % 1000).into(),
        };
        let client_id = identity::client_id(&user, now, env.fresh(upgrade.socket));
        let tester = Tester { user, client_id };
        *last = Some((now, tester.clone()));
        Some(tester)
    }
}

fn is_test(environment: Environment, for_tests: bool, upgrade: &Upgrade) -> bool {
    match environment {
        Environment::Production => false,
        Environment::Testing | Environment::Development | Environment::Staging => {
            for_tests || upgrade.headers.iter().any(marks_a_test)
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
    use crate::{
        port::socket::Socket,
        testing::{TestEnv, arrive},
    };

    fn bypassed(environment: Environment, for_tests: bool) -> [Option<Tester>; 3] {
        let env = TestEnv::idle();
        let design = Design::builtin("reference").expect("it is built in");
        let results = TestResults::default();
        [(0, "t.alice.x"), (1, "t.bob.x"), (2, "")].map(|(peer, token)| {
            let socket = arrive(peer, token);
            results.tester(&env, environment, for_tests, &design, socket.upgrade())
        })
    }

    #[test]
    fn the_second_tester_is_taken_for_the_first() {
        let [first, second, third] = bypassed(Environment::Staging, true);
        let user = first.as_ref().map(|tester| tester.user.as_str());
        assert_eq!(user, Some("alice"));
        assert_eq!((second, third), (first, None));
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
