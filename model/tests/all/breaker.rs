//! The circuit breakers (`docs/protocol.md#circuit-breakers`, `docs/protocol.md#auth-breaker`).

use std::time::Duration;

use gatesim_model::core::{
    breaker::{CallResult, CircuitBreaker, Ladder, Policy},
    environment::Environment,
    time::Time,
};
use serde::Deserialize;

use crate::replay::{Replay, millis, recorded_name, replay};

struct Breaker {
    breaker: CircuitBreaker,
    now: Time,
}

#[derive(Deserialize)]
struct Setup {
    env: Environment,
    policy: Option<AuthPolicy>,
    /// The pause after each try, none after the last, and the limit of one try.
    ladder: Option<(Vec<Option<u64>>, u64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthPolicy {
    Auth,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Allowed,
    Success,
    Failure,
    Advance { ms: u64 },
}

/// Whether the call is allowed, state, failures.
type Seen = (Option<bool>, String, u32);

impl Replay for Breaker {
    type Setup = Setup;
    type Op = Op;
    type Seen = Seen;

    fn start(setup: Setup) -> Self {
        if let Some((pauses, limit)) = setup.ladder {
            let ladder = Ladder::accept(setup.env);
            let of_model = (1..=ladder.tries).map(|failed| ladder.delay_after(failed).map(millis));
            assert_eq!(of_model.collect::<Vec<_>>(), pauses);
            assert_eq!(millis(ladder.per_try), limit);
        }
        let policy = match setup.policy {
            Some(AuthPolicy::Auth) => Policy::auth_local(),
            None => Policy::accept(setup.env),
        };
        Breaker {
            breaker: CircuitBreaker::new(policy),
            now: Time::ZERO,
        }
    }

    fn step(&mut self, op: &Op) -> Seen {
        let Breaker { breaker, now } = self;
        let mut allowed = None;
        match *op {
            Op::Allowed => allowed = Some(breaker.admit(*now).is_admitted()),
            Op::Success => _ = breaker.record(CallResult::Success, *now),
            Op::Failure => _ = breaker.record(CallResult::Failure, *now),
            Op::Advance { ms } => *now = *now + Duration::from_millis(ms),
        }
        let state = recorded_name(breaker.state());
        (allowed, state, breaker.failures())
    }
}

#[test]
fn around_accept() {
    insta::assert_snapshot!(replay::<Breaker>("breaker"), @"5920 steps: 5920 agree");
}

#[test]
fn of_the_authenticator() {
    insta::assert_snapshot!(replay::<Breaker>("auth-breaker"), @"5050 steps: 5050 agree");
}
