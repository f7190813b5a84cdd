//! Tasks: the future that the gate keeps, its waker, its end, and the handle of its owner.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Wake, Waker},
};

use super::{ProcessId, Scheduler, order::Turns, process::Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskId(pub(super) u32);

pub(super) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Tasks woken since the gate last looked. Wakers must be `Send`, so they cannot hold the
    /// gate itself; a run has its thread to itself.
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

pub(super) struct Task {
    /// Taken out while it is being polled.
    pub(super) future: Option<LocalFuture>,
    pub(super) waker: Waker,
    pub(super) queued: Arc<TaskWaker>,
    pub(super) turns: Turns,
    pub(super) process: ProcessId,
    pub(super) place: Place,
    pub(super) cancelled: bool,
    pub(super) end: Rc<TaskEnd>,
}

#[derive(Default)]
pub(super) struct TaskEnd {
    pub(super) done: Cell<bool>,
    pub(super) waiting: RefCell<Vec<Waker>>,
}

/// A task that somebody holds. Dropping it detaches the task.
#[derive(Clone)]
pub struct TaskHandle {
    pub(super) scheduler: Rc<Scheduler>,
    pub(super) id: TaskId,
    pub(super) end: Rc<TaskEnd>,
}

impl gatesim_model::port::env::Task for TaskHandle {
    fn cancel(&self) {
        let mut state = self.scheduler.state.borrow_mut();
        if let Some(task) = state
            .tasks
            .get_mut(self.id.0 as usize)
            .and_then(Option::as_mut)
        {
            task.cancelled = true;
            task.waker.wake_by_ref();
        }
    }

    fn is_finished(&self) -> bool {
        self.end.done.get()
    }

    fn finished(&self) -> impl Future<Output = ()> {
        std::future::poll_fn(|cx| match self.end.done.get() {
            true => Poll::Ready(()),
            false => {
                self.end.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
    }
}
