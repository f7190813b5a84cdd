//! Waiting for whichever comes first, in a written order of polling.
//!
//! Where two things are ready at once the order below decides, never chance: a model that polls
//! in random order cannot be replayed.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::sync::Notify;

use crate::env::Env;

/// Which of two futures was ready first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The one that is polled first.
    Left(A),
    /// The other one.
    Right(B),
}

/// Completes with the first of two futures; `left` if both are ready. The other is dropped where
/// it stands, as a cancelled coroutine is.
pub async fn first<A, B>(
    left: impl Future<Output = A>,
    right: impl Future<Output = B>,
) -> First<A, B> {
    let mut left = pin!(left);
    let mut right = pin!(right);
    poll_fn(|context| {
        if let Poll::Ready(value) = left.as_mut().poll(context) {
            return Poll::Ready(First::Left(value));
        }
        right.as_mut().poll(context).map(First::Right)
    })
    .await
}

/// The output of `future`, or none if `duration` passes before; the future wins a tie.
pub async fn timeout<E: Env, T>(
    env: &E,
    duration: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match first(future, env.sleep(duration)).await {
        First::Left(value) => Some(value),
        First::Right(()) => None,
    }
}

/// Something that happens once and stays so. Any number of tasks may wait for it.
#[derive(Debug, Default)]
pub struct Signal {
    happened: Cell<bool>,
    waiting: Notify,
}

impl Signal {
    /// It happens. Doing it again changes nothing.
    pub fn set(&self) {
        self.happened.set(true);
        self.waiting.notify_waiters();
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.happened.get()
    }

    /// Completes when it has happened; at once if it already has.
    pub async fn wait(&self) {
        // Registered before the look, and nothing suspends in between: no wake-up is lost.
        let notified = self.waiting.notified();
        if !self.happened.get() {
            notified.await;
        }
    }
}
