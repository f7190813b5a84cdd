//! The connection managers of a container: which exist, when one is made, and when it is removed
//! (docs/protocol.md#step-19, docs/protocol.md#manager-limit, docs/protocol.md#cleanup-timers).

pub mod manager;
pub mod table;
#[cfg(test)]
mod tests;

use std::{rc::Rc, sync::Arc, time::Duration};

use crate::{
    core::{
        environment::{MANAGER_CREATION_DELAYS, Ratio},
        ids::{SocketId, UserId},
    },
    design::{ManagerReaping, ManagerRelease, ManagerScope},
    event::{Limit, TaskName},
    gateway::{connection::Connection, container::Container},
    port::{env::Env, limits},
};

use manager::Manager;
use table::ManagerTableKey;

/// Managers that one user may have where a deployment says nothing else
/// (docs/protocol.md#manager-limit).
pub const MANAGERS_PER_USER: usize = 20;

/// The part of them from which on room is made before another one is made
/// (docs/protocol.md#manager-limit).
const CROWDED: Ratio = Ratio::new(3, 5);

/// What it takes to look through a user's managers. It was not measured; each may be asked for its
/// health, within 2 s (docs/protocol.md#cleanup-timers).
const LOOK_THROUGH: Duration = Duration::from_millis(50);

/// Without activity for this long, a manager is removed when room is made
/// (docs/protocol.md#emergency-cleanup).
const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(10);

/// Without activity for this long, a manager is removed at the next periodic check
/// (docs/protocol.md#cleanup-timers).
const IDLE: Duration = Duration::from_secs(1800);

/// The user has as many managers as a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyManagers;

/// Gives a connection its manager: three tries with growing sleeps in between
/// (docs/protocol.md#step-19).
///
/// # Errors
/// If the user has too many; the endpoint goes on in degraded mode or closes.
pub async fn create<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    user: &UserId,
) -> Result<(), TooManyManagers> {
    let socket = connection.socket_id();
    let key = ManagerTableKey {
        user: user.clone(),
        thread: None,
        own: match container.design.manager_scope {
            ManagerScope::Connection => Some(socket),
            ManagerScope::Thread => None,
        },
    };
    let mut delays = MANAGER_CREATION_DELAYS.iter();
    let manager = loop {
        match (find_or_make(container, &key, socket).await, delays.next()) {
            (Ok(manager), _) => break manager,
            (Err(TooManyManagers), Some(delay)) => container.env.sleep(*delay).await,
            (Err(TooManyManagers), None) => return Err(TooManyManagers),
        }
    };
    let mut tables = container.managers.tables.borrow_mut();
    tables.given_to.insert(socket, (key, manager));
    Ok(())
}

/// A message is about to be executed: where managers belong to threads, its thread gets one
/// (docs/protocol.md#routing). No connection is added to it.
///
/// # Errors
/// If the user has too many.
pub async fn create_for_message<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    user: &UserId,
    thread: Option<&Arc<str>>,
) -> Result<(), TooManyManagers> {
    let key = match container.design.manager_scope {
        ManagerScope::Connection => return Ok(()),
        ManagerScope::Thread => ManagerTableKey {
            user: user.clone(),
            thread: thread.cloned(),
            own: None,
        },
    };
    find_or_make(container, &key, connection.socket_id()).await?;
    Ok(())
}

/// The manager under a key, made on behalf of `socket` if there is none. Between the look and the
/// insertion room may have to be made, which suspends: another task may make the same manager
/// meanwhile, and the later one overwrites it (D74). Where the key is a connection's own, no other
/// task can.
async fn find_or_make<E: Env>(
    container: &Container<E>,
    key: &ManagerTableKey,
    socket: SocketId,
) -> Result<Rc<Manager<E>>, TooManyManagers> {
    let managers = &container.managers;
    let limit = container.settings.managers_per_user;
    if let Some(manager) = managers.find(key) {
        return Ok(manager);
    }
    if is_crowded(managers.count_of(&key.user), limit) {
        make_room(container, &key.user).await;
    }
    if managers.count_of(&key.user) >= limit {
        limits::reached(&container.env, socket, Limit::ManagersPerUser, limit);
        return Err(TooManyManagers);
    }
    Ok(managers.make(&container.env, &container.design, key.clone(), socket))
}

fn is_crowded(count: usize, limit: usize) -> bool {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    CROWDED.is_reached_by(narrow(count), narrow(limit))
}

/// Looks through a user's managers and removes those that count as idle.
async fn make_room<E: Env>(container: &Container<E>, user: &UserId) {
    container.env.sleep(LOOK_THROUGH).await;
    match container.design.manager_reaping {
        ManagerReaping::Never => {}
        ManagerReaping::IdleBySends => {
            for key in container.managers.keys_of(user) {
                remove_if_idle(container, &key, IDLE_WHEN_CROWDED).await;
            }
        }
    }
}

/// Starts the task that removes idle managers (docs/protocol.md#cleanup-timers), where there is
/// one.
pub(crate) fn watch<E: Env>(container: &Rc<Container<E>>) {
    let task = match container.design.manager_reaping {
        ManagerReaping::Never => return,
        ManagerReaping::IdleBySends => reap(container.clone()),
    };
    container.spawn_background(TaskName::ManagerReaper, task);
}

async fn reap<E: Env>(container: Rc<Container<E>>) {
    loop {
        let interval = container.environment.manager_cleanup_interval();
        container.env.sleep(interval).await;
        let keys: Vec<ManagerTableKey> = {
            let tables = container.managers.tables.borrow();
            tables.by_key.keys().cloned().collect()
        };
        for key in keys {
            remove_if_idle(&container, &key, IDLE).await;
        }
    }
}

/// Removes a manager, live connections and all, if nothing was sent through it for a while; its
/// clean-up gives other tasks a turn.
async fn remove_if_idle<E: Env>(container: &Container<E>, key: &ManagerTableKey, idle: Duration) {
    let now = container.env.now();
    let manager = container.managers.find(key);
    if let Some(manager) = manager.filter(|manager| now.since(manager.last_activity()) > idle) {
        let socket = manager.kept_for();
        limits::reached(&container.env, socket, Limit::ManagerIdleTime, idle);
        container.managers.retire(&container.env, key);
        container.env.sleep(Duration::ZERO).await;
    }
}

/// The connection ends (docs/protocol.md#step-38): it is taken out of the manager that it was
/// given, and the manager is removed or not as the design says.
pub(crate) async fn release<E: Env>(container: &Container<E>, connection: &Connection<E>) {
    let socket = connection.socket_id();
    let managers = &container.managers;
    let given = managers.tables.borrow_mut().given_to.remove(&socket);
    match container.design.manager_release {
        ManagerRelease::WithItsConnections => {
            if let Some((key, manager)) = given {
                manager.remove(socket).await;
                managers.drop_unused(&container.env, &key.user, socket);
            }
        }
        ManagerRelease::UnderAnotherKey => {
            if let Some((_, manager)) = given {
                manager.remove(socket).await;
            }
        }
        ManagerRelease::AllOfTheUser => {
            for key in given
                .iter()
                .flat_map(|(key, _)| managers.keys_of(&key.user))
            {
                managers.retire(&container.env, &key);
            }
        }
        ManagerRelease::AskedOfTheFactory => {
            if let Some(user) = connection.user() {
                remove_from_the_users(container, user, socket).await;
            }
        }
    }
}

/// Takes a connection out of the manager that the factory has for its user, and has it made for
/// the purpose if there is none (D85). A failure to make it is ignored.
async fn remove_from_the_users<E: Env>(container: &Container<E>, user: &UserId, socket: SocketId) {
    let key = ManagerTableKey {
        user: user.clone(),
        thread: None,
        own: None,
    };
    if let Ok(manager) = find_or_make(container, &key, socket).await {
        manager.remove(socket).await;
    }
}
