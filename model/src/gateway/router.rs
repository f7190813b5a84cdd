//! The message router of a container: which handler gets a client's message (protocol.md 7.3).
//!
//! One list for all connections: custom handlers in the order of their registration, then the
//! built-in ones. Whose custom handler gets a message is an answer of the design.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use thiserror::Error;

use crate::{
    core::{
        ids::SocketId,
        message::{ClientMessage, Request, ServerMessage},
    },
    design::RouterHandlers,
    event::{Event, Step, Table},
    gateway::{
        agent,
        connection::{Connection, SendError},
        container::Container,
        managers,
    },
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
    /// In the order of registration, and for whom.
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

    /// Adds the handler of a connection at the end of the custom ones (step 24).
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
            RouterHandlers::Own => {}
            RouterHandlers::FirstOfAll => {
                if lists.in_order.len() >= MAX_STALE_HANDLERS {
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

    /// Removes the handler of a connection, if it has one (step 38).
    pub fn unregister(&self, policy: RouterHandlers, connection: &Connection<E>) {
        match policy {
            RouterHandlers::Own => {}
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

    /// The custom handler that gets the messages of a connection, and whose it is.
    fn agent_handler(
        &self,
        policy: RouterHandlers,
        socket: SocketId,
    ) -> Option<(SocketId, AgentHandler)> {
        let lists = self.lists.borrow();
        let found = match policy {
            RouterHandlers::Own => lists.in_order.get(lists.place_of.get(&socket)?),
            RouterHandlers::FirstOfAll => lists.in_order.values().next(),
        };
        found.copied()
    }

    /// The connection whose handler was registered last, while anybody holds it.
    pub(crate) fn newest(&self) -> Option<Rc<Connection<E>>> {
        self.lists.borrow().newest.upgrade()
    }
}

/// Why a message was not handled. The message loop counts these (step 35f).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RouteError {
    /// The answer was not handed over.
    #[error("failed to answer")]
    Answer(#[from] SendError),
    /// No user: the connection is not authenticated.
    #[error("no user is bound to the connection")]
    NoUser,
    /// The user has as many connection managers as a user may have.
    #[error("no room for another connection manager")]
    TooManyManagers,
}

/// Which handler a message goes to: the pure part of routing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    /// Nobody knows the type: it is acknowledged, and that counts as success.
    Acknowledge,
    /// Answered on the spot.
    Answer(ServerMessage),
    /// Needs no answer.
    Nothing,
    /// Starts an agent run.
    Run(Request, AgentHandler),
    /// Would start an agent run, and nobody can.
    NobodyRuns(Request),
}

fn choose(message: ClientMessage, agent: Option<AgentHandler>) -> Route {
    match message {
        ClientMessage::StartAgent(request)
        | ClientMessage::UserMessage(request)
        | ClientMessage::Chat(request) => match agent {
            Some(handler) => Route::Run(request, handler),
            None => Route::NobodyRuns(request),
        },
        ClientMessage::Ping => Route::Answer(ServerMessage::Pong),
        ClientMessage::Heartbeat => Route::Answer(ServerMessage::HeartbeatAck),
        ClientMessage::Pong => Route::Nothing,
        ClientMessage::Unknown => Route::Acknowledge,
    }
}

/// Handles one message of a client. Where agent runs execute inline, this takes as long as the
/// whole run.
///
/// # Errors
/// If the message was not handled.
pub async fn route<E: Env>(
    container: &Rc<Container<E>>,
    connection: &Rc<Connection<E>>,
    message: ClientMessage,
) -> Result<(), RouteError> {
    let socket = connection.socket_id();
    let policy = container.design.router_handlers;
    let found = container.router.agent_handler(policy, socket);
    match choose(message, found.map(|(_, handler)| handler)) {
        Route::Acknowledge => connection.send(&ServerMessage::Ack).await?,
        Route::Answer(answer) => connection.send(&answer).await?,
        Route::Nothing => {}
        Route::Run(request, handler) => {
            let user = connection.user().ok_or(RouteError::NoUser)?.clone();
            if let Some((handler_of, _)) = found {
                connection.emit(Event::HandlerChosen { socket, handler_of });
            }
            let thread = request.thread.as_ref();
            let made = managers::create_for_message(container, connection, &user, thread).await;
            if made.is_err() {
                connection.emit(Event::InternalError {
                    socket,
                    step: Step::MessageLoop,
                    error: "user has reached the maximum number of managers",
                });
                return Err(RouteError::TooManyManagers);
            }
            agent::start(container, connection, user, request, handler).await;
        }
        Route::NobodyRuns(request) => agent::refuse(connection, request.id).await,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            id: "m".into(),
            thread: None,
            text: "hello".into(),
            after: None,
        }
    }

    #[test]
    fn every_type_has_a_handler() {
        use AgentHandler::*;
        let run = |handler| Route::Run(request(), handler);
        let table = [
            (
                ClientMessage::Ping,
                None,
                Route::Answer(ServerMessage::Pong),
            ),
            (
                ClientMessage::Heartbeat,
                None,
                Route::Answer(ServerMessage::HeartbeatAck),
            ),
            (ClientMessage::Pong, None, Route::Nothing),
            (ClientMessage::Unknown, Some(Supervisor), Route::Acknowledge),
            (
                ClientMessage::StartAgent(request()),
                Some(Supervisor),
                run(Supervisor),
            ),
            (
                ClientMessage::UserMessage(request()),
                Some(Fallback),
                run(Fallback),
            ),
            (
                ClientMessage::Chat(request()),
                None,
                Route::NobodyRuns(request()),
            ),
        ];
        for (message, agent, expected) in table {
            assert_eq!(choose(message.clone(), agent), expected, "{message:?}");
        }
    }
}
