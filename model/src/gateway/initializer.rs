//! What a connection does about services that are missing (protocol.md 1.4 step 24, 6.3).
//!
//! Where connections build what is missing there may be one initialiser for the whole container: a
//! lock that makes them wait for each other, and a flag that, once set, answers for services it
//! never built. The limit of 30 s that its callers name is not enforced.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    core::{ids::SocketId, message::Notice},
    design::MissingServices,
    event::{Component, LockName},
    gateway::{connection::Connection, container::Container, lock::Lock, router::AgentHandler},
    port::env::Env,
};

/// Time that building one service takes, as the estimate for users has it (6.3).
pub const TIME_PER_SERVICE: Duration = Duration::from_secs(3);

/// What an agent run is built on.
const BUILDABLE: [Component; 2] = [Component::AgentSupervisor, Component::ThreadService];

/// What a buildable service needs before it can be built.
const FOUNDATION: [Component; 3] = [Component::Database, Component::Redis, Component::AuthSystem];

/// The initialiser of one container.
pub struct Initializer<E: Env> {
    lock: Lock<E>,
    complete: Cell<bool>,
}

impl<E: Env> Initializer<E> {
    /// Nothing was built yet.
    pub fn new(env: E) -> Self {
        Initializer {
            lock: Lock::new(env, LockName::Initializer, 0),
            complete: Cell::new(false),
        }
    }
}

/// The handler that this connection registers with the router (step 24): the real one if the
/// services it needs are there or are said to be after an attempt to build them, otherwise the
/// fallback.
pub async fn make_handler<E: Env>(
    container: &Container<E>,
    connection: &Rc<Connection<E>>,
) -> AgentHandler {
    let missing = container.app.missing(&BUILDABLE);
    if missing.is_empty() {
        return AgentHandler::Supervisor;
    }
    match container.design.missing_services {
        MissingServices::Startup => return AgentHandler::Fallback,
        MissingServices::OneInitializer => {}
    }
    // Progress is a courtesy: a client that cannot be told is found out by the next receive.
    let _ = connection.send_notice(Notice::Initializing).await;
    if initialize(container, connection.socket_id(), &missing).await {
        AgentHandler::Supervisor
    } else {
        AgentHandler::Fallback
    }
}

/// Builds services that are missing; true if they are there, or if an earlier call for whatever
/// other services was successful.
async fn initialize<E: Env>(
    container: &Container<E>,
    socket: SocketId,
    missing: &[Component],
) -> bool {
    let initializer = &container.initializer;
    let _alone = initializer.lock.acquire(Some(socket)).await;
    if initializer.complete.get() {
        return true;
    }
    for component in missing {
        container.env.sleep(TIME_PER_SERVICE).await;
        let never = container.settings.never_ready.contains(component);
        if !never && container.app.missing(&FOUNDATION).is_empty() {
            container.app.set(&container.env, *component, true);
        }
    }
    let built = container.app.missing(missing).is_empty();
    initializer.complete.set(built);
    built
}
