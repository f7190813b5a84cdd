//! Which connection managers there are in one container.
//!
//! Implements docs/protocol.md#connection-manager.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use super::manager::Manager;
use crate::{
    core::ids::{SocketId, UserId},
    design::Design,
    event::{Event, Table},
    port::env::Env,
};

/// The key of a manager.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManagerTableKey {
    pub(super) user: UserId,
    /// The conversation, if the client named one. None is known when a client connects.
    pub(super) thread: Option<Arc<str>>,
    /// The connection, where each has a manager of its own.
    pub(super) own: Option<SocketId>,
}

/// All managers of one container.
pub struct Managers<E: Env> {
    pub(super) tables: RefCell<ManagerTables<E>>,
    made: Cell<u64>,
}

pub(super) struct ManagerTables<E: Env> {
    pub(super) by_key: BTreeMap<ManagerTableKey, Rc<Manager<E>>>,
    /// How many each user has. Kept beside the table, as it was.
    pub(super) count_of: BTreeMap<UserId, usize>,
    /// The manager that each connection was given in docs/protocol.md#step-19, and under which key.
    pub(super) given_to: BTreeMap<SocketId, (ManagerTableKey, Rc<Manager<E>>)>,
}

impl<E: Env> Default for Managers<E> {
    fn default() -> Self {
        Managers::new()
    }
}

impl<E: Env> Managers<E> {
    /// No manager yet.
    pub fn new() -> Self {
        Managers {
            tables: RefCell::new(ManagerTables {
                by_key: BTreeMap::new(),
                count_of: BTreeMap::new(),
                given_to: BTreeMap::new(),
            }),
            made: Cell::new(0),
        }
    }

    /// The manager that a connection was given, if it was given one and has not ended.
    pub fn of(&self, socket: SocketId) -> Option<Rc<Manager<E>>> {
        let tables = self.tables.borrow();
        let (_, manager) = tables.given_to.get(&socket)?;
        Some(manager.clone())
    }

    /// The managers of a user's thread. Those of a thread that was named only in a message have
    /// no connections: all connections were added when no thread was known (D71).
    pub fn of_thread(&self, user: &UserId, thread: Option<&Arc<str>>) -> Vec<Rc<Manager<E>>> {
        let tables = self.tables.borrow();
        let first = ManagerTableKey {
            user: user.clone(),
            thread: thread.cloned(),
            own: None,
        };
        let of_thread = tables
            .by_key
            .range(&first..)
            .take_while(|(key, _)| key.user == *user && key.thread.as_ref() == thread);
        of_thread.map(|(_, manager)| manager.clone()).collect()
    }

    pub(super) fn find(&self, key: &ManagerTableKey) -> Option<Rc<Manager<E>>> {
        self.tables.borrow().by_key.get(key).cloned()
    }

    pub(super) fn keys_of(&self, user: &UserId) -> Vec<ManagerTableKey> {
        let tables = self.tables.borrow();
        let first = ManagerTableKey {
            user: user.clone(),
            thread: None,
            own: None,
        };
        let of_user = tables.by_key.range(&first..);
        let keys = of_user.map(|(key, _)| key);
        keys.take_while(|key| key.user == *user).cloned().collect()
    }

    pub(super) fn count_of(&self, user: &UserId) -> usize {
        self.tables
            .borrow()
            .count_of
            .get(user)
            .copied()
            .unwrap_or(0)
    }

    /// Makes a manager, and overwrites the one under its key.
    pub(super) fn make(
        &self,
        env: &E,
        design: &Rc<Design>,
        key: ManagerTableKey,
        socket: SocketId,
    ) -> Rc<Manager<E>> {
        let instance = self.made.get();
        self.made.set(instance + 1);
        let manager = Manager::new(env.clone(), design.clone(), instance, socket);
        let manager = Rc::new(manager);
        let mut tables = self.tables.borrow_mut();
        *tables.count_of.entry(key.user.clone()).or_default() += 1;
        tables.by_key.insert(key, manager.clone());
        let table = Table::ManagerFactory;
        env.emit(Event::EntryAdded { socket, table });
        manager
    }

    /// Empties a manager permanently, and removes it.
    pub(super) fn retire(&self, env: &E, key: &ManagerTableKey) {
        if let Some(manager) = self.find(key) {
            manager.retire();
            self.drop_manager(env, key);
        }
    }

    pub(super) fn drop_manager(&self, env: &E, key: &ManagerTableKey) {
        let mut tables = self.tables.borrow_mut();
        let Some(manager) = tables.by_key.remove(key) else {
            return;
        };
        if let Some(count) = tables.count_of.get_mut(&key.user) {
            *count -= 1;
            if *count == 0 {
                tables.count_of.remove(&key.user);
            }
        }
        env.emit(Event::EntryRemoved {
            socket: manager.kept_for(),
            table: Table::ManagerFactory,
        });
    }

    /// Removes the managers that are kept on behalf of a connection that ends, unless others use
    /// them: then they are kept on behalf of one of those.
    pub(super) fn drop_unused(&self, env: &E, user: &UserId, socket: SocketId) {
        for key in self.keys_of(user) {
            let manager = self.find(&key);
            let Some(manager) = manager.filter(|manager| manager.kept_for() == socket) else {
                continue;
            };
            let table = Table::ManagerFactory;
            match manager.keep_for_another() {
                None => self.drop_manager(env, &key),
                Some(next) => {
                    env.emit(Event::EntryRemoved { socket, table });
                    let socket = next;
                    env.emit(Event::EntryAdded { socket, table });
                }
            }
        }
    }
}
