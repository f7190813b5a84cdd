//! The sleep function of the whole process, replaced by each endpoint while it runs.
//!
//! Implements docs/protocol.md#step-3 and docs/protocol.md#timing-long-sleeps.
//!
//! An endpoint puts its wrapper in the place of the function that it finds, and restores that
//! function when it ends. Endpoints do not end in the order in which they began: one that ends
//! early removes the wrapper of a later one, and the later one then restores a wrapper whose
//! endpoint is over.

use std::{cell::Cell, time::Duration};

use crate::{
    core::{environment::Environment, ids::SocketId},
    event::{Event, Table},
    port::env::Env,
};

/// Sleeps in the cloud that are longer than this are cut by the wrapper.
const LONG_SLEEP: Duration = Duration::from_millis(100);
/// Into pieces of this length, with a turn for the other tasks after each.
const PIECE: Duration = Duration::from_millis(50);

/// What the name of the sleep function is bound to: the wrapper of a connection's endpoint, or
/// the original.
#[derive(Debug, Default)]
pub(crate) struct SleepPatch {
    bound_to: Cell<Option<SocketId>>,
}

/// What an endpoint found when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what was found is put back"]
pub(crate) struct ReplacedSleep(Option<SocketId>);

impl SleepPatch {
    /// An endpoint begins: its wrapper takes the place of what it finds.
    pub(crate) fn patch(&self, env: &impl Env, socket: SocketId) -> ReplacedSleep {
        let found = ReplacedSleep(self.bound_to.get());
        self.bind(env, Some(socket));
        found
    }

    /// It ends, and puts back what it found.
    pub(crate) fn restore(&self, env: &impl Env, found: ReplacedSleep) {
        self.bind(env, found.0);
    }

    fn bind(&self, env: &impl Env, to: Option<SocketId>) {
        let table = Table::SleepWrapper;
        if let Some(socket) = self.bound_to.replace(to) {
            env.emit(Event::EntryRemoved { socket, table });
        }
        if let Some(socket) = to {
            env.emit(Event::EntryAdded { socket, table });
        }
    }

    /// A sleep by the name that may be patched.
    pub(crate) async fn sleep(&self, env: &impl Env, environment: Environment, duration: Duration) {
        let is_cut =
            self.bound_to.get().is_some() && environment.is_cloud() && duration > LONG_SLEEP;
        if !is_cut {
            return env.sleep(duration).await;
        }
        let mut left = duration;
        while !left.is_zero() {
            let piece = left.min(PIECE);
            env.sleep(piece).await;
            env.sleep(Duration::ZERO).await;
            left -= piece;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestEnv;

    #[test]
    fn the_wrapper_of_an_ended_endpoint_is_restored_for_good() {
        let env = TestEnv::idle();
        let patch = SleepPatch::default();
        let first = patch.patch(&env, SocketId::first(1));
        let second = patch.patch(&env, SocketId::first(2));
        patch.restore(&env, first);
        assert_eq!(
            patch.bound_to.get(),
            None,
            "the second has lost its wrapper"
        );
        patch.restore(&env, second);
        let bound_to = patch.bound_to.get();
        assert_eq!(bound_to, Some(SocketId::first(1)), "the first is over");
    }

    #[test]
    fn a_long_sleep_is_cut_and_takes_as_long() {
        let env = TestEnv::idle();
        let patch = SleepPatch::default();
        let _found = patch.patch(&env, SocketId::first(1));
        env.block_on(patch.sleep(&env, Environment::Staging, Duration::from_millis(220)));
        assert_eq!(env.now().as_millis(), 220);
    }
}
