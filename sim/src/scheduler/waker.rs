//! Wakers of tasks.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

/// A task of one run, in the order of starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskId(pub(super) u32);

thread_local! {
    /// Tasks woken since the scheduler last looked. Wakers must be `Send`, so they cannot hold the
    /// scheduler itself; a run has its thread to itself.
    pub(super) static WOKEN: RefCell<Vec<TaskId>> = const { RefCell::new(Vec::new()) };
}

pub(super) struct TaskWaker {
    pub(super) id: TaskId,
    pub(super) queued: AtomicBool,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Relaxed: a run is single-threaded, the atomic only satisfies `Send`.
        if !self.queued.swap(true, Ordering::Relaxed) {
            WOKEN.with_borrow_mut(|woken| woken.push(self.id));
        }
    }
}
