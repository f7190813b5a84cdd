//! The browser's WebSocket object: one connection as a page sees it.
//!
//! It opens, answers the server's close and the protocol's pings by itself, buffers what cannot be
//! written yet, and reports to the page what happened, one event at a time. What arrives after the
//! page has asked for the close is dropped, as the standard of the WHATWG says.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use gatesim_model::core::{close, ids::SocketId, message::Frame, time::Time};

use super::timings::CLOSE_TIMEOUT;
use crate::{
    plan::{LinkPlan, Program},
    trace::event::Actor,
    world::{
        link::{Incoming, LinkEnd, Packet},
        network::Network,
    },
};

/// Frames that a page may have waiting to be written; a connection with more is failed, as a
/// browser does whose buffer is full.
pub(super) const MAX_BUFFERED: usize = 1_000;

/// What a page hears of its socket.
#[derive(Debug)]
pub(super) enum News {
    /// `onopen`, the balancer's cookie, and for the observer which copy of the upgrade was
    /// answered: the connection goes by this name from now on.
    Opened { affinity: Option<u32>, by: SocketId },
    /// `onmessage`.
    Text(Arc<str>),
    /// There is no connection; `status` is the HTTP status, 101 if the program would not have
    /// what it was offered, 0 if there was no answer. A page sees `onclose` with 1006.
    Refused { status: u16 },
    /// `onclose`.
    Closed {
        code: u16,
        clean: bool,
        by_client: bool,
    },
}

type Opening = Pin<Box<dyn Future<Output = Result<(LinkEnd, Option<u32>), u16>>>>;

enum SocketState {
    /// Until the upgrade is answered.
    Connecting(Opening),
    /// Since then.
    Open(LinkEnd),
    /// The page has asked for the close; the server's half is waited for until this time.
    Closing(LinkEnd, Time),
    /// It is over, and the page knows.
    Closed,
}

/// See the module.
pub(super) struct WebSocket {
    id: SocketId,
    state: SocketState,
    outgoing: VecDeque<Packet>,
    /// How long the program takes over each frame, and when it is done with the last one.
    pace: Duration,
    reads_at: Time,
}

/// How to open a connection.
pub(super) struct ConnectRequest {
    /// The upgrade.
    pub(super) packet: Packet,
    /// The way to the balancer.
    pub(super) link: LinkPlan,
    /// The program that connects.
    pub(super) program: Program,
    /// How long the program takes over each frame.
    pub(super) pace: Duration,
}

impl WebSocket {
    /// Begins to open a connection.
    pub(super) fn connect(network: Rc<Network>, id: SocketId, request: ConnectRequest) -> Self {
        let pace = request.pace;
        WebSocket {
            id,
            state: SocketState::Connecting(Box::pin(open(network, id, request))),
            outgoing: VecDeque::new(),
            pace,
            reads_at: Time::ZERO,
        }
    }

    /// Which connection it is.
    pub(super) fn id(&self) -> SocketId {
        self.id
    }

    /// Sends a frame, some time. Without effect when the connection is not open.
    pub(super) fn send(&mut self, packet: Packet) {
        match self.state {
            SocketState::Open(_) => self.outgoing.push_back(packet),
            SocketState::Connecting(_) | SocketState::Closing(..) | SocketState::Closed => {}
        }
    }

    /// Asks for the close. A connection that is not open yet is dropped, and its refusal is news.
    pub(super) fn close(&mut self, code: u16, now: Time) -> Option<News> {
        match std::mem::replace(&mut self.state, SocketState::Closed) {
            SocketState::Connecting(_) => Some(News::Refused { status: 0 }),
            SocketState::Open(end) => {
                self.outgoing.push_back(close_frame(Some(code)));
                self.state = SocketState::Closing(end, now + CLOSE_TIMEOUT);
                None
            }
            closing @ SocketState::Closing(..) => {
                self.state = closing;
                None
            }
            SocketState::Closed => None,
        }
    }

    /// The process or the device is gone, and the connection with it; what is left to tell is for
    /// the observer.
    pub(super) fn abandon(self, how: impl FnOnce(LinkEnd)) -> Option<News> {
        match self.state {
            SocketState::Connecting(_) => Some(News::Refused { status: 0 }),
            SocketState::Open(end) | SocketState::Closing(end, _) => {
                how(end);
                Some(closed(close::ABNORMAL, false, true))
            }
            SocketState::Closed => None,
        }
    }

    /// When it wants to be polled again, though nothing has arrived.
    pub(super) fn alarm(&self, now: Time) -> Option<Time> {
        let reads_at = (self.reads_at > now).then_some(self.reads_at);
        match self.state {
            SocketState::Connecting(_) | SocketState::Closed => None,
            SocketState::Open(_) => reads_at,
            SocketState::Closing(_, until) => Some(reads_at.map_or(until, |at| at.min(until))),
        }
    }

    /// The next news. Never again after a refusal or a close.
    pub(super) fn poll(&mut self, now: Time, cx: &mut Context<'_>) -> Poll<News> {
        if let SocketState::Connecting(opening) = &mut self.state {
            return match opening.as_mut().poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok((end, affinity))) => {
                    self.id = end.socket();
                    self.state = SocketState::Open(end);
                    let by = self.id;
                    Poll::Ready(News::Opened { affinity, by })
                }
                Poll::Ready(Err(status)) => {
                    self.state = SocketState::Closed;
                    Poll::Ready(News::Refused { status })
                }
            };
        }
        loop {
            self.write(cx);
            if self.outgoing.len() > MAX_BUFFERED {
                return Poll::Ready(self.over(close::ABNORMAL, false));
            }
            let (end, until) = match &self.state {
                SocketState::Open(end) => (end, None),
                SocketState::Closing(end, until) => (end, Some(*until)),
                SocketState::Connecting(_) | SocketState::Closed => return Poll::Pending,
            };
            if until.is_some_and(|until| now >= until) {
                return Poll::Ready(self.over(close::ABNORMAL, false));
            }
            if now < self.reads_at {
                return Poll::Pending;
            }
            let incoming = std::task::ready!(end.poll_receive(cx));
            self.reads_at = now + self.pace;
            if let Some(news) = self.take(incoming, until.is_some(), cx) {
                return Poll::Ready(news);
            }
        }
    }

    /// What became of one thing that arrived, if the page hears of it.
    fn take(&mut self, incoming: Incoming, closing: bool, cx: &mut Context<'_>) -> Option<News> {
        match incoming {
            Incoming::Packet(Packet::Frame { frame, .. }) => match frame {
                Frame::Text(text) => (!closing).then_some(News::Text(text)),
                Frame::Ping => {
                    self.send(Packet::frame(Frame::Pong));
                    None
                }
                Frame::Pong => None,
                Frame::Close { code, .. } => {
                    if !closing {
                        self.outgoing.push_back(close_frame(code));
                        self.write(cx);
                    }
                    Some(self.over(code.unwrap_or(close::NO_STATUS), true))
                }
            },
            // Only a balancer could send these, and it does not.
            Incoming::Packet(Packet::Upgrade { .. } | Packet::Response { .. }) => None,
            Incoming::Fin | Incoming::Reset => Some(self.over(close::ABNORMAL, false)),
        }
    }

    /// Writes what there is room for. That the connection is broken shows when it is read.
    fn write(&mut self, cx: &mut Context<'_>) {
        let (SocketState::Open(end) | SocketState::Closing(end, _)) = &self.state else {
            return;
        };
        while !self.outgoing.is_empty() {
            match end.poll_room(cx) {
                Poll::Pending => return,
                Poll::Ready(Err(_)) => self.outgoing.clear(),
                Poll::Ready(Ok(())) => {
                    if let Some(packet) = self.outgoing.pop_front() {
                        end.push(packet);
                    }
                }
            }
        }
    }

    fn over(&mut self, code: u16, clean: bool) -> News {
        match std::mem::replace(&mut self.state, SocketState::Closed) {
            SocketState::Open(end) => {
                end.close();
                closed(code, clean, false)
            }
            SocketState::Closing(end, _) => {
                end.close();
                closed(code, clean, true)
            }
            SocketState::Connecting(_) | SocketState::Closed => closed(code, clean, false),
        }
    }
}

fn closed(code: u16, clean: bool, by_client: bool) -> News {
    News::Closed {
        code,
        clean,
        by_client,
    }
}

fn close_frame(code: Option<u16>) -> Packet {
    Packet::frame(Frame::Close {
        code,
        reason: "".into(),
    })
}

/// From the first packet to the answer to the upgrade, and the balancer's cookie in it; or the
/// status of a refusal.
async fn open(
    network: Rc<Network>,
    socket: SocketId,
    request: ConnectRequest,
) -> Result<(LinkEnd, Option<u32>), u16> {
    let (from, to) = (Actor::Client(socket.peer), Actor::Balancer);
    let connecting = network.connect(socket, from, to, request.link);
    let end = connecting.await.map_err(|_| 0_u16)?;
    end.send(request.packet).await.map_err(|_| 0_u16)?;
    match end.receive().await {
        Incoming::Packet(Packet::Response {
            status: 101,
            subprotocol,
            affinity,
            by,
        }) => match (request.program, subprotocol) {
            // RFC 6455, 4.1; WHATWG WebSockets, "establish a WebSocket connection": it offered
            // subprotocols and none was chosen.
            (Program::Browser, None) => {
                end.reset();
                Err(101)
            }
            (Program::Browser, Some(_)) | (Program::CommandLine | Program::EndToEnd, _) => {
                end.is_with(by);
                Ok((end, affinity))
            }
        },
        Incoming::Packet(Packet::Response { status, .. }) => {
            end.close();
            Err(status)
        }
        Incoming::Packet(Packet::Upgrade { .. } | Packet::Frame { .. })
        | Incoming::Fin
        | Incoming::Reset => Err(0),
    }
}
