//! Which processes can reach which: listeners, connecting, partitions.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Poll, Waker},
    time::Duration,
};

use gatesim_model::core::ids::SocketId;

use crate::{
    plan::{CONNECT_RETRIES, LinkPlan},
    scheduler::{Scheduler, choices::Purpose},
    trace::{
        event::{Actor, Fact, WorldEvent},
        sink::EventSink,
    },
    world::link::{LinkEnd, Pipe, connection},
};

/// Connections that may wait for a listener to take them; a request beyond is not answered.
pub const BACKLOG: usize = 4096;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconnected {
    /// Nothing listens there.
    Refused,
    /// Nothing answered, for 127 s.
    TimedOut,
}

/// Where connections arrive.
#[derive(Default)]
pub struct Listener {
    state: Cell<Listening>,
    waiting: RefCell<VecDeque<LinkEnd>>,
    waker: RefCell<Option<Waker>>,
}

/// Whether connections are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Listening {
    #[default]
    Closed,
    /// Up to `backlog` connections, and one more as kernels count, wait to be accepted.
    Open { backlog: usize },
}

/// What a listener makes of a request to connect.
enum Taken {
    Yes,
    /// Answered by RST.
    No,
    /// Not answered at all: there is no room for it now.
    Ignored,
}

impl Listener {
    /// Begins to listen.
    pub fn open(&self) {
        self.open_with(BACKLOG);
    }

    /// Begins to listen; `backlog` connections and one more may wait.
    pub fn open_with(&self, backlog: usize) {
        self.state.set(Listening::Open { backlog });
    }

    /// Stops listening; connections that wait are aborted.
    pub fn close(&self) {
        self.state.set(Listening::Closed);
        self.waiting.take().iter().for_each(LinkEnd::reset);
    }

    /// The next connection.
    pub async fn accept(&self) -> LinkEnd {
        poll_fn(|cx| match self.waiting.borrow_mut().pop_front() {
            Some(end) => Poll::Ready(end),
            None => {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    fn ask(&self) -> Taken {
        match self.state.get() {
            Listening::Closed => Taken::No,
            Listening::Open { backlog } if self.waiting.borrow().len() > backlog => Taken::Ignored,
            Listening::Open { .. } => Taken::Yes,
        }
    }

    fn push(&self, end: LinkEnd) {
        self.waiting.borrow_mut().push_back(end);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The pipes from one process to another.
#[derive(Default)]
struct DirectedLink {
    partitioned: bool,
    pipes: Vec<Weak<Pipe>>,
    /// Dead entries are swept when the list has grown to this length.
    sweep_at: usize,
}

/// The network of one run.
pub struct Network {
    scheduler: Rc<Scheduler>,
    events: Rc<dyn EventSink>,
    links: RefCell<BTreeMap<(Actor, Actor), DirectedLink>>,
    listeners: RefCell<BTreeMap<Actor, Rc<Listener>>>,
}

impl Network {
    /// A network without connections.
    pub fn new(scheduler: Rc<Scheduler>, events: Rc<dyn EventSink>) -> Self {
        Network {
            scheduler,
            events,
            links: RefCell::default(),
            listeners: RefCell::default(),
        }
    }

    /// The listener of a process; closed until it is opened.
    pub fn listener(&self, at: Actor) -> Rc<Listener> {
        Rc::clone(self.listeners.borrow_mut().entry(at).or_default())
    }

    /// Opens a connection: one way for the request, one way back for the answer. What is not
    /// answered, because a direction is partitioned, or the request is lost or finds no room, is
    /// repeated after one second, two, four and so on.
    pub async fn connect(
        &self,
        socket: SocketId,
        from: Actor,
        to: Actor,
        plan: LinkPlan,
    ) -> Result<LinkEnd, Unconnected> {
        let stream = |purpose| {
            self.scheduler
                .choices()
                .stream(Actor::Socket(socket), purpose)
        };
        let mut latency = stream(Purpose::Opening(to));
        let mut loss = stream(Purpose::Loss(to));
        let mut leg = || Duration::from_micros(latency.draw(plan.latency_us.inclusive()));
        let mut again = self.scheduler.now();
        // The connection once the listener has taken it: only its answer was lost.
        let mut taken: Option<LinkEnd> = None;
        for retry in 0..=CONNECT_RETRIES {
            let asked_at = again;
            again = again + Duration::from_secs(1 << retry);
            self.scheduler.sleep_until(asked_at).await;
            if self.is_partitioned((from, to)) || loss.chance(plan.loss_per_mille.get()) {
                continue;
            }
            self.scheduler.sleep(leg()).await;
            let refused = match (&taken, self.listener(to).ask()) {
                (Some(_), _) => false,
                (None, Taken::Yes) => {
                    let (near, far) = connection(&self.scheduler, socket, (from, to), plan);
                    self.register((from, to), near.outgoing());
                    self.register((to, from), near.incoming());
                    self.listener(to).push(far);
                    taken = Some(near);
                    false
                }
                (None, Taken::No) => true,
                (None, Taken::Ignored) => continue,
            };
            if self.is_partitioned((to, from)) {
                continue;
            }
            self.scheduler.sleep(leg()).await;
            if refused {
                return Err(Unconnected::Refused);
            }
            if let Some(near) = taken {
                return Ok(near);
            }
        }
        self.scheduler.sleep_until(again).await;
        Err(Unconnected::TimedOut)
    }

    /// Partitions one direction.
    pub fn partition(&self, from: Actor, to: Actor) {
        self.emit(WorldEvent::LinkPartitioned { from, to });
        self.set_partitioned(from, to, true);
    }

    /// Repairs one direction.
    pub fn repair(&self, from: Actor, to: Actor) {
        self.emit(WorldEvent::LinkRepaired { from, to });
        self.set_partitioned(from, to, false);
    }

    /// Aborts every connection between the two, from the middle.
    pub fn reset(&self, one: Actor, other: Actor) {
        self.emit(WorldEvent::LinkReset {
            from: one,
            to: other,
        });
        for pipe in self.pipes(one, other).chain(self.pipes(other, one)) {
            pipe.inject_reset();
        }
    }

    /// One of two hosts is gone: nothing passes any more on the connections between them.
    pub fn lose(&self, one: Actor, other: Actor) {
        for pipe in self.pipes(one, other).chain(self.pipes(other, one)) {
            pipe.lose();
        }
    }

    fn set_partitioned(&self, from: Actor, to: Actor, partitioned: bool) {
        let mut links = self.links.borrow_mut();
        let link = links.entry((from, to)).or_default();
        link.partitioned = partitioned;
        drop(links);
        for pipe in self.pipes(from, to) {
            pipe.set_partitioned(partitioned);
        }
    }

    fn pipes(&self, from: Actor, to: Actor) -> impl Iterator<Item = Rc<Pipe>> + use<> {
        let links = self.links.borrow();
        let pipes = links
            .get(&(from, to))
            .map(|link| link.pipes.clone())
            .unwrap_or_default();
        pipes.into_iter().filter_map(|pipe| pipe.upgrade())
    }

    fn register(&self, direction: (Actor, Actor), pipe: &Rc<Pipe>) {
        let mut links = self.links.borrow_mut();
        let link = links.entry(direction).or_default();
        if link.pipes.len() >= link.sweep_at {
            link.pipes.retain(|pipe| pipe.strong_count() > 0);
            link.sweep_at = 2 * link.pipes.len() + 8;
        }
        link.pipes.push(Rc::downgrade(pipe));
        if link.partitioned {
            pipe.set_partitioned(true);
        }
    }

    fn is_partitioned(&self, direction: (Actor, Actor)) -> bool {
        let links = self.links.borrow();
        links.get(&direction).is_some_and(|link| link.partitioned)
    }

    fn emit(&self, event: WorldEvent) {
        self.events.emit(Actor::World, Fact::World(event));
    }
}
