//! A lock as a coroutine library has it: first come, first served, and not re-entrant, so that a
//! task that asks again for what it holds waits for ever.
//!
//! Everything about it is reported: which task asks, has it, and has released it. Which task waits
//! for which can be read off the events.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    task::{Poll, Waker},
};

use crate::{
    core::ids::SocketId,
    event::{Event, LockName},
    port::env::Env,
};

/// A lock that the tasks of one container share. As many tasks may wait as the container has.
pub struct Lock<E: Env> {
    env: E,
    name: LockName,
    instance: u64,
    line: RefCell<LockQueue>,
}

/// The task that has the lock and those that wait for it.
#[derive(Debug, Default)]
struct LockQueue {
    asked: u32,
    holder: Option<u32>,
    waiting: VecDeque<(u32, Option<Waker>)>,
}

/// The lock is held until this is dropped, also when its task is cancelled.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a, E: Env> {
    lock: &'a Lock<E>,
    socket: Option<SocketId>,
    ticket: u32,
    stage: LockStage,
}

/// How far the request for the lock has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LockStage {
    /// It waits, or was handed the lock and has not run since.
    Asked,
    /// It has the lock.
    Taken,
}

impl<E: Env> Lock<E> {
    /// A free lock. `instance` distinguishes locks of one name in a container.
    pub fn new(env: E, name: LockName, instance: u64) -> Self {
        Lock {
            env,
            name,
            instance,
            line: RefCell::default(),
        }
    }

    /// Waits for the lock. `socket` is the connection on whose behalf, if any. A wait that is
    /// cancelled leaves the line.
    pub async fn acquire(&self, socket: Option<SocketId>) -> LockGuard<'_, E> {
        let mut turn = self.ask(socket);
        poll_fn(|context| turn.poll(context.waker())).await;
        turn.take();
        turn
    }

    fn ask(&self, socket: Option<SocketId>) -> LockGuard<'_, E> {
        let mut line = self.line.borrow_mut();
        let ticket = line.asked;
        line.asked += 1;
        if line.holder.is_none() {
            line.holder = Some(ticket);
        } else {
            line.waiting.push_back((ticket, None));
        }
        drop(line);
        self.env.emit(Event::LockAsked {
            socket,
            lock: self.name,
            instance: self.instance,
            ticket,
        });
        LockGuard {
            lock: self,
            socket,
            ticket,
            stage: LockStage::Asked,
        }
    }

    /// Hands the lock to the task that has waited longest.
    fn pass_on(&self) {
        let mut line = self.line.borrow_mut();
        let next = line.waiting.pop_front();
        line.holder = next.as_ref().map(|(ticket, _)| *ticket);
        drop(line);
        if let Some((_, Some(waker))) = next {
            waker.wake();
        }
    }
}

impl<E: Env> LockGuard<'_, E> {
    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut line = self.lock.line.borrow_mut();
        if line.holder == Some(self.ticket) {
            return Poll::Ready(());
        }
        let mut waiting = line.waiting.iter_mut();
        if let Some((_, kept)) = waiting.find(|(ticket, _)| *ticket == self.ticket) {
            *kept = Some(waker.clone());
        }
        Poll::Pending
    }

    fn take(&mut self) {
        self.stage = LockStage::Taken;
        self.lock.env.emit(Event::LockTaken {
            socket: self.socket,
            lock: self.lock.name,
            instance: self.lock.instance,
            ticket: self.ticket,
        });
    }
}

impl<E: Env> Drop for LockGuard<'_, E> {
    fn drop(&mut self) {
        let (socket, lock) = (self.socket, self.lock.name);
        let (instance, ticket) = (self.lock.instance, self.ticket);
        self.lock.env.emit(match self.stage {
            LockStage::Asked => Event::LockGivenUp {
                socket,
                lock,
                instance,
                ticket,
            },
            LockStage::Taken => Event::LockReleased {
                socket,
                lock,
                instance,
                ticket,
            },
        });
        let mut line = self.lock.line.borrow_mut();
        if line.holder == Some(self.ticket) {
            drop(line);
            self.lock.pass_on();
        } else {
            line.waiting.retain(|(ticket, _)| *ticket != self.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, time::Duration};

    use super::*;
    use crate::{
        event::TaskName,
        port::{env::Task, wait::timeout},
        testing::TestEnv,
    };

    struct LockScene {
        env: TestEnv,
        lock: Rc<Lock<TestEnv>>,
    }

    impl LockScene {
        fn new() -> Self {
            let env = TestEnv::idle();
            let lock = Rc::new(Lock::new(env.clone(), LockName::Manager, 3));
            LockScene { env, lock }
        }

        /// A task that takes the lock and keeps it for `ms`.
        fn holder(&self, ms: u64) -> <TestEnv as Env>::Task {
            let (env, lock) = (self.env.clone(), self.lock.clone());
            self.env.spawn(TaskName::Notice, None, async move {
                let _guard = lock.acquire(None).await;
                env.sleep(Duration::from_millis(ms)).await;
            })
        }

        fn pass(&self, ms: u64) {
            self.env.block_on(self.env.sleep(Duration::from_millis(ms)));
        }

        /// What happened, by ticket and millisecond.
        fn story(&self) -> String {
            let events = self.env.timed_events();
            let words = events.into_iter().map(|(time, event)| {
                let (word, ticket) = match event {
                    Event::LockAsked { ticket, .. } => ("asks", ticket),
                    Event::LockTaken { ticket, .. } => ("has it", ticket),
                    Event::LockReleased { ticket, .. } => ("is done", ticket),
                    Event::LockGivenUp { ticket, .. } => ("gives up", ticket),
                    event => panic!("{event:?}"),
                };
                format!("{} {ticket} {word}", time.0 / 1_000_000)
            });
            words.collect::<Vec<_>>().join(", ")
        }
    }

    #[test]
    fn first_come_first_served() {
        let scene = LockScene::new();
        for _ in 0..3 {
            scene.holder(10);
        }
        scene.pass(100);
        assert_eq!(
            scene.story(),
            "0 0 asks, 0 0 has it, 0 1 asks, 0 2 asks, 10 0 is done, 10 1 has it, 20 1 is done, \
             20 2 has it, 30 2 is done"
        );
    }

    #[test]
    fn a_cancelled_task_releases_the_lock_or_leaves_the_queue() {
        let scene = LockScene::new();
        let tasks = [10, 10, 10].map(|ms| scene.holder(ms));
        scene.pass(1);
        tasks[1].cancel();
        tasks[0].cancel();
        scene.pass(100);
        assert_eq!(
            scene.story(),
            "0 0 asks, 0 0 has it, 0 1 asks, 0 2 asks, 1 1 gives up, 1 0 is done, 1 2 has it, \
             11 2 is done"
        );
    }

    #[test]
    fn a_lock_handed_to_a_task_that_is_cancelled_before_it_runs_goes_on() {
        let scene = LockScene::new();
        let tasks = [10, 10, 10].map(|ms| scene.holder(ms));
        scene.pass(1);
        tasks[0].cancel();
        tasks[1].cancel();
        scene.pass(100);
        assert_eq!(
            scene.story(),
            "0 0 asks, 0 0 has it, 0 1 asks, 0 2 asks, 1 0 is done, 1 1 gives up, 1 2 has it, \
             11 2 is done"
        );
    }

    #[test]
    fn a_task_that_asks_again_for_its_lock_deadlocks() {
        let scene = LockScene::new();
        let env = scene.env.clone();
        let outcome = scene.env.block_on(async {
            let _guard = scene.lock.acquire(None).await;
            let again = scene.lock.acquire(None);
            timeout(&env, Duration::from_secs(3600), again)
                .await
                .is_some()
        });
        assert!(!outcome);
    }
}
