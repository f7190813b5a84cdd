//! The sleep that the whole process uses, replaced by each endpoint while it runs (protocol.md 1.4
//! step 3; section 8, long sleeps in the cloud).
//!
//! An endpoint puts its wrapper in the place of whatever it finds there, and when it ends puts
//! that back. Endpoints do not end in the order in which they began: one that ends early takes
//! away the wrapper of a later one, and the later one then brings back a wrapper whose endpoint is
//! over.

use std::{cell::Cell, time::Duration};

use crate::{
    core::ids::SocketId,
    design::SleepPatching,
    event::{Event, Table},
    gateway::container::Container,
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
pub(crate) struct Found(Option<SocketId>);

impl<E: Env> Container<E> {
    /// An endpoint begins.
    pub(crate) fn patch_sleep(&self, socket: SocketId) -> Found {
        let found = Found(self.sleep_patch.bound_to.get());
        match self.design.sleep_patching {
            SleepPatching::Absent => {}
            SleepPatching::ProcessWide => self.bind_sleep(Some(socket)),
        }
        found
    }

    /// It ends.
    pub(crate) fn restore_sleep(&self, found: Found) {
        match self.design.sleep_patching {
            SleepPatching::Absent => {}
            SleepPatching::ProcessWide => self.bind_sleep(found.0),
        }
    }

    fn bind_sleep(&self, to: Option<SocketId>) {
        let table = Table::SleepWrapper;
        if let Some(socket) = self.sleep_patch.bound_to.replace(to) {
            self.env.emit(Event::EntryRemoved { socket, table });
        }
        if let Some(socket) = to {
            self.env.emit(Event::EntryAdded { socket, table });
        }
    }

    /// A sleep by the name that may be patched.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let is_cut = self.sleep_patch.bound_to.get().is_some()
            && self.environment.is_cloud()
            && duration > LONG_SLEEP;
        if !is_cut {
            return self.env.sleep(duration).await;
        }
        let mut left = duration;
        while !left.is_zero() {
            let piece = left.min(PIECE);
            self.env.sleep(piece).await;
            self.env.sleep(Duration::ZERO).await;
            left -= piece;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::environment::Environment,
        testing::{self, TestEnv},
    };

    #[test]
    fn the_wrapper_of_one_that_has_ended_comes_back_for_good() {
        let env = TestEnv::idle();
        let container = testing::container(&env, "v9", Environment::Staging);
        let bound = || container.sleep_patch.bound_to.get();
        let first = container.patch_sleep(SocketId::first(1));
        let second = container.patch_sleep(SocketId::first(2));
        container.restore_sleep(first);
        assert_eq!(bound(), None, "the second is not wrapped any more");
        container.restore_sleep(second);
        assert_eq!(bound(), Some(SocketId::first(1)), "the first is over");
    }

    #[test]
    fn a_long_sleep_is_cut_and_takes_as_long() {
        let env = TestEnv::idle();
        let container = testing::container(&env, "v9", Environment::Staging);
        let _found = container.patch_sleep(SocketId::first(1));
        env.block_on(container.sleep(Duration::from_millis(220)));
        assert_eq!(env.now().as_millis(), 220);
    }
}
