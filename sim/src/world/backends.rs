//! Which containers are in service, as fleet and balancer both know it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    task::{Poll, Waker},
};

use gatesim_model::core::{ids::SocketId, time::Time};

/// The containers to which the balancer may route, and those whose connections it drains.
#[derive(Default)]
pub struct Backends {
    in_service: RefCell<BTreeSet<u32>>,
    drains: RefCell<BTreeMap<u32, Drain>>,
}

/// The connections of one container: since when they are drained, and their tasks until then.
#[derive(Default)]
struct Drain {
    since: Option<Time>,
    waiting: BTreeMap<SocketId, Waker>,
}

impl Backends {
    /// The containers in service, in ascending order.
    pub fn in_service(&self) -> Vec<u32> {
        self.in_service.borrow().iter().copied().collect()
    }

    /// A container was put into service.
    pub fn enters(&self, container: u32) {
        self.in_service.borrow_mut().insert(container);
        self.drains.borrow_mut().remove(&container);
    }

    /// A container has left service: its connections are drained.
    pub fn leaves(&self, container: u32, now: Time) {
        self.in_service.borrow_mut().remove(&container);
        let mut drains = self.drains.borrow_mut();
        let drain = drains.entry(container).or_default();
        drain.since.get_or_insert(now);
        std::mem::take(&mut drain.waiting)
            .into_values()
            .for_each(Waker::wake);
    }

    /// Completes when the container of a connection has left service, with the time at which it
    /// has.
    pub async fn left(&self, container: u32, socket: SocketId) -> Time {
        let mut waits = false;
        poll_fn(|cx| {
            let mut drains = self.drains.borrow_mut();
            let drain = drains.entry(container).or_default();
            if let Some(since) = drain.since {
                return Poll::Ready(since);
            }
            // A task has one waker for all its life.
            if !waits {
                waits = true;
                drain.waiting.insert(socket, cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// A connection is over.
    pub fn forget(&self, container: u32, socket: SocketId) {
        if let Some(drain) = self.drains.borrow_mut().get_mut(&container) {
            drain.waiting.remove(&socket);
        }
    }
}
