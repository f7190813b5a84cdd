//! Timers: exact to the nanosecond, cancelled when dropped.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use gatesim_model::core::time::Time;

use super::{Scheduler, order::Deliver};

/// What happens when a timer fires.
pub(super) enum Timer {
    Wake(Waker),
    Deliver(Rc<dyn Deliver>),
}

/// Completes at a point in virtual time; cancelled when dropped.
pub struct Sleep {
    pub(super) scheduler: Rc<Scheduler>,
    pub(super) deadline: Time,
    pub(super) timer: Option<(Time, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.timer {
            // A zero sleep still waits for one firing: it gives the others a turn.
            Some(_) if self.scheduler.now() >= self.deadline => {
                self.cancel();
                Poll::Ready(())
            }
            Some(key) => {
                if let Some(Timer::Wake(waker)) =
                    self.scheduler.state.borrow_mut().timers.get_mut(&key)
                    && !waker.will_wake(cx.waker())
                {
                    waker.clone_from(cx.waker());
                }
                Poll::Pending
            }
            None => {
                let timer = Timer::Wake(cx.waker().clone());
                let deadline = self.deadline.max(self.scheduler.now());
                let key = self.scheduler.state.borrow_mut().add_timer(deadline, timer);
                self.timer = Some(key);
                Poll::Pending
            }
        }
    }
}

impl Sleep {
    fn cancel(&mut self) {
        if let Some(key) = self.timer.take() {
            self.scheduler.state.borrow_mut().timers.remove(&key);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}
