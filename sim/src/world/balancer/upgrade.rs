//! From an upgrade to its answer: containers are asked until one of them answers, and what the
//! client sends meanwhile is kept.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use gatesim_model::{
    core::ids::SocketId,
    port::wait::{First, first},
};

use super::{Balancer, CONNECT_TIMEOUT, headers::ForwardedRequest, routing::route};
use crate::{
    scheduler::choices::Purpose,
    trace::event::{Actor, CutReason, WorldEvent},
    world::{
        link::{Incoming, LinkEnd, Packet},
        network::Unconnected,
    },
};

/// Frames of a client that are kept until its upgrade is answered; the others wait on the link.
pub const EARLY_FRAMES: usize = 32;

/// What the client sent before it had an answer.
#[derive(Default)]
pub(super) struct Early {
    frames: RefCell<VecDeque<Packet>>,
}

impl Early {
    /// Keeps frames; completes when the client has ended its connection.
    pub(super) async fn collect(&self, client: &LinkEnd) {
        loop {
            if self.frames.borrow().len() >= EARLY_FRAMES {
                return std::future::pending().await;
            }
            match client.receive().await {
                Incoming::Packet(packet) => self.frames.borrow_mut().push_back(packet),
                Incoming::Fin | Incoming::Reset => return,
            }
        }
    }

    /// What was kept, in order.
    pub(super) fn into_frames(self) -> VecDeque<Packet> {
        self.frames.into_inner()
    }
}

/// A container has answered.
pub(super) struct Answered {
    pub(super) backend: LinkEnd,
    pub(super) container: u32,
    pub(super) status: u16,
    pub(super) subprotocol: Option<&'static str>,
    /// Counts as a connection to the container.
    pub(super) connection: Rc<()>,
}

/// The other copy of an upgrade that was answered: asks on, and aborts what answers it.
pub(super) type Rest<'w> = Pin<Box<dyn Future<Output = ()> + 'w>>;

/// Asks containers until one answers, or says with which status the balancer gives up. An upgrade
/// that is delivered twice has two answers: the first one counts, the other one is waited for
/// and its connection aborted.
pub(super) async fn ask<'w>(
    balancer: &'w Balancer,
    request: &'w ForwardedRequest,
    copies: &'w Cell<u16>,
) -> Result<(Answered, Rest<'w>), u16> {
    let socket = request.upgrade.socket;
    let plan = balancer.plan();
    let mut again = balancer.stream(socket, Purpose::Duplicate);
    let one = ask_in_turn(balancer, request, copies, Duration::ZERO);
    if !again.chance(balancer.odds(plan.duplicate_per_mille)) {
        return Ok((one.await?, Box::pin(async {})));
    }
    let after = Duration::from_micros(again.draw(plan.duplicate_after_us.inclusive()));
    let mut one = Box::pin(one);
    let mut other = Box::pin(ask_in_turn(balancer, request, copies, after));
    Ok(match first(one.as_mut(), other.as_mut()).await {
        First::Left(Ok(answered)) => (answered, Box::pin(discard(balancer, other))),
        First::Right(Ok(answered)) => (answered, Box::pin(discard(balancer, one))),
        First::Left(Err(_)) => (other.await?, Box::pin(async {})),
        First::Right(Err(_)) => (one.await?, Box::pin(async {})),
    })
}

async fn discard(balancer: &Balancer, asking: impl Future<Output = Result<Answered, u16>>) {
    if let Ok(Answered { backend, .. }) = asking.await {
        drop(Delivered {
            balancer,
            backend: Some(backend),
        });
    }
}

/// One container after the other, after some time.
async fn ask_in_turn(
    balancer: &Balancer,
    request: &ForwardedRequest,
    copies: &Cell<u16>,
    after: Duration,
) -> Result<Answered, u16> {
    let mut routes = balancer.stream(request.upgrade.socket, Purpose::Route);
    if after > Duration::ZERO {
        balancer.scheduler().sleep(after).await;
    }
    let mut asked = BTreeSet::new();
    let mut status = 503;
    for _ in 0..=balancer.plan().retries.get() {
        let Some(container) = route(balancer, &mut routes, request.affinity, &asked) else {
            break;
        };
        asked.insert(container);
        match ask_one(balancer, request, copies, container).await {
            Ok(answered) => return Ok(answered),
            Err(failed) => status = failed,
        }
    }
    Err(status)
}

/// An upgrade that was delivered and not answered yet. If the answer is not needed any more, the
/// connection is aborted.
struct Delivered<'w> {
    balancer: &'w Balancer,
    backend: Option<LinkEnd>,
}

impl Drop for Delivered<'_> {
    fn drop(&mut self) {
        if let Some(backend) = self.backend.take() {
            let socket = backend.socket();
            let reason = CutReason::NotWanted;
            self.balancer
                .emit(WorldEvent::ConnectionCut { socket, reason });
            backend.reset();
        }
    }
}

async fn ask_one(
    balancer: &Balancer,
    request: &ForwardedRequest,
    copies: &Cell<u16>,
    container: u32,
) -> Result<Answered, u16> {
    let original = request.upgrade.socket;
    let connection = balancer.connection_to(container);
    let (from, to) = (Actor::Balancer, Actor::Container(container));
    let link = balancer.context.plan.backend_link;
    let connecting = balancer.network.connect(original, from, to, link);
    let backend = match first(connecting, balancer.scheduler().sleep(CONNECT_TIMEOUT)).await {
        First::Left(Ok(backend)) => backend,
        First::Left(Err(Unconnected::Refused)) => return Err(502),
        First::Left(Err(Unconnected::TimedOut)) | First::Right(()) => return Err(504),
    };
    let socket = SocketId {
        copy: copies.get(),
        ..original
    };
    copies.set(copies.get() + 1);
    backend.is_with(socket);
    if socket.copy > 0 {
        balancer.emit(WorldEvent::UpgradeCopied { original, socket });
    }
    balancer.emit(WorldEvent::UpgradeRouted { socket, container });
    let mut upgrade = request.upgrade.clone();
    upgrade.socket = socket;
    let packet = Packet::Upgrade {
        upgrade: Box::new(upgrade),
        affinity: request.affinity,
    };
    let mut delivered = Delivered {
        balancer,
        backend: Some(backend),
    };
    let backend = delivered.backend.as_ref().ok_or(502_u16)?;
    if backend.send(packet).await.is_err() {
        return Err(502);
    }
    let timeout = balancer
        .scheduler()
        .sleep(balancer.plan().answer_timeout_ms.duration());
    match first(backend.receive(), timeout).await {
        First::Left(Incoming::Packet(Packet::Response {
            status,
            subprotocol,
            ..
        })) => Ok(Answered {
            backend: delivered.backend.take().ok_or(502_u16)?,
            container,
            status,
            subprotocol,
            connection,
        }),
        // A server says nothing else before its answer.
        First::Left(Incoming::Packet(Packet::Upgrade { .. } | Packet::Frame { .. })) => Err(502),
        First::Left(Incoming::Fin | Incoming::Reset) => {
            delivered.backend = None;
            Err(502)
        }
        First::Right(()) => Err(504),
    }
}
