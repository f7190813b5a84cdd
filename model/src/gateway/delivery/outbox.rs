//! Outboxes: the undelivered events of the runs of one container, and the connections that they are
//! for.
//!
//! Implements docs/protocol.md#recovery-list.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use crate::{
    core::{
        ids::{RunId, SocketId, UserId},
        message::AgentEvent,
        time::Time,
    },
    event::Event,
    gateway::connection::Connection,
    port::env::Env,
};

/// Events that wait for one user at most (docs/protocol.md#recovery-list).
pub const MAX_WAITING_PER_USER: usize = 50;

/// What the producer of an event gets as the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum DeliveryReport {
    /// All is well: sent, kept, or so it is claimed.
    Delivered,
    /// The event did not and will not reach the client.
    NotDelivered,
}

/// The outboxes of one container: of all runs that are going on or have events waiting.
pub struct Outboxes<E: Env> {
    pub(super) by_run: RefCell<BTreeMap<RunId, Rc<Outbox<E>>>>,
}

/// The events of one run and the connection that they are for.
pub(crate) struct Outbox<E: Env> {
    pub(super) run: RunId,
    pub(super) user: UserId,
    pub(super) thread: Option<Arc<str>>,
    pub(super) asker: SocketId,
    pub(super) address: RefCell<Rc<Connection<E>>>,
    pub(super) waiting: RefCell<VecDeque<WaitingEvent>>,
    producer: Cell<Producer>,
    pub(super) sender: Cell<Sender>,
    pub(super) keeper: Cell<Keeper>,
}

/// An event that has not been handed over yet.
#[derive(Clone, Debug)]
pub(super) struct WaitingEvent {
    pub(super) event: AgentEvent,
    /// Since when it is kept, if it could not be handed over at once.
    pub(super) kept_since: Option<Time>,
}

impl WaitingEvent {
    pub(super) fn new(event: AgentEvent) -> Self {
        WaitingEvent {
            event,
            kept_since: None,
        }
    }
}

/// Whether more events may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Producer {
    Running,
    Done,
}

/// Whether some task is emptying the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Idle,
    Busy,
}

/// Whether some task watches for what has been kept too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Idle,
    Watching,
}

impl<E: Env> Default for Outboxes<E> {
    fn default() -> Self {
        Outboxes::new()
    }
}

impl<E: Env> Outboxes<E> {
    /// No run yet.
    pub fn new() -> Self {
        Outboxes {
            by_run: RefCell::default(),
        }
    }

    /// A run begins.
    pub(crate) fn open(
        &self,
        run: RunId,
        asker: &Rc<Connection<E>>,
        user: UserId,
        thread: Option<Arc<str>>,
    ) -> Rc<Outbox<E>> {
        let outbox = Rc::new(Outbox {
            run,
            user,
            thread,
            asker: asker.socket_id(),
            address: RefCell::new(asker.clone()),
            waiting: RefCell::default(),
            producer: Cell::new(Producer::Running),
            sender: Cell::new(Sender::Idle),
            keeper: Cell::new(Keeper::Idle),
        });
        self.by_run.borrow_mut().insert(run, outbox.clone());
        outbox
    }

    /// A run is over; its outbox goes with its last event.
    pub(crate) fn close(&self, outbox: &Outbox<E>) {
        outbox.producer.set(Producer::Done);
        self.forget_if_over(outbox);
    }

    pub(super) fn forget_if_over(&self, outbox: &Outbox<E>) {
        if outbox.producer.get() == Producer::Done && outbox.waiting.borrow().is_empty() {
            self.by_run.borrow_mut().remove(&outbox.run);
        }
    }

    pub(super) fn has_room_for(&self, user: &UserId) -> bool {
        let by_run = self.by_run.borrow();
        let of_user = by_run.values().filter(|outbox| outbox.user == *user);
        let waiting: usize = of_user.map(|outbox| outbox.waiting.borrow().len()).sum();
        waiting < MAX_WAITING_PER_USER
    }

    /// The runs of a user whose connection is gone, or does not take their events.
    pub(super) fn stranded(&self, user: &UserId) -> Vec<Rc<Outbox<E>>> {
        let by_run = self.by_run.borrow();
        let of_user = by_run.values().filter(|outbox| outbox.user == *user);
        let stranded = of_user.filter(|outbox| !outbox.address().is_ready() || outbox.keeps());
        stranded.cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Rc<Outbox<E>>> {
        self.by_run.borrow().values().cloned().collect()
    }
}

impl<E: Env> Outbox<E> {
    /// The connection that gets the events of the run at present.
    pub(crate) fn address(&self) -> Rc<Connection<E>> {
        self.address.borrow().clone()
    }

    pub(super) fn keeps(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.iter().any(|waiting| waiting.kept_since.is_some())
    }

    /// The event that was kept first, and since when.
    pub(super) fn oldest(&self) -> Option<(Time, u32)> {
        let waiting = self.waiting.borrow();
        let kept = waiting
            .iter()
            .filter_map(|waiting| Some((waiting.kept_since?, waiting.event.seq)));
        kept.min()
    }

    /// Takes an event out, wherever it stands by now.
    pub(super) fn take(&self, seq: u32) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|waiting| waiting.event.seq != seq);
    }

    pub(super) fn failed(&self, seq: u32) -> Event {
        Event::AgentEventFailed {
            socket: self.asker,
            run: self.run,
            seq,
        }
    }
}
