//! Who holds which lock, and who waits for it; a part of [`super::waiting`] (I-15).

use std::{collections::BTreeMap, time::Duration};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{Event, LockName},
};

use super::{deadlines::Deadlines, rule::Finding, view::View};

/// The locks of all containers. A lock that is asked for is had within a bound, or whoever asked
/// gives up; a container that goes takes its locks and whoever waits for them with it.
pub(super) struct Locks {
    bound: Duration,
    holders: BTreeMap<LockKey, Holder>,
    waiting: BTreeMap<TicketKey, Waiter>,
    due: Deadlines<TicketKey>,
}

/// Container, kind and number of a lock.
type LockKey = (u32, LockName, u64);
/// A lock, and one attempt to have it.
type TicketKey = (LockKey, u32);

#[derive(Clone, Copy)]
struct Holder {
    ticket: u32,
    socket: Option<SocketId>,
    since: Time,
}

struct Waiter {
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
        if let Event::LockAsked {
            socket,
            lock,
            instance,
            ticket,
        } = event
        {
            let key = ((container, *lock, *instance), *ticket);
            let waiter = Waiter {
                socket: *socket,
                since: now,
            };
            self.waiting.insert(key, waiter);
            self.due.arm(key, now + self.bound);
        } else if let Event::LockTaken {
            socket,
            lock,
            instance,
            ticket,
        } = event
        {
            let lock = (container, *lock, *instance);
            self.waits_no_more((lock, *ticket));
            let holder = Holder {
                ticket: *ticket,
                socket: *socket,
                since: now,
            };
            self.holders.insert(lock, holder);
        } else if let Event::LockReleased {
            lock,
            instance,
            ticket,
            ..
        } = event
        {
            let lock = (container, *lock, *instance);
            if self
                .holders
                .get(&lock)
                .is_some_and(|holder| holder.ticket == *ticket)
            {
                self.holders.remove(&lock);
            }
        } else if let Event::LockGivenUp {
            lock,
            instance,
            ticket,
            ..
        } = event
        {
            self.waits_no_more(((container, *lock, *instance), *ticket));
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

    /// The earliest wait that has become too long.
    pub(super) fn overdue(&mut self, view: &View, now: Time) -> Option<(Time, Finding)> {
        let (time, key) = self.due.missed(
            now,
            |_| self.bound,
            |((container, ..), _), since| view.stalled(*container, since, now),
        )?;
        let waiter = self.waiting.get(&key)?;
        let ((container, lock, instance), _) = key;
        let holder = self.holders.get(&key.0);
        let cause = match holder {
            Some(holder) if holder.socket.is_some() && holder.socket == waiter.socket => {
                format!("lock {lock} held by its own connection")
            }
            Some(_) => format!("lock {lock} not released"),
            None => format!("lock {lock} free and not had"),
        };
        let holder = match holder {
            Some(holder) => format!(
                "which {} has held for {} s",
                in_words(holder.socket),
                time.since(holder.since).as_secs()
            ),
            None => "which nobody holds".to_owned(),
        };
        let sentence = format!(
            "{} has waited for {} s for the lock {lock} {instance} of container{container}, \
             {holder}.",
            in_words(waiter.socket),
            time.since(waiter.since).as_secs(),
        );
        let finding = Finding {
            socket: waiter.socket,
            cause: cause.into(),
            sentence,
        };
        Some((time, finding))
    }
}

fn in_words(socket: Option<SocketId>) -> String {
    match socket {
        Some(socket) => format!("a task of {socket}"),
        None => "a task of the container".to_owned(),
    }
}
