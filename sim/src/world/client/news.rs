//! What a client makes of the news of its sockets.

use std::time::Duration;

use gatesim_model::{
    core::{
        close,
        ids::SocketId,
        message::{AgentEventKind, ClientMessage, Notice, ServerMessage},
        time::Time,
    },
    design::{ClientAnswered, ClientConnect, ClientHandlers, ClientPosition},
};

use super::{
    ConnectionStage, Current, Phase, Tab,
    reconnect::{Ending, Retry},
    timings::REFRESH_CHECK,
    websocket::News,
};
use crate::{trace::event::WorldEvent, world::link::Packet};

impl Tab {
    /// Takes one piece of news.
    pub(super) fn take(&mut self, socket: SocketId, news: News) {
        self.report(socket, &news);
        match &news {
            News::Refused { .. } | News::Closed { .. } => {
                self.sockets.retain(|open| open.id() != socket);
            }
            News::Opened { .. } | News::Text(_) => {}
        }
        if self.phase != Phase::Staying {
            return;
        }
        let now = self.now();
        match news {
            News::Opened { affinity, by } => {
                self.affinity = affinity.or(self.affinity);
                self.opened(socket, by, now);
                self.changed(now);
            }
            News::Text(text) => self.heard(socket, &text, now),
            News::Refused { .. } => {
                self.lost(socket, Ending::NotOpened, now);
                self.changed(now);
            }
            News::Closed { code, .. } => {
                self.lost(socket, Ending::Closed(code), now);
                self.changed(now);
            }
        }
    }

    /// Tells the observer what happened to a socket.
    pub(super) fn report(&self, socket: SocketId, news: &News) {
        match *news {
            News::Opened { by: socket, .. } => self.emit(WorldEvent::ClientOpened { socket }),
            News::Text(_) => {}
            News::Refused { status } => self.emit(WorldEvent::ClientRefused { socket, status }),
            News::Closed {
                code,
                clean,
                by_client,
            } => self.emit(WorldEvent::ClientClosed {
                socket,
                code,
                clean,
                by_client,
            }),
        }
    }

    /// The upgrade was answered.
    fn opened(&mut self, socket: SocketId, by: SocketId, now: Time) {
        let period = self.timings.heartbeat;
        self.reconnect.opened();
        if let Some(next) = &mut self.successor
            && next.socket == socket
        {
            next.socket = by;
            next.heard = now;
        } else if let Some(current) = self.current_if(socket) {
            current.socket = by;
            current.stage = ConnectionStage::Open;
            current.heard = now;
            current.heartbeat = now + period;
            self.outbox.reconnected();
        }
    }

    /// The state of a connection has changed; where connecting is an effect of that, it happens
    /// again, and the connection that was made by the last effect is thrown away.
    fn changed(&mut self, now: Time) {
        match self.design().client_connect {
            ClientConnect::WhenAuthenticated | ClientConnect::AtOnce => {}
            ClientConnect::OnEveryChange => {
                if let Some(current) = self.current.take() {
                    self.close(current.socket, close::NORMAL, now);
                }
                self.connect_at = Some(now);
            }
        }
    }

    /// A connection is over, or there was none.
    pub(super) fn lost(&mut self, socket: SocketId, ending: Ending, now: Time) {
        if self.is_successor(socket) {
            self.successor = None;
            self.change_over_at = Some(now + REFRESH_CHECK);
            return;
        }
        let lasted = self.current.and_then(|current| match current.stage {
            ConnectionStage::Welcomed(since) => Some(now.since(since)),
            ConnectionStage::Connecting | ConnectionStage::Open | ConnectionStage::Over => None,
        });
        match self.design().client_handlers {
            ClientHandlers::AnySocket => {
                // Whichever it was, the page takes it for the present one.
                if let Some(current) = &mut self.current {
                    current.stage = ConnectionStage::Over;
                }
            }
            ClientHandlers::CurrentSocket => match self.current_if(socket) {
                Some(_) => self.current = None,
                None => return,
            },
        }
        // What was to follow follows now.
        if let Some(next) = self.successor.take() {
            self.current = Some(Current::connecting(next.socket, now));
            return self.outbox.reconnected();
        }
        if let Some(lasted) = lasted {
            self.reconnect.lasted(lasted);
        }
        match self.reconnect.ended(ending) {
            Retry::GiveUp => self.give_up(),
            Retry::Again { pause, jitter } => {
                let jitter_ms = match u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX) {
                    0 => 0,
                    most => self.jitter.draw(0..=most),
                };
                self.schedule(now, pause + Duration::from_millis(jitter_ms));
            }
            Retry::AgainWithNewToken(pause) => {
                self.credentials.distrust(now);
                self.plan_renewal();
                self.schedule(now, pause);
            }
        }
    }

    /// A message arrived.
    fn heard(&mut self, socket: SocketId, text: &str, now: Time) {
        // While it is busy with a frame, it is not the server that is silent.
        let heard = now + self.plan().reads_every_ms.duration();
        let is_current = match self.current_if(socket) {
            Some(current) => {
                current.heard = heard;
                true
            }
            None => false,
        };
        let is_successor = match &mut self.successor {
            Some(next) if next.socket == socket => {
                next.heard = heard;
                true
            }
            Some(_) | None => false,
        };
        match self.design().client_handlers {
            ClientHandlers::AnySocket => {}
            ClientHandlers::CurrentSocket if is_current || is_successor => {}
            ClientHandlers::CurrentSocket => return,
        }
        let message: ServerMessage =
            serde_json::from_str(text).expect("the server sends what a client can read");
        match message {
            ServerMessage::SystemMessage {
                event: Notice::ConnectionEstablished,
                ..
            } => self.welcomed(socket, now),
            ServerMessage::AgentEvent(event) => {
                match (self.design().client_position, event.recovered) {
                    (ClientPosition::EveryEvent, _) | (ClientPosition::NewEvents, false) => {
                        self.outbox.progressed(&event.message, event.run, event.seq);
                    }
                    (ClientPosition::NewEvents, true) => {}
                }
                self.emit(WorldEvent::ClientGotEvent {
                    socket,
                    run: event.run,
                    message: event.message.clone(),
                    seq: event.seq,
                    kind: event.event,
                    recovered: event.recovered,
                });
                match self.design().client_answered {
                    ClientAnswered::AtTheEnd => {}
                    ClientAnswered::AtTheFirstEvent => self.outbox.settled(&event.message),
                }
                if event.event == AgentEventKind::AgentCompleted {
                    self.outbox.answered(&event.message);
                }
            }
            ServerMessage::Error { message, .. } => {
                if let Some(message) = &message {
                    self.outbox.answered(message);
                }
                self.emit(WorldEvent::ClientGotError { socket, message });
            }
            ServerMessage::Ping => {
                self.send(socket, Packet::frame(ClientMessage::Pong.to_frame()));
            }
            ServerMessage::SystemMessage { .. }
            | ServerMessage::HandshakeValidation
            | ServerMessage::Ack
            | ServerMessage::Pong
            | ServerMessage::HeartbeatAck => {}
        }
    }

    /// The server has said that it is ready.
    fn welcomed(&mut self, socket: SocketId, now: Time) {
        self.emit(WorldEvent::ClientReady { socket });
        if self.is_successor(socket) {
            self.successor = None;
            if let Some(old) = self.current.take() {
                self.close(old.socket, close::NORMAL, now);
            }
            self.current = Some(Current {
                socket,
                stage: ConnectionStage::Welcomed(now),
                heard: now,
                heartbeat: now + self.timings.heartbeat,
            });
            self.connect_at = None;
            self.outbox.reconnected();
        } else if let Some(current) = self.current_if(socket) {
            current.stage = ConnectionStage::Welcomed(now);
        }
    }

    fn is_successor(&self, socket: SocketId) -> bool {
        self.successor.is_some_and(|next| next.socket == socket)
    }

    fn current_if(&mut self, socket: SocketId) -> Option<&mut Current> {
        self.current
            .as_mut()
            .filter(|current| current.socket == socket)
    }
}
