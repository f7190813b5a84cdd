//! The connection managers of a container: who is connected, per user and thread (protocol.md
//! 1.4 steps 19 and 25, 7.4, 7.7).
//!
//! Left out: the reaper of idle managers, the lock of each manager and the receive queues that
//! nothing ever filled.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use crate::{
    connection::Connection,
    container::Container,
    env::Env,
    environment::MANAGER_CREATION_DELAYS,
    event::{Event, IdHolder, Table},
    ids::{ConnectionId, UserId},
};

/// Managers that one user may have, one per thread (7.2).
pub const MAX_MANAGERS_PER_USER: usize = 20;

/// What tells managers apart: the user, and the thread if the client named one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ManagerKey {
    user: UserId,
    thread: Option<Arc<str>>,
}

/// All managers of one container.
pub struct Managers<E: Env> {
    by_key: RefCell<BTreeMap<ManagerKey, Manager<E>>>,
}

/// Connections in the order in which they were added, and the key each was given.
struct Manager<E: Env> {
    connections: Vec<(ConnectionId, Rc<Connection<E>>)>,
}

impl<E: Env> Default for Managers<E> {
    fn default() -> Self {
        Managers::new()
    }
}

/// The user has [`MAX_MANAGERS_PER_USER`] managers, and no retry helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyManagers;

impl<E: Env> Managers<E> {
    /// No manager yet.
    pub fn new() -> Self {
        Managers {
            by_key: RefCell::default(),
        }
    }

    /// Makes the manager of a user's unnamed thread, if there is none (step 19).
    fn try_create(&self, user: &UserId) -> Result<(), TooManyManagers> {
        let mut by_key = self.by_key.borrow_mut();
        let key = unnamed_thread(user);
        let of_user = by_key.keys().filter(|key| key.user == *user).count();
        if !by_key.contains_key(&key) && of_user >= MAX_MANAGERS_PER_USER {
            return Err(TooManyManagers);
        }
        by_key.entry(key).or_insert_with(Manager::new);
        Ok(())
    }

    /// Adds a connection under the id it is known by from here on (step 25). The thread is not
    /// known yet when a client connects.
    pub fn add_connection(&self, connection: &Rc<Connection<E>>, user: &UserId, id: ConnectionId) {
        let mut by_key = self.by_key.borrow_mut();
        let manager = by_key
            .entry(unnamed_thread(user))
            .or_insert_with(Manager::new);
        connection.give_id(IdHolder::Manager, &id);
        connection.emit(Event::EntryAdded {
            socket: connection.socket_id(),
            table: Table::Manager,
        });
        manager.connections.push((id, connection.clone()));
    }

    /// Removes a connection from wherever it is, if it was added, and every manager that has no
    /// connection any more (step 38).
    pub fn remove_connection(&self, connection: &Connection<E>) {
        let socket = connection.socket_id();
        self.by_key.borrow_mut().retain(|_, manager| {
            let before = manager.connections.len();
            manager
                .connections
                .retain(|(_, kept)| kept.socket_id() != socket);
            if manager.connections.len() < before {
                connection.emit(Event::EntryRemoved {
                    socket,
                    table: Table::Manager,
                });
            }
            !manager.connections.is_empty()
        });
    }

    /// The connections of a user's thread. A thread that was named only in a message has none:
    /// all connections were added when no thread was known.
    pub fn connections(&self, user: &UserId, thread: Option<&Arc<str>>) -> Vec<Rc<Connection<E>>> {
        let key = ManagerKey {
            user: user.clone(),
            thread: thread.cloned(),
        };
        let by_key = self.by_key.borrow();
        let manager = by_key.get(&key);
        let connections = manager.into_iter().flat_map(|manager| &manager.connections);
        connections
            .map(|(_, connection)| connection.clone())
            .collect()
    }
}

impl<E: Env> Manager<E> {
    fn new() -> Self {
        Manager {
            connections: Vec::new(),
        }
    }
}

fn unnamed_thread(user: &UserId) -> ManagerKey {
    ManagerKey {
        user: user.clone(),
        thread: None,
    }
}

/// Makes sure that the user has a manager: three tries with growing sleeps in between (step 19).
///
/// # Errors
/// If the user has too many; the endpoint goes on in degraded mode or closes.
pub async fn create<E: Env>(
    container: &Container<E>,
    user: &UserId,
) -> Result<(), TooManyManagers> {
    for delay in MANAGER_CREATION_DELAYS {
        if container.managers.try_create(user).is_ok() {
            return Ok(());
        }
        container.env.sleep(delay).await;
    }
    container.managers.try_create(user)
}
