//! The message router of a container: which handler gets a client's message (protocol.md 7.3).
//!
//! One list for all connections: custom handlers in the order of their registration, then the
//! built-in ones; the first that can handle a message wins, whoever registered it.

use std::{cell::RefCell, rc::Rc};

use thiserror::Error;

use crate::{
    agent,
    connection::{Connection, SendError},
    container::Container,
    env::Env,
    event::{Event, Table},
    ids::SocketId,
    message::{ClientMessage, Request, ServerMessage},
};

/// How many custom handlers are kept at most. As the first one wins, a later one that finds no
/// room is never missed.
pub const MAX_CUSTOM_HANDLERS: usize = 4096;

/// How the custom handler of a connection answers a message that starts an agent run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentHandler {
    /// It asks the supervisor.
    Supervisor,
    /// It gives a canned answer: the supervisor was missing when the handler was made.
    Fallback,
}

/// The handler list of one container.
#[derive(Debug, Default)]
pub struct Router {
    custom: RefCell<Vec<(SocketId, AgentHandler)>>,
}

impl Router {
    /// Built-in handlers only.
    pub fn new() -> Self {
        Router::default()
    }

    /// Adds the handler of a connection at the end of the custom ones (step 24).
    pub fn register(&self, env: &impl Env, socket: SocketId, handler: AgentHandler) {
        let mut custom = self.custom.borrow_mut();
        if custom.len() < MAX_CUSTOM_HANDLERS {
            custom.push((socket, handler));
            env.emit(Event::EntryAdded {
                socket,
                table: Table::Router,
            });
        }
    }

    /// Removes the handlers of a connection, if it has any.
    pub fn unregister(&self, env: &impl Env, socket: SocketId) {
        self.custom.borrow_mut().retain(|(owner, _)| {
            let keep = *owner != socket;
            if !keep {
                env.emit(Event::EntryRemoved {
                    socket,
                    table: Table::Router,
                });
            }
            keep
        });
    }

    /// The custom handler that wins.
    fn agent_handler(&self) -> Option<AgentHandler> {
        self.custom.borrow().first().map(|(_, handler)| *handler)
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
    match choose(message, container.router.agent_handler()) {
        Route::Acknowledge => connection.send(&ServerMessage::Ack).await?,
        Route::Answer(answer) => connection.send(&answer).await?,
        Route::Nothing => {}
        Route::Run(request, handler) => {
            let user = connection.user().ok_or(RouteError::NoUser)?.clone();
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
