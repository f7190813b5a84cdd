//! How the events of an agent run reach the client, and what happens to those that do not
//! (docs/protocol.md#event-delivery).
//!
//! Each run has an outbox. It knows where the events go: the connection that asked and, where
//! undelivered events are kept, the user's next connection once that one is gone. No transport
//! acknowledges a frame, so "sent" means handed over to a transport that was open as far as this
//! container knew.

pub mod outbox;

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    core::{environment::MANAGER_SEND_TIMEOUT, ids::UserId, message::AgentEvent},
    design::{EventDelivery, UndeliveredEvents},
    event::{Event, Limit, Step, TaskName},
    gateway::{
        connection::Connection,
        container::Container,
        emission::{self, Addressee, Handed},
    },
    port::{env::Env, limits},
};

use outbox::{DeliveryReport, Keeper, MAX_WAITING_PER_USER, Outbox, Sender, WaitingEvent};

/// How long an event is kept for the user's next connection before the producer is told that it
/// was not delivered. A browser comes back within seconds (docs/protocol.md#reconnection).
pub const RECOVERY_WINDOW: Duration = Duration::from_secs(30);

/// Pauses before the retries of the message buffer (docs/protocol.md#message-buffer).
const BUFFER_RETRY_DELAYS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Sends one event of a run on its way.
pub(crate) async fn deliver<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    event: AgentEvent,
) -> DeliveryReport {
    match container.design.event_delivery {
        EventDelivery::Inline => in_order(container, outbox, event).await,
        EventDelivery::Detached => {
            carry(container, outbox, WaitingEvent::new(event));
            DeliveryReport::Delivered
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

/// The container shuts down: no connection will come back for the events that are kept.
pub fn give_up<E: Env>(container: &Container<E>) {
    for outbox in container.outboxes.all() {
        for waiting in outbox.waiting.take() {
            container.env.emit(outbox.failed(waiting.event.seq));
        }
        container.outboxes.forget_if_over(&outbox);
    }
}

/// Sends one event to every connection that it is for.
async fn hand_over<E: Env>(
    container: &Container<E>,
    outbox: &Outbox<E>,
    waiting: &WaitingEvent,
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

// --- one after the other ------------------------------------------------------------------------

/// The event is sent after all earlier ones of its run, the kept ones included.
async fn in_order<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    event: AgentEvent,
) -> DeliveryReport {
    match container.design.undelivered_events {
        UndeliveredEvents::Lost
        | UndeliveredEvents::RetryRaises
        | UndeliveredEvents::KeptTwice
        | UndeliveredEvents::Failed
        | UndeliveredEvents::Journaled => alone(container, outbox, WaitingEvent::new(event)).await,
        UndeliveredEvents::StoredAndReplayed => {
            if !container.outboxes.has_room_for(&outbox.user) {
                let (env, most) = (&container.env, MAX_WAITING_PER_USER);
                limits::reached(env, outbox.asker, Limit::KeptEvents, most);
                container.env.emit(outbox.failed(event.seq));
                return DeliveryReport::NotDelivered;
            }
            outbox
                .waiting
                .borrow_mut()
                .push_back(WaitingEvent::new(event));
            flush(container, outbox).await;
            DeliveryReport::Delivered
        }
    }
}

/// Sends what waits, oldest first, until nothing waits or an event is not taken; the rest is kept.
/// One task at a time does this for a run, and it also sends what others put in line meanwhile.
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
            Handed::NotTaken if Rc::ptr_eq(&address, &outbox.address()) => break,
            Handed::NotTaken => {}
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

/// Gives one event to a task of its own. It is not awaited and nothing delays it, so it may
/// be overtaken.
fn carry<E: Env>(container: &Rc<Container<E>>, outbox: &Rc<Outbox<E>>, waiting: WaitingEvent) {
    let (carrier, outbox) = (container.clone(), outbox.clone());
    let asker = outbox.asker;
    let task = async move {
        let told = alone(&carrier, &outbox, waiting).await;
        match told {
            // The producer has not waited for this.
            DeliveryReport::Delivered | DeliveryReport::NotDelivered => {
                carrier.outboxes.forget_if_over(&outbox)
            }
        }
    };
    container
        .env
        .spawn(TaskName::EventDelivery, Some(asker), task);
}

/// Sends one event without regard to others, and handles a failure as the design says.
async fn alone<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    waiting: WaitingEvent,
) -> DeliveryReport {
    match hand_over(container, outbox, &waiting).await {
        Handed::Over => return DeliveryReport::Delivered,
        Handed::NotTaken => {}
    }
    let env = &container.env;
    let (run, seq) = (outbox.run, waiting.event.seq);
    match container.design.undelivered_events {
        UndeliveredEvents::Lost => {
            let socket = outbox.asker;
            env.emit(Event::AgentEventLost { socket, run, seq });
            DeliveryReport::Delivered
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
            DeliveryReport::Delivered
        }
        UndeliveredEvents::KeptTwice => {
            let retrying = retry(container.clone(), outbox.clone(), waiting.clone());
            env.spawn(TaskName::EventDelivery, Some(outbox.asker), retrying);
            keep(container, outbox, waiting)
        }
        // Where there are journals no event comes this way.
        UndeliveredEvents::Failed | UndeliveredEvents::Journaled => {
            env.emit(outbox.failed(seq));
            DeliveryReport::NotDelivered
        }
        UndeliveredEvents::StoredAndReplayed => keep(container, outbox, waiting),
    }
}

/// Tries to hand one event over, a few times with growing pauses
/// (docs/protocol.md#message-buffer).
async fn retry<E: Env>(container: Rc<Container<E>>, outbox: Rc<Outbox<E>>, waiting: WaitingEvent) {
    for delay in BUFFER_RETRY_DELAYS {
        container.env.sleep(delay).await;
        match hand_over(&container, &outbox, &waiting).await {
            Handed::Over => return,
            Handed::NotTaken => {}
        }
    }
    let (env, tries) = (&container.env, BUFFER_RETRY_DELAYS.len());
    limits::reached(env, outbox.asker, Limit::DeliveryTries, tries);
}

// --- keeping ------------------------------------------------------------------------------------

/// Keeps one event, if there is room for it.
fn keep<E: Env>(
    container: &Rc<Container<E>>,
    outbox: &Rc<Outbox<E>>,
    waiting: WaitingEvent,
) -> DeliveryReport {
    if !container.outboxes.has_room_for(&outbox.user) {
        container.env.emit(outbox.failed(waiting.event.seq));
        return DeliveryReport::NotDelivered;
    }
    outbox.waiting.borrow_mut().push_back(waiting);
    keep_waiting(container, outbox);
    DeliveryReport::Delivered
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
                let (env, limit) = (&container.env, Limit::KeptEventTime);
                limits::reached(env, outbox.asker, limit, RECOVERY_WINDOW);
                outbox.take(seq);
                container.env.emit(outbox.failed(seq));
            }
            // It is being sent at this point.
            Sender::Busy if left.is_zero() => container.env.sleep(MANAGER_SEND_TIMEOUT).await,
            Sender::Idle | Sender::Busy => container.env.sleep(left).await,
        }
    }
    outbox.keeper.set(Keeper::Idle);
    container.outboxes.forget_if_over(&outbox);
}

#[cfg(test)]
mod tests;
