//! Lines of the state machine, its registry, and the endpoint's own about both.

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId, UserId},
        state::ConnectionState,
    },
    event::Step,
};

use super::{Lines, LoggedProcess, LoggedRegistry, Wording};

impl Lines<'_> {
    pub(super) fn registered(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
        user: &UserId,
    ) {
        if process.registry == LoggedRegistry::Absent {
            process.registry = LoggedRegistry::There;
            self.info("ConnectionStateMachineRegistry initialized");
        }
        process.machines.insert(id.clone(), self.now);
        let connection = process.connection(socket);
        connection.machines += 1;
        let place = (self.log.wording, connection.machines);
        self.info(format!(
            "ConnectionStateMachine initialized for {id}, user: {user}"
        ));
        self.info(format!("Registered connection state machine for {id}"));
        match place {
            // The second machine, which is made while the connection settles.
            (Wording::Early, 2) => {
                let what = match id.as_str().starts_with("e2e_") {
                    true => "E2E TEST FIX: State machine",
                    false => "RACE CONDITION FIX: Connection state machine",
                };
                self.info(format!("{what} initialized for {id}"));
            }
            (Wording::Early | Wording::Migrating | Wording::PassThrough, _) => {}
        }
    }

    pub(super) fn shared(
        &mut self,
        id: &ConnectionId,
        state: ConnectionState,
        users: (&UserId, &UserId),
    ) {
        match self.log.wording {
            Wording::Early => self.warning(format!(
                "Connection {id} already registered, returning existing"
            )),
            Wording::Migrating | Wording::PassThrough => self.critical(format!(
                "DUPLICATE CONNECTION REGISTRATION DETECTED: Connection {id} already registered. \
                 Existing state: {}, User: {}, Requested User: {}.",
                printed(state),
                users.0,
                users.1
            )),
        }
    }

    pub(super) fn unregistered(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
    ) {
        process.machines.remove(id);
        let next = process.connection(socket).manager_id.clone();
        match (self.log.wording, next) {
            (Wording::Migrating, Some(next)) if next != *id => self.info(format!(
                "PHASE 2 FIX 2: Migrating state machine from {id} to {next}"
            )),
            (Wording::Early | Wording::Migrating | Wording::PassThrough, _) => {}
        }
        self.info(format!("Unregistered connection state machine for {id}"));
    }

    pub(super) fn transition(
        &mut self,
        process: &LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
        (from, to): (ConnectionState, ConnectionState),
        reason: &str,
    ) {
        let bound =
            self.log.wording == Wording::PassThrough && to == ConnectionState::Authenticated;
        if bound {
            self.info(format!(
                "✅ PASS-THROUGH SUCCESS: connection_id '{id}' == preliminary_connection_id '{id}'"
            ));
            self.info(format!(
                "✅ STATE VALIDATION: Current state machine state: {}",
                printed(from)
            ));
            self.info(format!(
                "PHASE 2 FIX 2: Updated existing state machine with user_id {}",
                process.user(socket)
            ));
        }
        if to == ConnectionState::Failed {
            self.error(format!(
                "Connection {id} exceeded maximum transition failures, forcing FAILED state"
            ));
        }
        if from.is_setup() && !to.is_setup() {
            let began = process.machines.get(id).copied().unwrap_or(self.now);
            let hundredths = (self.now.since(began).as_millis() + 5) / 10;
            self.info(format!(
                "Setup completed for {id} in {}.{:02}s",
                hundredths / 100,
                hundredths % 100
            ));
        }
        self.info(format!(
            "Connection {id} transitioned: {} -> {} (reason: {reason})",
            printed(from),
            printed(to)
        ));
        let prefix = self.phase_two();
        match (to, self.log.wording) {
            (ConnectionState::Accepted, Wording::Early) => {
                self.info(format!("State machine transitioned to ACCEPTED for {id}"));
            }
            (ConnectionState::Accepted, Wording::Migrating | Wording::PassThrough) => {
                self.info(format!(
                    "{prefix}State machine initialized and transitioned to ACCEPTED for {id}"
                ));
            }
            (ConnectionState::Authenticated, _) => self.info(format!(
                "{prefix}State machine transitioned to AUTHENTICATED for {id}"
            )),
            (ConnectionState::ProcessingReady, _) if from.is_setup() => self.info(format!(
                "State machine fully ready for message processing: {id}"
            )),
            (
                ConnectionState::Connecting
                | ConnectionState::ServicesReady
                | ConnectionState::ProcessingReady
                | ConnectionState::Processing
                | ConnectionState::Idle
                | ConnectionState::Degraded
                | ConnectionState::Reconnecting
                | ConnectionState::Closing
                | ConnectionState::Closed
                | ConnectionState::Failed,
                _,
            ) => {}
        }
    }

    pub(super) fn refused(
        &mut self,
        id: &ConnectionId,
        from: ConnectionState,
        to: ConnectionState,
    ) {
        self.warning(format!(
            "Invalid state transition for {id}: {} -> {}",
            printed(from),
            printed(to)
        ));
        let prefix = self.phase_two();
        match to {
            ConnectionState::Accepted => self.error(format!(
                "{prefix}Failed to transition state machine to ACCEPTED for {id}"
            )),
            ConnectionState::Authenticated => self.error(format!(
                "{prefix}Failed to transition state machine to AUTHENTICATED for {id}"
            )),
            ConnectionState::ServicesReady => {
                self.error(format!("Failed to transition to SERVICES_READY for {id}"));
            }
            ConnectionState::ProcessingReady => {
                self.error(format!("Failed to transition to PROCESSING_READY for {id}"));
            }
            ConnectionState::Connecting
            | ConnectionState::Processing
            | ConnectionState::Idle
            | ConnectionState::Degraded
            | ConnectionState::Reconnecting
            | ConnectionState::Closing
            | ConnectionState::Closed
            | ConnectionState::Failed => {}
        }
    }

    pub(super) fn missing(&mut self, id: &ConnectionId, step: Step) {
        match (step, self.log.wording) {
            (Step::Identity, Wording::PassThrough) => self.warning(format!(
                "⚠️ UNEXPECTED: No existing state machine found for {id} despite pass-through \
                 success"
            )),
            (Step::FinalSetup, _) => self.warning(format!(
                "No state machine found for {id} during final setup"
            )),
            (
                Step::Prepare
                | Step::Accept
                | Step::InitializeState
                | Step::Handshake
                | Step::Stabilise
                | Step::Admission
                | Step::Authenticate
                | Step::CreateManager
                | Step::Services
                | Step::AddConnection
                | Step::Identity
                | Step::SecondHandshake
                | Step::Welcome
                | Step::LoopEntry
                | Step::MessageLoop
                | Step::Cleanup
                | Step::Delivery
                | Step::Send,
                _,
            ) => self.warning(format!(
                "No state machine found for connection {id}, returning False for safety"
            )),
        }
    }
}

/// As the deployed Python prints the enum in an f-string (`docs/protocol.md#state-printing`).
pub(super) fn printed(state: ConnectionState) -> String {
    format!("ApplicationConnectionState.{state}")
}
