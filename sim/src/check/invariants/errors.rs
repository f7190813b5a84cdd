//! Errors that are violations by themselves (I-01, I-19).

use gatesim_model::{event::Event, port::socket::SocketError};

use super::{
    rule::{Finding, Rule},
    view::View,
};
use crate::trace::{
    event::{Fact, TraceEvent, WorldEvent},
    vocabulary::Subject,
};

/// An internal error is a defect even where some catch-all keeps it from the client.
pub(super) struct NoInternalError;

impl Rule for NoInternalError {
    fn subjects(&self) -> u32 {
        Subject::Error.bit()
    }

    fn observe(&mut self, _: &View, entry: &TraceEvent) -> Option<Finding> {
        let Fact::Protocol(Event::InternalError {
            socket,
            step,
            error,
        }) = &entry.fact
        else {
            return None;
        };
        Some(Finding::new(
            *socket,
            format!("{error} at {step}"),
            format!("The step {step} of {socket} ended in an internal error: {error}."),
        ))
    }
}

/// The transport refuses what breaks its rules, and the simulator reports each refusal that was
/// the application's own doing; that a peer is gone is nobody's fault.
pub(super) struct TransportDiscipline;

impl Rule for TransportDiscipline {
    fn subjects(&self) -> u32 {
        Subject::Error.bit()
    }

    fn observe(&mut self, _: &View, entry: &TraceEvent) -> Option<Finding> {
        let Fact::World(WorldEvent::TransportMisused {
            socket,
            operation,
            error,
        }) = &entry.fact
        else {
            return None;
        };
        let misuse = match error {
            SocketError::AcceptFirst => "while the application side is not connected",
            SocketError::ReceiveAfterDisconnect => "after the disconnect was taken",
            SocketError::TwoReceivers => "while another task receives",
            SocketError::AcceptTwice => "a second time",
            SocketError::SendBeforeAccept => "before accept",
            SocketError::SendAfterClose => "after close",
            SocketError::PeerGone => return None,
        };
        Some(Finding::new(
            *socket,
            format!("{operation} {misuse}"),
            format!("The application called {operation} on {socket} {misuse} (\"{error}\")."),
        ))
    }
}
