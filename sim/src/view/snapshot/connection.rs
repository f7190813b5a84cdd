//! What a container's events say of one connection: endpoint, transport, views, tasks, tables.

use gatesim_model::{
    core::ids::{ConnectionId, MessageId, SocketId},
    event::{Event, Table, TaskName},
};

use super::{Aspect, Edit, Path, Transport, Value};
use crate::trace::event::Actor;

impl Edit<'_> {
    /// The events of connections; one arm for each, and none for those of the process.
    pub(super) fn connection(&mut self, at: Actor, event: &Event) {
        match event {
            Event::EndpointStarted { socket } => {
                self.count(at, Path::Endpoints, "endpoint", 1);
                self.aspect(at, *socket, Aspect::Endpoint, Value::Running);
                let upgrade = Value::Transport(Transport::Upgrade);
                self.aspect(at, *socket, Aspect::Transport, upgrade);
            }
            Event::Accepted {
                socket,
                subprotocol,
                ..
            } => {
                let subprotocol = *subprotocol;
                self.transport(at, *socket, Transport::Accepted { subprotocol });
            }
            Event::CloseSent {
                socket,
                code,
                reason,
                ..
            } => {
                let (code, reason) = (*code, reason.clone());
                self.transport(at, *socket, Transport::Closing { code, reason });
            }
            Event::DisconnectSeen { socket, code } => {
                self.transport(at, *socket, Transport::PeerGone { code: *code });
            }
            Event::EndpointEnded { socket, how, cause } => {
                self.count(at, Path::Endpoints, "endpoint", -1);
                let (how, cause) = (*how, *cause);
                self.aspect(at, *socket, Aspect::Endpoint, Value::Ended { how, cause });
                self.forget_if_over(at, *socket);
            }
            Event::TaskStarted { socket, name } => {
                let path = Path::Connection(*socket, Aspect::Task(*name));
                self.count(at, path, "task", 1);
            }
            Event::TaskEnded { socket, name } => {
                let path = Path::Connection(*socket, Aspect::Task(*name));
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
                let text = Value::Text(format!("as {connection}").into());
                self.aspect(at, *socket, Aspect::Ready(*by), text);
            }
            Event::HandshakeMoved {
                socket,
                coordinator,
                to,
            } => {
                let aspect = Aspect::Handshake(*coordinator);
                self.aspect(at, *socket, aspect, Value::Word(to.name()));
            }
            Event::CoordinatorAsked {
                socket,
                from,
                to,
                accepted,
            } => {
                let view = Value::Coordinator {
                    state: *from,
                    asked: accepted.then_some(*to),
                };
                self.aspect(at, *socket, Aspect::Coordinator, view);
            }
            Event::CoordinatorMoved { socket, to } => {
                let view = Value::Coordinator {
                    state: *to,
                    asked: None,
                };
                self.aspect(at, *socket, Aspect::Coordinator, view);
            }
            Event::IdentityMoved { socket, to } => {
                let word = Value::Word(to.name());
                self.aspect(at, *socket, Aspect::Identity, word);
            }
            Event::GateWaiting {
                socket,
                connection,
                state,
            } => {
                let text = format!("waits, {connection} is in {state}");
                self.aspect(at, *socket, Aspect::Gate, Value::Text(text.into()));
            }
            Event::GateGaveUp { socket, polls, .. } => {
                let text = format!("gave up after {polls} polls");
                self.aspect(at, *socket, Aspect::Gate, Value::Text(text.into()));
            }
            Event::GateSkipped { socket, .. } => {
                let word = Value::Word("skipped, there is no machine");
                self.aspect(at, *socket, Aspect::Gate, word);
            }
            Event::LoopEntered { socket, .. } => {
                let running = Value::Loop { dispatched: 0 };
                self.aspect(at, *socket, Aspect::Loop, running);
            }
            Event::LoopEnded {
                socket,
                messages,
                errors,
                ..
            } => {
                let text = format!("ended, {messages} messages, {errors} errors");
                self.aspect(at, *socket, Aspect::Loop, Value::Text(text.into()));
            }
            Event::Authenticated { socket, user, .. } => {
                let text = Value::Text(user.as_str().into());
                self.aspect(at, *socket, Aspect::User, text);
            }
            Event::AuthenticationFailed { socket, error, .. } => {
                let text = format!("not authenticated: {}", error);
                self.aspect(at, *socket, Aspect::User, Value::Text(text.into()));
            }
            Event::ServicesValidated { socket, missing } => {
                let value = match missing.is_empty() {
                    true => Value::Word("all there"),
                    false => {
                        let names: Vec<&str> = missing.iter().map(|one| one.name()).collect();
                        Value::Text(format!("missing: {}", names.join(", ")).into())
                    }
                };
                self.aspect(at, *socket, Aspect::Services, value);
            }
            Event::Dispatched {
                socket, message, ..
            } => {
                self.taken_up(at, *socket, message);
                let path = Path::Connection(*socket, Aspect::Loop);
                if let Some(&Value::Loop { dispatched }) = self.value(at, &path) {
                    let dispatched = dispatched + 1;
                    self.set(at, path, Value::Loop { dispatched });
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
            // Of what happened there is nothing that lasts, or `container` knows it.
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
        let path = Path::Connection(socket, Aspect::Inbox);
        let mut waiting = match self.value(at, &path) {
            Some(Value::Inbox(waiting)) => waiting.clone(),
            Some(_) | None => Vec::new(),
        };
        waiting.push(message.clone());
        self.set(at, path, Value::Inbox(waiting));
    }

    /// The transport ended at the server.
    pub(super) fn transport_ended(&mut self, at: Actor, socket: SocketId) {
        if self.endpoint(at, socket).is_some() {
            let ended = Value::Transport(Transport::Ended);
            self.aspect(at, socket, Aspect::Transport, ended);
        }
        self.forget_if_over(at, socket);
    }

    fn taken_up(&mut self, at: Actor, socket: SocketId, message: &Option<MessageId>) {
        let path = Path::Connection(socket, Aspect::Inbox);
        let Some(Value::Inbox(waiting)) = self.value(at, &path) else {
            return;
        };
        let Some(place) = waiting.iter().position(|waits| waits == message) else {
            return;
        };
        let mut waiting = waiting.clone();
        waiting.remove(place);
        let after = (!waiting.is_empty()).then_some(Value::Inbox(waiting));
        self.put(at, path, after);
    }

    fn entry(&mut self, at: Actor, socket: SocketId, table: Table, added: bool) {
        let path = Path::Connection(socket, Aspect::Tables);
        let mut tables = match self.value(at, &path) {
            Some(Value::Tables(tables)) => tables.clone(),
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
        let after = (!tables.is_empty()).then_some(Value::Tables(tables));
        self.put(at, path, after);
        self.count(at, Path::Table(table), "entry", by);
        // The views that live in a table go with their entry.
        match (table, added) {
            (Table::Coordinator, false) => {
                self.remove(at, Path::Connection(socket, Aspect::Coordinator));
            }
            (Table::IdManager, false) => {
                self.remove(at, Path::Connection(socket, Aspect::Identity));
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

    fn aspect(&mut self, at: Actor, socket: SocketId, aspect: Aspect, value: Value) {
        self.set(at, Path::Connection(socket, aspect), value);
    }

    /// A transport that has ended stays so, whatever is done to it.
    fn transport(&mut self, at: Actor, socket: SocketId, transport: Transport) {
        let path = Path::Connection(socket, Aspect::Transport);
        match self.value(at, &path) {
            Some(Value::Transport(Transport::Ended)) => {}
            Some(_) | None => self.set(at, path, Value::Transport(transport)),
        }
    }

    fn endpoint(&self, at: Actor, socket: SocketId) -> Option<&Value> {
        self.value(at, &Path::Connection(socket, Aspect::Endpoint))
    }

    /// Forgets a connection whose endpoint and transport have ended, unless it has left something.
    fn forget_if_over(&mut self, at: Actor, socket: SocketId) {
        if matches!(self.endpoint(at, socket), Some(Value::Running)) {
            return;
        }
        let transport = Path::Connection(socket, Aspect::Transport);
        match self.value(at, &transport) {
            Some(Value::Transport(Transport::Ended)) | None => {}
            Some(_) => return,
        }
        let has = |edit: &Self, aspect| {
            let path = Path::Connection(socket, aspect);
            edit.value(at, &path).is_some()
        };
        let tasks = TaskName::ALL.iter().copied();
        if has(self, Aspect::Tables) || tasks.map(Aspect::Task).any(|task| has(self, task)) {
            return;
        }
        let whole =
            Path::Connection(socket, Aspect::Endpoint)..=Path::Connection(socket, Aspect::Tables);
        self.remove_range(at, whole, |_, _| true);
    }
}

fn id(connection: &ConnectionId) -> Value {
    Value::Text(connection.as_str().into())
}
