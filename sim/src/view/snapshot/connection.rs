//! What a container's events say of one connection: endpoint, transport, views, tasks, tables.

use gatesim_model::{
    core::ids::{ConnectionId, MessageId, SocketId},
    event::{Event, Table, TaskName},
};

use super::{Aspect, ServerTransport, SnapshotEdit, StatePath, StateValue};
use crate::trace::event::Actor;

impl SnapshotEdit<'_> {
    /// The events of connections.
    pub(super) fn connection(&mut self, at: Actor, event: &Event) {
        match event {
            Event::EndpointStarted { socket } => {
                self.count(at, StatePath::Endpoints, "endpoint", 1);
                self.aspect(at, *socket, Aspect::Endpoint, StateValue::Running);
                let upgrade = StateValue::Transport(ServerTransport::Upgrade);
                self.aspect(at, *socket, Aspect::Transport, upgrade);
            }
            Event::Accepted {
                socket,
                subprotocol,
                ..
            } => {
                let subprotocol = *subprotocol;
                self.transport(at, *socket, ServerTransport::Accepted { subprotocol });
            }
            Event::CloseSent {
                socket,
                code,
                reason,
                ..
            } => {
                let (code, reason) = (*code, reason.clone());
                self.transport(at, *socket, ServerTransport::Closing { code, reason });
            }
            Event::DisconnectSeen { socket, code } => {
                self.transport(at, *socket, ServerTransport::PeerGone { code: *code });
            }
            Event::EndpointEnded { socket, how, cause } => {
                self.count(at, StatePath::Endpoints, "endpoint", -1);
                let (how, cause) = (*how, *cause);
                self.aspect(
                    at,
                    *socket,
                    Aspect::Endpoint,
                    StateValue::Ended { how, cause },
                );
                self.forget_if_over(at, *socket);
            }
            Event::TaskStarted { socket, name } => {
                let path = StatePath::Connection(*socket, Aspect::Task(*name));
                self.count(at, path, "task", 1);
            }
            Event::TaskEnded { socket, name } => {
                let path = StatePath::Connection(*socket, Aspect::Task(*name));
                self.count(at, path, "task", -1);
                self.forget_if_over(at, *socket);
            }
            Event::IdGiven {
                socket,
                holder,
                connection,
            } => self.aspect(at, *socket, Aspect::Id(*holder), id(connection)),
            Event::ReadyReported {
                socket,
                connection,
                by,
            } => {
                let text = StateValue::Text(format!("as {connection}").into());
                self.aspect(at, *socket, Aspect::Ready(*by), text);
            }
            Event::HandshakeMoved {
                socket,
                coordinator,
                to,
            } => {
                let aspect = Aspect::Handshake(*coordinator);
                self.aspect(at, *socket, aspect, StateValue::Word(to.name()));
            }
            Event::CoordinatorAsked {
                socket,
                from,
                to,
                accepted,
            } => {
                let view = StateValue::Coordinator {
                    state: *from,
                    asked: accepted.then_some(*to),
                };
                self.aspect(at, *socket, Aspect::Coordinator, view);
            }
            Event::CoordinatorMoved { socket, to } => {
                let view = StateValue::Coordinator {
                    state: *to,
                    asked: None,
                };
                self.aspect(at, *socket, Aspect::Coordinator, view);
            }
            Event::IdentityMoved { socket, to } => {
                let word = StateValue::Word(to.name());
                self.aspect(at, *socket, Aspect::Identity, word);
            }
            Event::GateWaiting {
                socket,
                connection,
                state,
            } => {
                let text = format!("waits, {connection} is in {state}");
                self.aspect(at, *socket, Aspect::Gate, StateValue::Text(text.into()));
            }
            Event::GateGaveUp { socket, polls, .. } => {
                let text = format!("gave up after {polls} polls");
                self.aspect(at, *socket, Aspect::Gate, StateValue::Text(text.into()));
            }
            Event::GateSkipped { socket, .. } => {
                let word = StateValue::Word("skipped, there is no machine");
                self.aspect(at, *socket, Aspect::Gate, word);
            }
            Event::LoopEntered { socket, .. } => {
                let running = StateValue::Loop { dispatched: 0 };
                self.aspect(at, *socket, Aspect::Loop, running);
            }
            Event::LoopEnded {
                socket,
                messages,
                errors,
                ..
            } => {
                let text = format!("ended, {messages} messages, {errors} errors");
                self.aspect(at, *socket, Aspect::Loop, StateValue::Text(text.into()));
            }
            Event::Authenticated { socket, user, .. } => {
                let text = StateValue::Text(user.as_str().into());
                self.aspect(at, *socket, Aspect::User, text);
            }
            Event::AuthenticationFailed { socket, error, .. } => {
                let text = format!("not authenticated: {}", error);
                self.aspect(at, *socket, Aspect::User, StateValue::Text(text.into()));
            }
            Event::ServicesValidated { socket, missing } => {
                let value = match missing.is_empty() {
                    true => StateValue::Word("all there"),
                    false => {
                        let names: Vec<&str> = missing.iter().map(|one| one.name()).collect();
                        StateValue::Text(format!("missing: {}", names.join(", ")).into())
                    }
                };
                self.aspect(at, *socket, Aspect::Services, value);
            }
            Event::Dispatched {
                socket, message, ..
            } => {
                self.taken_up(at, *socket, message);
                let path = StatePath::Connection(*socket, Aspect::Loop);
                if let Some(&StateValue::Loop { dispatched }) = self.value(at, &path) {
                    let dispatched = dispatched + 1;
                    self.set(at, path, StateValue::Loop { dispatched });
                }
            }
            Event::MessageRefused {
                socket, message, ..
            }
            | Event::MessageDropped { socket, message } => self.taken_up(at, *socket, message),
            Event::MessageResumed {
                socket, message, ..
            } => self.taken_up(at, *socket, &Some(message.clone())),
            Event::EntryAdded { socket, table } => self.entry(at, *socket, *table, true),
            Event::EntryRemoved { socket, table } => {
                self.entry(at, *socket, *table, false);
                self.forget_if_over(at, *socket);
            }
            _ => {}
        }
    }

    /// A message reached the server. Nothing is shown of a connection that has no endpoint.
    pub(super) fn message_arrived(
        &mut self,
        at: Actor,
        socket: SocketId,
        message: &Option<MessageId>,
    ) {
        if self.endpoint(at, socket).is_none() {
            return;
        }
        let path = StatePath::Connection(socket, Aspect::Inbox);
        let mut waiting = match self.value(at, &path) {
            Some(StateValue::Inbox(waiting)) => waiting.clone(),
            Some(_) | None => Vec::new(),
        };
        waiting.push(message.clone());
        self.set(at, path, StateValue::Inbox(waiting));
    }

    /// The transport ended at the server.
    pub(super) fn transport_ended(&mut self, at: Actor, socket: SocketId) {
        if self.endpoint(at, socket).is_some() {
            let ended = StateValue::Transport(ServerTransport::Ended);
            self.aspect(at, socket, Aspect::Transport, ended);
        }
        self.forget_if_over(at, socket);
    }

    fn taken_up(&mut self, at: Actor, socket: SocketId, message: &Option<MessageId>) {
        let path = StatePath::Connection(socket, Aspect::Inbox);
        let Some(StateValue::Inbox(waiting)) = self.value(at, &path) else {
            return;
        };
        let Some(place) = waiting.iter().position(|waits| waits == message) else {
            return;
        };
        let mut waiting = waiting.clone();
        waiting.remove(place);
        let after = (!waiting.is_empty()).then_some(StateValue::Inbox(waiting));
        self.put(at, path, after);
    }

    fn entry(&mut self, at: Actor, socket: SocketId, table: Table, added: bool) {
        let path = StatePath::Connection(socket, Aspect::Tables);
        let mut tables = match self.value(at, &path) {
            Some(StateValue::Tables(tables)) => tables.clone(),
            Some(_) | None => Vec::new(),
        };
        let by = match (added, tables.iter().position(|there| *there == table)) {
            (true, _) => {
                tables.push(table);
                tables.sort();
                1
            }
            (false, Some(place)) => {
                tables.remove(place);
                -1
            }
            (false, None) => 0,
        };
        let after = (!tables.is_empty()).then_some(StateValue::Tables(tables));
        self.put(at, path, after);
        self.count(at, StatePath::Table(table), "entry", by);
        // The views that live in a table go with their entry.
        match (table, added) {
            (Table::Coordinator, false) => {
                self.remove(at, StatePath::Connection(socket, Aspect::Coordinator));
            }
            (Table::IdManager, false) => {
                self.remove(at, StatePath::Connection(socket, Aspect::Identity));
            }
            (
                Table::Manager
                | Table::ManagerFactory
                | Table::Router
                | Table::Monitor
                | Table::Coordinator
                | Table::IdManager
                | Table::Pool
                | Table::SleepWrapper,
                _,
            ) => {}
        }
    }

    fn aspect(&mut self, at: Actor, socket: SocketId, aspect: Aspect, value: StateValue) {
        self.set(at, StatePath::Connection(socket, aspect), value);
    }

    /// A transport that has ended stays so.
    fn transport(&mut self, at: Actor, socket: SocketId, transport: ServerTransport) {
        let path = StatePath::Connection(socket, Aspect::Transport);
        match self.value(at, &path) {
            Some(StateValue::Transport(ServerTransport::Ended)) => {}
            Some(_) | None => self.set(at, path, StateValue::Transport(transport)),
        }
    }

    fn endpoint(&self, at: Actor, socket: SocketId) -> Option<&StateValue> {
        self.value(at, &StatePath::Connection(socket, Aspect::Endpoint))
    }

    /// Forgets a connection whose endpoint and transport have ended, unless it has left something.
    fn forget_if_over(&mut self, at: Actor, socket: SocketId) {
        if matches!(self.endpoint(at, socket), Some(StateValue::Running)) {
            return;
        }
        let transport = StatePath::Connection(socket, Aspect::Transport);
        match self.value(at, &transport) {
            Some(StateValue::Transport(ServerTransport::Ended)) | None => {}
            Some(_) => return,
        }
        let has = |edit: &Self, aspect| {
            let path = StatePath::Connection(socket, aspect);
            edit.value(at, &path).is_some()
        };
        let tasks = TaskName::ALL.iter().copied();
        if has(self, Aspect::Tables) || tasks.map(Aspect::Task).any(|task| has(self, task)) {
            return;
        }
        let whole = StatePath::Connection(socket, Aspect::Endpoint)
            ..=StatePath::Connection(socket, Aspect::Tables);
        self.remove_range(at, whole, |_, _| true);
    }
}

fn id(connection: &ConnectionId) -> StateValue {
    StateValue::Text(connection.as_str().into())
}
