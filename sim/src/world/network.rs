//! Who can reach whom: listeners, connecting, partitions.

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
    plan::LinkPlan,
    scheduler::{Scheduler, choices::Purpose},
    trace::{
        event::{Actor, Fact, WorldEvent},
        sink::EventSink,
    },
    world::link::{End, Pipe, connection},
};

/// Connections that may wait for a listener to take them; a request beyond is not answered.
pub const BACKLOG: usize = 4096;

/// How often a connection is asked for again if nothing answers, each time after twice the
/// wait of the time before, from one second on (Linux, `tcp_syn_retries`).
pub const CONNECT_RETRIES: u32 = 6;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconnected {
    /// Nobody listens there.
    Refused,
    /// Nothing answered, for 127 s.
    TimedOut,
}

/// Where connections arrive.
#[derive(Default)]
pub struct Listener {
    state: Cell<Listening>,
    waiting: RefCell<VecDeque<End>>,
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

    /// Stops listening; whoever waits is aborted.
    pub fn close(&self) {
        self.state.set(Listening::Closed);
        self.waiting.take().iter().for_each(End::reset);
    }

    /// The next connection.
    pub async fn accept(&self) -> End {
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

    fn push(&self, end: End) {
        self.waiting.borrow_mut().push_back(end);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The pipes from one process to another.
#[derive(Default)]
struct Route {
    cut: bool,
    pipes: Vec<Weak<Pipe>>,
    /// Dead entries are swept when the list has grown to this length.
    sweep_at: usize,
}

/// The network of one run.
pub struct Network {
    scheduler: Rc<Scheduler>,
    events: Rc<dyn EventSink>,
    routes: RefCell<BTreeMap<(Actor, Actor), Route>>,
    listeners: RefCell<BTreeMap<Actor, Rc<Listener>>>,
}

impl Network {
    /// An empty network.
    pub fn new(scheduler: Rc<Scheduler>, events: Rc<dyn EventSink>) -> Self {
        Network {
            scheduler,
            events,
            routes: RefCell::default(),
            listeners: RefCell::default(),
        }
    }

    /// The listener of a process; closed until it is opened.
    pub fn listener(&self, at: Actor) -> Rc<Listener> {
        Rc::clone(self.listeners.borrow_mut().entry(at).or_default())
    }

    /// Opens a connection: one way for the request, one way back for the answer. What is not
    /// answered, because a direction is cut, or the request is lost or finds no room, is asked
    /// again after one second, two, four and so on.
    pub async fn connect(
        &self,
        socket: SocketId,
        from: Actor,
        to: Actor,
        plan: LinkPlan,
    ) -> Result<End, Unconnected> {
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
        let mut taken: Option<End> = None;
        for retry in 0..=CONNECT_RETRIES {
            let asked_at = again;
            again = again + Duration::from_secs(1 << retry);
            self.scheduler.sleep_until(asked_at).await;
            if self.is_cut((from, to)) || loss.chance(plan.loss_per_mille) {
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
            if self.is_cut((to, from)) {
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

    /// Blocks one direction.
    pub fn cut(&self, from: Actor, to: Actor) {
        self.emit(WorldEvent::LinkPartitioned { from, to });
        self.set_cut(from, to, true);
    }

    /// Mends one direction.
    pub fn mend(&self, from: Actor, to: Actor) {
        self.emit(WorldEvent::LinkRepaired { from, to });
        self.set_cut(from, to, false);
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

    /// One of two hosts is gone: the connections between them fall silent for good.
    pub fn lose(&self, one: Actor, other: Actor) {
        for pipe in self.pipes(one, other).chain(self.pipes(other, one)) {
            pipe.lose(&self.scheduler);
        }
    }

    fn set_cut(&self, from: Actor, to: Actor, cut: bool) {
        let mut routes = self.routes.borrow_mut();
        let route = routes.entry((from, to)).or_default();
        route.cut = cut;
        drop(routes);
        for pipe in self.pipes(from, to) {
            pipe.set_cut(&self.scheduler, cut);
        }
    }

    fn pipes(&self, from: Actor, to: Actor) -> impl Iterator<Item = Rc<Pipe>> + use<> {
        let routes = self.routes.borrow();
        let pipes = routes
            .get(&(from, to))
            .map(|route| route.pipes.clone())
            .unwrap_or_default();
        pipes.into_iter().filter_map(|pipe| pipe.upgrade())
    }

    fn register(&self, direction: (Actor, Actor), pipe: &Rc<Pipe>) {
        let mut routes = self.routes.borrow_mut();
        let route = routes.entry(direction).or_default();
        if route.pipes.len() >= route.sweep_at {
            route.pipes.retain(|pipe| pipe.strong_count() > 0);
            route.sweep_at = 2 * route.pipes.len() + 8;
        }
        route.pipes.push(Rc::downgrade(pipe));
        if route.cut {
            pipe.set_cut(&self.scheduler, true);
        }
    }

    fn is_cut(&self, direction: (Actor, Actor)) -> bool {
        let routes = self.routes.borrow();
        routes.get(&direction).is_some_and(|route| route.cut)
    }

    fn emit(&self, event: WorldEvent) {
        self.events.emit(Actor::World, Fact::World(event));
    }
}
