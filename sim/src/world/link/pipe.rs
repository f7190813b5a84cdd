//! One direction of a connection: frames on their way, and the port at which they arrive.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
    task::Waker,
    time::Duration,
};

use gatesim_model::core::{ids::SocketId, time::Time};

use super::{Broken, Packet};
use crate::{
    plan::{LinkPlan, RETRANSMISSION},
    scheduler::{
        Deliver, Scheduler, Turns,
        choices::{Purpose, Stream},
    },
    trace::event::Actor,
};

/// What an end knows of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It goes on.
    Open,
    /// It is over: aborted by the peer or the network, or given up.
    Dead,
    /// This end has closed it, or is gone.
    Closed,
}

/// What an operating system keeps for one end of a connection.
pub(super) struct Port {
    pub(super) life: Cell<Life>,
    /// What the next reader or writer is told, once.
    pub(super) error: Cell<Option<Broken>>,
    /// The peer has said that it will send no more.
    pub(super) fin_arrived: Cell<bool>,
    pub(super) unread: RefCell<VecDeque<Packet>>,
    pub(super) reader: RefCell<Option<Waker>>,
    pub(super) writers: RefCell<Vec<Waker>>,
}

impl Port {
    pub(super) fn new() -> Rc<Port> {
        Rc::new(Port {
            life: Cell::new(Life::Open),
            error: Cell::new(None),
            fin_arrived: Cell::new(false),
            unread: RefCell::default(),
            reader: RefCell::default(),
            writers: RefCell::default(),
        })
    }

    /// The connection is over for this end. What has arrived can still be read; after the peer's
    /// FIN only writers have something to learn.
    pub(super) fn die(&self) {
        if self.life.get() != Life::Open {
            return;
        }
        self.life.set(Life::Dead);
        self.error.set(Some(match self.fin_arrived.get() {
            true => Broken::Pipe,
            false => Broken::Reset,
        }));
        self.wake_reader();
        self.wake_writers();
    }

    pub(super) fn wake_reader(&self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_writers(&self) {
        self.writers.take().into_iter().for_each(Waker::wake);
    }
}

enum InFlight {
    Packet(Packet),
    Fin,
    Reset,
}

/// What the writer of a direction has said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing in particular: it may send.
    Open,
    /// That it will send no more; it may still abort.
    Fin,
    /// That the connection is over, or nothing at all, because the writer is gone itself.
    Reset,
}

/// Whether a direction carries anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Free,
    /// Nothing passes for now.
    Partitioned,
    /// One of the two hosts is gone for good.
    Gone,
}

/// One direction of a connection.
pub struct Pipe {
    scheduler: Rc<Scheduler>,
    latency: RefCell<Stream>,
    loss: RefCell<Stream>,
    plan: LinkPlan,
    turns: RefCell<Turns>,
    giving_up: Rc<GivingUp>,
    passage: Cell<Passage>,
    /// Deliveries that came due while nothing passed.
    stalled: Cell<usize>,
    said: Cell<Said>,
    last_delivery: Cell<Time>,
    in_flight: RefCell<VecDeque<InFlight>>,
    from: Rc<Port>,
    to: Rc<Port>,
    /// The other direction, to answer with RST.
    back: RefCell<Weak<Pipe>>,
}

/// Both directions of a new connection, between two processes: up first.
pub(super) fn pipes(
    scheduler: &Rc<Scheduler>,
    socket: SocketId,
    (from, to): (Actor, Actor),
    plan: LinkPlan,
) -> (Rc<Pipe>, Rc<Pipe>) {
    let (near, far) = (Port::new(), Port::new());
    let up = Pipe::new(scheduler, socket, to, plan, (&near, &far));
    let down = Pipe::new(scheduler, socket, from, plan, (&far, &near));
    *up.back.borrow_mut() = Rc::downgrade(&down);
    *down.back.borrow_mut() = Rc::downgrade(&up);
    (up, down)
}

impl Pipe {
    fn new(
        scheduler: &Rc<Scheduler>,
        socket: SocketId,
        towards: Actor,
        plan: LinkPlan,
        (from, to): (&Rc<Port>, &Rc<Port>),
    ) -> Rc<Pipe> {
        let stream = |purpose| scheduler.choices().stream(Actor::Socket(socket), purpose);
        let turns = |purpose| scheduler.turns(Actor::Socket(socket), purpose);
        Rc::new_cyclic(|pipe| Pipe {
            scheduler: Rc::clone(scheduler),
            latency: RefCell::new(stream(Purpose::Latency(towards))),
            loss: RefCell::new(stream(Purpose::Loss(towards))),
            turns: RefCell::new(turns(Purpose::Delivery(towards))),
            giving_up: Rc::new(GivingUp {
                pipe: Weak::clone(pipe),
                since: Cell::new(None),
                turns: RefCell::new(turns(Purpose::GiveUp(towards))),
            }),
            plan,
            passage: Cell::new(Passage::Free),
            stalled: Cell::new(0),
            said: Cell::new(Said::Open),
            last_delivery: Cell::default(),
            in_flight: RefCell::default(),
            from: Rc::clone(from),
            to: Rc::clone(to),
            back: RefCell::default(),
        })
    }

    /// The port of its writer.
    pub(super) fn from(&self) -> &Port {
        &self.from
    }

    /// Whether the window takes another packet.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.borrow().len() + self.to.unread.borrow().len() < self.plan.window.size()
    }

    /// What the writer has said last.
    pub(super) fn said(&self) -> Said {
        self.said.get()
    }

    /// Sends a packet.
    pub(super) fn push_packet(self: &Rc<Self>, packet: Packet) {
        self.push(InFlight::Packet(packet));
    }

    /// Says that no more will be sent, unless something like it was said already.
    pub(super) fn push_fin(self: &Rc<Self>) {
        if self.said.get() == Said::Open {
            self.said.set(Said::Fin);
            self.push(InFlight::Fin);
        }
    }

    /// Says that the connection is over, unless that was said already.
    pub(super) fn push_reset(self: &Rc<Self>) {
        match self.said.replace(Said::Reset) {
            Said::Open | Said::Fin => self.push(InFlight::Reset),
            Said::Reset => {}
        }
    }

    fn push(self: &Rc<Self>, what: InFlight) {
        let mut delay = self.draw_latency();
        if self
            .loss
            .borrow_mut()
            .chance(self.plan.loss_per_mille.get())
        {
            delay += RETRANSMISSION;
        }
        let free_at = self.last_delivery.get() + self.plan.frame_us.duration();
        let at = (self.scheduler.now() + delay).max(free_at);
        self.last_delivery.set(at);
        self.in_flight.borrow_mut().push_back(what);
        self.scheduler
            .deliver_at(at, Rc::clone(self) as Rc<dyn Deliver>);
        self.watch();
    }

    fn draw_latency(&self) -> Duration {
        let range = self.plan.latency_us.inclusive();
        Duration::from_micros(self.latency.borrow_mut().draw(range))
    }

    fn answer_with_reset(&self) {
        if let Some(back) = self.back.borrow().upgrade() {
            back.push_reset();
        }
    }

    /// Partitions or repairs the direction.
    pub fn set_partitioned(self: &Rc<Self>, partitioned: bool) {
        match (self.passage.get(), partitioned) {
            (Passage::Free, true) => self.passage.set(Passage::Partitioned),
            (Passage::Partitioned, false) => {
                self.passage.set(Passage::Free);
                for _ in 0..self.stalled.take() {
                    let at = self.scheduler.now() + self.draw_latency();
                    self.scheduler
                        .deliver_at(at, Rc::clone(self) as Rc<dyn Deliver>);
                }
            }
            (Passage::Free, false) | (Passage::Partitioned, true) | (Passage::Gone, _) => {}
        }
        // Data waits for the one direction, its acknowledgement for the other.
        self.watch();
        if let Some(back) = self.back.borrow().upgrade() {
            back.watch();
        }
    }

    /// One of the two hosts is gone: nothing passes any more, and no end is told.
    pub fn lose(self: &Rc<Self>) {
        self.passage.set(Passage::Gone);
        self.watch();
        if let Some(back) = self.back.borrow().upgrade() {
            back.watch();
        }
    }

    /// An abort from the middle of the network.
    pub fn inject_reset(&self) {
        if self.passage.get() == Passage::Gone {
            return;
        }
        self.said.set(Said::Reset);
        self.in_flight.borrow_mut().clear();
        self.to.die();
    }

    /// What comes due while nothing passes is sent again and again until something does; but an
    /// abort is sent once. An end that missed it learns of it when it sends something itself.
    fn stall(&self) {
        match self
            .in_flight
            .borrow_mut()
            .pop_back_if(|last| matches!(last, InFlight::Reset))
        {
            Some(_) => self.said.set(Said::Fin),
            None => self.stalled.set(self.stalled.get() + 1),
        }
    }

    /// The writer gives up: what it has sent is not sent again.
    fn give_up(&self) {
        self.said.set(Said::Fin);
        if self.passage.get() != Passage::Free {
            self.stalled.set(0);
            self.in_flight.borrow_mut().clear();
        }
        self.from.die();
    }

    /// Begins to wait for the acknowledgement of what is on the way, or has it at last.
    fn watch(&self) {
        let back = self.back.borrow().upgrade();
        let answered = self.passage.get() == Passage::Free
            && back.is_none_or(|back| back.passage.get() == Passage::Free);
        if answered {
            self.giving_up.since.set(None);
        } else if self.giving_up.since.get().is_none() && !self.in_flight.borrow().is_empty() {
            let now = self.scheduler.now();
            self.giving_up.since.set(Some(now));
            let deadline = now + self.plan.give_up_ms.duration();
            self.scheduler
                .deliver_at(deadline, Rc::clone(&self.giving_up) as Rc<dyn Deliver>);
        }
    }
}

impl Deliver for Pipe {
    fn deliver(self: Rc<Self>) {
        if self.passage.get() != Passage::Free {
            self.stall();
            return;
        }
        // Empty if the connection was aborted in the middle.
        let Some(what) = self.in_flight.borrow_mut().pop_front() else {
            return;
        };
        match (what, self.to.life.get()) {
            (InFlight::Packet(packet), Life::Open) => {
                self.to.unread.borrow_mut().push_back(packet);
                self.to.wake_reader();
            }
            // There is no such connection here: the sender is told.
            (InFlight::Packet(_), Life::Dead | Life::Closed) | (InFlight::Fin, Life::Dead) => {
                self.answer_with_reset();
            }
            (InFlight::Fin, Life::Open) => {
                self.to.fin_arrived.set(true);
                self.to.wake_reader();
            }
            (InFlight::Fin, Life::Closed) => {}
            (InFlight::Reset, _) => {
                self.to.die();
                if let Some(back) = self.back.borrow().upgrade() {
                    back.said.set(Said::Reset);
                }
            }
        }
    }

    fn turns(&self) -> &RefCell<Turns> {
        &self.turns
    }
}

/// The end of the patience of a writer whose frames are not acknowledged.
struct GivingUp {
    pipe: Weak<Pipe>,
    /// Since when it waits; none while everything is answered.
    since: Cell<Option<Time>>,
    turns: RefCell<Turns>,
}

impl Deliver for GivingUp {
    fn deliver(self: Rc<Self>) {
        let Some(pipe) = self.pipe.upgrade() else {
            return;
        };
        // Answered meanwhile, and perhaps unanswered again since then.
        if self
            .since
            .get()
            .map(|since| since + pipe.plan.give_up_ms.duration())
            == Some(pipe.scheduler.now())
        {
            pipe.give_up();
        }
    }

    fn turns(&self) -> &RefCell<Turns> {
        &self.turns
    }
}
