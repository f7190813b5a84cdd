//! What happens to one message of a client: it is answered, or it starts an agent run.
//!
//! Implements docs/protocol.md#routing.

use std::rc::Rc;

use thiserror::Error;

use crate::{
    core::message::{ClientMessage, RunRequest, ServerMessage},
    design::UserContext,
    event::{Event, Step},
    gateway::{
        agent,
        connection::{Connection, SendError},
        container::Container,
        managers,
        router::AgentHandler,
    },
    port::env::Env,
};

/// Why a message was not handled. The message loop counts these (docs/protocol.md#step-35f).
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
    /// The type is unknown: it is acknowledged, and that counts as success.
    Acknowledge,
    /// Answered on the spot.
    Answer(ServerMessage),
    /// Needs no answer.
    Nothing,
    /// Starts an agent run.
    Run(RunRequest, AgentHandler),
    /// Would start an agent run, and there is no handler.
    NoHandler(RunRequest),
}

fn choose(message: ClientMessage, agent: Option<AgentHandler>) -> Route {
    match message {
        ClientMessage::StartAgent(request)
        | ClientMessage::UserMessage(request)
        | ClientMessage::Chat(request) => match agent {
            Some(handler) => Route::Run(request, handler),
            None => Route::NoHandler(request),
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
            let user = match container.design.user_context {
                UserContext::Connection => connection.user().cloned(),
                UserContext::Process => container.auth.latest(),
            };
            let user = user.ok_or(RouteError::NoUser)?;
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
        Route::NoHandler(request) => agent::refuse(connection, request.id).await,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RunRequest {
        RunRequest {
            id: "m".into(),
            thread: None,
            text: "hello".into(),
            after: None,
            age_ms: 0,
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
                Route::NoHandler(request()),
            ),
        ];
        for (message, agent, expected) in table {
            assert_eq!(choose(message.clone(), agent), expected, "{message:?}");
        }
    }
}
