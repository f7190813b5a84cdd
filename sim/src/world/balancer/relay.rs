//! An answered connection: frames both ways, until one side ends it or the balancer does.

use std::{
    cell::Cell,
    collections::VecDeque,
    future::{pending, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use gatesim_model::{
    core::{ids::SocketId, message::Frame, time::Time},
    port::wait::{First, first},
};

use super::{
    Balancer,
    reorder::Held,
    upgrade::{Answered, Early},
};
use crate::{
    plan::Direction,
    trace::event::{Actor, CutReason, WorldEvent},
    world::link::{Incoming, LinkEnd, Packet},
};

/// One way of a connection.
struct Way<'a> {
    balancer: &'a Balancer,
    /// As the container knows it.
    socket: SocketId,
    from: &'a LinkEnd,
    to: &'a LinkEnd,
    held: Held,
    /// How long the end of this way is held.
    end_hold: Duration,
    /// When something passed, either way.
    active: &'a Cell<Time>,
}

/// Passes the answer on, and then everything both ways, to the end of the connection.
pub(super) async fn relay(
    balancer: &Balancer,
    client: &LinkEnd,
    answered: Answered,
    early: Early,
    close_hold: Duration,
) {
    let Answered {
        backend,
        container,
        status,
        subprotocol,
        connection: _connection,
    } = answered;
    let socket = backend.socket();
    let response = Packet::Response {
        status,
        subprotocol,
        // The cookie is the balancer's own.
        affinity: Some(container),
        by: socket,
    };
    if client.send(response).await.is_err() {
        return backend.reset();
    }
    let active = Cell::new(balancer.scheduler().now());
    let (near, far) = (Actor::Client(socket.peer), Actor::Container(container));
    let reorder = |way: Direction| {
        let plan = balancer.plan().reorder;
        plan.filter(|plan| plan.direction == way || plan.direction == Direction::Both)
    };
    let up = Way {
        balancer,
        socket,
        from: client,
        to: &backend,
        held: Held::new(balancer, socket, far, reorder(Direction::Up)),
        end_hold: close_hold,
        active: &active,
    };
    let down = Way {
        balancer,
        socket,
        from: &backend,
        to: client,
        held: Held::new(balancer, socket, near, reorder(Direction::Down)),
        end_hold: Duration::ZERO,
        active: &active,
    };
    // Boxed, because a future that waits for others would hold each of them twice.
    let passing = both(
        Box::pin(up.pass_all(early.into_frames())),
        Box::pin(down.pass_all(VecDeque::new())),
    );
    let cutting = first(
        idle(balancer, &active),
        drained(balancer, container, socket),
    );
    let over = first(passing, cutting).await;
    balancer.backends.forget(container, socket);
    let reason = match over {
        First::Left(()) => return client.close(),
        First::Right(First::Left(())) => CutReason::Idle,
        First::Right(First::Right(())) => CutReason::Drained,
    };
    balancer.emit(WorldEvent::ConnectionCut { socket, reason });
    client.close();
    backend.close();
}

impl Way<'_> {
    /// Passes everything on until this way is over; `early` goes first.
    async fn pass_all(mut self, early: VecDeque<Packet>) {
        for packet in early {
            if !self.pass(packet).await {
                return;
            }
        }
        loop {
            let due = async {
                match self.held.next() {
                    Some(at) => self.balancer.scheduler().sleep_until(at).await,
                    None => pending().await,
                }
            };
            let incoming = match first(self.from.receive(), due).await {
                First::Left(incoming) => incoming,
                First::Right(()) => {
                    let Some(packet) = self.held.take() else {
                        continue;
                    };
                    if !self.send(packet).await {
                        return;
                    }
                    continue;
                }
            };
            match incoming {
                Incoming::Packet(packet) => {
                    if !self.pass(packet).await {
                        return;
                    }
                }
                Incoming::Fin => {
                    self.hold_end().await;
                    for packet in self.held.take_all() {
                        if !self.send(packet).await {
                            return;
                        }
                    }
                    return self.to.fin();
                }
                Incoming::Reset => {
                    self.hold_end().await;
                    return self.to.reset();
                }
            }
        }
    }

    async fn pass(&mut self, packet: Packet) -> bool {
        self.active.set(self.balancer.scheduler().now());
        if is_close(&packet) {
            self.hold_end().await;
        }
        for packet in self.held.offer(self.balancer, self.socket, packet) {
            if !self.send(packet).await {
                return false;
            }
        }
        true
    }

    async fn send(&self, packet: Packet) -> bool {
        let sent = self.to.send(packet).await.is_ok();
        // A reader that took its time is not idle.
        self.active.set(self.balancer.scheduler().now());
        if !sent {
            self.from.reset();
        }
        sent
    }

    async fn hold_end(&self) {
        if self.end_hold > Duration::ZERO {
            self.balancer.scheduler().sleep(self.end_hold).await;
        }
    }
}

fn is_close(packet: &Packet) -> bool {
    match packet {
        Packet::Frame { frame, .. } => match frame {
            Frame::Close { .. } => true,
            Frame::Text(_) | Frame::Ping | Frame::Pong => false,
        },
        Packet::Upgrade { .. } | Packet::Response { .. } => false,
    }
}

/// Completes when nothing has passed for too long.
async fn idle(balancer: &Balancer, active: &Cell<Time>) {
    let timeout = balancer.plan().idle_timeout_ms.duration();
    loop {
        let deadline = active.get() + timeout;
        if balancer.scheduler().now() >= deadline {
            return;
        }
        balancer.scheduler().sleep_until(deadline).await;
    }
}

/// Completes when the container has left service and its connections have had their time.
async fn drained(balancer: &Balancer, container: u32, socket: SocketId) {
    let since = balancer.backends.left(container, socket).await;
    let until = since + balancer.plan().drain_ms.duration();
    balancer.scheduler().sleep_until(until).await;
}

/// Runs both to their ends.
pub(super) async fn both(left: impl Future<Output = ()>, right: impl Future<Output = ()>) {
    let mut left = pin!(left);
    let mut right = pin!(right);
    let (mut left_done, mut right_done) = (false, false);
    poll_fn(|cx| {
        left_done = left_done || left.as_mut().poll(cx).is_ready();
        right_done = right_done || right.as_mut().poll(cx).is_ready();
        match left_done && right_done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
