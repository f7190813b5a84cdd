//! Calls to backing services: one place that bounds them in time and reports their two ends, and
//! breakers that report their moves.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use crate::{
    core::{
        breaker::{BreakerAdmission, CallResult, CircuitBreaker, Policy},
        ids::SocketId,
        ledger::{self, MessageKey},
    },
    design::BreakerTrials,
    event::{Blame, Breaker, BreakerState, Event, Limit},
    port::{
        env::{CallError, Env, Reply, Request},
        limits,
        wait::timeout,
    },
};

/// Asks a backing service, for a connection or for the container itself, and gives up after
/// `limit` with [`CallError::TimedOut`].
pub async fn ask<E: Env>(
    env: &E,
    socket: Option<SocketId>,
    request: Request,
    limit: Duration,
) -> Result<Reply, CallError> {
    let service = request.service();
    env.emit(Event::CallStarted { socket, service });
    let answer = timeout(env, limit, env.call(socket, request)).await;
    let answer = limits::in_time(env, socket, Limit::CallTime, limit, answer);
    let answer = answer.unwrap_or(Err(CallError::TimedOut));
    env.emit(Event::CallEnded {
        socket,
        service,
        ok: answer.is_ok(),
    });
    answer
}

/// Time that one try of a command may take.
const TRY_LIMIT: Duration = Duration::from_secs(1);
/// Pause before the next try.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Asks the ledger that all containers share, again after a failure, for `limit` at most. `socket`
/// is the connection on whose behalf it is asked.
///
/// # Errors
/// If no answer came in time. The command may have been carried out all the same.
pub async fn ask_ledger<E: Env>(
    env: &E,
    socket: SocketId,
    key: &MessageKey,
    command: ledger::LedgerCommand,
    limit: Duration,
) -> Result<ledger::LedgerAnswer, CallError> {
    let deadline = env.now() + limit;
    loop {
        let request = Request::Ledger {
            key: key.clone(),
            command,
        };
        let left = deadline.since(env.now());
        let error = match ask(env, Some(socket), request, TRY_LIMIT.min(left)).await {
            Ok(Reply::Ledger(answer)) => return Ok(answer),
            Ok(reply @ (Reply::Alive | Reply::Token(_) | Reply::AgentStep(_))) => {
                panic!("the ledger answered a command with {reply:?}")
            }
            Err(error) => error,
        };
        if deadline.since(env.now()) <= TRY_AGAIN_AFTER {
            limits::reached(env, socket, Limit::LedgerTime, limit);
            return Err(error);
        }
        env.sleep(TRY_AGAIN_AFTER).await;
    }
}

/// A breaker that is shared by the connections of a container.
#[derive(Debug)]
pub(crate) struct SharedBreaker {
    name: Breaker,
    breaker: RefCell<CircuitBreaker>,
    trials: BreakerTrials,
    /// Whether a trial has begun and not ended.
    trial: Cell<TrialCall>,
}

/// The one call that goes through a breaker on trial, where there is one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrialCall {
    None,
    UnderWay,
}

impl SharedBreaker {
    /// A closed breaker.
    pub(crate) fn new(name: Breaker, policy: Policy, trials: BreakerTrials) -> Self {
        SharedBreaker {
            name,
            breaker: RefCell::new(CircuitBreaker::new(policy)),
            trials,
            trial: Cell::new(TrialCall::None),
        }
    }

    /// Whether a call may be made for this connection now.
    pub(crate) fn admits(&self, env: &impl Env, socket: SocketId) -> bool {
        let admission = self.breaker.borrow_mut().admit(env.now());
        self.moved(env, admission.moved());
        let breaker = self.name;
        let admitted = admission.is_admitted() && self.has_room_for(admission);
        if !admitted {
            env.emit(Event::BreakerRefused { socket, breaker });
        }
        admitted
    }

    /// Whether another trial may begin, if this is one.
    fn has_room_for(&self, admission: BreakerAdmission) -> bool {
        match (self.trials, admission) {
            (BreakerTrials::OneAtATime, BreakerAdmission::Trial | BreakerAdmission::FirstTrial) => {
                self.trial.replace(TrialCall::UnderWay) == TrialCall::None
            }
            (BreakerTrials::OneAtATime | BreakerTrials::Unlimited, _) => true,
        }
    }

    /// A call went well.
    pub(crate) fn succeeded(&self, env: &impl Env) {
        self.trial.set(TrialCall::None);
        let moved = self
            .breaker
            .borrow_mut()
            .record(CallResult::Success, env.now());
        self.moved(env, moved);
    }

    /// A call that was made for this connection failed.
    pub(crate) fn failed(&self, env: &impl Env, socket: SocketId, blame: Blame) {
        self.trial.set(TrialCall::None);
        let (moved, failures) = {
            let mut breaker = self.breaker.borrow_mut();
            let moved = breaker.record(CallResult::Failure, env.now());
            (moved, breaker.failures())
        };
        env.emit(Event::BreakerFed {
            socket,
            breaker: self.name,
            blame,
            failures,
        });
        self.moved(env, moved);
    }

    fn moved(&self, env: &impl Env, moved: Option<BreakerState>) {
        if let Some(to) = moved {
            let breaker = self.name;
            env.emit(Event::BreakerMoved { breaker, to });
        }
    }
}
