//! Times and outcomes of authentication, in virtual time.

use super::*;
use crate::{
    core::environment::Environment,
    port::env::{CallError, Reply, Request},
    testing::{self, NEVER, TestEnv, connect},
};

/// A service that takes 10 ms; the token `good.*.*` is good.
fn healthy() -> TestEnv {
    TestEnv::new(|request| {
        let reply = match request {
            Request::ValidateToken { token } if token.starts_with("good") => {
                Reply::Token(TokenVerdict::Valid { user: user() })
            }
            Request::ValidateToken { .. } => Reply::Token(TokenVerdict::Invalid),
            Request::ProbeAuth
            | Request::PingRedis
            | Request::CheckDatabase
            | Request::Ledger { .. }
            | Request::NextAgentStep { .. } => Reply::Alive,
        };
        (Duration::from_millis(10), Ok(reply))
    })
}

fn refusing() -> TestEnv {
    TestEnv::new(|_| (Duration::ZERO, Err(CallError::Refused)))
}

fn hanging() -> TestEnv {
    TestEnv::new(|_| (NEVER, Ok(Reply::Alive)))
}

fn user() -> UserId {
    "alice".into()
}

/// Outcome and time of the authentication of one connection.
fn authenticate_one(
    env: &TestEnv,
    design: &str,
    token: &str,
) -> (Result<UserId, AuthFailure>, u64) {
    let container = testing::container(env, design, Environment::Staging);
    let (connection, _) = connect(&container, 0, token);
    let outcome = env.block_on(authenticate(&container, &connection));
    (outcome, env.now().as_millis())
}

fn failure(error: ErrorCode, cause: CloseCause, attempts: u32) -> Result<UserId, AuthFailure> {
    Err(AuthFailure {
        error,
        cause,
        attempts,
    })
}

#[test]
fn a_verdict_ends_every_ladder() {
    let bad = failure(ErrorCode::ValidationFailed, CloseCause::NotAuthenticated, 1);
    let table = [
        ("v9", "good.b.c", Ok(user()), 20),
        ("v9", "bad.b.c", bad.clone(), 20),
        ("reference", "good.b.c", Ok(user()), 10),
        ("reference", "bad.b.c", bad, 10),
    ];
    for (design, token, outcome, time) in table {
        let got = authenticate_one(&healthy(), design, token);
        assert_eq!(got, (outcome, time), "{design} {token}");
    }
}

#[test]
fn an_outage_has_different_answers_and_takes_different_times() {
    use {CloseCause::AuthUnavailable, ErrorCode::*};
    let nested = "v9+outage-verdict=unavailable";
    let table = [
        // The inner ladder once: its verdict is final.
        (
            refusing(),
            "v9",
            failure(ValidationFailed, AuthUnavailable, 1),
            12_500,
        ),
        // The inner ladder four times, and the outer delays.
        (
            refusing(),
            nested,
            failure(AuthServiceError, AuthUnavailable, 4),
            50_800,
        ),
        // Half a second for each of six probes on top.
        (
            hanging(),
            "v9",
            failure(ValidationFailed, AuthUnavailable, 1),
            15_500,
        ),
        // Three failures open the client's breaker before the delays are used up.
        (
            refusing(),
            "reference",
            failure(AuthServiceError, AuthUnavailable, 4),
            800,
        ),
        (
            hanging(),
            "reference",
            failure(AuthServiceError, AuthUnavailable, 2),
            4_500,
        ),
    ];
    for (env, design, outcome, time) in table {
        assert_eq!(
            authenticate_one(&env, design, "good.b.c"),
            (outcome, time),
            "{design}"
        );
    }
}

#[test]
fn bad_tokens_shut_the_door_only_where_any_failure_counts() {
    for (design, open) in [("v9", true), ("reference", false)] {
        let env = healthy();
        let container = testing::container(&env, design, Environment::Testing);
        for peer in 0..5 {
            let (connection, _) = connect(&container, peer, "bad.b.c");
            let outcome = env.block_on(authenticate(&container, &connection));
            assert!(outcome.is_err(), "{design}");
        }
        let (connection, _) = connect(&container, 5, "good.b.c");
        let outcome = env.block_on(authenticate(&container, &connection));
        let error = outcome.map_err(|failure| (failure.error, failure.attempts));
        let expected = if open {
            Err((ErrorCode::AuthServiceError, 0))
        } else {
            Ok(user())
        };
        assert_eq!(error, expected, "{design}");
    }
}

#[test]
fn a_known_token_is_not_asked_about_again() {
    let env = healthy();
    let container = testing::container(&env, "reference", Environment::Testing);
    for (peer, calls) in [(0, 1), (1, 1)] {
        let (connection, _) = connect(&container, peer, "good.b.c");
        env.block_on(authenticate(&container, &connection)).unwrap();
        let asked = |event: &&Event| matches!(event, Event::CallStarted { .. });
        assert_eq!(env.events().iter().filter(asked).count(), calls);
    }
}
