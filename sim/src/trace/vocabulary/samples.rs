//! The samples of all rows as a trace, and the values that they share.

pub(super) use gatesim_model::{
    core::{
        ids::{ConnectionId, MessageId, RunId, SocketId, UserId},
        message::{AgentEventKind, ErrorCode},
        services::Service,
        state::ConnectionState,
        time::Time,
    },
    event::*,
    port::socket::SocketError,
};

use super::EventRow;
use crate::trace::event::{Fact, TraceEvent, WorldEvent};
pub(super) use crate::trace::{
    event::{Actor, CutReason, FinishReason, Header, Operation},
    request::{HeaderPolicy, Token},
};

pub(super) const SOCKET: SocketId = SocketId::first(2);
pub(super) const SUCCESSOR: SocketId = SocketId {
    peer: 2,
    attempt: 2,
    copy: 1,
};
pub(super) const RUN: RunId = RunId(7);
pub(super) const UNBOUND: &str = "name 'state_registry' is not defined";

/// Every sample, numbered, a millisecond apart.
pub(crate) fn trace() -> Vec<TraceEvent> {
    let protocol = Event::samples()
        .into_iter()
        .map(|event| (Actor::Container(0), Fact::Protocol(event)));
    let world = WorldEvent::samples()
        .into_iter()
        .map(|event| (Actor::World, Fact::World(event)));
    protocol
        .chain(world)
        .zip(0..)
        .map(|((actor, fact), number)| TraceEvent {
            number,
            time: Time(number * 1_000_000),
            step: number,
            actor,
            fact,
        })
        .collect()
}

pub(super) fn id() -> ConnectionId {
    "ws_staging_1757481480000_1a2b3c4d".into()
}

pub(super) fn user() -> UserId {
    "user2".into()
}

pub(super) fn message() -> MessageId {
    "c2-m1".into()
}
