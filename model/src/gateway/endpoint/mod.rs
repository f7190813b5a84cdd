//! The endpoint: what one connection goes through, from its upgrade to its end
//! (docs/protocol.md#connection-sequence).
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
    core::{
        close::{BlamedComponent, INTERNAL_ERROR, honest_code},
        ids::ConnectionId,
    },
    design::{EarlyFrames, FailureCode, FailureExit, MachineRemoval},
    event::{CloseCause, EndpointEnd, Event, TaskName},
    gateway::{connection::Connection, container::Container},
    port::{
        env::Env,
        wait::{First, first},
    },
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
        container.settings.queue_capacity,
    );
    let socket = connection.socket_id();
    connection.emit(Event::EndpointStarted { socket });
    container.enter(&connection);
    let found = container.patch_sleep(socket);
    let endpoint = Endpoint {
        container,
        connection,
        registered: RefCell::default(),
        identity: OnceCell::new(),
    };

    let leave = endpoint.run().await;
    endpoint.handle_exception(leave).await;
    endpoint.clean_up().await;

    let how = endpoint.end_of(leave);
    let Endpoint {
        container,
        connection,
        ..
    } = endpoint;
    container.restore_sleep(found);
    container.leave(&connection);
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

/// Why and how the endpoint ends. The client was informed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
struct Leave {
    /// The true reason.
    cause: CloseCause,
    /// The way out.
    path: ExitPath,
}

/// The ways out of the endpoint's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExitPath {
    /// It returned.
    Return,
    /// It raised a disconnect, which has a handler of its own (docs/protocol.md#step-37).
    DisconnectRaised,
    /// It raised something else.
    ErrorRaised,
}

impl Leave {
    /// A plain return.
    fn because(cause: CloseCause) -> Self {
        Leave {
            cause,
            path: ExitPath::Return,
        }
    }
}

impl<E: Env> Endpoint<E> {
    /// The set-up is abandoned as soon as the peer is gone.
    async fn unless_over(
        &self,
        setting_up: impl Future<Output = Result<(), Leave>>,
    ) -> Result<(), Leave> {
        match first(setting_up, self.connection.over()).await {
            First::Left(set_up) => set_up,
            First::Right(()) => Err(Leave::because(CloseCause::PeerGone)),
        }
    }

    async fn run(&self) -> Leave {
        match self.accept().await {
            Ok(()) => {}
            Err(leave) => return leave,
        }
        // Boxed, so that a connection that is ready holds nothing of its set-up any more.
        let setting_up = Box::pin(self.set_up());
        let set_up = match self.container.design.early_frames {
            EarlyFrames::ReceiveBuffer => setting_up.await,
            EarlyFrames::Dispatched | EarlyFrames::Queued => {
                self.start_reader();
                self.unless_over(setting_up).await
            }
            // The reader is started in the middle of the set-up.
            EarlyFrames::DispatchedOnceKnown => self.unless_over(setting_up).await,
        };
        match set_up {
            Ok(()) => Box::pin(self.message_loop()).await,
            Err(leave) => leave,
        }
    }

    /// docs/protocol.md#connection-sequence.
    async fn set_up(&self) -> Result<(), Leave> {
        self.initialise_state().await?;
        self.settle().await;
        self.admit().await?;
        let user = self.authenticate().await?;
        self.create_manager(&user).await?;
        self.prepare_services().await?;
        self.register_connection(&user).await;
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
        self.before_close();
        self.connection.close(code, reason, cause).await;
        Leave::because(cause)
    }

    /// Ends a connection that cannot continue, without blaming a component.
    async fn give_up(&self, reason: &str, cause: CloseCause) -> Leave {
        self.give_up_for(BlamedComponent::Generic, reason, cause)
            .await
    }

    /// Ends a connection that cannot continue because `component` is missing.
    async fn give_up_for(
        &self,
        component: BlamedComponent,
        reason: &str,
        cause: CloseCause,
    ) -> Leave {
        match self.container.design.failure_exit {
            FailureExit::SilentReturn => Leave::because(cause),
            FailureExit::ExplicitClose => {
                self.close_failed(component, reason, cause).await;
                Leave::because(cause)
            }
            FailureExit::Unhandled => Leave {
                cause,
                path: ExitPath::ErrorRaised,
            },
        }
    }

    /// Closes after a failure, with the code that the design has for it.
    async fn close_failed(&self, component: BlamedComponent, reason: &str, cause: CloseCause) {
        let (code, reason) = match self.container.design.failure_code {
            FailureCode::ByCause => (honest_code(cause), reason.to_owned()),
            FailureCode::ByComponent => (component.close_code(), component.reason(reason)),
            FailureCode::InternalError => (INTERNAL_ERROR, reason.to_owned()),
        };
        self.before_close();
        self.connection.close(code, &reason, cause).await;
    }

    /// What goes before the connection does.
    fn before_close(&self) {
        match self.container.design.machine_removal {
            MachineRemoval::AtTheEnd => {}
            MachineRemoval::BeforeClose => {
                for id in self.registered.take() {
                    self.unregister(&id);
                }
            }
        }
    }

    /// How the coroutine ends for the server below.
    fn end_of(&self, leave: Leave) -> EndpointEnd {
        match (leave.path, self.container.design.failure_exit) {
            (ExitPath::ErrorRaised, FailureExit::Unhandled) => EndpointEnd::Raised,
            (ExitPath::ErrorRaised, FailureExit::SilentReturn | FailureExit::ExplicitClose)
            | (ExitPath::Return | ExitPath::DisconnectRaised, _) => EndpointEnd::Returned,
        }
    }
}

#[cfg(test)]
mod tests;
