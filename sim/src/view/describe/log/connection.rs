//! Lines of one connection's way through the endpoint: handshake, gate, message loop, errors.

use gatesim_model::{
    core::{
        environment::{GATE_ONE_SECOND, GATE_THREE_SECONDS},
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
    },
    design::{GateWait, HandshakePlacement},
    event::{HandshakeState, Step},
    port::socket::SocketError,
};

use super::{Lines, LoggedHandshake, LoggedProcess, machine::printed};
use crate::trace::event::Operation;

impl Lines<'_> {
    pub(super) fn handshake(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        coordinator: u8,
        to: HandshakeState,
    ) {
        let id = process.id(socket);
        let handshake = &mut process.connection(socket).handshake;
        // Only the one that comes right after accept is not the race prevention before the loop.
        let after_accept = match self.log.handshake {
            HandshakePlacement::None | HandshakePlacement::BeforeLoop => false,
            HandshakePlacement::AfterAcceptAndBeforeLoop => coordinator == 1,
        };
        if to == HandshakeState::HandshakePending {
            *handshake = LoggedHandshake {
                began: self.now,
                moves: 0,
                state: HandshakeState::Initializing.name(),
            };
            match after_accept {
                true => self.info(format!(
                    "PHASE 3 FIX 3: Starting handshake coordination for connection {id}"
                )),
                false => self.info(format!(
                    "🛡️ RACE CONDITION PREVENTION: Starting handshake coordination for {}",
                    self.log.environment
                )),
            }
        }
        let from = std::mem::replace(&mut handshake.state, to.name());
        handshake.moves += 1;
        self.debug(format!("State transition: {from} → {to}"));
        match to {
            HandshakeState::ReadyForMessages => {
                let tenths = (self.now.since(handshake.began).as_micros() + 50) / 100;
                let took = format!("{}.{}ms", tenths / 10, tenths % 10);
                self.info(format!(
                    "Connection ready for messages after {} transitions in {took}",
                    handshake.moves
                ));
                self.info(format!("Handshake coordination complete in {took}"));
                self.info(format!("✅ Handshake coordination successful in {took}"));
            }
            HandshakeState::Error => {
                self.warning(format!("Connection entered ERROR state from {from}"));
                if after_accept {
                    self.error(format!(
                        "PHASE 3 FIX 3: Handshake coordination failed for {id}"
                    ));
                }
            }
            HandshakeState::Initializing
            | HandshakeState::HandshakePending
            | HandshakeState::Connected
            | HandshakeState::Closed => {}
        }
    }

    /// The first line of the message handling, which is above its entry gate.
    pub(super) fn entering(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
    ) {
        let user = process.user(socket);
        let connection = process.connection(socket);
        if connection.entered.is_none() {
            connection.entered = Some(self.now);
            self.info(format!(
                "Entering message handling loop for connection: {id} (user: {user})"
            ));
        }
    }

    pub(super) fn gate_waits(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
        state: ConnectionState,
    ) {
        self.entering(process, socket, id);
        process.connection(socket).waiting = Some(self.now);
        self.warning(format!(
            "Connection {id} state machine not ready for messages: {}",
            printed(state)
        ));
    }

    pub(super) fn gate_gave_up(&mut self, id: &ConnectionId, state: ConnectionState) {
        self.error(format!(
            "Connection {id} state machine never reached ready state: {}",
            printed(state)
        ));
        self.error("This indicates accept() race condition - connection cannot process messages");
    }

    pub(super) fn loop_entered(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
    ) {
        self.entering(process, socket, id);
        let Some(waiting) = process.connection(socket).waiting.take() else {
            return;
        };
        let polls = match (self.log.gate_wait, self.log.environment.is_cloud()) {
            (GateWait::ThreeSecondsInCloud, true) => GATE_THREE_SECONDS,
            (GateWait::None | GateWait::OneSecond, _) | (GateWait::ThreeSecondsInCloud, false) => {
                GATE_ONE_SECOND
            }
        };
        let attempts = self.now.since(waiting).as_nanos() / polls.interval.as_nanos();
        self.info(format!(
            "Connection {id} became ready for messages after {attempts} attempts"
        ));
    }

    pub(super) fn loop_ended(
        &mut self,
        process: &mut LoggedProcess,
        socket: SocketId,
        id: &ConnectionId,
        (messages, errors): (u32, u32),
    ) {
        let user = process.user(socket);
        let entered = process.connection(socket).entered.unwrap_or(self.now);
        let tenths = (self.now.since(entered).as_millis() + 50) / 100;
        self.info(format!(
            "Exiting message handling loop for connection: {id} | Duration: {}.{}s | Messages \
             processed: {messages} | Errors: {errors} | User: {user}",
            tenths / 10,
            tenths % 10
        ));
    }

    pub(super) fn internal_error(
        &mut self,
        process: &LoggedProcess,
        socket: SocketId,
        step: Step,
        error: &str,
    ) {
        let id = process.id(socket);
        let prefix = self.phase_two();
        match step {
            Step::Accept => self.error(format!("❌ WebSocket accept failed: {error}")),
            Step::InitializeState => self.error(format!(
                "{prefix}Failed to initialize connection state machine: {error}"
            )),
            Step::Identity => {
                self.error(format!(
                    "{prefix}State machine update failed for {id}: {error}"
                ));
            }
            Step::FinalSetup => {
                self.error(format!(
                    "Final state machine setup failed for {id}: {error}"
                ));
            }
            Step::Cleanup => self.error(format!(
                "PHASE 4 FIX: Error unregistering connection: {error}"
            )),
            Step::Prepare
            | Step::Handshake
            | Step::Stabilise
            | Step::Admission
            | Step::Authenticate
            | Step::CreateManager
            | Step::Services
            | Step::AddConnection
            | Step::SecondHandshake
            | Step::Welcome
            | Step::LoopEntry
            | Step::MessageLoop
            | Step::Delivery
            | Step::Send => self.state_error(&id, error),
        }
    }

    /// The application broke a rule of the transport, and caught the error.
    pub(super) fn misused(
        &mut self,
        process: &LoggedProcess,
        socket: SocketId,
        operation: Operation,
        error: SocketError,
    ) {
        let id = process.id(socket);
        match operation {
            Operation::Accept => self.error(format!("❌ WebSocket accept failed: {error}")),
            Operation::Receive => match (self.log.gate_wait, error) {
                // The revision that waits longer also tells these errors apart.
                (GateWait::ThreeSecondsInCloud, SocketError::AcceptFirst) => {
                    self.error(format!("🚨 WEBSOCKET NOT ACCEPTED ERROR for {id}: {error}"));
                }
                (
                    GateWait::ThreeSecondsInCloud,
                    SocketError::ReceiveAfterDisconnect | SocketError::PeerGone,
                ) => {
                    self.error(format!("🔌 WEBSOCKET DISCONNECTED ERROR for {id}: {error}"));
                }
                (GateWait::ThreeSecondsInCloud, _) => {
                    self.error(format!("⚠️ WEBSOCKET MIXED ERROR for {id}: {error}"));
                }
                (GateWait::None | GateWait::OneSecond, _) => {
                    self.state_error(&id, &error.to_string());
                }
            },
            Operation::Send | Operation::Close => {}
        }
    }

    fn state_error(&mut self, id: &str, error: &str) {
        self.error(format!(
            "WebSocket connection state error for {id}: {error}"
        ));
        self.error("This indicates a race condition between accept() and message handling");
    }
}
