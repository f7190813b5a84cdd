//! Frames and the JSON payloads in them.
//!
//! Implements docs/protocol.md#routing and docs/protocol.md#agent-events.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::core::ids::{ConnectionId, MessageId, RunId};

/// A WebSocket frame, typed. Text carries its real JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message, unfragmented.
    Text(Arc<str>),
    /// A protocol-level ping (RFC 6455, 5.5.2); not the JSON message of the same name.
    Ping,
    /// A protocol-level pong.
    Pong,
    /// A close frame with the code and reason on the wire; no code is 1005.
    Close {
        /// The status code, RFC 6455 section 7.4.
        code: Option<u16>,
        /// At most 123 bytes.
        reason: Arc<str>,
    },
}

/// What a client sends (docs/protocol.md#routing, docs/protocol.md#heartbeat).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Starts an agent run.
    StartAgent(RunRequest),
    /// Starts an agent run from the chat box.
    UserMessage(RunRequest),
    /// Starts an agent run, older spelling.
    Chat(RunRequest),
    /// Application-level ping of the browser client.
    Ping,
    /// Answer to the server's application-level ping.
    Pong,
    /// The browser's other heartbeat.
    Heartbeat,
    /// Any type the router does not know; answered by an acknowledgement.
    #[serde(other)]
    Unknown,
}

/// The body of a message that starts an agent run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The client's id of the message.
    pub id: MessageId,
    /// The thread it belongs to, if the client names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Arc<str>>,
    /// What the user wrote.
    pub text: Arc<str>,
    /// If it is sent again: the last event of this message that the client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// If it is sent again: how long ago the client handed it over for the first time, in
    /// milliseconds, by a clock that only goes on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub age_ms: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

impl RunRequest {
    /// How long ago the client handed it over for the first time.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms)
    }
}

impl ClientMessage {
    /// The request, if this message starts an agent run.
    pub fn request(&self) -> Option<&RunRequest> {
        match self {
            Self::StartAgent(request) | Self::UserMessage(request) | Self::Chat(request) => {
                Some(request)
            }
            Self::Ping | Self::Pong | Self::Heartbeat | Self::Unknown => None,
        }
    }
}

/// The five critical events of an agent run (docs/protocol.md#agent-events).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AgentEventKind {
    /// The run has begun.
    AgentStarted,
    /// The agent is thinking.
    AgentThinking,
    /// A tool has been called.
    ToolExecuting,
    /// The tool has answered.
    ToolCompleted,
    /// The run is over.
    AgentCompleted,
}

/// One event of an agent run as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEvent {
    /// The run.
    pub run: RunId,
    /// The message that started the run.
    pub message: MessageId,
    /// Position in the order of emission, from 0.
    pub seq: u32,
    /// Which of the five.
    pub event: AgentEventKind,
    /// True if the event was kept while the client was away and is sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The welcome `connection_established`, notices such as `degraded_mode`, progress.
    SystemMessage {
        /// Which one.
        event: Notice,
        /// True only in the welcome: the client may start.
        connection_ready: bool,
        /// The id the server uses, in the welcome.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection_id: Option<ConnectionId>,
    },
    /// Sent by the historical handshake validation (docs/protocol.md#step-28).
    HandshakeValidation,
    /// An event of an agent run.
    AgentEvent(AgentEvent),
    /// Something was wrong; `message` names the client's message if it could be read.
    Error {
        /// A machine-readable code such as `FORMAT_ERROR`.
        code: ErrorCode,
        /// The client's message this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    },
    /// Answer to a message of an unknown type.
    Ack,
    /// Application-level ping.
    Ping,
    /// Answer to the client's ping.
    Pong,
    /// Answer to the client's heartbeat.
    HeartbeatAck,
}

/// The notices that travel as `system_message`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Notice {
    /// The welcome (docs/protocol.md#step-30).
    ConnectionEstablished,
    /// Start-up did not finish in time (docs/protocol.md#step-21).
    DegradedMode,
    /// The manager could not be created (docs/protocol.md#step-19).
    DegradedModeActive,
    /// Missing services are being initialised (docs/protocol.md#step-24).
    Initializing,
    /// The outer error handler promises that the connection is stable (docs/protocol.md#step-37).
    ConnectionRecovery,
    /// The container is about to stop.
    ServerShutdown,
}

/// Codes of error messages.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The frame was not JSON, or not an object with a type.
    FormatError,
    /// The frame was larger than the limit.
    MessageTooLarge,
    /// No token.
    NoToken,
    /// The token was refused.
    ValidationFailed,
    /// The authentication service could not be asked.
    AuthServiceError,
    /// A service that the connection needs is missing.
    ServiceUnavailable,
    /// The agent run ended without an answer.
    AgentFailed,
    /// Whether the message was executed is not known any more; it will not be now.
    OutcomeUnknown,
    /// The message arrived while the connection was not ready for it.
    NotReady,
    /// Anything else.
    InternalError,
}

impl ServerMessage {
    /// The frame that carries this message.
    pub fn to_frame(&self) -> Frame {
        Frame::Text(to_json(self).into())
    }
}

impl ClientMessage {
    /// The frame that carries this message.
    pub fn to_frame(&self) -> Frame {
        Frame::Text(to_json(self).into())
    }
}

fn to_json(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("a message is always representable as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let message = ClientMessage::StartAgent(RunRequest {
            id: "c0-m1".into(),
            thread: None,
            text: "hello".into(),
            after: None,
            age_ms: 0,
        });
        let Frame::Text(text) = message.to_frame() else {
            panic!("not a text frame")
        };
        assert_eq!(
            &*text,
            r#"{"type":"start_agent","id":"c0-m1","text":"hello"}"#
        );
        assert_eq!(
            serde_json::from_str::<ClientMessage>(&text).unwrap(),
            message
        );
        assert_eq!(
            serde_json::from_str::<ClientMessage>(r#"{"type":"dance","step":3}"#).unwrap(),
            ClientMessage::Unknown
        );
    }
}
