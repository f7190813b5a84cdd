//! Browser clients (protocol.md 1.1, 1.4, 5.1, 7.5, 7.6).
//!
//! A client opens its socket, offers `jwt-auth` and its token as subprotocols, and flushes its
//! queue the moment the upgrade is answered, long before it is welcomed. It answers the server's
//! pings, reacts to close codes, and reconnects with back-off. A message that was handed to the
//! socket is out of its queue and not sent again.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use gatesim_model::{
    environment::Environment,
    ids::{MessageId, SocketId},
    message::{AgentEventKind, ClientMessage, Frame, Notice, Request, ServerMessage},
    socket::Upgrade,
    time::Time,
    wait::{First, first},
};

use crate::{
    choices::{Purpose, Stream},
    event::{Actor, Fact, WorldEvent},
    link::{End, Incoming, Packet},
    plan::{ClientPlan, Leaving, MessageKind},
    service::{message_id, token_text},
    world::World,
};

/// Attempts in a row without an opened connection before a client gives up (protocol.md 7.6).
pub const MAX_ATTEMPTS: u32 = 10;
/// Closes with 1008, and no other end in between, before a client gives up (protocol.md 5.4).
pub const MAX_AUTH_FAILURES: u32 = 3;
/// How long a client that leaves waits for the server's half of the close handshake.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The browser's own timings (protocol.md 5.4, 7.5, 7.6).
struct Timings {
    base: Duration,
    cap: Duration,
    least_interval: Duration,
    auth_cooldown: Duration,
    heartbeat: Duration,
}

impl Timings {
    fn of(environment: Environment) -> Self {
        let (base_ms, cap, interval, cooldown, heartbeat) = match environment.is_cloud() {
            true => (1000, 30, 3, 10, 30),
            false => (100, 10, 1, 5, 15),
        };
        Timings {
            base: Duration::from_millis(base_ms),
            cap: Duration::from_secs(cap),
            least_interval: Duration::from_secs(interval),
            auth_cooldown: Duration::from_secs(cooldown),
            heartbeat: Duration::from_secs(heartbeat),
        }
    }
}

/// What a client does next after a connection is over.
enum Next {
    /// It has all it wanted, or has waited long enough.
    Leave,
    /// Another try.
    Reconnect,
    /// It was told that its token is no good.
    NotAuthenticated,
}

struct Client {
    world: Rc<World>,
    number: u32,
    timings: Timings,
    /// Not yet handed to a socket, with the time from which on it may be.
    queue: VecDeque<(Time, MessageId, ClientMessage)>,
    /// Handed over and not yet answered.
    unanswered: BTreeSet<MessageId>,
    /// When it leaves, come what may.
    leaves_at: Time,
    attempt: u16,
    /// The balancer's cookie.
    affinity: Option<u32>,
}

/// Lives the life of client `number`.
pub async fn run(world: Rc<World>, number: u32) {
    let plan = world.plan.clients[number as usize].clone();
    let start = Time::ZERO + Duration::from_millis(plan.start_ms);
    world.gate.sleep_until(start).await;
    let mut client = Client::new(world, number, &plan, start);
    client.live().await;
}

impl Client {
    fn new(world: Rc<World>, number: u32, plan: &ClientPlan, start: Time) -> Self {
        let due = |at_ms| start + Duration::from_millis(at_ms);
        let queue = plan.messages.iter().zip(0..).map(|(message, n)| {
            let id = message_id(number, n);
            let text = "x".repeat(message.text_bytes as usize).into();
            let request = Request {
                id: id.clone(),
                thread: message.thread.map(|n| format!("thread{n}").into()),
                text,
                after: None,
            };
            let message_text = match message.kind {
                MessageKind::StartAgent => ClientMessage::StartAgent(request),
                MessageKind::UserMessage => ClientMessage::UserMessage(request),
                MessageKind::Chat => ClientMessage::Chat(request),
            };
            (due(message.at_ms), id, message_text)
        });
        let last = plan.messages.last().map_or(0, |message| message.at_ms);
        Client {
            timings: Timings::of(world.plan.environment),
            queue: queue.collect(),
            unanswered: BTreeSet::new(),
            leaves_at: due(last + plan.patience_ms),
            attempt: 0,
            affinity: None,
            number,
            world,
        }
    }

    async fn live(&mut self) {
        let entity = Actor::Client(self.number);
        let mut jitter = self.world.gate.choices().stream(entity, Purpose::Backoff);
        let (mut failures, mut auth_failures) = (0, 0);
        loop {
            let began = self.now();
            let next = match self.open().await {
                // Counted as a success on open, before authentication (7.6): the counter of an
                // endless loop of refusals never moves.
                Some(end) => {
                    failures = 0;
                    self.session(end).await
                }
                None => Next::Reconnect,
            };
            let delay = match next {
                Next::Leave => {
                    return self.emit(WorldEvent::ClientDone {
                        client: self.number,
                    });
                }
                Next::NotAuthenticated => {
                    auth_failures += 1;
                    self.timings.auth_cooldown
                }
                Next::Reconnect => {
                    // Any other end is taken for a network's fault (5.4): only refusals in a row
                    // make a client give up.
                    auth_failures = 0;
                    failures += 1;
                    self.backoff(failures, &mut jitter)
                }
            };
            if failures > MAX_ATTEMPTS || auth_failures >= MAX_AUTH_FAILURES {
                let (client, attempts) = (self.number, u32::from(self.attempt));
                return self.emit(WorldEvent::ClientGaveUp { client, attempts });
            }
            let again = (self.now() + delay).max(began + self.timings.least_interval);
            self.world.gate.sleep_until(again.min(self.leaves_at)).await;
            if self.now() >= self.leaves_at {
                return self.emit(WorldEvent::ClientDone {
                    client: self.number,
                });
            }
        }
    }

    /// Nothing before the first retry, then base x 2^(n-1) and up to 100 ms, capped.
    fn backoff(&self, failures: u32, jitter: &mut Stream) -> Duration {
        match failures {
            0 | 1 => Duration::ZERO,
            n => {
                let step = self.timings.base * 2_u32.saturating_pow(n - 2);
                step.min(self.timings.cap) + Duration::from_millis(jitter.draw(0..=100))
            }
        }
    }

    /// Opens a connection; none if it was refused or took longer than the client stays.
    async fn open(&mut self) -> Option<End> {
        self.attempt += 1;
        let socket = SocketId {
            peer: self.number,
            attempt: self.attempt,
            copy: 0,
        };
        let user = self.world.plan.clients[self.number as usize].user;
        self.emit(WorldEvent::ClientConnecting { socket, user });
        let opening = self.upgrade(socket);
        let leaving = self.world.gate.sleep_until(self.leaves_at);
        match first(opening, leaving).await {
            First::Left(Ok((end, affinity))) => {
                self.affinity = affinity;
                self.emit(WorldEvent::ClientOpened {
                    socket: end.socket(),
                });
                Some(end)
            }
            First::Left(Err(status)) => {
                self.emit(WorldEvent::ClientRefused { socket, status });
                None
            }
            First::Right(()) => {
                self.emit(WorldEvent::ClientRefused { socket, status: 0 });
                None
            }
        }
    }

    async fn upgrade(&self, socket: SocketId) -> Result<(End, Option<u32>), u16> {
        let plan = &self.world.plan.clients[self.number as usize];
        let (from, to) = (Actor::Client(self.number), Actor::Balancer);
        let end = self
            .world
            .network
            .connect(socket, from, to, plan.link)
            .await
            .map_err(|_| 0_u16)?;
        let mut subprotocols = vec!["jwt-auth".to_owned()];
        if let Some(token) = token_text(plan.user, plan.token) {
            subprotocols.push(format!("jwt.{}", base64url(&token)));
        }
        let upgrade = Box::new(Upgrade {
            socket,
            peer_address: format!(
                "10.0.{}.{}:{}",
                self.number / 250,
                self.number % 250 + 1,
                40_000 + u32::from(socket.attempt)
            ),
            authorization: None,
            subprotocols,
            query_token: None,
            headers: Vec::new(),
        });
        let request = Packet::Upgrade {
            upgrade,
            affinity: self.affinity,
        };
        end.send(request).await.map_err(|_| 0_u16)?;
        match end.receive().await {
            // A browser fails the connection if it offered subprotocols and none was chosen
            // (RFC 6455, 4.1; WHATWG WebSockets, "establish a WebSocket connection").
            Incoming::Packet(Packet::Response {
                status: 101,
                subprotocol: None,
                ..
            }) => {
                end.reset();
                Err(101)
            }
            Incoming::Packet(Packet::Response {
                status: 101,
                affinity,
                by,
                ..
            }) => {
                end.is_with(by);
                Ok((end, affinity))
            }
            Incoming::Packet(Packet::Response { status, .. }) => {
                end.close();
                Err(status)
            }
            Incoming::Packet(Packet::Upgrade { .. } | Packet::Frame { .. })
            | Incoming::Fin
            | Incoming::Reset => Err(0),
        }
    }

    /// One opened connection, until it is over or the client leaves.
    async fn session(&mut self, end: End) -> Next {
        let mut heartbeat = self.now() + self.timings.heartbeat;
        loop {
            if !self.flush(&end).await {
                return self.closed(&end, 1006, false);
            }
            let done =
                self.queue.is_empty() && self.unanswered.is_empty() && self.attempt_is_idle();
            if done || self.now() >= self.leaves_at {
                return self.leave(end).await;
            }
            if self.now() >= heartbeat {
                heartbeat = heartbeat + self.timings.heartbeat;
                // A broken connection shows at the next receive.
                let _ = end
                    .send(Packet::frame(ClientMessage::Ping.to_frame()))
                    .await;
            }
            let due = self.queue.front().map_or(self.leaves_at, |&(at, ..)| at);
            let wake = self
                .world
                .gate
                .sleep_until(due.min(heartbeat).min(self.leaves_at));
            let incoming = match first(end.receive(), wake).await {
                First::Left(incoming) => incoming,
                First::Right(()) => continue,
            };
            match incoming {
                Incoming::Packet(Packet::Frame {
                    frame: Frame::Text(text),
                    ..
                }) => {
                    self.hear(&end, &text).await;
                }
                Incoming::Packet(Packet::Frame {
                    frame: Frame::Close { code, .. },
                    ..
                }) => {
                    let answer = Frame::Close {
                        code,
                        reason: "".into(),
                    };
                    // The server may be gone already.
                    let _ = end.send(Packet::frame(answer)).await;
                    end.close();
                    return self.closed(&end, code.unwrap_or(1005), true);
                }
                Incoming::Packet(Packet::Frame {
                    frame: Frame::Ping, ..
                }) => {
                    let _ = end.send(Packet::frame(Frame::Pong)).await;
                }
                Incoming::Packet(
                    Packet::Frame {
                        frame: Frame::Pong, ..
                    }
                    | Packet::Upgrade { .. }
                    | Packet::Response { .. },
                ) => {}
                Incoming::Fin | Incoming::Reset => return self.closed(&end, 1006, false),
            }
        }
    }

    /// A client without messages stays until its patience is over.
    fn attempt_is_idle(&self) -> bool {
        !self.world.plan.clients[self.number as usize]
            .messages
            .is_empty()
    }

    /// Hands over every message that is due; false if the connection is broken.
    async fn flush(&mut self, end: &End) -> bool {
        while let Some((_, id, message)) = self
            .queue
            .pop_front_if(|(at, ..)| *at <= self.world.gate.now())
        {
            let packet = Packet::Frame {
                frame: message.to_frame(),
                message: Some(id.clone()),
            };
            let sent = end.send(packet).await.is_ok();
            // The browser takes it off its queue whatever becomes of it (7.1).
            self.emit(WorldEvent::ClientSent {
                socket: end.socket(),
                message: id.clone(),
            });
            self.unanswered.insert(id);
            if !sent {
                return false;
            }
        }
        true
    }

    async fn hear(&mut self, end: &End, text: &str) {
        let socket = end.socket();
        let message: ServerMessage =
            serde_json::from_str(text).expect("the server sends what it can read");
        match message {
            ServerMessage::SystemMessage {
                event: Notice::ConnectionEstablished,
                ..
            } => {
                self.emit(WorldEvent::ClientReady { socket });
            }
            ServerMessage::AgentEvent(event) => {
                self.emit(WorldEvent::ClientGotEvent {
                    socket,
                    run: event.run,
                    message: event.message.clone(),
                    seq: event.seq,
                    kind: event.event,
                    recovered: event.recovered,
                });
                if event.event == AgentEventKind::AgentCompleted {
                    self.unanswered.remove(&event.message);
                }
            }
            ServerMessage::Error { message, .. } => {
                if let Some(message) = &message {
                    self.unanswered.remove(message);
                }
                self.emit(WorldEvent::ClientGotError { socket, message });
            }
            ServerMessage::Ping => {
                // A broken connection shows at the next receive.
                let _ = end
                    .send(Packet::frame(ClientMessage::Pong.to_frame()))
                    .await;
            }
            ServerMessage::SystemMessage { .. }
            | ServerMessage::HandshakeValidation
            | ServerMessage::Ack
            | ServerMessage::Pong
            | ServerMessage::HeartbeatAck => {}
        }
    }

    /// The connection is over, and not by the client's own wish.
    fn closed(&self, end: &End, code: u16, clean: bool) -> Next {
        self.emit(WorldEvent::ClientClosed {
            socket: end.socket(),
            code,
            clean,
            by_client: false,
        });
        match code {
            1008 => Next::NotAuthenticated,
            _ if self.now() >= self.leaves_at => Next::Leave,
            _ => Next::Reconnect,
        }
    }

    /// The client has had enough.
    async fn leave(&self, end: End) -> Next {
        let socket = end.socket();
        let closed = |code, clean| {
            self.emit(WorldEvent::ClientClosed {
                socket,
                code,
                clean,
                by_client: true,
            });
        };
        match self.world.plan.clients[self.number as usize].leaves {
            Leaving::Close => {
                let frame = Frame::Close {
                    code: Some(1000),
                    reason: "".into(),
                };
                let sent = end.send(Packet::frame(frame)).await.is_ok();
                let answered = first(answer_to_close(&end), self.world.gate.sleep(CLOSE_TIMEOUT));
                let clean = sent && answered.await == First::Left(true);
                end.close();
                closed(if clean { 1000 } else { 1006 }, clean);
            }
            Leaving::Abort => {
                end.reset();
                closed(1006, false);
            }
            Leaving::Vanish => {
                end.vanish();
                closed(1006, false);
            }
        }
        Next::Leave
    }

    fn now(&self) -> Time {
        self.world.gate.now()
    }

    fn emit(&self, event: WorldEvent) {
        self.world
            .recorder
            .emit(Actor::Client(self.number), Fact::World(event));
    }
}

/// Reads until the server's close frame; false if the connection ended without one.
async fn answer_to_close(end: &End) -> bool {
    loop {
        match end.receive().await {
            Incoming::Packet(Packet::Frame {
                frame: Frame::Close { .. },
                ..
            }) => return true,
            Incoming::Packet(_) => {}
            Incoming::Fin | Incoming::Reset => return false,
        }
    }
}

fn base64url(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(text)
}
