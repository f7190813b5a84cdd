//! The handshake coordinator in use (docs/protocol.md#step-8, docs/protocol.md#step-27,
//! docs/protocol.md#handshake-coordinator), and the frame that is called handshake validation
//! (docs/protocol.md#step-28).

use crate::{
    core::{
        environment::{DETECTOR_ATTEMPTS, PreLoopValidation},
        handshake::{Detector, HandshakeCoordinator, stages},
        message::ServerMessage,
    },
    design::HandshakePlacement,
    event::{Event, Limit},
    port::{env::Env, limits, wait::timeout},
};

use super::Endpoint;

/// The result of the second handshake at the entry to the loop (docs/protocol.md#step-33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecondHandshake {
    /// There was none.
    None,
    /// It is ready, which a timer always is in the end.
    Ready,
    /// It is not.
    NotReady,
}

impl<E: Env> Endpoint<E> {
    /// Runs one coordination. It is given neither the socket nor an id: it is a timer.
    pub(super) async fn coordinate_handshake(&self, coordinator: u8) -> HandshakeCoordinator {
        let env = &self.container.env;
        let mut handshake = HandshakeCoordinator::default();
        for stage in stages(self.container.environment) {
            handshake.enter(stage.enter, env.now());
            self.connection.emit(Event::HandshakeMoved {
                socket: self.connection.socket_id(),
                coordinator,
                to: stage.enter,
            });
            if let Some(wait) = stage.then_wait {
                env.sleep(wait).await;
            }
        }
        handshake
    }

    /// docs/protocol.md#step-27: the last object made is the one that counts. The recovery looks
    /// again at an object that is not moved any more.
    pub(super) async fn second_handshake(&self) -> SecondHandshake {
        let coordinator = match self.container.design.handshake {
            HandshakePlacement::None => return SecondHandshake::None,
            HandshakePlacement::BeforeLoop => 1,
            HandshakePlacement::AfterAcceptAndBeforeLoop => 2,
        };
        let handshake = self.coordinate_handshake(coordinator).await;
        let mut detector = Detector::new(self.container.environment);
        for attempt in 0..DETECTOR_ATTEMPTS {
            if detector.validate_connection_readiness(handshake.state()) {
                return SecondHandshake::Ready;
            }
            let delay = detector.progressive_delay(attempt);
            self.container.env.sleep(delay).await;
        }
        SecondHandshake::NotReady
    }

    /// docs/protocol.md#step-28. Whether the frame could be sent is logged and nothing else.
    pub(super) async fn validate_handshake(&self) {
        match self.container.design.handshake {
            HandshakePlacement::None => return,
            HandshakePlacement::BeforeLoop | HandshakePlacement::AfterAcceptAndBeforeLoop => {}
        }
        let env = &self.container.env;
        match self.container.environment.pre_loop_validation() {
            PreLoopValidation::Nothing => {}
            PreLoopValidation::Sleep(duration) => env.sleep(duration).await,
            PreLoopValidation::SendFrame {
                within,
                sleep_if_not_connected,
            } => {
                let send = self.connection.send(&ServerMessage::HandshakeValidation);
                let sent = timeout(env, within, send).await;
                let socket = self.connection.socket_id();
                let _logged = limits::in_time(env, socket, Limit::SendTime, within, sent);
                if !self.connection.client_is_connected() {
                    env.sleep(sleep_if_not_connected).await;
                }
            }
        }
    }
}
