//! Frames that a reader task has received and the message loop has not yet handled: the queue of
//! [`crate::core::message_queue`], shared by the two.
//!
//! Implements docs/protocol.md#message-queue.

use std::{cell::RefCell, sync::Arc};

use tokio::sync::Notify;

use crate::{
    core::{
        ids::SocketId,
        message_queue::{Failed, FramePriority, MessageQueue, Popped, Pushed, WaitingFrame},
    },
    design::{Design, QueueLock},
    event::LockName,
    gateway::lock::{Lock, LockGuard},
    port::env::Env,
};

/// The queue of one connection. One task puts in, one takes out.
pub struct Inbox<E: Env> {
    env: E,
    socket: SocketId,
    queue: RefCell<MessageQueue>,
    arrived: Notify,
    lock: Lock<E>,
}

impl<E: Env> Inbox<E> {
    /// An empty queue for so many frames.
    pub fn new(env: E, socket: SocketId, capacity: usize) -> Self {
        Inbox {
            lock: Lock::new(env.clone(), LockName::MessageQueue, number(socket)),
            env,
            socket,
            queue: RefCell::new(MessageQueue::new(capacity)),
            arrived: Notify::new(),
        }
    }

    /// Puts a frame in, and returns what happened to it.
    pub async fn push(&self, design: &Design, text: Arc<str>) -> Pushed {
        let _guard = self.locked(design).await;
        let frame = WaitingFrame {
            priority: FramePriority::of(&text),
            text,
            arrived: self.env.now(),
            failures: 0,
        };
        let pushed = self.queue.borrow_mut().push(frame, design.queue_overflow);
        self.arrived.notify_one();
        pushed
    }

    /// The connection is ready: from here on frames are given out, if the design gets that far.
    pub fn open(&self, design: &Design) {
        self.queue.borrow_mut().open(design.queue_flush);
    }

    /// Takes the next frame out, waiting for one if there is none. Nothing is lost if the wait is
    /// cancelled.
    pub async fn pop(&self, design: &Design) -> Popped {
        loop {
            let now = self.env.now();
            if let Some(next) = self.queue.borrow_mut().pop(design.queue_flush, now) {
                return next;
            }
            self.arrived.notified().await;
        }
    }

    /// The frame that was taken out last could not be handled.
    pub fn fail(&self) -> Failed {
        self.queue.borrow_mut().fail()
    }

    /// The connection ends: nothing is taken in any more, and what is in goes with it.
    pub async fn close(&self, design: &Design) {
        let _closing = self.locked(design).await;
        // Emptying the queue is a step of its own that protects itself.
        let _emptying = self.locked(design).await;
        self.queue.borrow_mut().close();
    }

    async fn locked(&self, design: &Design) -> Option<LockGuard<'_, E>> {
        match design.queue_lock {
            QueueLock::Nothing => None,
            QueueLock::TakenAgainToEmpty => Some(self.lock.acquire(Some(self.socket)).await),
        }
    }
}

/// The number that distinguishes the queues of a container.
fn number(socket: SocketId) -> u64 {
    u64::from(socket.peer) << 32 | u64::from(socket.attempt) << 16 | u64::from(socket.copy)
}
