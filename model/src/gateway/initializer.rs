//! What a connection does about services that are missing (docs/protocol.md#step-24,
//! docs/protocol.md#missing-services).
//!
//! Where connections build what is missing there may be one initialiser for the whole container: a
//! lock that makes them wait for each other, and a flag that, once set, answers for services it
//! never built. The limit of 30 s that its callers name is not enforced.

use std::{cell::Cell, time::Duration};

use crate::{
    core::ids::SocketId,
    event::{Component, LockName},
    gateway::{app_state::AppState, lock::Lock},
    port::env::Env,
};

/// Time that building one service takes, as the estimate for users has it
/// (docs/protocol.md#missing-services).
pub const TIME_PER_SERVICE: Duration = Duration::from_secs(3);

/// What a buildable service needs before it can be built.
const FOUNDATION: [Component; 3] = [Component::Database, Component::Redis, Component::AuthSystem];

/// The initialiser of one container.
pub struct Initializer<E: Env> {
    lock: Lock<E>,
    complete: Cell<bool>,
}

impl<E: Env> Initializer<E> {
    /// Nothing was built yet.
    pub fn new(env: E) -> Self {
        Initializer {
            lock: Lock::new(env, LockName::Initializer, 0),
            complete: Cell::new(false),
        }
    }

    /// Builds services that are missing; true if they are there, or if an earlier call for any
    /// other services was successful. Those that are `never_ready` cannot be built.
    pub(crate) async fn initialize(
        &self,
        env: &E,
        app: &AppState,
        never_ready: &[Component],
        socket: SocketId,
        missing: &[Component],
    ) -> bool {
        let _alone = self.lock.acquire(Some(socket)).await;
        if self.complete.get() {
            return true;
        }
        for component in missing {
            env.sleep(TIME_PER_SERVICE).await;
            let never = never_ready.contains(component);
            if !never && app.missing(&FOUNDATION).is_empty() {
                app.set(env, *component, true);
            }
        }
        let built = app.missing(missing).is_empty();
        self.complete.set(built);
        built
    }
}
