//! The endpoint: what one connection goes through, from its upgrade to its end (protocol.md 1.4).
//!
//! One file per stage, in the order of the steps. Each `.await` is a point where another task of
//! the same container may run; where the original awaited something that cannot suspend, the
//! function here is not async.

mod accept;
mod authentication;
mod cleanup;
mod coordination;
mod handshake;
mod machines;
mod message_loop;
mod ready;
mod registration;
mod services;
mod state;

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use crate::{
    connection::Connection,
    container::Container,
    design::{EarlyFrames, FailureExit},
    env::Env,
    event::{CloseCause, EndpointEnd, Event, TaskName},
    ids::ConnectionId,
    wait::{First, first},
};

/// Serves one connection; see [`Container::serve`].
pub(crate) async fn serve<E: Env>(
    container: Rc<Container<E>>,
    socket: Rc<E::Socket>,
) -> EndpointEnd {
    let connection = Connection::new(
        container.env.clone(),
        container.design.clone(),
        container.environment,
        socket,
    );
    let socket = connection.socket_id();
    connection.emit(Event::EndpointStarted { socket });
    container.enter(&connection);
    let endpoint = Endpoint {
        container,
        connection,
        registered: RefCell::default(),
        identity: OnceCell::new(),
    };

    let leave = endpoint.run().await;
    endpoint.handle_exception(leave).await;
    endpoint.clean_up().await;

    let Endpoint {
        container,
        connection,
        ..
    } = endpoint;
    container.leave(&connection);
    // Every exception has its handler: none drops the transport.
    let how = EndpointEnd::Returned;
    let cause = connection.closed_for().unwrap_or(leave.cause);
    connection.emit(Event::EndpointEnded { socket, how, cause });
    how
}

/// One connection in the hands of its endpoint.
struct Endpoint<E: Env> {
    container: Rc<Container<E>>,
    connection: Rc<Connection<E>>,
    /// The ids under which this endpoint has registered machines of its own.
    registered: RefCell<Vec<ConnectionId>>,
    /// The id under which the connection-id manager knows it, where there is one.
    identity: OnceCell<ConnectionId>,
}

/// Why and how the endpoint leaves off. Whatever the client has to be told was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
struct Leave {
    /// The honest reason.
    cause: CloseCause,
    /// The way out.
    path: Path,
}

/// The ways out of the endpoint's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// It returned.
    Return,
    /// It raised a disconnect, which has a handler of its own (step 37).
    DisconnectRaised,
    /// It raised something else.
    ErrorRaised,
}

impl Leave {
    /// A plain return.
    fn because(cause: CloseCause) -> Self {
        Leave {
            cause,
            path: Path::Return,
        }
    }
}

impl<E: Env> Endpoint<E> {
    async fn run(&self) -> Leave {
        match self.accept().await {
            Ok(()) => {}
            Err(leave) => return leave,
        }
        let set_up = match self.container.design.early_frames {
            EarlyFrames::ReceiveBuffer => self.set_up().await,
            EarlyFrames::Dispatched | EarlyFrames::Queued => {
                self.start_reader();
                // The set-up is abandoned where it stands as soon as there is nobody to set up.
                match first(self.set_up(), self.connection.over()).await {
                    First::Left(set_up) => set_up,
                    First::Right(()) => Err(Leave::because(CloseCause::PeerGone)),
                }
            }
        };
        match set_up {
            Ok(()) => self.message_loop().await,
            Err(leave) => leave,
        }
    }

    /// Steps 7 to 34.
    async fn set_up(&self) -> Result<(), Leave> {
        self.initialise_state().await?;
        self.settle().await;
        self.admit().await?;
        let user = self.authenticate().await?;
        self.create_manager(&user).await;
        self.prepare_services().await?;
        self.register_connection(&user);
        let handshake = self.second_handshake().await;
        self.validate_handshake().await;
        self.start_heartbeat();
        self.become_ready(handshake).await
    }

    fn start_reader(&self) {
        let container = self.container.clone();
        let connection = self.connection.clone();
        let reader = message_loop::read(container, connection);
        self.connection.spawn_owned(TaskName::Reader, reader);
    }

    /// Closes with this code, and leaves.
    async fn close(&self, code: u16, reason: &str, cause: CloseCause) -> Leave {
        self.connection.close(code, reason, cause).await;
        Leave::because(cause)
    }

    /// Ends a connection that cannot be gone on with.
    async fn give_up(&self, reason: &str, cause: CloseCause) -> Leave {
        match self.container.design.failure_exit {
            FailureExit::SilentReturn => {}
            FailureExit::ExplicitClose => {
                let code = crate::close::honest_code(cause);
                self.connection.close(code, reason, cause).await;
            }
        }
        Leave::because(cause)
    }
}

#[cfg(test)]
mod tests;
