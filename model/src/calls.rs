//! Calls to backing services: one place that bounds them in time and reports their two ends, and
//! breakers that report their moves.

use std::{cell::RefCell, time::Duration};

use crate::{
    breaker::{CallResult, CircuitBreaker, Policy},
    env::{CallError, Env, Reply, Request},
    event::{Breaker, Event},
    ids::SocketId,
    wait::timeout,
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
    let answer = answer.unwrap_or(Err(CallError::TimedOut));
    env.emit(Event::CallEnded {
        socket,
        service,
        ok: answer.is_ok(),
    });
    answer
}

/// A breaker that is shared by the connections of a container.
#[derive(Debug)]
pub(crate) struct Guard {
    name: Breaker,
    breaker: RefCell<CircuitBreaker>,
}

impl Guard {
    /// A closed breaker.
    pub(crate) fn new(name: Breaker, policy: Policy) -> Self {
        Guard {
            name,
            breaker: RefCell::new(CircuitBreaker::new(policy)),
        }
    }

    /// Whether a call may be made now.
    pub(crate) fn admits(&self, env: &impl Env) -> bool {
        let admission = self.breaker.borrow_mut().admit(env.now());
        if let Some(to) = admission.moved() {
            let breaker = self.name;
            env.emit(Event::BreakerMoved { breaker, to });
        }
        admission.is_admitted()
    }

    /// How a call went.
    pub(crate) fn record(&self, env: &impl Env, result: CallResult) {
        let moved = self.breaker.borrow_mut().record(result, env.now());
        if let Some(to) = moved {
            let breaker = self.name;
            env.emit(Event::BreakerMoved { breaker, to });
        }
    }
}
