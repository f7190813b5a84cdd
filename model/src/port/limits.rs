//! Numbers by which a design decides: that one was reached is an event, at the place where it decides.

use std::time::Duration;

use crate::{
    core::ids::SocketId,
    event::{Event, Limit, LimitValue},
    port::env::Env,
};

/// Reports that a limit was reached.
pub(crate) fn reached(
    env: &impl Env,
    socket: impl Into<Option<SocketId>>,
    limit: Limit,
    value: impl Into<LimitValue>,
) {
    env.emit(Event::LimitReached {
        socket: socket.into(),
        limit,
        value: value.into(),
    });
}

/// What came in time; that nothing did is reported.
pub(crate) fn in_time<T>(
    env: &impl Env,
    socket: impl Into<Option<SocketId>>,
    limit: Limit,
    time: Duration,
    came: Option<T>,
) -> Option<T> {
    if came.is_none() {
        reached(env, socket, limit, time);
    }
    came
}
