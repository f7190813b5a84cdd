//! Pieces of text that several rows have.

use std::fmt::Display;

use gatesim_model::core::ids::{MessageId, SocketId};

/// What a task did, behind the connection that it did it for, if it was for one.
pub(super) fn for_connection(socket: Option<SocketId>, what: String) -> String {
    match socket {
        Some(socket) => format!("{socket} {what}"),
        None => what,
    }
}

/// Several things, separated by commas.
pub(super) fn listed<T: Display>(things: &[T]) -> String {
    let texts: Vec<String> = things.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The message, or what a frame is called that has no readable message id.
pub(crate) fn message_name(message: &Option<MessageId>) -> String {
    match message {
        Some(message) => format!("message {message}"),
        None => "a frame without a message id".to_owned(),
    }
}
