//! Errors that are violations by themselves (I-01, I-19).
//!
//! Knows from: what the transport refuses (`TransportMisused`), and the place in which a step failed
//! (`InternalError`): facts, regardless of what the gateway makes of them.

use gatesim_model::{event::Event, port::socket::SocketError};

use super::{
    rule::{Findings, Rule},
    view::LiveView,
};
use crate::trace::{
    event::{Fact, TraceEvent, WorldEvent},
    vocabulary::Subject,
};

/// No step of a connection ends in an internal error (`InternalError`), not even where a catch-all
/// keeps it from the client.
pub(super) struct NoInternalError;

impl Rule for NoInternalError {
    fn subjects(&self) -> u32 {
        Subject::Error.bit()
    }

    fn observe(&mut self, _: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let Fact::Protocol(Event::InternalError {
            socket,
            step,
            error,
        }) = &entry.fact
        else {
            return;
        };
        found.add(*socket, format_args!("{error} at {step}"), || {
            format!("The step {step} of {socket} ended in an internal error: {error}.")
        });
    }
}

/// The application never breaks a rule of the transport. The transport refuses such a call and the
/// simulator reports it (`TransportMisused`); a call that fails because the peer is gone breaks no
/// rule.
pub(super) struct TransportDiscipline;

impl Rule for TransportDiscipline {
    fn subjects(&self) -> u32 {
        Subject::Error.bit()
    }

    fn observe(&mut self, _: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let Fact::World(WorldEvent::TransportMisused {
            socket,
            operation,
            error,
        }) = &entry.fact
        else {
            return;
        };
        let misuse = match error {
            SocketError::AcceptFirst => "while the application side is not connected",
            SocketError::ReceiveAfterDisconnect => "after the disconnect was taken",
            SocketError::TwoReceivers => "while another task receives",
            SocketError::AcceptTwice => "a second time",
            SocketError::SendBeforeAccept => "before accept",
            SocketError::SendAfterClose => "after close",
            SocketError::PeerGone => return,
        };
        found.add(*socket, format_args!("{operation} {misuse}"), || {
            format!("The application called {operation} on {socket} {misuse} (\"{error}\").")
        });
    }
}
