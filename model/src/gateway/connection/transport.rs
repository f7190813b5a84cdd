//! The transport of a connection and which tasks may use it: send, receive, close.
//!
//! Implements docs/protocol.md#safe-send and docs/protocol.md#send-lock.

use std::time::Duration;

use thiserror::Error;

use super::Connection;
use crate::{
    core::{
        close::{MAX_REASON_BYTES, honest_code},
        ids::MessageId,
        message::{ErrorCode, Notice, ServerMessage},
        token,
    },
    design::{HeartbeatSign, LogValues, TransportOwner},
    event::{CloseCause, Event, Limit, Step},
    port::{
        env::Env,
        limits,
        socket::{Received, Socket, SocketError, TransportState},
        wait::{First, first, timeout},
    },
};

/// How long the peer may take to read what goes before a close frame.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// First delay of the sender's retries where any task may send (docs/protocol.md#safe-send).
const SEND_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The transport as its owner knows it. Kept under every design; asked only where there is one
/// owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The upgrade has not been answered.
    Upgrading,
    /// The upgrade was answered with 101.
    Open,
    /// A close was handed over.
    Closed,
    /// The peer's disconnect was received, or a send found it gone.
    PeerGone,
}

/// Why a message was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The owner knows that the transport is not open; it was not touched.
    #[error("the connection is not open")]
    NotOpen,
    /// The client side is not known to be connected.
    #[error("the client is not connected")]
    ClientNotConnected,
    /// The transport refused.
    #[error(transparent)]
    Transport(#[from] SocketError),
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// The owner knows that the transport is not open; it was not touched.
    #[error("the connection is not open")]
    NotOpen,
    /// The transport refused.
    #[error(transparent)]
    Transport(#[from] SocketError),
}

impl<E: Env> Connection<E> {
    /// The socket: its upgrade request, its flags, and accept. Frames and closes go through
    /// [`Self::send`], [`Self::receive`] and [`Self::close`].
    pub fn socket(&self) -> &E::Socket {
        &self.socket
    }

    /// The transport as its owner knows it.
    pub fn transport(&self) -> Transport {
        self.transport.get()
    }

    /// `client_state`, which follows what was received and is stale until a task receives.
    pub fn client_is_connected(&self) -> bool {
        self.socket.flags().client == TransportState::Connected
    }

    /// `application_state`, which follows what was sent.
    pub fn application_is_connected(&self) -> bool {
        self.socket.flags().application == TransportState::Connected
    }

    /// The accept was handed over.
    pub fn accepted(&self, subprotocol: Option<&'static str>) {
        self.transport.set(Transport::Open);
        self.emit(Event::Accepted {
            socket: self.socket_id,
            subprotocol,
            offered: token::is_offered(self.socket.upgrade()),
        });
    }

    /// Hands a message over, as the design's answer to "who may touch the transport?" allows.
    ///
    /// # Errors
    /// If it was not handed over; the caller decides what happens to the message.
    pub async fn send(&self, message: &ServerMessage) -> Result<(), SendError> {
        let sent = match self.design.transport_owner {
            TransportOwner::OneOwner => self.send_as_owner(message).await,
            TransportOwner::AnyTask => self.send_as_any_task(message).await,
        };
        if sent.is_err() {
            self.log_failed_send();
        }
        sent
    }

    /// Writes a line with the states of the transport.
    fn log_failed_send(&self) {
        match self.design.log_values {
            LogValues::Text => {}
            LogValues::AsTheyAre => self.emit(Event::InternalError {
                socket: self.socket_id,
                step: Step::Send,
                error: "Object of type WebSocketState is not JSON serializable",
            }),
        }
    }

    /// The owner knows whether the transport is open, and a close ends a send that waits for the
    /// peer to read.
    async fn send_as_owner(&self, message: &ServerMessage) -> Result<(), SendError> {
        match self.transport.get() {
            Transport::Open => {}
            Transport::Upgrading | Transport::Closed | Transport::PeerGone => {
                return Err(SendError::NotOpen);
            }
        }
        // The close is looked at first: the socket must not be touched after it.
        match first(self.closing.wait(), self.socket.send(message)).await {
            First::Left(()) => Err(SendError::NotOpen),
            First::Right(Ok(())) => Ok(()),
            First::Right(Err(error)) => {
                self.note_failed_send(error);
                Err(error.into())
            }
        }
    }

    /// A look at `client_state`, then retries with growing delays (docs/protocol.md#safe-send). The
    /// library's text for a send after a close is not among those that the retry knows to be final,
    /// so it is tried again (D83).
    async fn send_as_any_task(&self, message: &ServerMessage) -> Result<(), SendError> {
        if !self.client_is_connected() {
            return Err(SendError::ClientNotConnected);
        }
        let (retries, cap) = if self.environment.is_cloud() {
            (3_u32, Duration::from_secs(2))
        } else {
            (2, Duration::from_secs(1))
        };
        let mut delay = SEND_RETRY_DELAY;
        for _ in 0..retries {
            match self.socket.send(message).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_misuse() => {}
                Err(error) => {
                    self.note_failed_send(error);
                    return Err(error.into());
                }
            }
            self.env.sleep(delay).await;
            delay = (delay * 2).min(cap);
        }
        self.reached(Limit::SendTries, retries);
        Ok(self.socket.send(message).await?)
    }

    fn note_failed_send(&self, error: SocketError) {
        if error == SocketError::PeerGone && self.transport.get() == Transport::Open {
            self.transport.set(Transport::PeerGone);
            self.over.set();
        }
    }

    /// The next frame, or the peer's disconnect. Reports the disconnect.
    ///
    /// # Errors
    /// If nothing can be received any more.
    pub async fn receive(&self) -> Result<Received, ReceiveError> {
        let received = match self.design.transport_owner {
            TransportOwner::AnyTask => self.socket.receive().await?,
            TransportOwner::OneOwner => {
                if self.transport.get() != Transport::Open {
                    return Err(ReceiveError::NotOpen);
                }
                match first(self.closing.wait(), self.socket.receive()).await {
                    First::Left(()) => return Err(ReceiveError::NotOpen),
                    First::Right(received) => received?,
                }
            }
        };
        match received {
            Received::Text(_) => self.note_frame(),
            Received::Disconnect { code } => {
                self.emit(Event::DisconnectSeen {
                    socket: self.socket_id,
                    code,
                });
                self.transport.set(Transport::PeerGone);
                self.over.set();
            }
        }
        Ok(received)
    }

    /// A frame of the peer was received, of any kind.
    fn note_frame(&self) {
        match self.design.heartbeat_sign {
            HeartbeatSign::AnyFrame => self.note_sign(),
            HeartbeatSign::Pong => {}
        }
    }

    /// Hands a close over, unless the peer is gone. `cause` is the true reason, which `code` may
    /// not say.
    pub async fn close(&self, code: u16, reason: &str, cause: CloseCause) {
        let reason = shorten(reason);
        match self.design.transport_owner {
            TransportOwner::OneOwner => match self.transport.get() {
                Transport::Upgrading | Transport::Open => {}
                Transport::Closed | Transport::PeerGone => return,
            },
            TransportOwner::AnyTask => match self.socket.flags().client {
                TransportState::Connecting | TransportState::Connected => {}
                TransportState::Disconnected => return,
            },
        }
        // Handing over cannot fail but by misuse; what may take long is to write the frame.
        let is_first = self.socket.flags().application != TransportState::Disconnected;
        if is_first {
            self.closed_for.set(Some(cause));
            self.emit(Event::CloseSent {
                socket: self.socket_id,
                code,
                reason: reason.into(),
                cause,
            });
        }
        self.transport.set(Transport::Closed);
        self.closing.set();
        // A refusal has been reported by the transport, and a peer that does not read must not
        // keep the connection alive.
        let written = timeout(&self.env, CLOSE_LIMIT, self.socket.close(code, reason)).await;
        let _ = limits::in_time(
            &self.env,
            self.socket_id,
            Limit::CloseTime,
            CLOSE_LIMIT,
            written,
        );
        self.over.set();
    }

    /// Closes with the code that is true for `cause`.
    pub async fn end(&self, cause: CloseCause) {
        self.close(honest_code(cause), cause.name(), cause).await;
    }

    /// Completes when the transport is over: closed by us, or left by the peer, as far as this
    /// container knows.
    pub async fn over(&self) {
        self.over.wait().await;
    }

    /// Waits for the end of a close that another task has begun.
    pub async fn finish_closing(&self) {
        match self.transport.get() {
            Transport::Closed => self.over.wait().await,
            Transport::Upgrading | Transport::Open | Transport::PeerGone => {}
        }
    }

    /// Why it was closed by us, if it was.
    pub fn closed_for(&self) -> Option<CloseCause> {
        self.closed_for.get()
    }

    /// Sends an error message. That it cannot be handed over is not the caller's concern.
    pub async fn send_error(&self, code: ErrorCode, message: Option<MessageId>) {
        let error = ServerMessage::Error { code, message };
        // If the send fails, the peer is gone, and the next receive finds out.
        let _ = self.send(&error).await;
    }

    /// Sends a notice, other than the welcome.
    ///
    /// # Errors
    /// If it was not handed over.
    pub async fn send_notice(&self, notice: Notice) -> Result<(), SendError> {
        self.send(&ServerMessage::SystemMessage {
            event: notice,
            connection_ready: false,
            connection_id: None,
        })
        .await?;
        self.emit(Event::NoticeSent {
            socket: self.socket_id,
            notice,
            connection_ready: false,
        });
        Ok(())
    }
}

/// The longest part of a reason that fits into a close frame.
fn shorten(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        let long = "é".repeat(100);
        assert_eq!(shorten(&long), "é".repeat(61));
    }
}
