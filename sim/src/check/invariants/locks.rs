//! Which task holds a lock, and which wait for it; a part of [`super::waiting`] (I-15).
//!
//! Knows from: `LockAsked`, `LockTaken`, `LockReleased` and `LockGivenUp`.

use std::{collections::BTreeMap, time::Duration};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{Event, LockName},
};

use super::{deadlines::Deadlines, rule::Findings, view::LiveView};

/// The locks of all containers. A lock that is asked for is acquired within a bound, or the task
/// gives up. The end of a container ends its locks and their waiters.
pub(super) struct Locks {
    bound: Duration,
    holders: BTreeMap<LockKey, LockHolder>,
    waiting: BTreeMap<TicketKey, LockWaiter>,
    due: Deadlines<TicketKey>,
}

/// Container, kind and number of a lock.
type LockKey = (u32, LockName, u64);
/// A lock, and one attempt to have it.
type TicketKey = (LockKey, u32);

#[derive(Clone, Copy)]
struct LockHolder {
    ticket: u32,
    socket: Option<SocketId>,
    since: Time,
}

struct LockWaiter {
    socket: Option<SocketId>,
    since: Time,
}

impl Locks {
    pub(super) fn new(bound: Duration) -> Self {
        Locks {
            bound,
            holders: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: Deadlines::new(),
        }
    }

    /// Takes an event about locks into account; any other says nothing.
    pub(super) fn observe(&mut self, container: u32, now: Time, event: &Event) {
        match event {
            Event::LockAsked {
                socket,
                lock,
                instance,
                ticket,
            } => {
                let key = ((container, *lock, *instance), *ticket);
                let waiter = LockWaiter {
                    socket: *socket,
                    since: now,
                };
                self.waiting.insert(key, waiter);
                self.due.arm(key, now + self.bound);
            }
            Event::LockTaken {
                socket,
                lock,
                instance,
                ticket,
            } => {
                let lock = (container, *lock, *instance);
                self.waits_no_more((lock, *ticket));
                let holder = LockHolder {
                    ticket: *ticket,
                    socket: *socket,
                    since: now,
                };
                self.holders.insert(lock, holder);
            }
            Event::LockReleased {
                lock,
                instance,
                ticket,
                ..
            } => {
                let lock = (container, *lock, *instance);
                if self
                    .holders
                    .get(&lock)
                    .is_some_and(|holder| holder.ticket == *ticket)
                {
                    self.holders.remove(&lock);
                }
            }
            Event::LockGivenUp {
                lock,
                instance,
                ticket,
                ..
            } => {
                self.waits_no_more(((container, *lock, *instance), *ticket));
            }
            _ => {}
        }
    }

    fn waits_no_more(&mut self, key: TicketKey) {
        self.waiting.remove(&key);
        self.due.disarm(&key);
    }

    pub(super) fn container_gone(&mut self, container: u32) {
        self.holders.retain(|(of, ..), _| *of != container);
        self.waiting.retain(|((of, ..), _), _| *of != container);
        self.due.retain(|((of, ..), _)| *of != container);
    }

    /// Every wait that has become too long.
    pub(super) fn overdue(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        let bound = self.bound;
        let stalled =
            |((container, ..), _): &TicketKey, since| view.stalled(*container, since, now);
        while let Some((time, key)) = self.due.missed(now, |_| bound, stalled) {
            if let Some(waiter) = self.waiting.get(&key) {
                self.judge(key.0, waiter, found.at(time), time);
            }
        }
    }

    fn judge(&self, key: LockKey, waiter: &LockWaiter, found: &mut Findings, time: Time) {
        let (container, lock, instance) = key;
        let holder = self.holders.get(&key);
        let how = match holder {
            Some(holder) if holder.socket.is_some() && holder.socket == waiter.socket => {
                "held by its own connection"
            }
            Some(_) => "not released",
            None => "free and not acquired",
        };
        found.add(waiter.socket, format_args!("lock {lock} {how}"), || {
            let holder = match holder {
                Some(holder) => format!(
                    "which {} has held for {} s",
                    in_words(holder.socket),
                    time.since(holder.since).as_secs()
                ),
                None => "which is free".to_owned(),
            };
            format!(
                "{} has waited for {} s for the lock {lock} {instance} of container{container}, \
                 {holder}.",
                in_words(waiter.socket),
                time.since(waiter.since).as_secs(),
            )
        });
    }
}

fn in_words(socket: Option<SocketId>) -> String {
    match socket {
        Some(socket) => format!("a task of {socket}"),
        None => "a task of the container".to_owned(),
    }
}
