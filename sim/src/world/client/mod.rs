//! Clients (`docs/protocol.md#browser-client`, `docs/protocol.md#reconnection`).
//!
//! The client is half of the protocol: when it connects, what it hands over and when, how it
//! reacts to a close, how it replaces its connection when it has a new token are questions of the
//! design as much as anything in the gateway. A client is one tab: one task that, like a page, has timers and
//! sockets and does one thing at a time. It takes one socket for its connection, the current
//! one; others may be about to replace it, or to end, or forgotten.
//!
//! * [`timings`]: its fixed times and limits,
//! * `websocket`: one connection as the page sees it,
//! * `outbox`: its messages,
//! * `credentials`: its token,
//! * `connecting`: when it opens connections, and replaces them when it has a new token,
//! * `reconnect`: how it reacts to failures,
//! * `news`: how it reacts to all other events of its sockets.

use std::{future::poll_fn, rc::Rc, task::Poll, time::Duration};

use gatesim_model::{
    core::{close, ids::SocketId, message::ClientMessage, time::Time},
    design::{ClientConnectTime, ClientFlush, ClientSilence, Design},
    port::wait::{First, first},
};

use crate::{
    plan::{ClientPlan, Leaving, Program, Token},
    scheduler::{
        Scheduler,
        choices::{Purpose, Stream},
    },
    trace::event::{Actor, WorldEvent},
    world::{
        context::Context,
        link::{LinkEnd, Packet},
        network::Network,
        service::BackingServices,
    },
};

mod connecting;
mod credentials;
mod news;
mod outbox;
mod reconnect;
pub mod timings;
mod websocket;

use credentials::Credentials;
use outbox::{ClientOutbox, Item};
use reconnect::{Ending, Reconnect};
use timings::Timings;
use websocket::{News, WebSocket};

/// The code with which a client closes a connection that it takes for dead: one of those that
/// the standard leaves to applications.
const SILENCE: u16 = 4000;

/// The socket that a client takes for its connection.
#[derive(Clone, Copy, Debug)]
struct Current {
    socket: SocketId,
    stage: ConnectionStage,
    /// When something last arrived on it.
    heard: Time,
    /// When it is pinged next.
    heartbeat: Time,
}

impl Current {
    /// A connection whose upgrade has not been answered.
    fn connecting(socket: SocketId, now: Time) -> Self {
        Current {
            socket,
            stage: ConnectionStage::Connecting,
            heard: now,
            heartbeat: now,
        }
    }
}

/// A connection that is to follow the current one.
#[derive(Clone, Copy, Debug)]
struct Successor {
    socket: SocketId,
    /// When something last arrived on it; when it was begun, if nothing has.
    heard: Time,
}

/// How far a connection has come, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionStage {
    /// The upgrade has not been answered.
    Connecting,
    /// It has.
    Open,
    /// The server has said that it is ready, at this time.
    Welcomed(Time),
    /// It is over, even if the socket is not.
    Over,
}

/// Whether a client still waits for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It does.
    Staying,
    /// It does not, and waits for its connections to be closed.
    Leaving,
    /// It has left, or given up.
    Gone,
}

/// What clients need of the world.
pub struct Surroundings {
    pub context: Rc<Context>,
    pub design: Rc<Design>,
    pub network: Rc<Network>,
    pub services: Rc<BackingServices>,
    /// How long the healed world takes at most for what a client is owed.
    pub converged: Duration,
}

impl Surroundings {
    fn scheduler(&self) -> &Rc<Scheduler> {
        &self.context.scheduler
    }

    fn plan_of(&self, number: u32) -> &ClientPlan {
        let plan = self.context.plan.client(number);
        plan.expect("a client that runs is in the plan")
    }
}

/// One client.
struct Tab {
    around: Rc<Surroundings>,
    number: u32,
    timings: Timings,
    jitter: Stream,
    outbox: ClientOutbox,
    credentials: Credentials,
    reconnect: Reconnect,
    phase: Phase,
    /// Every connection that is not over, the oldest first.
    sockets: Vec<WebSocket>,
    current: Option<Current>,
    successor: Option<Successor>,
    attempt: u16,
    /// When the last attempt began.
    began: Option<Time>,
    /// The balancer's cookie.
    affinity: Option<u32>,
    /// When it connects because it has no connection.
    connect_at: Option<Time>,
    /// When it connects because it has a new token.
    change_over_at: Option<Time>,
    /// When it asks for a new token.
    renew_at: Option<Time>,
    /// When the new token is there that it has asked for.
    renewed_at: Option<Time>,
    /// When its patience is over; it leaves then if nothing is owed to it.
    patient_until: Time,
    /// When it leaves at the latest.
    leaves_at: Time,
}

/// Runs client `number` until it leaves.
pub async fn run(around: Rc<Surroundings>, number: u32, start: Duration) {
    let start = Time::ZERO + start;
    around.scheduler().sleep_until(start).await;
    Tab::new(around, number, start).live().await;
}

impl Tab {
    fn new(around: Rc<Surroundings>, number: u32, start: Time) -> Self {
        let plan = around.plan_of(number);
        let timings = Timings::of(around.context.plan.environment);
        let credentials = Credentials::new(plan, start);
        let choices = around.scheduler().choices();
        let mut tab = Tab {
            jitter: choices.stream(Actor::Client(number), Purpose::Backoff),
            outbox: ClientOutbox::new(around.design.client_resend, plan, number, start),
            reconnect: Reconnect::new(&around.design, timings),
            phase: Phase::Staying,
            sockets: Vec::new(),
            current: None,
            successor: None,
            attempt: 0,
            began: None,
            affinity: None,
            connect_at: Some(start),
            change_over_at: None,
            renew_at: None,
            renewed_at: None,
            patient_until: Time::ZERO + plan.patient_until(),
            leaves_at: Time::ZERO
                + plan.leaves_by(around.context.plan.healed_by(), around.converged),
            credentials,
            timings,
            number,
            around,
        };
        tab.plan_renewal();
        tab
    }

    async fn live(&mut self) {
        loop {
            self.act();
            if self.phase == Phase::Gone {
                return;
            }
            let wake = self.around.scheduler().sleep_until(self.alarm());
            match first(self.hear(), wake).await {
                First::Left((socket, news)) => self.take(socket, news),
                First::Right(()) => {}
            }
        }
    }

    /// The next news of any socket; an older one is asked first.
    async fn hear(&mut self) -> (SocketId, News) {
        let (scheduler, sockets) = (self.around.scheduler(), &mut self.sockets);
        poll_fn(|cx| {
            for socket in sockets.iter_mut() {
                let id = socket.id();
                if let Poll::Ready(news) = socket.poll(scheduler.now(), cx) {
                    return Poll::Ready((id, news));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Does everything that is due.
    fn act(&mut self) {
        let now = self.now();
        match self.phase {
            Phase::Staying if self.is_content(now) || now >= self.leaves_at => self.leave(now),
            Phase::Staying => {
                self.renew(now);
                self.connect(now);
                self.flush(now);
                self.beat(now);
                self.mind_silence(now);
            }
            Phase::Leaving | Phase::Gone => {}
        }
        if self.phase == Phase::Leaving && self.sockets.is_empty() {
            self.phase = Phase::Gone;
            let client = self.number;
            self.emit(WorldEvent::ClientDone { client });
        }
    }

    /// When something will be due, if nothing is heard until then. What is due already, but
    /// waits for something else, is not counted.
    fn alarm(&self) -> Time {
        let now = self.now();
        let closing = self.sockets.iter().filter_map(|socket| socket.alarm(now));
        let alarms = match self.phase {
            Phase::Staying => [
                self.connecting_alarm(now),
                self.renewed_at.or(self.renew_at),
                self.current.and_then(|current| self.alarm_of(current)),
                self.successor
                    .and_then(|next| self.unwelcome_at(next.heard)),
                Some(self.leaves_at),
                Some(self.patient_until).filter(|at| *at > now),
            ],
            Phase::Leaving | Phase::Gone => [None; 6],
        };
        let next = alarms.into_iter().flatten().chain(closing).min();
        next.unwrap_or(self.leaves_at.max(now))
    }

    fn connecting_alarm(&self, now: Time) -> Option<Time> {
        if self.has_enough_sockets() {
            return None;
        }
        let connect = self.connect_at.map(|at| at.max(self.may_connect_at(now)));
        connect.into_iter().chain(self.change_over_at).min()
    }

    fn alarm_of(&self, current: Current) -> Option<Time> {
        let silence = self.given_up_at(current);
        let due = self.outbox.next_due().filter(|_| self.may_flush(current));
        match current.stage {
            ConnectionStage::Connecting => silence,
            ConnectionStage::Open | ConnectionStage::Welcomed(_) => {
                [silence, due, Some(current.heartbeat)]
                    .into_iter()
                    .flatten()
                    .min()
            }
            ConnectionStage::Over => None,
        }
    }

    // --- leaving ------------------------------------------------------------------------------

    /// It has everything that it waits for. A client without messages stays until its patience is over,
    /// and longer if it has a good token and no connection then.
    fn is_content(&self, now: Time) -> bool {
        let plan = self.plan();
        let is_served = || {
            let stage = self.current.map(|current| current.stage);
            plan.token != Token::Valid || matches!(stage, Some(ConnectionStage::Welcomed(_)))
        };
        match plan.messages.is_empty() {
            true => now >= self.patient_until && is_served(),
            false => self.outbox.is_done(),
        }
    }

    fn leave(&mut self, now: Time) {
        self.phase = Phase::Leaving;
        match self.plan().leaves {
            Leaving::Close => {
                for id in self.ids() {
                    self.close(id, close::NORMAL, now);
                }
            }
            Leaving::Abort => self.abandon(|end| end.reset()),
            Leaving::Vanish => self.abandon(LinkEnd::vanish),
        }
    }

    fn give_up(&mut self) {
        self.abandon(|end| end.reset());
        self.phase = Phase::Gone;
        let (client, attempts) = (self.number, u32::from(self.attempt));
        let token = self.plan().token;
        self.emit(WorldEvent::ClientGaveUp {
            client,
            attempts,
            token,
        });
    }

    fn abandon(&mut self, how: impl Fn(LinkEnd)) {
        for socket in std::mem::take(&mut self.sockets) {
            let id = socket.id();
            if let Some(news) = socket.abandon(&how) {
                self.report(id, &news);
            }
        }
    }

    /// Asks a socket to close. One that is not open yet is gone at once.
    fn close(&mut self, id: SocketId, code: u16, now: Time) {
        let socket = self.sockets.iter_mut().find(|socket| socket.id() == id);
        if let Some(news) = socket.and_then(|socket| socket.close(code, now)) {
            self.report(id, &news);
            self.sockets.retain(|socket| socket.id() != id);
        }
    }

    fn ids(&self) -> Vec<SocketId> {
        self.sockets.iter().map(WebSocket::id).collect()
    }

    // --- the current connection ---------------------------------------------------------------

    /// Programs other than the page do not wait: they know of no welcome.
    fn may_flush(&self, current: Current) -> bool {
        let flush = match self.plan().program {
            Program::Browser => self.design().client_flush,
            Program::CommandLine | Program::EndToEnd => ClientFlush::OnOpen,
        };
        match (current.stage, flush) {
            (ConnectionStage::Connecting | ConnectionStage::Over, _) => false,
            (ConnectionStage::Open, ClientFlush::OnOpen) => true,
            (ConnectionStage::Open, ClientFlush::AfterWelcome) => false,
            (ConnectionStage::Welcomed(_), ClientFlush::OnOpen | ClientFlush::AfterWelcome) => true,
        }
    }

    /// Hands over everything that is due.
    fn flush(&mut self, now: Time) {
        let Some(current) = self.current.filter(|current| self.may_flush(*current)) else {
            return;
        };
        let socket = current.socket;
        while let Some(item) = self.outbox.pop(now) {
            match item {
                Item::Message { id, frame } => {
                    let message = Some(id.clone());
                    self.send(socket, Packet::Frame { frame, message });
                    self.emit(WorldEvent::ClientSent {
                        socket,
                        message: id,
                    });
                }
                Item::Again { id, after, frame } => {
                    let message = Some(id.clone());
                    self.send(socket, Packet::Frame { frame, message });
                    self.emit(WorldEvent::ClientResent {
                        socket,
                        message: id,
                        after,
                    });
                }
                Item::Noise(frame) => self.send(socket, Packet::frame(frame)),
            }
        }
    }

    fn send(&mut self, id: SocketId, packet: Packet) {
        if let Some(socket) = self.sockets.iter_mut().find(|socket| socket.id() == id) {
            socket.send(packet);
        }
    }

    /// Pings the server.
    fn beat(&mut self, now: Time) {
        let period = self.timings.heartbeat;
        let Some(current) = &mut self.current else {
            return;
        };
        match current.stage {
            ConnectionStage::Open | ConnectionStage::Welcomed(_) if now >= current.heartbeat => {
                current.heartbeat = now + period;
                let socket = current.socket;
                self.send(socket, Packet::frame(ClientMessage::Ping.to_frame()));
            }
            ConnectionStage::Connecting
            | ConnectionStage::Open
            | ConnectionStage::Welcomed(_)
            | ConnectionStage::Over => {}
        }
    }

    /// Gives up a connection on which nothing is heard, and one that is to follow and does not.
    fn mind_silence(&mut self, now: Time) {
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let current = self
            .current
            .filter(|current| is_due(self.given_up_at(*current)));
        let successor = self
            .successor
            .filter(|next| is_due(self.unwelcome_at(next.heard)));
        let silent = [
            current.map(|current| current.socket),
            successor.map(|next| next.socket),
        ];
        for socket in silent.into_iter().flatten() {
            self.close(socket, SILENCE, now);
            self.lost(socket, Ending::NotOpened, now);
        }
    }

    /// When a connection on which nothing more is heard is given up.
    fn given_up_at(&self, current: Current) -> Option<Time> {
        match current.stage {
            ConnectionStage::Connecting | ConnectionStage::Open => self.unwelcome_at(current.heard),
            ConnectionStage::Welcomed(_) => self.silent_at(current.heard),
            ConnectionStage::Over => None,
        }
    }

    /// When the wait for a welcome is too long.
    fn unwelcome_at(&self, since: Time) -> Option<Time> {
        match self.design().client_connect_time {
            ClientConnectTime::AsLongAsSilence => self.silent_at(since),
            ClientConnectTime::OneSecond => Some(since + timings::SHORT_CONNECT_TIME),
        }
    }

    /// When a silence is too long, if it matters.
    fn silent_at(&self, since: Time) -> Option<Time> {
        match self.design().client_silence {
            ClientSilence::Ignored => None,
            ClientSilence::Reconnect => Some(since + self.timings.silence()),
        }
    }

    // --- surroundings -------------------------------------------------------------------------

    fn plan(&self) -> &ClientPlan {
        self.around.plan_of(self.number)
    }

    fn design(&self) -> &Design {
        &self.around.design
    }

    fn now(&self) -> Time {
        self.around.scheduler().now()
    }

    fn emit(&self, event: WorldEvent) {
        self.around.context.emit(Actor::Client(self.number), event);
    }
}
