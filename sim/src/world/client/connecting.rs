//! When a client opens connections, and how it gets a new token and replaces its connection by one
//! that was opened with it (`docs/protocol.md#token-refresh`).

use std::{rc::Rc, time::Duration};

use gatesim_model::{
    core::{close, ids::SocketId, time::Time},
    design::{ClientConnect, ClientHandlers, TokenRefresh},
    port::env::Service,
};

use super::{
    ConnectionStage, Current, Successor, Tab,
    timings::{MAX_SOCKETS, REFRESH_CHECK, REFRESH_PAUSE},
    websocket::{ConnectRequest, WebSocket},
};
use crate::{
    scheduler::choices::Purpose,
    trace::event::{Actor, WorldEvent},
    world::link::Packet,
};

impl Tab {
    // --- the token ----------------------------------------------------------------------------

    pub(super) fn plan_renewal(&mut self) {
        let refresh = self.credentials.refresh_at();
        self.renew_at = match self.design().token_refresh {
            TokenRefresh::CloseThenConnect => refresh,
            TokenRefresh::ConnectThenSwitch => refresh.min(self.credentials.ends_at()),
        };
    }

    /// Asks for a new token, or has got it.
    pub(super) fn renew(&mut self, now: Time) {
        if self.renewed_at.take_if(|at| *at <= now).is_some() {
            match self.around.services.is_down(Service::Auth) {
                true => {
                    self.renew_at = Some(
                        now + match self.design().token_refresh {
                            TokenRefresh::CloseThenConnect => REFRESH_CHECK,
                            TokenRefresh::ConnectThenSwitch => self.timings.auth_cooldown,
                        },
                    );
                }
                false => {
                    self.credentials.renewed(now);
                    self.plan_renewal();
                    let client = self.number;
                    self.emit(WorldEvent::ClientTokenRenewed { client });
                    self.change_over(now);
                }
            }
        }
        if self.renew_at.take_if(|at| *at <= now).is_some() {
            let latency = self
                .around
                .context
                .plan
                .services
                .of(Service::Auth)
                .latency_us;
            let purpose = Purpose::ServiceLatency(Service::Auth);
            let choices = self.around.scheduler().choices();
            let mut stream = choices.stream(Actor::Client(self.number), purpose);
            let takes = Duration::from_micros(stream.draw(latency.inclusive()));
            self.renewed_at = Some(now + takes);
        }
    }

    /// There is a new token: the connection is replaced by one that was opened with it.
    fn change_over(&mut self, now: Time) {
        let Some(current) = self.current else { return };
        match self.design().token_refresh {
            TokenRefresh::CloseThenConnect => {
                self.close(current.socket, close::NORMAL, now);
                self.change_over_at = Some(now + REFRESH_PAUSE);
                self.current = match self.design().client_handlers {
                    ClientHandlers::AnySocket => Some(Current {
                        stage: ConnectionStage::Over,
                        ..current
                    }),
                    ClientHandlers::CurrentSocket => None,
                };
            }
            TokenRefresh::ConnectThenSwitch => self.change_over_at = Some(now),
        }
    }

    // --- connecting ---------------------------------------------------------------------------

    /// From when on a connection may be opened, as far as the token is concerned.
    pub(super) fn may_connect_at(&self, now: Time) -> Time {
        match self.design().client_connect {
            ClientConnect::WhenAuthenticated => {
                let ready = self.credentials.ready_at();
                match self.design().token_refresh {
                    TokenRefresh::CloseThenConnect => ready,
                    TokenRefresh::ConnectThenSwitch => match self.credentials.is_spent(now) {
                        true => self
                            .renewed_at
                            .or(self.renew_at)
                            .map_or(ready, |at| at.max(ready)),
                        false => ready,
                    },
                }
            }
            ClientConnect::AtOnce | ClientConnect::OnEveryChange => now,
        }
    }

    /// Opens the connections that are due.
    pub(super) fn connect(&mut self, now: Time) {
        if self.has_enough_sockets() {
            return;
        }
        if self
            .connect_at
            .is_some_and(|at| at.max(self.may_connect_at(now)) <= now)
        {
            self.connect_at = None;
            self.become_current(now);
        }
        if self.change_over_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        match (self.design().token_refresh, self.current) {
            (TokenRefresh::CloseThenConnect, _) => self.schedule(now, Duration::ZERO),
            (TokenRefresh::ConnectThenSwitch, Some(_)) if self.successor.is_none() => {
                let socket = self.open(now);
                self.successor = Some(Successor { socket, heard: now });
            }
            // The next connection is opened with the new token anyway.
            (TokenRefresh::ConnectThenSwitch, Some(_) | None) => {}
        }
    }

    /// With so many, it waits until one of them is over.
    pub(super) fn has_enough_sockets(&self) -> bool {
        self.sockets.len() >= MAX_SOCKETS || self.attempt == u16::MAX
    }

    /// Connects after `pause`, but not sooner after the last attempt than is polite.
    pub(super) fn schedule(&mut self, now: Time, pause: Duration) {
        let polite = self
            .began
            .map_or(now, |began| began + self.timings.least_interval);
        self.connect_at = Some((now + pause).max(polite));
    }

    fn become_current(&mut self, now: Time) {
        let socket = self.open(now);
        self.current = Some(Current::connecting(socket, now));
    }

    fn open(&mut self, now: Time) -> SocketId {
        self.attempt += 1;
        self.began = Some(now);
        let socket = SocketId {
            peer: self.number,
            attempt: self.attempt,
            copy: 0,
        };
        let user = self.plan().user;
        self.emit(WorldEvent::ClientConnecting { socket, user });
        let plan = self.plan();
        let request = ConnectRequest {
            packet: Packet::Upgrade {
                upgrade: Box::new(self.credentials.upgrade(socket, plan, now)),
                affinity: self.affinity,
            },
            link: plan.link,
            program: plan.program,
            pace: plan.reads_every_ms.duration(),
        };
        let opening = WebSocket::connect(Rc::clone(&self.around.network), socket, request);
        self.sockets.push(opening);
        socket
    }
}
