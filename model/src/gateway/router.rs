//! The message router of a container: which handler gets a client's message
//! (docs/protocol.md#routing).
//!
//! One list for all connections: custom handlers in the order of their registration, then the
//! built-in ones. Whose custom handler gets a message is an answer of the design.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use crate::{
    core::ids::SocketId,
    design::RouterHandlers,
    event::{Event, Limit, Table},
    gateway::connection::Connection,
    port::env::Env,
};

/// How many custom handlers are kept at most where none is ever removed. As the first one wins, a
/// later one that finds no room is never missed.
pub const MAX_STALE_HANDLERS: usize = 4096;

/// How the custom handler of a connection answers a message that starts an agent run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentHandler {
    /// It asks the supervisor.
    Supervisor,
    /// It gives a canned answer: the supervisor was missing when the handler was made.
    Fallback,
}

/// The handler list of one container.
pub struct Router<E: Env> {
    lists: RefCell<Lists<E>>,
}

struct Lists<E: Env> {
    registered: u64,
    /// In the order of registration, with the connection.
    in_order: BTreeMap<u64, (SocketId, AgentHandler)>,
    /// Where each connection's handler stands in that order.
    place_of: BTreeMap<SocketId, u64>,
    /// The connection whose handler was registered last.
    newest: Weak<Connection<E>>,
}

impl<E: Env> Default for Router<E> {
    fn default() -> Self {
        Router::new()
    }
}

impl<E: Env> Router<E> {
    /// Built-in handlers only.
    pub fn new() -> Self {
        Router {
            lists: RefCell::new(Lists {
                registered: 0,
                in_order: BTreeMap::new(),
                place_of: BTreeMap::new(),
                newest: Weak::new(),
            }),
        }
    }

    /// Adds the handler of a connection at the end of the custom ones (docs/protocol.md#step-24).
    pub fn register(
        &self,
        policy: RouterHandlers,
        connection: &Rc<Connection<E>>,
        handler: AgentHandler,
    ) {
        let mut lists = self.lists.borrow_mut();
        lists.newest = Rc::downgrade(connection);
        match policy {
            // One for each connection, and removed with it.
            RouterHandlers::Own | RouterHandlers::NewestOfAll => {}
            RouterHandlers::FirstOfAll => {
                if lists.in_order.len() >= MAX_STALE_HANDLERS {
                    connection.reached(Limit::Handlers, MAX_STALE_HANDLERS);
                    return;
                }
            }
        }
        let (place, socket) = (lists.registered, connection.socket_id());
        lists.registered += 1;
        lists.in_order.insert(place, (socket, handler));
        lists.place_of.insert(socket, place);
        let table = Table::Router;
        connection.emit(Event::EntryAdded { socket, table });
    }

    /// Removes the handler of a connection, if it has one (docs/protocol.md#step-38).
    pub fn unregister(&self, policy: RouterHandlers, connection: &Connection<E>) {
        match policy {
            RouterHandlers::Own | RouterHandlers::NewestOfAll => {}
            RouterHandlers::FirstOfAll => return,
        }
        let mut lists = self.lists.borrow_mut();
        let socket = connection.socket_id();
        if let Some(place) = lists.place_of.remove(&socket) {
            lists.in_order.remove(&place);
            let table = Table::Router;
            connection.emit(Event::EntryRemoved { socket, table });
        }
    }

    /// The custom handler that gets the messages of a connection, and the connection it was made
    /// for.
    pub(crate) fn agent_handler(
        &self,
        policy: RouterHandlers,
        socket: SocketId,
    ) -> Option<(SocketId, AgentHandler)> {
        let lists = self.lists.borrow();
        let found = match policy {
            RouterHandlers::Own => lists.in_order.get(lists.place_of.get(&socket)?),
            RouterHandlers::FirstOfAll => lists.in_order.values().next(),
            RouterHandlers::NewestOfAll => lists.in_order.values().next_back(),
        };
        found.copied()
    }

    /// The connection whose handler was registered last, while a reference to it exists.
    pub(crate) fn newest(&self) -> Option<Rc<Connection<E>>> {
        self.lists.borrow().newest.upgrade()
    }
}
