//! The path of one agent event from its run to the connections that it is for: bridge,
//! emitter, manager (docs/protocol.md#event-delivery).

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use crate::{
    core::{
        environment::doubling,
        ids::{SocketId, UserId},
        message::{AgentEvent, ServerMessage},
    },
    design::{Emitter, EventTarget, UnknownConnection},
    event::{Event, ReadySource, Step},
    gateway::{
        connection::Connection,
        container::Container,
        managers::manager::{Audience, Manager},
        readiness::Lookup,
    },
    port::env::Env,
};

/// Tries of the emitter, and the first of the growing pauses between them
/// (docs/protocol.md#delivery-2).
const EMITTER_TRIES: u32 = 3;
const EMITTER_DELAY: Duration = Duration::from_millis(100);
const EMITTER_DELAY_MAX: Duration = Duration::from_secs(2);

/// The connection that the events of a run are for.
pub(crate) struct Addressee<E: Env> {
    /// The user of the run.
    pub user: UserId,
    /// The conversation that the message named, if it named one.
    pub thread: Option<Arc<str>>,
    /// The connection that asked for the run, for the observer.
    pub asker: SocketId,
    /// The connection that asked, or its successor.
    pub connection: Rc<Connection<E>>,
}

/// What happened to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Handed {
    /// A transport that was open as far as this container knew took it, or the emitter says
    /// so.
    Over,
    /// It was not taken.
    NotTaken,
}

/// Sends an event to every connection that it is for.
pub(crate) async fn hand_over<E: Env>(
    container: &Container<E>,
    to: &Addressee<E>,
    event: AgentEvent,
) -> Handed {
    match container.design.emitter {
        Emitter::Direct => through_managers(container, to, event).await,
        Emitter::DropsWhenInactive => {
            if has_connections(&targets(container, to)) {
                through_managers(container, to, event).await
            } else {
                lose(container, to, &event)
            }
        }
        Emitter::UnknownArgument => {
            for attempt in 0..EMITTER_TRIES {
                let error = "emit_critical_event() got an unexpected keyword argument 'user_id'";
                report_error(container, to, error);
                let delay = doubling(EMITTER_DELAY, attempt, EMITTER_DELAY_MAX);
                container.env.sleep(delay).await;
            }
            lose(container, to, &event)
        }
        Emitter::NoManager => lose(container, to, &event),
    }
}

/// The event is lost, and the caller is not told.
fn lose<E: Env>(container: &Container<E>, to: &Addressee<E>, event: &AgentEvent) -> Handed {
    container.env.emit(Event::AgentEventLost {
        socket: to.asker,
        run: event.run,
        seq: event.seq,
    });
    Handed::Over
}

async fn through_managers<E: Env>(
    container: &Container<E>,
    to: &Addressee<E>,
    event: AgentEvent,
) -> Handed {
    let (run, seq, recovered) = (event.run, event.seq, event.recovered);
    let handed = Cell::new(Handed::NotTaken);
    let sent = |socket| {
        handed.set(Handed::Over);
        container.env.emit(Event::AgentEventSent {
            socket,
            run,
            seq,
            recovered,
        });
    };
    let message = ServerMessage::AgentEvent(event);
    for (manager, audience) in targets(container, to) {
        if manager.send(audience, &message, sent).await.is_err() {
            report_error(container, to, "manager is no longer active");
        }
    }
    handed.get()
}

fn report_error<E: Env>(container: &Container<E>, to: &Addressee<E>, error: &'static str) {
    container.env.emit(Event::InternalError {
        socket: to.asker,
        step: Step::Delivery,
        error,
    });
}

/// Which managers are asked to send, and to which connections.
fn targets<E: Env>(container: &Container<E>, to: &Addressee<E>) -> Vec<(Rc<Manager<E>>, Audience)> {
    let one = |connection: Rc<Connection<E>>| {
        let socket = connection.socket_id();
        let ready = takes_events(container, &connection);
        let manager = container.managers.of(socket).filter(|_| ready);
        Vec::from_iter(manager.map(|manager| (manager, Audience::One(socket))))
    };
    match container.design.event_target {
        EventTarget::AskingConnection => one(to.connection.clone()),
        EventTarget::ThreadManager => {
            let managers = container.managers.of_thread(&to.user, to.thread.as_ref());
            let all = managers.into_iter().map(|manager| (manager, Audience::All));
            all.collect()
        }
        EventTarget::AllOfTheUser => {
            let all = container.live_connections().into_iter();
            let of_user = all.filter(|connection| connection.user() == Some(&to.user));
            of_user.flat_map(one).collect()
        }
        EventTarget::NewestConnection => {
            let newest = container.router.newest();
            newest.map_or_else(Vec::new, one)
        }
    }
}

/// Whether a connection takes events. A run may outlive the connection that asked for it, and with
/// that its machine.
fn takes_events<E: Env>(container: &Container<E>, connection: &Connection<E>) -> bool {
    let id = connection.id();
    match (
        Lookup::of(&container.registry.borrow(), Some(&id)),
        container.design.unknown_connection,
    ) {
        (Lookup::Missing, UnknownConnection::NotReady) => false,
        (Lookup::Missing, UnknownConnection::Ready) => {
            container.env.emit(Event::ReadyReported {
                socket: connection.socket_id(),
                connection: id,
                by: ReadySource::ReadinessCheck,
            });
            true
        }
        // The machine may be ready shortly before the client has been told.
        (
            Lookup::NoId | Lookup::CanProcess | Lookup::CannotProcess | Lookup::Failed,
            UnknownConnection::Ready | UnknownConnection::NotReady,
        ) => connection.is_ready(),
    }
}

/// What the emitter asks before it sends: whether the managers have a connection object, in any
/// state (docs/protocol.md#connection-active).
fn has_connections<E: Env>(targets: &[(Rc<Manager<E>>, Audience)]) -> bool {
    targets.iter().any(|(manager, _)| !manager.is_empty())
}
