//! What belongs to one user reaches no other user and is not executed for one (I-13).
//!
//! Knows from: `ClientConnecting` and `ClientSent`, which say whose a message is, and from `Dispatched`,
//! `RunStarted`, `HandlerChosen` and what clients receive, which show where it went.

use std::collections::BTreeMap;

use gatesim_model::{
    core::ids::{MessageId, SocketId, UserId},
    event::Event,
};

use super::{
    rule::{Findings, Rule},
    view::LiveView,
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        request::user_id,
        vocabulary::Subject,
    },
};

/// Knows the user of each client and the sender of each message from the clients themselves: what
/// the gateway takes them for is what is judged.
#[derive(Default)]
pub(super) struct UsersIsolated {
    /// By client.
    users: PerClient<u32, UserId>,
    /// Which client sent a message.
    asked: BTreeMap<MessageId, u32>,
}

impl UsersIsolated {
    /// A message is executed, which is right only for the user of the client that sent it.
    fn executed(
        &self,
        socket: SocketId,
        user: &UserId,
        message: Option<&MessageId>,
        found: &mut Findings,
    ) {
        let Some(owner) = self.users.get(&socket.peer) else {
            return;
        };
        if owner != user {
            found.add((socket, message), "message executed for another user", || {
                let message = match message {
                    Some(message) => format!("Message {message}"),
                    None => "A frame".to_owned(),
                };
                format!(
                    "{message} of {socket}, which is a connection of {owner}, was executed in the \
                     context of {user}."
                )
            });
        }
        let sender = message.and_then(|message| self.users.get(self.asked.get(message)?));
        if let Some((message, sender)) = message.zip(sender)
            && sender != owner
        {
            found.add(
                (socket, message),
                "message of another user executed",
                || {
                    format!(
                        "Message {message} of {sender} was executed in the context of {user}, on \
                     {socket}."
                    )
                },
            );
        }
    }

    /// The router chose a handler; with the handler of another connection the message is executed
    /// in the context of that one.
    fn handled(&self, socket: SocketId, handler_of: SocketId, found: &mut Findings) {
        let users = (
            self.users.get(&socket.peer),
            self.users.get(&handler_of.peer),
        );
        let (Some(owner), Some(other)) = users else {
            return;
        };
        let cause = match (socket == handler_of, owner == other) {
            (true, _) => return,
            (false, true) => "message handled by another connection's handler",
            (false, false) => "message handled by another user's handler",
        };
        found.add(socket, cause, || {
            format!(
                "A message of {socket} of {owner} was given to the handler of {handler_of} of \
                 {other}."
            )
        });
    }

    /// A client received something about a message, which must be its own.
    fn received(&self, socket: SocketId, message: &MessageId, found: &mut Findings) {
        let Some(asker) = self
            .asked
            .get(message)
            .filter(|asker| **asker != socket.peer)
        else {
            return;
        };
        let users = (self.users.get(asker), self.users.get(&socket.peer));
        let (Some(owner), Some(hearer)) = users else {
            return;
        };
        let (cause, who) = match owner == hearer {
            true => (
                "event reached a client that did not ask",
                format!("another client of {hearer}"),
            ),
            false => (
                "event reached another user",
                format!("a connection of {hearer}"),
            ),
        };
        found.add((socket, message), cause, || {
            format!(
                "An event for client{asker} of {owner} about its message {message} reached \
                 {socket}, {who}."
            )
        });
    }
}

impl Rule for UsersIsolated {
    fn subjects(&self) -> u32 {
        Subject::Client.bit() | Subject::Message.bit() | Subject::Run.bit()
    }

    fn observe(&mut self, _: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::World(WorldEvent::ClientConnecting { socket, user }) => {
                self.users
                    .entry(socket.peer)
                    .or_insert_with(|| user_id(*user));
            }
            Fact::World(WorldEvent::ClientSent { socket, message }) => {
                self.asked.entry(message.clone()).or_insert(socket.peer);
            }
            Fact::World(WorldEvent::ClientGotEvent {
                socket, message, ..
            })
            | Fact::World(WorldEvent::ClientGotError {
                socket,
                message: Some(message),
            }) => self.received(*socket, message, found),
            Fact::Protocol(Event::Dispatched {
                socket,
                user,
                message,
                ..
            }) => self.executed(*socket, user, message.as_ref(), found),
            Fact::Protocol(Event::RunStarted {
                socket,
                user,
                message,
                ..
            }) => self.executed(*socket, user, Some(message), found),
            Fact::Protocol(Event::HandlerChosen { socket, handler_of }) => {
                self.handled(*socket, *handler_of, found);
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }
}
