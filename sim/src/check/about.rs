//! What a violation is about, as its rule says it.

use gatesim_model::core::ids::{MessageId, SocketId};

/// What a violation is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The connection.
    pub socket: Option<SocketId>,
    /// The message.
    pub message: Option<MessageId>,
}

impl From<SocketId> for About {
    fn from(socket: SocketId) -> Self {
        Some(socket).into()
    }
}

impl From<Option<SocketId>> for About {
    fn from(socket: Option<SocketId>) -> Self {
        let message = None;
        About { socket, message }
    }
}

impl From<(SocketId, &MessageId)> for About {
    fn from((socket, message): (SocketId, &MessageId)) -> Self {
        (socket, Some(message)).into()
    }
}

impl From<(SocketId, Option<&MessageId>)> for About {
    fn from((socket, message): (SocketId, Option<&MessageId>)) -> Self {
        (Some(socket), message).into()
    }
}

impl From<(Option<SocketId>, Option<&MessageId>)> for About {
    fn from((socket, message): (Option<SocketId>, Option<&MessageId>)) -> Self {
        About {
            socket,
            message: message.cloned(),
        }
    }
}
