//! Links: one connection between two processes, frame by frame.
//!
//! Modelled: a latency for each frame, in order and pipelined; a bounded window with
//! back-pressure; orderly shutdown of one direction (FIN); abort (RST), also as the answer to
//! data for a socket that is gone; partitions of one direction, during which frames wait and
//! arrive after the mending, as retransmission makes them; a lost frame, which arrives one
//! retransmission later and holds up its successors. Left out: bytes, congestion, the death of
//! a connection whose retransmissions are never answered (minutes; no run is that long).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use gatesim_model::{
    ids::{MessageId, SocketId},
    message::Frame,
    socket::Upgrade,
    time::Time,
};

use crate::{
    choices::{Purpose, Stream},
    event::Actor,
    gate::{Deliver, Gate, Turns},
    plan::LinkPlan,
};

/// Frames that may be on the way or unread in one direction before the sender has to wait.
pub const WINDOW: usize = 64;

/// How much later a lost frame arrives: the usual least retransmission time-out of TCP.
pub const RETRANSMISSION: Duration = Duration::from_millis(200);

/// What travels on a link.
#[derive(Clone, Debug)]
pub enum Packet {
    /// The upgrade request, with the affinity cookie if the client has one.
    Upgrade {
        /// The request.
        upgrade: Box<Upgrade>,
        /// The container the cookie names.
        affinity: Option<u32>,
    },
    /// The answer to the upgrade.
    Response {
        /// 101, or an HTTP error.
        status: u16,
        /// The subprotocol chosen.
        subprotocol: Option<&'static str>,
        /// The cookie set by the balancer.
        affinity: Option<u32>,
    },
    /// A frame, and for the observer which client message is in it.
    Frame {
        /// The frame.
        frame: Frame,
        /// The message.
        message: Option<MessageId>,
    },
}

impl Packet {
    /// A frame without a client message in it.
    pub fn frame(frame: Frame) -> Packet {
        Packet::Frame {
            frame,
            message: None,
        }
    }
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A packet.
    Packet(Packet),
    /// The peer will send no more. Told again at every call.
    Fin,
    /// The connection was aborted. Told again at every call.
    Reset,
}

/// The connection was aborted, or this end has said that it will send no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

enum InFlight {
    Packet(Packet),
    Fin,
    Reset,
}

/// What a direction has come to, as its reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    Open,
    Fin,
    Reset,
}

/// What the writer of a direction has said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Nothing in particular: it may send.
    Open,
    /// That it will send no more; it may still abort.
    Fin,
    /// That the connection is no more, or nothing at all, because it is no more itself.
    Reset,
}

/// One direction of a connection.
pub struct Pipe {
    latency: RefCell<Stream>,
    loss: RefCell<Stream>,
    plan: LinkPlan,
    turns: RefCell<Turns>,
    /// Blocked by a partition.
    cut: Cell<bool>,
    /// Deliveries that came due while the direction was blocked.
    stalled: Cell<usize>,
    said: Cell<Said>,
    /// The reader's socket is gone: whatever arrives is answered by RST.
    reader_gone: Cell<bool>,
    last_delivery: Cell<Time>,
    in_flight: RefCell<VecDeque<InFlight>>,
    unread: RefCell<VecDeque<Packet>>,
    arrived: Cell<Arrived>,
    reader: RefCell<Option<Waker>>,
    writers: RefCell<Vec<Waker>>,
    /// The other direction, to answer with RST.
    back: RefCell<std::rc::Weak<Pipe>>,
}

impl Pipe {
    fn new(gate: &Gate, socket: SocketId, to: Actor, plan: LinkPlan) -> Rc<Pipe> {
        let stream = |purpose| gate.choices().stream(Actor::Socket(socket), purpose);
        Rc::new(Pipe {
            latency: RefCell::new(stream(Purpose::Latency(to))),
            loss: RefCell::new(stream(Purpose::Loss(to))),
            turns: RefCell::new(Turns::new(stream(Purpose::Delivery(to)))),
            plan,
            cut: Cell::new(false),
            stalled: Cell::new(0),
            said: Cell::new(Said::Open),
            reader_gone: Cell::new(false),
            last_delivery: Cell::default(),
            in_flight: RefCell::default(),
            unread: RefCell::default(),
            arrived: Cell::new(Arrived::Open),
            reader: RefCell::default(),
            writers: RefCell::default(),
            back: RefCell::default(),
        })
    }

    fn has_room(&self) -> bool {
        self.in_flight.borrow().len() + self.unread.borrow().len() < WINDOW
    }

    fn push(self: &Rc<Self>, gate: &Gate, what: InFlight) {
        let mut delay = Duration::from_micros(
            self.latency
                .borrow_mut()
                .draw(self.plan.latency_us.inclusive()),
        );
        if self.loss.borrow_mut().chance(self.plan.loss_per_mille) {
            delay += RETRANSMISSION;
        }
        let at = (gate.now() + delay).max(self.last_delivery.get());
        self.last_delivery.set(at);
        self.in_flight.borrow_mut().push_back(what);
        gate.deliver_at(at, Rc::clone(self) as Rc<dyn Deliver>);
    }

    /// Says that the connection is no more, unless that was said already.
    fn push_reset(self: &Rc<Self>, gate: &Gate) {
        match self.said.replace(Said::Reset) {
            Said::Open | Said::Fin => self.push(gate, InFlight::Reset),
            Said::Reset => {}
        }
    }

    fn wake_reader(&self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writers(&self) {
        self.writers.take().into_iter().for_each(Waker::wake);
    }

    /// The reader learns of an abort: unread data is gone, and its own sends fail.
    fn abort(&self) {
        self.unread.borrow_mut().clear();
        self.arrived.set(Arrived::Reset);
        self.wake_reader();
        if let Some(back) = self.back.borrow().upgrade() {
            back.wake_writers();
        }
    }

    /// Blocks or unblocks the direction.
    pub fn set_cut(self: &Rc<Self>, gate: &Gate, cut: bool) {
        self.cut.set(cut);
        if !cut {
            for _ in 0..self.stalled.take() {
                let latency = self
                    .latency
                    .borrow_mut()
                    .draw(self.plan.latency_us.inclusive());
                let at = gate.now() + Duration::from_micros(latency);
                gate.deliver_at(at, Rc::clone(self) as Rc<dyn Deliver>);
            }
        }
    }

    /// An abort from the middle of the network.
    pub fn inject_reset(&self) {
        self.said.set(Said::Reset);
        self.in_flight.borrow_mut().clear();
        self.abort();
    }
}

impl Deliver for Pipe {
    fn deliver(self: Rc<Self>, gate: &Gate) {
        if self.cut.get() {
            self.stalled.set(self.stalled.get() + 1);
            return;
        }
        // Empty if the connection was aborted in the middle.
        let Some(what) = self.in_flight.borrow_mut().pop_front() else {
            return;
        };
        match what {
            InFlight::Packet(_) if self.reader_gone.get() => {
                if let Some(back) = self.back.borrow().upgrade() {
                    back.push_reset(gate);
                }
            }
            InFlight::Packet(packet) => {
                if self.arrived.get() == Arrived::Open {
                    self.unread.borrow_mut().push_back(packet);
                    self.wake_reader();
                }
            }
            InFlight::Fin => {
                if self.arrived.get() == Arrived::Open {
                    self.arrived.set(Arrived::Fin);
                    self.wake_reader();
                }
            }
            InFlight::Reset => self.abort(),
        }
    }

    fn turns(&self) -> &RefCell<Turns> {
        &self.turns
    }
}

/// One end of a connection. Dropping it without [`End::fin`] aborts the connection, as the
/// operating system does for a process that dies.
pub struct End {
    gate: Rc<Gate>,
    socket: SocketId,
    out: Rc<Pipe>,
    incoming: Rc<Pipe>,
}

/// Both ends of a new connection: that of `from`, and that of `to`.
pub fn connection(
    gate: &Rc<Gate>,
    socket: SocketId,
    (from, to): (Actor, Actor),
    plan: LinkPlan,
) -> (End, End) {
    let up = Pipe::new(gate, socket, to, plan);
    let down = Pipe::new(gate, socket, from, plan);
    *up.back.borrow_mut() = Rc::downgrade(&down);
    *down.back.borrow_mut() = Rc::downgrade(&up);
    let end = |out: &Rc<Pipe>, incoming: &Rc<Pipe>| End {
        gate: Rc::clone(gate),
        socket,
        out: Rc::clone(out),
        incoming: Rc::clone(incoming),
    };
    (end(&up, &down), end(&down, &up))
}

impl End {
    /// The connection it belongs to.
    pub fn socket(&self) -> SocketId {
        self.socket
    }

    /// The direction away from this end.
    pub fn outgoing(&self) -> &Rc<Pipe> {
        &self.out
    }

    /// The direction towards this end.
    pub fn incoming(&self) -> &Rc<Pipe> {
        &self.incoming
    }

    /// Sends a packet; waits while the window is full.
    pub async fn send(&self, packet: Packet) -> Result<(), Broken> {
        poll_fn(|cx| {
            if self.is_broken() {
                return Poll::Ready(());
            }
            match self.out.has_room() {
                true => Poll::Ready(()),
                false => {
                    self.out.writers.borrow_mut().push(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        if self.is_broken() {
            return Err(Broken);
        }
        self.out.push(&self.gate, InFlight::Packet(packet));
        Ok(())
    }

    /// The next packet, or the end. Cancel-safe.
    pub async fn receive(&self) -> Incoming {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The poll of [`End::receive`].
    pub fn poll_receive(&self, cx: &mut std::task::Context<'_>) -> Poll<Incoming> {
        let pipe = &self.incoming;
        let packet = pipe.unread.borrow_mut().pop_front();
        match (packet, pipe.arrived.get()) {
            (Some(packet), _) => {
                pipe.wake_writers();
                Poll::Ready(Incoming::Packet(packet))
            }
            (None, Arrived::Fin) => Poll::Ready(Incoming::Fin),
            (None, Arrived::Reset) => Poll::Ready(Incoming::Reset),
            (None, Arrived::Open) => {
                *pipe.reader.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Says that this end will send no more.
    pub fn fin(&self) {
        if self.out.said.get() == Said::Open {
            self.out.said.set(Said::Fin);
            self.out.push(&self.gate, InFlight::Fin);
        }
    }

    /// Aborts the connection; this end's own reader is told at once.
    pub fn reset(&self) {
        self.out.push_reset(&self.gate);
        self.incoming.abort();
    }

    /// Leaves without a word: the device is gone.
    pub fn vanish(self) {
        self.out.said.set(Said::Reset);
        self.out.set_cut(&self.gate, true);
        self.incoming.set_cut(&self.gate, true);
    }

    fn is_broken(&self) -> bool {
        self.out.said.get() != Said::Open || self.incoming.arrived.get() == Arrived::Reset
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.incoming.reader_gone.set(true);
        match (self.out.said.get(), self.incoming.arrived.get()) {
            // The peer knows.
            (_, Arrived::Reset) => self.out.said.set(Said::Reset),
            (Said::Open, Arrived::Open | Arrived::Fin) => self.out.push_reset(&self.gate),
            // An orderly end; what still arrives is answered by RST.
            (Said::Fin | Said::Reset, Arrived::Open | Arrived::Fin) => {}
        }
    }
}

#[cfg(test)]
mod tests;
