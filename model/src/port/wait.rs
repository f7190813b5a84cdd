//! Waiting for whichever comes first, in a written order of polling.
//!
//! Where two things are ready at once the order below decides, never chance: a model that polls
//! in random order cannot be replayed.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::sync::Notify;

use crate::port::env::Env;

/// Which of two futures was ready first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The one that is polled first.
    Left(A),
    /// The other one.
    Right(B),
}

pin_project! {
    /// Two futures, one beside the other. (An async function would have room for each of them
    /// twice: as what it was given, and as what it waits for.)
    struct Race<L, R> {
        // Dropped in this order: what was begun last goes first.
        #[pin]
        right: R,
        #[pin]
        left: L,
    }
}

impl<L: Future, R: Future> Future for Race<L, R> {
    type Output = First<L::Output, R::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let race = self.project();
        if let Poll::Ready(value) = race.left.poll(context) {
            return Poll::Ready(First::Left(value));
        }
        race.right.poll(context).map(First::Right)
    }
}

/// Completes with the first of two futures; `left` if both are ready. The other is dropped where
/// it stands, as a cancelled coroutine is.
pub fn first<A, B>(
    left: impl Future<Output = A>,
    right: impl Future<Output = B>,
) -> impl Future<Output = First<A, B>> {
    Race { right, left }
}

pin_project! {
    /// A future that has so long to complete.
    struct Timeout<F, S> {
        #[pin]
        race: Race<F, S>,
    }
}

impl<F: Future, S: Future> Future for Timeout<F, S> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().race.poll(context).map(|first| match first {
            First::Left(value) => Some(value),
            First::Right(_) => None,
        })
    }
}

/// The output of `future`, or none if `duration` passes before, counted from now; the future wins
/// a tie.
pub fn timeout<T>(
    env: &impl Env,
    duration: Duration,
    future: impl Future<Output = T>,
) -> impl Future<Output = Option<T>> {
    let race = Race {
        right: env.sleep(duration),
        left: future,
    };
    Timeout { race }
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
