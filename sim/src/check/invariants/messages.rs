//! Every client message is executed at most once and answered in full, or refused, or the client
//! learns from the close code that the connection did not end well (I-10).
//!
//! Knows from: `MessageArrived` on: `Dispatched`, `MessageRefused`, `MessageDropped`, and `EndpointEnded`
//! as the last chance.

use std::collections::BTreeMap;

use gatesim_model::{
    core::{
        ids::{MessageId, SocketId},
        time::Time,
    },
    event::{EndpointEnd, Event},
};

use super::{
    answers::Answers,
    limits::Limits,
    rule::{Findings, Rule},
    view::{LiveConnection, LiveView},
};
use crate::{
    check::{facts::close_codes, per_client::PerClient},
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Follows each message from the receive buffer to its fate. A message that arrives after the
/// server has begun to end the connection crosses with the close on the wire and is not counted:
/// the client cannot assume that it was received.
pub(super) struct NoClientMessageLost {
    arrived: PerClient<SocketId, BTreeMap<MessageId, Fate>>,
    answers: Answers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Dispatched,
    Refused,
}

impl NoClientMessageLost {
    pub(super) fn new(limits: &Limits) -> Self {
        NoClientMessageLost {
            arrived: PerClient::new(),
            answers: Answers::new(limits.delivery),
        }
    }
}

impl Rule for NoClientMessageLost {
    fn subjects(&self) -> u32 {
        Subject::Message.bit()
            | Subject::Life.bit()
            | Subject::Run.bit()
            | Subject::Client.bit()
            | Subject::World.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        self.answers.observe(entry, found);
        self.observe_arrivals(view, entry, found);
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, _: &LiveView, now: Time, found: &mut Findings) {
        self.answers.deadline(now, found);
    }
}

impl NoClientMessageLost {
    fn observe_arrivals(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::World(WorldEvent::MessageArrived {
                socket,
                message: Some(message),
            }) => {
                if view.connection(*socket).is_some_and(LiveConnection::lives) {
                    let messages = self.arrived.entry(*socket).or_default();
                    messages.insert(message.clone(), Fate::Waiting);
                }
            }
            Fact::Protocol(Event::Dispatched {
                socket,
                message: Some(message),
                ..
            }) => {
                self.meets(*socket, message, Fate::Dispatched);
            }
            Fact::Protocol(Event::MessageRefused {
                socket,
                message: Some(message),
                ..
            }) => {
                self.meets(*socket, message, Fate::Refused);
            }
            Fact::Protocol(Event::MessageDropped { socket, message }) => {
                let about = (*socket, message.as_ref());
                found.add(about, "message dropped without an answer", || {
                    let message = match message {
                        Some(message) => format!("Message {message}"),
                        None => "A frame".to_owned(),
                    };
                    format!(
                        "{message} of {socket} reached the endpoint and was dropped: neither \
                         executed nor answered with an error."
                    )
                });
            }
            Fact::Protocol(Event::EndpointEnded { socket, how, .. }) => {
                let messages = self.arrived.remove(socket).unwrap_or_default();
                if let Some(connection) = view.connection(*socket) {
                    judge_end(*socket, connection, *how, &messages, found);
                }
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.arrived
                    .retain(|socket, _| view.lives_elsewhere(*socket, *container));
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }

    fn meets(&mut self, socket: SocketId, message: &MessageId, fate: Fate) {
        let messages = self.arrived.get_mut(&socket);
        if let Some(known) = messages.and_then(|messages| messages.get_mut(message)) {
            *known = fate;
        }
    }
}

/// The endpoint of a connection ended, which was the last chance of its messages.
fn judge_end(
    socket: SocketId,
    connection: &LiveConnection,
    how: EndpointEnd,
    messages: &BTreeMap<MessageId, Fate>,
    found: &mut Findings,
) {
    let normal = match connection.close_code {
        Some(code) => code == close_codes::NORMAL,
        None => how == EndpointEnd::Returned,
    };
    let waiting: Vec<&str> = messages
        .iter()
        .filter(|(_, fate)| **fate == Fate::Waiting)
        .map(|(message, _)| message.as_str())
        .collect();
    if !normal || connection.peer_may_be_gone() || waiting.is_empty() {
        return;
    }
    let cause = match connection.close_code {
        Some(_) => "normal close over messages not read",
        None => "endpoint returned over messages not read",
    };
    found.add(socket, cause, || {
        format!(
            "The server ended {socket} normally, but of the messages that had reached it {} {} \
             neither executed nor refused.",
            waiting.join(", "),
            if waiting.len() == 1 { "was" } else { "were" }
        )
    });
}
