//! Links: one connection between two processes, frame by frame.
//!
//! Modelled: a latency for each frame, in order and pipelined; a bounded window with
//! back-pressure; orderly shutdown of one direction (FIN); closing, which aborts (RST) if
//! something was left unread; abort, also as the answer to data for a socket that is gone;
//! partitions of one direction, during which frames wait and arrive after the repair, as
//! retransmission makes them; a lost frame, which arrives one retransmission later and holds up
//! its successors; hosts that are gone, of which no end is told; the end of a writer's patience
//! if nothing is acknowledged. What an end is told, and how often, is what sockets of an
//! operating system tell: `sim/tests` runs the same scripts over both. Left out: bytes,
//! congestion, keep-alive.

use std::{cell::Cell, future::poll_fn, rc::Rc, task::Poll};

use gatesim_model::core::ids::SocketId;

use crate::{plan::LinkPlan, scheduler::Scheduler, trace::event::Actor};

mod packet;
mod pipe;
#[cfg(test)]
mod tests;

pub use packet::{Broken, Incoming, Packet};
pub use pipe::Pipe;

use pipe::{Life, Port, Said, pipes};

/// One end of a connection. Dropping it closes it, as the operating system does for a process
/// that dies.
pub struct LinkEnd {
    socket: Cell<SocketId>,
    out: Rc<Pipe>,
    incoming: Rc<Pipe>,
}

/// Both ends of a new connection: that of `from`, and that of `to`.
pub fn connection(
    scheduler: &Rc<Scheduler>,
    socket: SocketId,
    between: (Actor, Actor),
    plan: LinkPlan,
) -> (LinkEnd, LinkEnd) {
    let (up, down) = pipes(scheduler, socket, between, plan);
    let end = |out: &Rc<Pipe>, incoming: &Rc<Pipe>| LinkEnd {
        socket: Cell::new(socket),
        out: Rc::clone(out),
        incoming: Rc::clone(incoming),
    };
    (end(&up, &down), end(&down, &up))
}

impl LinkEnd {
    /// The connection it belongs to.
    pub fn socket(&self) -> SocketId {
        self.socket.get()
    }

    /// For the observer: of several copies of an upgrade, this one was answered.
    pub fn is_with(&self, copy: SocketId) {
        self.socket.set(copy);
    }

    /// The direction away from this end.
    pub fn outgoing(&self) -> &Rc<Pipe> {
        &self.out
    }

    /// The direction towards this end.
    pub fn incoming(&self) -> &Rc<Pipe> {
        &self.incoming
    }

    fn port(&self) -> &Port {
        self.out.from()
    }

    /// Sends a packet; waits while the window is full. Cancel-safe.
    pub async fn send(&self, packet: Packet) -> Result<(), Broken> {
        poll_fn(|cx| self.poll_room(cx)).await?;
        self.push(packet);
        Ok(())
    }

    /// Waits until the window has room for one more packet, or the connection is broken.
    pub fn poll_room(&self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), Broken>> {
        if let Some(error) = self.port().error.take() {
            return Poll::Ready(Err(error));
        }
        if self.port().life.get() != Life::Open || self.out.said() != Said::Open {
            return Poll::Ready(Err(Broken::Pipe));
        }
        if self.out.has_room() {
            return Poll::Ready(Ok(()));
        }
        let mut writers = self.port().writers.borrow_mut();
        if !writers.iter().any(|waker| waker.will_wake(cx.waker())) {
            writers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Sends a packet for which [`LinkEnd::poll_room`] has found room.
    pub fn push(&self, packet: Packet) {
        self.out.push_packet(packet);
    }

    /// The next packet, or the end. Cancel-safe.
    pub async fn receive(&self) -> Incoming {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The poll of [`LinkEnd::receive`].
    pub fn poll_receive(&self, cx: &mut std::task::Context<'_>) -> Poll<Incoming> {
        let port = self.port();
        let packet = port.unread.borrow_mut().pop_front();
        if let Some(packet) = packet {
            self.incoming.from().wake_writers();
            return Poll::Ready(Incoming::Packet(packet));
        }
        if port.fin_arrived.get() {
            return Poll::Ready(Incoming::Fin);
        }
        match (port.error.take(), port.life.get()) {
            (Some(_), _) => Poll::Ready(Incoming::Reset),
            (None, Life::Dead | Life::Closed) => Poll::Ready(Incoming::Fin),
            (None, Life::Open) => {
                *port.reader.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Says that this end will send no more.
    pub fn fin(&self) {
        self.out.push_fin();
    }

    /// Closes: what is on the way still arrives, and then the news that no more will come. If
    /// something was left unread, or arrives later, the peer is told that it was in vain (RST).
    pub fn close(&self) {
        match self.leave() {
            Left::Orderly => self.out.push_fin(),
            Left::SomethingUnread => self.out.push_reset(),
            Left::Before => {}
        }
    }

    /// Aborts the connection.
    pub fn reset(&self) {
        match self.leave() {
            Left::Orderly | Left::SomethingUnread => self.out.push_reset(),
            Left::Before => {}
        }
    }

    /// The device is gone: the peer is told nothing.
    pub fn vanish(self) {
        self.leave();
        self.out.lose();
        self.incoming.lose();
    }

    /// This end is done.
    fn leave(&self) -> Left {
        let port = self.port();
        let unread = std::mem::take(&mut *port.unread.borrow_mut());
        port.wake_reader();
        port.wake_writers();
        match port.life.replace(Life::Closed) {
            Life::Open if unread.is_empty() => Left::Orderly,
            Life::Open => Left::SomethingUnread,
            Life::Dead | Life::Closed => Left::Before,
        }
    }
}

/// How an end was when it was left.
enum Left {
    /// Everything had been read.
    Orderly,
    /// Something had not.
    SomethingUnread,
    /// The connection was over already.
    Before,
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        self.close();
    }
}
