//! Tasks: the future that the scheduler keeps, its waker, its end, and the handle of its owner.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
};

use super::{
    Scheduler,
    order::Turns,
    process::{Place, ProcessId},
    waker::{TaskId, TaskWaker},
};

pub(super) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct ScheduledTask {
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

/// The owner's handle of a task. Dropping it detaches the task.
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
