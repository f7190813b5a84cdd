//! H. Services, machine, gate and client learn that the connection is ready
//! (docs/protocol.md#stage-h).

use crate::{
    core::{
        environment::{AFTER_WELCOME_RECHECK, GATE_ONE_SECOND, GATE_THREE_SECONDS, Polls},
        message::{Notice, ServerMessage},
        registry::SharedMachine,
        state::ConnectionState,
    },
    design::{
        FinalSetupLookup, GateWait, SetUpMoves, StabilisationPolicy, UnsentWelcome, WelcomeOrder,
    },
    event::{CloseCause, Event, ReadySource, Step},
    gateway::{
        app_state::REQUIRED,
        connection::SendError,
        delivery,
        readiness::{Lookup, LoopEntryGate, loop_entry_gate},
    },
    port::env::Env,
};

use super::{Endpoint, ExitPath, Leave, handshake::SecondHandshake};

impl<E: Env> Endpoint<E> {
    pub(super) async fn become_ready(&self, handshake: SecondHandshake) -> Result<(), Leave> {
        match self.container.design.welcome {
            WelcomeOrder::BeforeReady => {
                self.welcome().await?;
                self.settle_after_welcome().await;
                self.finish_set_up().await?;
                self.check_transport(handshake).await?;
                self.pass_gate().await
            }
            WelcomeOrder::AfterReady => {
                self.finish_set_up().await?;
                self.check_transport(handshake).await?;
                self.pass_gate().await?;
                self.welcome().await
            }
            WelcomeOrder::Never => {
                self.finish_set_up().await?;
                self.check_transport(handshake).await?;
                self.pass_gate().await
            }
        }
    }

    /// docs/protocol.md#step-30: the client may start. What was kept for its user is sent before
    /// anything newer.
    async fn welcome(&self) -> Result<(), Leave> {
        let socket = self.connection.socket_id();
        let id = self.connection.id();
        let notice = Notice::ConnectionEstablished;
        let welcome = ServerMessage::SystemMessage {
            event: notice,
            connection_ready: true,
            connection_id: Some(id.clone()),
        };
        let sent = self.connection.send(&welcome).await;
        match (sent, self.container.design.unsent_welcome) {
            (Ok(()), _) => self.connection.set_ready(),
            (Err(_), UnsentWelcome::Logged) => {
                self.connection.set_ready();
                return Ok(());
            }
            (Err(error), UnsentWelcome::EndsTheConnection) => {
                return Err(Leave {
                    cause: cause_of(error),
                    path: ExitPath::ErrorRaised,
                });
            }
        }
        self.connection.emit(Event::NoticeSent {
            socket,
            notice,
            connection_ready: true,
        });
        self.connection.emit(Event::ReadyReported {
            socket,
            connection: id,
            by: ReadySource::Welcome,
        });
        if let Some(user) = self.connection.user() {
            delivery::replay(&self.container, &self.connection, user).await;
        }
        Ok(())
    }

    /// docs/protocol.md#step-31: sleeps around a check that is logged and nothing else.
    async fn settle_after_welcome(&self) {
        match self.container.design.stabilisation {
            StabilisationPolicy::None => return,
            StabilisationPolicy::FixedSleeps => {}
        }
        if let Some(sleep) = self.container.environment.after_welcome() {
            self.container.env.sleep(sleep).await;
            if !self.connection.client_is_connected() {
                self.container.env.sleep(AFTER_WELCOME_RECHECK).await;
            }
        }
    }

    /// docs/protocol.md#step-32: SERVICES_READY, and only then PROCESSING_READY. That the machine
    /// is missing or refuses is logged; the gate finds out.
    async fn finish_set_up(&self) -> Result<(), Leave> {
        match self.container.design.final_setup_lookup {
            FinalSetupLookup::Imported => {}
            FinalSetupLookup::MissingImport => {
                let error = "name 'get_connection_state_machine' is not defined";
                self.unbound_name(Step::FinalSetup, error);
                return Ok(());
            }
        }
        let Some(machine) = self.look_up(&self.connection.id(), Step::FinalSetup) else {
            return Ok(());
        };
        // Asked in the same breath as the transition: what validation found may be old.
        self.require(&self.container.app.missing(&REQUIRED)).await?;
        let services = (ConnectionState::ServicesReady, "set-up completed");
        let processing = (ConnectionState::ProcessingReady, "ready for messages");
        let moves = match self.container.design.set_up_moves {
            SetUpMoves::InOrder | SetUpMoves::WithoutAuthenticated => [services, processing],
            SetUpMoves::ProcessingFirst => [processing, services],
        };
        for (to, reason) in moves {
            if !self.transition(&machine, to, reason) {
                break;
            }
        }
        Ok(())
    }

    /// docs/protocol.md#step-33: a disconnect is raised, with a code that never reaches the wire.
    async fn check_transport(&self, handshake: SecondHandshake) -> Result<(), Leave> {
        let raise = |cause| {
            Err(Leave {
                cause,
                path: ExitPath::DisconnectRaised,
            })
        };
        match handshake {
            SecondHandshake::None => return Ok(()),
            SecondHandshake::NotReady => return raise(CloseCause::ServerFault),
            SecondHandshake::Ready => {}
        }
        if !self.connection.client_is_connected() {
            self.validate_handshake().await;
            if !self.connection.client_is_connected() {
                return raise(CloseCause::PeerGone);
            }
        }
        Ok(())
    }

    /// docs/protocol.md#step-34.
    async fn pass_gate(&self) -> Result<(), Leave> {
        let socket = self.connection.socket_id();
        let id = self.connection.id();
        let machine = self.look_up(&id, Step::LoopEntry);
        let lookup = match &machine {
            Some(machine) => Lookup::found(&machine.borrow()),
            None => Lookup::Missing,
        };
        match (
            loop_entry_gate(lookup, self.container.design.missing_machine),
            machine,
        ) {
            (LoopEntryGate::Open, _) => Ok(()),
            (LoopEntryGate::Skipped, _) => {
                let connection = id;
                self.connection
                    .emit(Event::GateSkipped { socket, connection });
                Ok(())
            }
            (LoopEntryGate::Wait, Some(machine)) => self.wait_at_gate(&machine).await,
            (LoopEntryGate::Wait | LoopEntryGate::Closed, _) => {
                let reason = "Connection state is missing";
                Err(self.give_up(reason, CloseCause::ServerFault).await)
            }
        }
    }

    async fn wait_at_gate(&self, machine: &SharedMachine) -> Result<(), Leave> {
        let socket = self.connection.socket_id();
        let connection = self.connection.id();
        let state = machine.borrow().state();
        self.connection.emit(Event::GateWaiting {
            socket,
            connection: connection.clone(),
            state,
        });
        let polls = match (
            self.container.design.gate_wait,
            self.container.environment.is_cloud(),
        ) {
            (GateWait::None, _) => Polls {
                count: 0,
                ..GATE_ONE_SECOND
            },
            (GateWait::OneSecond, _) | (GateWait::ThreeSecondsInCloud, false) => GATE_ONE_SECOND,
            (GateWait::ThreeSecondsInCloud, true) => GATE_THREE_SECONDS,
        };
        for _ in 0..polls.count {
            self.container.sleep(polls.interval).await;
            if machine.borrow().can_process_messages() {
                return Ok(());
            }
        }
        let state = machine.borrow().state();
        self.connection.emit(Event::GateGaveUp {
            socket,
            connection,
            state,
            polls: polls.count,
        });
        let reason = "Connection never became ready";
        Err(self.give_up(reason, CloseCause::ServerFault).await)
    }
}

/// Why a connection ends whose welcome could not be handed over.
fn cause_of(error: SendError) -> CloseCause {
    match error {
        SendError::NotOpen | SendError::ClientNotConnected => CloseCause::PeerGone,
        SendError::Transport(error) => error.cause(),
    }
}
