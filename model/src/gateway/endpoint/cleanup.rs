//! J. The end (docs/protocol.md#stage-j).

use crate::{
    core::{
        close::BlamedComponent,
        environment::AFTER_ERROR_MESSAGE,
        machine::can_move,
        message::{ErrorCode, Notice, ServerMessage},
        state::ConnectionState,
    },
    design::{CleanupPolicy, EarlyFrames, FailureExit},
    event::{Event, Step, Table},
    gateway::managers,
    port::{env::Env, socket::Socket},
};

use super::{Endpoint, ExitPath, Leave};

impl<E: Env> Endpoint<E> {
    /// docs/protocol.md#step-37: the two handlers around the endpoint's body.
    pub(super) async fn handle_exception(&self, leave: Leave) {
        match leave.path {
            ExitPath::Return => return,
            ExitPath::DisconnectRaised => {}
            ExitPath::ErrorRaised => match self.container.design.failure_exit {
                FailureExit::SilentReturn => self.promise_recovery(leave).await,
                FailureExit::ExplicitClose => {
                    self.close_failed(BlamedComponent::Generic, "Internal error", leave.cause)
                        .await;
                }
                FailureExit::Unhandled => {}
            },
        }
        match self.container.design.cleanup {
            CleanupPolicy::Never | CleanupPolicy::Always | CleanupPolicy::IfAuthenticated => {}
            CleanupPolicy::OnExceptionPath => self.forget_identity(),
        }
    }

    /// Tells the client that the connection remains stable, and ends it all the same.
    async fn promise_recovery(&self, leave: Leave) {
        let error = ServerMessage::Error {
            code: ErrorCode::InternalError,
            message: None,
        };
        let told = match self.connection.send(&error).await {
            Ok(()) => {
                self.connection
                    .send_notice(Notice::ConnectionRecovery)
                    .await
            }
            Err(error) => Err(error),
        };
        match told {
            Ok(()) => self.container.env.sleep(AFTER_ERROR_MESSAGE).await,
            Err(error) => {
                // The component is guessed from the error's text; ours names none.
                self.close_failed(BlamedComponent::Generic, &error.to_string(), leave.cause)
                    .await;
            }
        }
    }

    /// docs/protocol.md#step-38, docs/protocol.md#step-39.
    pub(super) async fn clean_up(&self) {
        let socket = self.connection.socket_id();
        self.before_close();
        self.connection.finish_closing().await;
        self.connection.set_ending();
        self.leave_coordinator(Step::Cleanup);
        if self.is_cleaned_up() {
            self.move_own_machines(ConnectionState::Closing);
            let policy = self.container.design.router_handlers;
            self.container.router.unregister(policy, &self.connection);
            self.forget_identity();
        }
        self.connection.stop_tasks().await;
        match self.container.design.early_frames {
            EarlyFrames::Queued => self.connection.inbox.close(&self.container.design).await,
            EarlyFrames::ReceiveBuffer
            | EarlyFrames::Dispatched
            | EarlyFrames::DispatchedOnceKnown => {}
        }
        managers::release(&self.container, &self.connection).await;
        let monitored = self.container.monitor.borrow_mut().remove(&socket);
        if monitored.is_some() {
            self.removed_from(Table::Monitor);
        }
        if self.is_cleaned_up() {
            self.move_own_machines(ConnectionState::Closed);
            for id in self.registered.take() {
                self.unregister(&id);
            }
        }
        let address = &self.connection.socket().upgrade().peer_address;
        let mut admission = self.container.admission.borrow_mut();
        if admission.release(address, socket) {
            self.removed_from(Table::Pool);
        }
    }

    /// Whether machine, handler and identity are removed.
    fn is_cleaned_up(&self) -> bool {
        match self.container.design.cleanup {
            // The handler is looked for in a list that was made for the occasion (D39).
            CleanupPolicy::Never | CleanupPolicy::OnExceptionPath => false,
            CleanupPolicy::Always => true,
            CleanupPolicy::IfAuthenticated => self.connection.user().is_some(),
        }
    }

    /// Moves the machines that this endpoint has registered, where the table allows it.
    fn move_own_machines(&self, to: ConnectionState) {
        for id in self.registered.borrow().iter() {
            let machine = self.container.registry.borrow().get(id);
            if let Some(machine) = machine {
                let from = machine.borrow().state();
                if can_move(from, to) {
                    self.transition(&machine, to, "connection ended");
                }
            }
        }
    }

    fn removed_from(&self, table: Table) {
        let socket = self.connection.socket_id();
        self.connection.emit(Event::EntryRemoved { socket, table });
    }
}
