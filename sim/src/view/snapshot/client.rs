//! What events say of a client: its sockets, and its messages until they are answered.

use gatesim_model::core::{
    ids::{MessageId, SocketId},
    message::AgentEventKind,
};

use super::{ClientSocket, SnapshotEdit, StatePath, StateValue};
use crate::trace::event::Actor;

impl SnapshotEdit<'_> {
    /// A client begins to open a socket. Those that are over are no longer shown.
    pub(super) fn client_connecting(&mut self, socket: SocketId, user: u32) {
        let client = Actor::Client(socket.peer);
        let first = SocketId {
            attempt: 0,
            ..SocketId::first(socket.peer)
        };
        self.remove_range(
            client,
            StatePath::Socket(first)..StatePath::Messages,
            |_, value| matches!(value, StateValue::ClientSocket(socket) if socket.is_over()),
        );
        self.set(
            client,
            StatePath::User,
            StateValue::Text(format!("user{user}").into()),
        );
        self.client_socket(socket, ClientSocket::Connecting);
    }

    /// A client has one socket for each attempt, whichever copy of its upgrade answered.
    pub(super) fn client_socket(&mut self, socket: SocketId, state: ClientSocket) {
        let path = StatePath::Socket(socket.original());
        self.set(
            Actor::Client(socket.peer),
            path,
            StateValue::ClientSocket(state),
        );
    }

    /// A message was handed to a socket, for the first time or once more.
    pub(super) fn client_sent(&mut self, socket: SocketId, message: &MessageId, again: bool) {
        let client = Actor::Client(socket.peer);
        let path = StatePath::Message(message.clone());
        let events = match self.value(client, &path) {
            Some(StateValue::Unanswered { events, .. }) => *events,
            Some(_) | None => 0,
        };
        self.set(client, path, StateValue::Unanswered { on: socket, events });
        if !again {
            self.tally(client, 1, 0, 0);
        }
    }

    /// An event of the answer arrived; the last one ends it.
    pub(super) fn client_got_event(
        &mut self,
        socket: SocketId,
        message: &MessageId,
        kind: AgentEventKind,
    ) {
        let client = Actor::Client(socket.peer);
        let path = StatePath::Message(message.clone());
        let Some(&StateValue::Unanswered { on, events }) = self.value(client, &path) else {
            return;
        };
        match kind {
            AgentEventKind::AgentCompleted => {
                self.remove(client, path);
                self.tally(client, 0, 1, 0);
            }
            AgentEventKind::AgentStarted
            | AgentEventKind::AgentThinking
            | AgentEventKind::ToolExecuting
            | AgentEventKind::ToolCompleted => {
                let events = events + 1;
                self.set(client, path, StateValue::Unanswered { on, events });
            }
        }
    }

    /// An error is an answer as well.
    pub(super) fn client_got_error(&mut self, socket: SocketId, message: &Option<MessageId>) {
        let client = Actor::Client(socket.peer);
        let Some(message) = message else { return };
        let path = StatePath::Message(message.clone());
        if self.value(client, &path).is_some() {
            self.remove(client, path);
            self.tally(client, 0, 0, 1);
        }
    }

    fn tally(&mut self, client: Actor, more_sent: u32, more_answered: u32, more_refused: u32) {
        let (sent, answered, refused) = match self.value(client, &StatePath::Messages) {
            Some(&StateValue::Tally {
                sent,
                answered,
                refused,
            }) => (sent, answered, refused),
            Some(_) | None => (0, 0, 0),
        };
        let tally = StateValue::Tally {
            sent: sent + more_sent,
            answered: answered + more_answered,
            refused: refused + more_refused,
        };
        self.set(client, StatePath::Messages, tally);
    }
}
