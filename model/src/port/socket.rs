//! The ASGI view of one WebSocket connection (docs/protocol.md#transport-rules).
//!
//! A socket has **two independent flags**. `client_state` follows what the application has
//! *received*, `application_state` what it has *sent*; neither follows the network. [`Flags`] is
//! the rule book, pure and shared by every implementation of [`Socket`].

use std::future::Future;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{core::message::ServerMessage, event::CloseCause};

pub use crate::core::upgrade::Upgrade;

/// One connection as the endpoint sees it. Single-threaded: futures need not be `Send`, and
/// several tasks of one container may hold the socket at once.
pub trait Socket: 'static {
    /// What the peer asked for.
    fn upgrade(&self) -> &Upgrade;

    /// Both flags, now.
    fn flags(&self) -> Flags;

    /// Answers the upgrade. Two halves: take the connect event if it was not taken yet, then hand
    /// over the answer. Not cancel-safe between them (docs/protocol.md#transport-2,
    /// docs/protocol.md#transport-3, docs/protocol.md#transport-8).
    fn accept(
        &self,
        subprotocol: Option<&'static str>,
    ) -> impl Future<Output = Result<(), SocketError>>;

    /// The next frame, or the peer's disconnect exactly once.
    fn receive(&self) -> impl Future<Output = Result<Received, SocketError>>;

    /// Hands a message over. Waits while the upgrade is still being answered or the peer is
    /// not reading.
    fn send(&self, message: &ServerMessage) -> impl Future<Output = Result<(), SocketError>>;

    /// Answers the upgrade with an HTTP error. In the place of accept only.
    fn refuse(&self, status: u16) -> impl Future<Output = Result<(), SocketError>>;

    /// Hands a close over. Before accept it becomes HTTP 403 and code and reason are lost.
    fn close(&self, code: u16, reason: &str) -> impl Future<Output = Result<(), SocketError>>;
}

/// What arrives at the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text frame. Protocol-level pings and pongs are answered below the endpoint.
    Text(std::sync::Arc<str>),
    /// The peer is gone, with the code it gave, 1005 if it gave none, 1006 without a close frame.
    Disconnect {
        /// Close code.
        code: u16,
    },
}

/// One of the two flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportState {
    /// Nothing taken (client) or nothing answered (application).
    Connecting,
    /// The connect event was taken, or the accept was handed over.
    Connected,
    /// The disconnect event was taken, or a close was handed over, or a send failed.
    Disconnected,
}

/// Why a socket operation was refused or failed. The texts are those of the libraries where
/// they matter to the protocol's own error matching.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Error,
)]
#[serde(rename_all = "snake_case")]
pub enum SocketError {
    /// `receive` with application_state other than CONNECTED (docs/protocol.md#transport-4).
    #[error("WebSocket is not connected. Need to call \"accept\" first.")]
    AcceptFirst,
    /// `receive` after the disconnect was taken.
    #[error("Cannot call \"receive\" once a disconnect message has been received.")]
    ReceiveAfterDisconnect,
    /// A second task called `receive` while one was waiting.
    #[error("cannot call recv while another coroutine is already waiting for the next message")]
    TwoReceivers,
    /// `accept` in application_state CONNECTED (docs/protocol.md#transport-8).
    #[error(
        "Expected ASGI message \"websocket.send\" or \"websocket.close\", but got 'websocket.accept'"
    )]
    AcceptTwice,
    /// `send` before accept.
    #[error(
        "Expected ASGI message \"websocket.accept\" or \"websocket.close\", but got 'websocket.send'"
    )]
    SendBeforeAccept,
    /// `send` or `close` after a close was handed over.
    #[error("Cannot call \"send\" once a close message has been sent.")]
    SendAfterClose,
    /// The peer is gone; application_state becomes DISCONNECTED (docs/protocol.md#transport-3).
    #[error("the transport is closed")]
    PeerGone,
}

impl SocketError {
    /// Whether the application broke the rules of the transport, as opposed to the peer having
    /// gone away (invariant I-19).
    pub fn is_misuse(self) -> bool {
        match self {
            Self::AcceptFirst
            | Self::ReceiveAfterDisconnect
            | Self::TwoReceivers
            | Self::AcceptTwice
            | Self::SendBeforeAccept
            | Self::SendAfterClose => true,
            Self::PeerGone => false,
        }
    }

    /// The true reason for the end of a connection that this error ends.
    pub fn cause(self) -> CloseCause {
        match self.is_misuse() {
            true => CloseCause::ServerFault,
            false => CloseCause::PeerGone,
        }
    }
}

/// The two flags and the rules that guard them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags {
    /// What the application has received.
    pub client: TransportState,
    /// What the application has sent.
    pub application: TransportState,
}

impl Default for Flags {
    fn default() -> Self {
        Flags {
            client: TransportState::Connecting,
            application: TransportState::Connecting,
        }
    }
}

impl Flags {
    /// Whether the connect event still has to be taken by the first half of accept.
    pub fn needs_connect_event(self) -> bool {
        self.client == TransportState::Connecting
    }

    /// The connect event was taken.
    pub fn connect_taken(&mut self) {
        self.client = TransportState::Connected;
    }

    /// Second half of accept.
    pub fn hand_over_accept(&mut self) -> Result<(), SocketError> {
        match self.application {
            TransportState::Connecting => {
                self.application = TransportState::Connected;
                Ok(())
            }
            TransportState::Connected => Err(SocketError::AcceptTwice),
            TransportState::Disconnected => Err(SocketError::SendAfterClose),
        }
    }

    /// May `receive` be called?
    pub fn check_receive(self) -> Result<(), SocketError> {
        if self.application != TransportState::Connected {
            return Err(SocketError::AcceptFirst);
        }
        match self.client {
            TransportState::Connecting | TransportState::Connected => Ok(()),
            TransportState::Disconnected => Err(SocketError::ReceiveAfterDisconnect),
        }
    }

    /// May `send` be called?
    pub fn check_send(self) -> Result<(), SocketError> {
        match self.application {
            TransportState::Connecting => Err(SocketError::SendBeforeAccept),
            TransportState::Connected => Ok(()),
            TransportState::Disconnected => Err(SocketError::SendAfterClose),
        }
    }

    /// Hands over a close; true if it was before accept and becomes HTTP 403.
    pub fn hand_over_close(&mut self) -> Result<bool, SocketError> {
        let before_accept = match self.application {
            TransportState::Connecting => true,
            TransportState::Connected => false,
            TransportState::Disconnected => return Err(SocketError::SendAfterClose),
        };
        self.application = TransportState::Disconnected;
        Ok(before_accept)
    }

    /// Hands over an HTTP error as the answer to the upgrade.
    pub fn hand_over_refusal(&mut self) -> Result<(), SocketError> {
        match self.application {
            TransportState::Connecting => {
                self.application = TransportState::Disconnected;
                Ok(())
            }
            TransportState::Connected => Err(SocketError::AcceptTwice),
            TransportState::Disconnected => Err(SocketError::SendAfterClose),
        }
    }

    /// The disconnect event was taken by a task that called receive.
    pub fn disconnect_taken(&mut self) {
        self.client = TransportState::Disconnected;
    }

    /// A send found the peer gone.
    pub fn send_failed(&mut self) {
        self.application = TransportState::Disconnected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_send_in_another_task_makes_receive_ask_for_accept() {
        let mut flags = Flags::default();
        flags.connect_taken();
        flags.hand_over_accept().unwrap();
        assert_eq!(flags.check_receive(), Ok(()));
        flags.send_failed();
        assert_eq!(flags.client, TransportState::Connected);
        assert_eq!(flags.check_receive(), Err(SocketError::AcceptFirst));
    }

    #[test]
    fn accept_is_not_idempotent() {
        let mut flags = Flags::default();
        assert!(flags.needs_connect_event());
        flags.connect_taken();
        assert!(!flags.needs_connect_event());
        flags.hand_over_accept().unwrap();
        assert_eq!(flags.hand_over_accept(), Err(SocketError::AcceptTwice));
    }

    #[test]
    fn a_close_before_accept_is_told_apart() {
        let mut flags = Flags::default();
        assert_eq!(flags.hand_over_close(), Ok(true));
        assert_eq!(flags.hand_over_close(), Err(SocketError::SendAfterClose));
    }
}
