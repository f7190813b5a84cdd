//! How the events of an agent run reach the client, and what becomes of those that do not
//! (protocol.md 7.4).
//!
//! Each run has an outbox. It knows to whom the events go: the connection that asked and, where
//! undelivered events are kept, the user's next connection once that one is gone. No transport
//! acknowledges a frame, so "sent" means handed over to a transport that was open as far as this
//! container had heard.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use crate::{
    core::{
        environment::MANAGER_SEND_TIMEOUT,
        ids::{RunId, SocketId, UserId},
        message::AgentEvent,
        time::Time,
    },
    design::{EventDelivery, UndeliveredEvents},
    event::{Event, Step, TaskName},
    gateway::{
        connection::Connection,
        container::Container,
        emission::{self, Addressee, Handed},
    },
    port::env::Env,
};

/// Events that wait for one user at most (7.1, recovery list).
pub const MAX_WAITING_PER_USER: usize = 50;

/// How long an event is kept for the user's next connection before the producer is told that it
/// was not delivered. A browser comes back within seconds (7.6).
pub const RECOVERY_WINDOW: Duration = Duration::from_secs(30);

/// Pauses before the retries of the message buffer (7.1).
const BUFFER_RETRY_DELAYS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What the producer of an event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Told {
    /// All is well: sent, kept, or so it is claimed.
    Delivered,
    /// The event did not and will not reach the client.
    NotDelivered,
}

/// The outboxes of one container: of all runs that are going on or have events waiting.
pub struct Outboxes<E: Env> {
    by_run: RefCell<BTreeMap<RunId, Rc<Outbox<E>>>>,
}

/// What one run has to say and to whom.
pub(crate) struct Outbox<E: Env> {
    run: RunId,
    user: UserId,
    thread: Option<Arc<str>>,
    asker: SocketId,
    address: RefCell<Rc<Connection<E>>>,
    waiting: RefCell<VecDeque<Waiting>>,
    producer: Cell<Producer>,
    sender: Cell<Sender>,
    keeper: Cell<Keeper>,
}

/// An event that has not been handed over yet.
#[derive(Clone, Debug)]
struct Waiting {
    event: AgentEvent,
    /// Since when it is kept, if it could not be handed over at once.
    kept_since: Option<Time>,
}

/// Whether more events may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Producer {
    Running,
    Done,
}

/// Whether some task is emptying the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Idle,
    Busy,
}

/// Whether some task watches for what has been kept too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
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

    fn forget_if_over(&self, outbox: &Outbox<E>) {
        if outbox.producer.get() == Producer::Done && outbox.waiting.borrow().is_empty() {
            self.by_run.borrow_mut().remove(&outbox.run);
        }
    }

    fn has_room_for(&self, user: &UserId) -> bool {
        let by_run = self.by_run.borrow();
        let of_user = by_run.values().filter(|outbox| outbox.user == *user);
        let waiting: usize = of_user.map(|outbox| outbox.waiting.borrow().len()).sum();
        waiting < MAX_WAITING_PER_USER
    }

    /// The runs of a user whose connection is gone, or does not take what they have to say.
    fn stranded(&self, user: &UserId) -> Vec<Rc<Outbox<E>>> {
        let by_run = self.by_run.borrow();
        let of_user = by_run.values().filter(|outbox| outbox.user == *user);
        let stranded = of_user.filter(|outbox| !outbox.address().is_ready() || outbox.keeps());
        stranded.cloned().collect()
    }

    fn all(&self) -> Vec<Rc<Outbox<E>>> {
        self.by_run.borrow().values().cloned().collect()
    }
}

impl<E: Env> Outbox<E> {
    /// The connection that hears of the run at present.
    pub(crate) fn address(&self) -> Rc<Connection<E>> {
        self.address.borrow().clone()
    }

    fn keeps(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.iter().any(|waiting| waiting.kept_since.is_some())
    }

    /// The event that was kept first, and since when.
    fn oldest(&self) -> Option<(Time, u32)> {
        let waiting = self.waiting.borrow();
        let kept = waiting
            .iter()
            .filter_map(|waiting| Some((waiting.kept_since?, waiting.event.seq)));
        kept.min()
    }

    /// Takes an event out, wherever it stands by now.
    fn take(&self, seq: u32) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|waiting| waiting.event.seq != seq);
    }

    fn failed(&self, seq: u32) -> Event {
        Event::AgentEventFailed {
            socket: self.asker,
            run: self.run,
            seq,
        }
    }
}

/// Sends one event of a run on its way.
pub(crate) async fn deliver<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    event: AgentEvent,
) -> Told {
    match container.design.event_delivery {
        EventDelivery::Inline => in_order(container, outbox, event).await,
        EventDelivery::Detached => {
            carry(container, outbox, Waiting::new(event));
            Told::Delivered
        }
    }
}

/// A connection of this user has become ready: it takes over the runs whose connection is gone,
/// or takes nothing, and what was kept for it is sent before anything newer.
pub async fn replay<E: Env>(
    container: &Rc<Container<E>>,
    connection: &Rc<Connection<E>>,
    user: &UserId,
) {
    for outbox in container.outboxes.stranded(user) {
        *outbox.address.borrow_mut() = connection.clone();
        match container.design.event_delivery {
            EventDelivery::Inline => flush(container, &outbox).await,
            EventDelivery::Detached => {
                for waiting in outbox.waiting.take() {
                    carry(container, &outbox, waiting);
                }
            }
        }
    }
}

/// The container is going away: nobody will come back to it for what was kept.
pub fn give_up<E: Env>(container: &Container<E>) {
    for outbox in container.outboxes.all() {
        for waiting in outbox.waiting.take() {
            container.env.emit(outbox.failed(waiting.event.seq));
        }
        container.outboxes.forget_if_over(&outbox);
    }
}

/// Sends one event to everybody who is to hear of it.
async fn hand_over<E: Env>(
    container: &Container<E>,
    outbox: &Outbox<E>,
    waiting: &Waiting,
) -> Handed {
    let mut event = waiting.event.clone();
    event.recovered = waiting.kept_since.is_some();
    let to = Addressee {
        user: outbox.user.clone(),
        thread: outbox.thread.clone(),
        asker: outbox.asker,
        connection: outbox.address(),
    };
    emission::hand_over(container, &to, event).await
}

impl Waiting {
    fn new(event: AgentEvent) -> Self {
        Waiting {
            event,
            kept_since: None,
        }
    }
}

// --- one after the other ------------------------------------------------------------------------

/// The event is sent after all earlier ones of its run, the kept ones included.
async fn in_order<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    event: AgentEvent,
) -> Told {
    match container.design.undelivered_events {
        UndeliveredEvents::Lost
        | UndeliveredEvents::RetryRaises
        | UndeliveredEvents::KeptTwice
        | UndeliveredEvents::Failed
        | UndeliveredEvents::Journaled => alone(container, outbox, Waiting::new(event)).await,
        UndeliveredEvents::StoredAndReplayed => {
            if !container.outboxes.has_room_for(&outbox.user) {
                container.env.emit(outbox.failed(event.seq));
                return Told::NotDelivered;
            }
            outbox.waiting.borrow_mut().push_back(Waiting::new(event));
            flush(container, outbox).await;
            Told::Delivered
        }
    }
}

/// Sends what waits, oldest first, until nothing waits or nobody takes it; the rest is kept. One
/// task at a time does this for a run, and it also sends what others put in line meanwhile.
async fn flush<E: Env>(container: &Rc<Container<E>>, outbox: &Rc<Outbox<E>>) {
    let Some(_busy) = Busy::begin(outbox) else {
        // Behind older events that are being sent again, by a task that may be cancelled.
        keep_waiting(container, outbox);
        return;
    };
    loop {
        let Some(next) = outbox.waiting.borrow().front().cloned() else {
            break;
        };
        let address = outbox.address();
        match hand_over(container, outbox, &next).await {
            Handed::Over => outbox.take(next.event.seq),
            Handed::ToNobody if Rc::ptr_eq(&address, &outbox.address()) => break,
            Handed::ToNobody => {}
        }
    }
    keep_waiting(container, outbox);
    container.outboxes.forget_if_over(outbox);
}

/// Marks the one sender of an outbox, until its task ends or is cancelled.
struct Busy<'a>(&'a Cell<Sender>);

impl<'a> Busy<'a> {
    fn begin<E: Env>(outbox: &'a Outbox<E>) -> Option<Self> {
        match outbox.sender.replace(Sender::Busy) {
            Sender::Idle => Some(Busy(&outbox.sender)),
            Sender::Busy => None,
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(Sender::Idle);
    }
}

// --- each on its own ----------------------------------------------------------------------------

/// Gives one event to a task of its own. Nobody waits for it and nothing holds it back, so it may
/// be overtaken.
fn carry<E: Env>(container: &Rc<Container<E>>, outbox: &Rc<Outbox<E>>, waiting: Waiting) {
    let (carrier, outbox) = (container.clone(), outbox.clone());
    let asker = outbox.asker;
    let task = async move {
        let told = alone(&carrier, &outbox, waiting).await;
        match told {
            // The producer has gone on long ago.
            Told::Delivered | Told::NotDelivered => carrier.outboxes.forget_if_over(&outbox),
        }
    };
    container
        .env
        .spawn(TaskName::EventDelivery, Some(asker), task);
}

/// Sends one event without regard to others, and answers for it as the design says.
async fn alone<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    waiting: Waiting,
) -> Told {
    match hand_over(container, outbox, &waiting).await {
        Handed::Over => return Told::Delivered,
        Handed::ToNobody => {}
    }
    let env = &container.env;
    let (run, seq) = (outbox.run, waiting.event.seq);
    match container.design.undelivered_events {
        UndeliveredEvents::Lost => {
            let socket = outbox.asker;
            env.emit(Event::AgentEventLost { socket, run, seq });
            Told::Delivered
        }
        UndeliveredEvents::RetryRaises => {
            let socket = outbox.asker;
            let error = "type object 'datetime.datetime' has no attribute 'timedelta'";
            let step = Step::Delivery;
            env.emit(Event::InternalError {
                socket,
                step,
                error,
            });
            env.emit(Event::AgentEventLost { socket, run, seq });
            Told::Delivered
        }
        UndeliveredEvents::KeptTwice => {
            let retrying = retry(container.clone(), outbox.clone(), waiting.clone());
            env.spawn(TaskName::EventDelivery, Some(outbox.asker), retrying);
            keep(container, outbox, waiting)
        }
        // Where there are journals no event comes this way.
        UndeliveredEvents::Failed | UndeliveredEvents::Journaled => {
            env.emit(outbox.failed(seq));
            Told::NotDelivered
        }
        UndeliveredEvents::StoredAndReplayed => keep(container, outbox, waiting),
    }
}

/// Hands one event over as soon as somebody takes it, a few times with growing pauses (7.1).
async fn retry<E: Env>(container: Rc<Container<E>>, outbox: Rc<Outbox<E>>, waiting: Waiting) {
    for delay in BUFFER_RETRY_DELAYS {
        container.env.sleep(delay).await;
        match hand_over(&container, &outbox, &waiting).await {
            Handed::Over => return,
            Handed::ToNobody => {}
        }
    }
}

// --- keeping ------------------------------------------------------------------------------------

/// Keeps one event, if there is room for it.
fn keep<E: Env>(container: &Rc<Container<E>>, outbox: &Rc<Outbox<E>>, waiting: Waiting) -> Told {
    if !container.outboxes.has_room_for(&outbox.user) {
        container.env.emit(outbox.failed(waiting.event.seq));
        return Told::NotDelivered;
    }
    outbox.waiting.borrow_mut().push_back(waiting);
    keep_waiting(container, outbox);
    Told::Delivered
}

/// From here on the events that wait are kept for the user's next connection, for
/// [`RECOVERY_WINDOW`] each.
fn keep_waiting<E: Env>(container: &Rc<Container<E>>, outbox: &Rc<Outbox<E>>) {
    let now = container.env.now();
    for waiting in outbox.waiting.borrow_mut().iter_mut() {
        if waiting.kept_since.is_none() {
            waiting.kept_since = Some(now);
            container.env.emit(Event::AgentEventStored {
                socket: outbox.asker,
                run: outbox.run,
                seq: waiting.event.seq,
            });
        }
    }
    if outbox.waiting.borrow().is_empty() || outbox.keeper.get() == Keeper::Watching {
        return;
    }
    outbox.keeper.set(Keeper::Watching);
    // A detached delivery may outlast its run, whose outbox was forgotten then.
    let mut by_run = container.outboxes.by_run.borrow_mut();
    by_run.insert(outbox.run, outbox.clone());
    drop(by_run);
    let task = watch(container.clone(), outbox.clone());
    container
        .env
        .spawn(TaskName::EventDelivery, Some(outbox.asker), task);
}

/// Fails what has been kept for too long, until nothing is kept.
async fn watch<E: Env>(container: Rc<Container<E>>, outbox: Rc<Outbox<E>>) {
    while let Some((since, seq)) = outbox.oldest() {
        let now = container.env.now();
        let left = (since + RECOVERY_WINDOW).since(now);
        match outbox.sender.get() {
            Sender::Idle if left.is_zero() => {
                outbox.take(seq);
                container.env.emit(outbox.failed(seq));
            }
            // Its fate is being decided right now.
            Sender::Busy if left.is_zero() => container.env.sleep(MANAGER_SEND_TIMEOUT).await,
            Sender::Idle | Sender::Busy => container.env.sleep(left).await,
        }
    }
    outbox.keeper.set(Keeper::Idle);
    container.outboxes.forget_if_over(&outbox);
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
