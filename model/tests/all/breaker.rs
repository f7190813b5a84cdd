//! The circuit breakers (`docs/protocol.md#circuit-breakers`, `docs/protocol.md#auth-breaker`).

use std::time::Duration;

use gatesim_model::core::{
    breaker::{BreakerState, CallResult, CircuitBreaker, Ladder, Policy},
    environment::Environment,
    time::Time,
};
use serde::Deserialize;

use crate::replay::{Difference, Replay, millis, recorded_name, replay};

struct Breaker {
    breaker: CircuitBreaker,
    /// Failures that the original has forgotten since it opened.
    cleared: u32,
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
            cleared: 0,
            now: Time::ZERO,
        }
    }

    fn step(&mut self, op: &Op) -> Seen {
        let Breaker {
            breaker,
            cleared,
            now,
        } = self;
        let mut allowed = None;
        match *op {
            Op::Allowed => allowed = Some(breaker.admit(*now).is_admitted()),
            Op::Success => _ = breaker.record(CallResult::Success, *now),
            Op::Failure => _ = breaker.record(CallResult::Failure, *now),
            Op::Advance { ms } => *now = *now + Duration::from_millis(ms),
        }
        match (op, breaker.state()) {
            (Op::Success, BreakerState::Open) => *cleared = breaker.failures(),
            (_, BreakerState::Open) => {}
            (_, BreakerState::Closed | BreakerState::HalfOpen) => *cleared = 0,
        }
        let state = recorded_name(breaker.state());
        (allowed, state, breaker.failures())
    }
}

/// Executed by simulated runs, which report the count with the next failure.
const COUNT_WHILE_OPEN: Difference<Breaker> = Difference {
    name: "count after a success while open",
    reason: "the original clears the count of failures when a call that was admitted earlier succeeds",
    explains: |step, breaker| {
        let (allowed, state, failures) = step.model;
        breaker.cleared > 0
            && *step.original == (*allowed, state.clone(), failures - breaker.cleared)
    },
};

#[test]
fn around_accept() {
    insta::assert_snapshot!(replay::<Breaker>("breaker", &[]), @"5920 steps: 5920 agree");
}

#[test]
fn of_the_authenticator() {
    insta::assert_snapshot!(replay("auth-breaker", &[COUNT_WHILE_OPEN]), @"5050 steps: 4373 agree, 677 differ (count after a success while open)");
}
