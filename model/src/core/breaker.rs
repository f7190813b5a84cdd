//! Circuit breakers (docs/protocol.md#circuit-breakers): one type, one policy per row of the table.
//!
//! No policy limits the trial: in HALF_OPEN any number of calls goes through. A call that was
//! admitted stays admitted when the breaker opens, so results may arrive in any state.

use std::time::Duration;

use crate::core::{
    environment::{Environment, Ratio, doubling},
    names::names,
    time::Time,
};

names! {
    /// States of a breaker.
    BreakerState {
        /// Calls go through.
        Closed => "closed",
        /// Calls are refused.
        Open => "open",
        /// Calls go through on trial.
        HalfOpen => "half-open",
    }
}

/// When a breaker moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures that open it.
    pub open_after: u32,
    /// A share of the calls since it closed that opens it as well.
    pub open_at_rate: Option<FailureRate>,
    /// Time since the last failure after which it admits trials.
    pub half_open_after: Duration,
    /// Successes in HALF_OPEN that close it.
    pub close_after: u32,
    /// What a success in CLOSED does to the count of failures.
    pub success: SuccessRule,
    /// What a failure in HALF_OPEN does.
    pub trial_failure: TrialFailure,
}

/// A share of calls that opens a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    /// The share.
    pub ratio: Ratio,
    /// Calls below which it is not looked at.
    pub min_calls: u32,
}

/// What a success in CLOSED does to the count of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuccessRule {
    /// Takes one off: old failures are remembered for a while.
    Decrement,
    /// Clears it: only failures in a row count.
    Reset,
}

/// What a failure in HALF_OPEN does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialFailure {
    /// Opens the breaker again.
    Reopens,
    /// Counts from zero towards `open_after`, as in CLOSED.
    CountsAfresh,
}

impl Policy {
    /// Around accept; a failure is a call that has used up its [`Ladder`].
    pub fn accept(environment: Environment) -> Self {
        let (open_after, half_open_secs, close_after) = match environment {
            Environment::Testing | Environment::Development => (10, 5, 1),
            Environment::Staging => (3, 15, 2),
            Environment::Production => (5, 60, 3),
        };
        Policy {
            open_after,
            open_at_rate: None,
            half_open_after: Duration::from_secs(half_open_secs),
            close_after,
            success: SuccessRule::Decrement,
            trial_failure: TrialFailure::Reopens,
        }
    }

    /// For the endpoint as a whole (docs/protocol.md#breaker-module).
    pub fn module() -> Self {
        Policy {
            trial_failure: TrialFailure::Reopens,
            ..Policy::auth_local()
        }
    }

    /// Of the authenticator, one for all users (docs/protocol.md#auth-breaker).
    pub fn auth_local() -> Self {
        Policy {
            open_after: 5,
            open_at_rate: None,
            // At exactly 30 s it still refuses.
            half_open_after: Duration::from_secs(30) + Duration::from_nanos(1),
            close_after: 1,
            success: SuccessRule::Reset,
            trial_failure: TrialFailure::CountsAfresh,
        }
    }

    /// Of the authentication client (docs/protocol.md#auth-breaker).
    pub fn auth_client() -> Self {
        Policy {
            open_after: 3,
            open_at_rate: Some(FailureRate {
                ratio: Ratio::new(4, 5),
                min_calls: 3,
            }),
            half_open_after: Duration::from_secs(10),
            close_after: 1,
            success: SuccessRule::Reset,
            trial_failure: TrialFailure::Reopens,
        }
    }
}

/// The retries around one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Tries in all.
    pub tries: u32,
    /// Pause before the second try; doubles.
    pub first_delay: Duration,
    /// Longest pause.
    pub max_delay: Duration,
    /// Limit of one try.
    pub per_try: Duration,
}

impl Ladder {
    /// Around accept.
    pub fn accept(environment: Environment) -> Self {
        let (tries, first_delay_ms, max_delay, per_try) = match environment {
            Environment::Testing | Environment::Development => (3, 100, 5, 5),
            Environment::Staging => (5, 500, 30, 10),
            Environment::Production => (3, 2000, 120, 15),
        };
        Ladder {
            tries,
            first_delay: Duration::from_millis(first_delay_ms),
            max_delay: Duration::from_secs(max_delay),
            per_try: Duration::from_secs(per_try),
        }
    }

    /// The pause after the `failed`-th failed try, counted from 1; none after the last.
    pub fn delay_after(self, failed: u32) -> Option<Duration> {
        let again = failed < self.tries;
        again.then(|| doubling(self.first_delay, failed.saturating_sub(1), self.max_delay))
    }
}

/// One breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    policy: Policy,
    state: BreakerState,
    failures: u32,
    trial_successes: u32,
    calls: Calls,
    last_failure: Time,
}

/// Calls since the breaker closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calls {
    total: u32,
    failed: u32,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum BreakerAdmission {
    /// Yes.
    Admitted,
    /// Yes, as a trial.
    Trial,
    /// Yes, as a trial; the first: with it the breaker moved to HALF_OPEN.
    FirstTrial,
    /// No.
    Refused {
        /// When the next trial will be admitted, if nothing fails until then.
        retry_in: Duration,
    },
}

impl BreakerAdmission {
    /// Whether the call may be made.
    pub fn is_admitted(self) -> bool {
        match self {
            Self::Admitted | Self::Trial | Self::FirstTrial => true,
            Self::Refused { .. } => false,
        }
    }

    /// The state the breaker moved to by being asked, if it moved.
    pub fn moved(self) -> Option<BreakerState> {
        match self {
            Self::FirstTrial => Some(BreakerState::HalfOpen),
            Self::Admitted | Self::Trial | Self::Refused { .. } => None,
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// Well.
    Success,
    /// Failed, in a way that the breaker counts.
    Failure,
}

impl CircuitBreaker {
    /// A closed breaker.
    pub fn new(policy: Policy) -> Self {
        CircuitBreaker {
            policy,
            state: BreakerState::Closed,
            failures: 0,
            trial_successes: 0,
            calls: Calls::default(),
            last_failure: Time::ZERO,
        }
    }

    /// Asks to make a call now. An open breaker moves to HALF_OPEN when its time has come.
    pub fn admit(&mut self, now: Time) -> BreakerAdmission {
        match self.state {
            BreakerState::Closed => BreakerAdmission::Admitted,
            BreakerState::HalfOpen => BreakerAdmission::Trial,
            BreakerState::Open => {
                let waited = now.since(self.last_failure);
                let retry_in = self.policy.half_open_after.saturating_sub(waited);
                if !retry_in.is_zero() {
                    return BreakerAdmission::Refused { retry_in };
                }
                self.state = BreakerState::HalfOpen;
                self.trial_successes = 0;
                match self.policy.trial_failure {
                    TrialFailure::Reopens => {}
                    TrialFailure::CountsAfresh => self.failures = 0,
                }
                BreakerAdmission::FirstTrial
            }
        }
    }

    /// Reports how a call ended; the state the breaker moved to, if it moved.
    pub fn record(&mut self, result: CallResult, now: Time) -> Option<BreakerState> {
        let before = self.state;
        match result {
            CallResult::Success => self.succeeded(),
            CallResult::Failure => self.failed(now),
        }
        (self.state != before).then_some(self.state)
    }

    /// Where it stands.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Failures that count now.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn succeeded(&mut self) {
        match self.state {
            BreakerState::Closed => {
                self.calls.total = self.calls.total.saturating_add(1);
                self.failures = match self.policy.success {
                    SuccessRule::Decrement => self.failures.saturating_sub(1),
                    SuccessRule::Reset => 0,
                };
            }
            BreakerState::HalfOpen => {
                self.trial_successes += 1;
                if self.trial_successes >= self.policy.close_after {
                    *self = CircuitBreaker {
                        last_failure: self.last_failure,
                        ..CircuitBreaker::new(self.policy)
                    };
                }
            }
            // A call that was admitted before the breaker opened; it may clear the count, and the
            // breaker stays open.
            BreakerState::Open => match self.policy.success {
                SuccessRule::Decrement => {}
                SuccessRule::Reset => self.failures = 0,
            },
        }
    }

    fn failed(&mut self, now: Time) {
        self.last_failure = now;
        self.failures = self.failures.saturating_add(1);
        let opens = match (self.state, self.policy.trial_failure) {
            (BreakerState::Closed, _) => {
                self.calls.total = self.calls.total.saturating_add(1);
                self.calls.failed = self.calls.failed.saturating_add(1);
                self.failures >= self.policy.open_after || self.rate_is_reached()
            }
            (BreakerState::HalfOpen, TrialFailure::Reopens) => true,
            (BreakerState::HalfOpen, TrialFailure::CountsAfresh) => {
                self.failures >= self.policy.open_after
            }
            (BreakerState::Open, _) => true,
        };
        if opens {
            self.state = BreakerState::Open;
        }
    }

    fn rate_is_reached(&self) -> bool {
        self.policy.open_at_rate.is_some_and(|rate| {
            let Calls { total, failed } = self.calls;
            total >= rate.min_calls && rate.ratio.is_reached_by(failed, total)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CallResult::*, *};

    fn at_secs(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    /// Feeds a breaker with results, `f` and `s`, at time zero; the state after each.
    fn feed(breaker: &mut CircuitBreaker, results: &str) -> String {
        let mut states = String::new();
        for letter in results.chars() {
            let result = if letter == 'f' { Failure } else { Success };
            let before = breaker.state();
            let moved = breaker.record(result, Time::ZERO);
            assert_eq!(
                moved,
                (breaker.state() != before).then_some(breaker.state())
            );
            states.push(match breaker.state() {
                BreakerState::Closed => 'c',
                BreakerState::Open => 'o',
                BreakerState::HalfOpen => 'h',
            });
        }
        states
    }

    #[test]
    fn breakers_open_as_their_row_of_the_table_says() {
        let accept = Policy::accept;
        for (policy, results, states) in [
            (accept(Environment::Staging), "fff", "cco"),
            (accept(Environment::Production), "fffff", "cccco"),
            (accept(Environment::Development), "ffffffffff", "ccccccccco"),
            // A success takes back one failure, not all of them.
            (accept(Environment::Staging), "ffsff", "cccco"),
            (Policy::auth_local(), "ffffsfffff", "ccccccccco"),
            (Policy::auth_client(), "fff", "cco"),
            // Two in a row only, but four calls out of five.
            (Policy::auth_client(), "ffsff", "cccco"),
            (Policy::auth_client(), "fsfsff", "cccccc"),
            (Policy::auth_client(), "ssffsfsf", "cccccccc"),
        ] {
            let mut breaker = CircuitBreaker::new(policy);
            assert_eq!(
                feed(&mut breaker, results),
                states,
                "{results} by {policy:?}"
            );
        }
    }

    #[test]
    fn an_open_breaker_refuses_until_its_time_has_come() {
        for (policy, secs, close_after) in [
            (Policy::accept(Environment::Testing), 5, 1),
            (Policy::accept(Environment::Staging), 15, 2),
            (Policy::accept(Environment::Production), 60, 3),
            (Policy::auth_client(), 10, 1),
        ] {
            let mut breaker = CircuitBreaker::new(policy);
            feed(&mut breaker, &"f".repeat(policy.open_after as usize));
            let refused = BreakerAdmission::Refused {
                retry_in: Duration::from_secs(1),
            };
            assert_eq!(breaker.admit(at_secs(secs - 1)), refused);
            let first = breaker.admit(at_secs(secs));
            assert_eq!(first, BreakerAdmission::FirstTrial);
            assert_eq!(first.moved(), Some(BreakerState::HalfOpen));
            // The trial is not limited to one call.
            assert_eq!(breaker.admit(at_secs(secs)), BreakerAdmission::Trial);

            let trials = format!("{}c", "h".repeat(close_after - 1));
            assert_eq!(feed(&mut breaker, &"s".repeat(close_after)), trials);
            assert_eq!(breaker.failures(), 0);
            assert_eq!(breaker.admit(at_secs(secs)), BreakerAdmission::Admitted);
        }
    }

    #[test]
    fn a_failed_trial_reopens_or_restarts_the_count() {
        let trial = |policy: Policy| {
            let mut breaker = CircuitBreaker::new(policy);
            feed(&mut breaker, &"f".repeat(policy.open_after as usize));
            assert!(breaker.admit(at_secs(60)).is_admitted());
            breaker
        };
        let mut accept = trial(Policy::accept(Environment::Staging));
        assert_eq!(feed(&mut accept, "f"), "o");
        let mut client = trial(Policy::auth_client());
        assert_eq!(feed(&mut client, "f"), "o");
        let mut local = trial(Policy::auth_local());
        assert_eq!(feed(&mut local, "fffff"), "hhhho");
    }

    #[test]
    fn results_of_calls_admitted_earlier_do_not_close_an_open_breaker() {
        for (policy, results, states, left) in [
            (Policy::accept(Environment::Staging), "fffs", "ccoo", 3),
            (Policy::auth_client(), "fffs", "ccoo", 0),
            (Policy::auth_local(), "fffffsf", "ccccooo", 1),
        ] {
            let mut breaker = CircuitBreaker::new(policy);
            assert_eq!(feed(&mut breaker, results), states, "{policy:?}");
            assert_eq!(breaker.failures(), left, "{policy:?}");
        }
    }

    #[test]
    fn accept_is_retried_with_doubling_pauses() {
        let pauses = |environment| {
            let ladder = Ladder::accept(environment);
            (1..=ladder.tries)
                .map_while(|failed| ladder.delay_after(failed))
                .map(|pause| pause.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(Environment::Staging), [500, 1000, 2000, 4000]);
        assert_eq!(pauses(Environment::Production), [2000, 4000]);
        assert_eq!(pauses(Environment::Testing), [100, 200]);
    }
}
