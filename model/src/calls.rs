//! Calls to backing services: one place that bounds them in time and reports their two ends.

use std::time::Duration;

use crate::{
    env::{CallError, Env, Reply, Request},
    event::Event,
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
