//! One connection manager: the connections of a user that it knows, and sending to them
//! (docs/protocol.md#delivery-4).
//!
//! Left out: its receive queue, which nothing ever filled, and its recovery list, which nothing
//! ever replayed.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    core::{
        environment::MANAGER_SEND_TIMEOUT,
        ids::{ConnectionId, SocketId},
        message::ServerMessage,
        time::Time,
    },
    design::{Design, ManagerLock},
    event::{Event, IdHolder, Limit, LockName, Table},
    gateway::{
        connection::Connection,
        lock::{Lock, LockGuard},
    },
    port::{env::Env, limits, wait::timeout},
};

/// Connections in the order in which they were added, and the key each was given.
pub struct Manager<E: Env> {
    env: E,
    design: Rc<Design>,
    lock: Lock<E>,
    /// The connection on whose behalf it is kept: the one it was made for, or a later one of its
    /// own.
    kept_for: Cell<SocketId>,
    connections: RefCell<Vec<(ConnectionId, Rc<Connection<E>>)>>,
    last_activity: Cell<Time>,
    standing: Cell<ManagerStatus>,
}

/// Whether a manager may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ManagerStatus {
    Active,
    /// It was taken for idle and emptied.
    Retired,
}

/// Which connections of a manager a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All of them.
    All,
    /// This one, if it is there.
    One(SocketId),
}

/// The manager was retired; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotActive;

impl<E: Env> Manager<E> {
    /// A manager without connections. `instance` numbers the managers of a container.
    pub(crate) fn new(env: E, design: Rc<Design>, instance: u64, made_for: SocketId) -> Self {
        Manager {
            lock: Lock::new(env.clone(), LockName::Manager, instance),
            last_activity: Cell::new(env.now()),
            env,
            design,
            kept_for: Cell::new(made_for),
            connections: RefCell::default(),
            standing: Cell::new(ManagerStatus::Active),
        }
    }

    /// Adds a connection under the id it is known by from here on (docs/protocol.md#step-25).
    pub async fn add(&self, connection: &Rc<Connection<E>>, id: ConnectionId) {
        let socket = connection.socket_id();
        let _guard = self.locked(socket).await;
        self.touch();
        connection.give_id(IdHolder::Manager, &id);
        let table = Table::Manager;
        connection.emit(Event::EntryAdded { socket, table });
        let mut connections = self.connections.borrow_mut();
        connections.push((id, connection.clone()));
    }

    /// Takes a connection out, if it is in (docs/protocol.md#step-38).
    pub async fn remove(&self, socket: SocketId) {
        let _guard = self.locked(socket).await;
        self.touch();
        let mut connections = self.connections.borrow_mut();
        let before = connections.len();
        connections.retain(|(_, kept)| kept.socket_id() != socket);
        if connections.len() < before {
            self.report_removed(socket);
        }
    }

    /// Sends a message, to one connection after the other, and calls `sent` for each that took
    /// it within [`MANAGER_SEND_TIMEOUT`].
    ///
    /// # Errors
    /// If the manager was retired.
    pub async fn send(
        &self,
        audience: Audience,
        message: &ServerMessage,
        sent: impl Fn(SocketId),
    ) -> Result<(), NotActive> {
        match self.standing.get() {
            ManagerStatus::Active => {}
            ManagerStatus::Retired => return Err(NotActive),
        }
        let guard = self.locked(self.kept_for.get()).await;
        self.touch();
        let mut failed = Vec::new();
        for connection in self.audience(audience) {
            let socket = connection.socket_id();
            let sending = connection.send(message);
            let sending = timeout(&self.env, MANAGER_SEND_TIMEOUT, sending).await;
            let limit = Limit::SendTime;
            match limits::in_time(&self.env, socket, limit, MANAGER_SEND_TIMEOUT, sending) {
                Some(Ok(())) => sent(socket),
                Some(Err(_)) | None => failed.push(socket),
            }
        }
        if guard.is_some() {
            // The lock is not re-entrant, and this task has it.
            for socket in failed {
                self.remove(socket).await;
            }
        }
        Ok(())
    }

    /// What is held while the manager works on its connections.
    async fn locked(&self, socket: SocketId) -> Option<LockGuard<'_, E>> {
        match self.design.manager_lock {
            ManagerLock::Nothing => None,
            ManagerLock::HeldOverRemoval => Some(self.lock.acquire(Some(socket)).await),
        }
    }

    fn audience(&self, audience: Audience) -> Vec<Rc<Connection<E>>> {
        let connections = self.connections.borrow();
        let all = connections.iter().map(|(_, connection)| connection);
        let chosen = all.filter(|connection| match audience {
            Audience::All => true,
            Audience::One(socket) => connection.socket_id() == socket,
        });
        chosen.cloned().collect()
    }

    /// Whether it has no connection.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty()
    }

    /// On whose behalf it is kept.
    pub(crate) fn kept_for(&self) -> SocketId {
        self.kept_for.get()
    }

    /// From here on it is kept on behalf of one of its connections, if it has any.
    pub(crate) fn keep_for_another(&self) -> Option<SocketId> {
        let connections = self.connections.borrow();
        let (_, next) = connections.first()?;
        self.kept_for.set(next.socket_id());
        Some(next.socket_id())
    }

    /// When a connection was added or removed, or something was sent, for the last time. Neither
    /// what clients send nor heartbeats count (D72).
    pub(crate) fn last_activity(&self) -> Time {
        self.last_activity.get()
    }

    /// Empties it permanently.
    pub(crate) fn retire(&self) {
        self.standing.set(ManagerStatus::Retired);
        for (_, connection) in self.connections.take() {
            self.report_removed(connection.socket_id());
        }
    }

    fn touch(&self) {
        self.last_activity.set(self.env.now());
    }

    fn report_removed(&self, socket: SocketId) {
        let table = Table::Manager;
        self.env.emit(Event::EntryRemoved { socket, table });
    }
}
