//! Who can reach whom: listeners, connecting, partitions.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Poll, Waker},
    time::Duration,
};

use gatesim_model::ids::SocketId;

use crate::{
    choices::Purpose,
    event::{Actor, Fact, WorldEvent},
    gate::Gate,
    link::{End, Pipe, connection},
    plan::LinkPlan,
    recorder::Recorder,
};

/// Connections that may wait for a listener to take them; one more is refused.
pub const BACKLOG: usize = 4096;

/// Nobody listens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Where connections arrive.
#[derive(Default)]
pub struct Listener {
    open: Cell<bool>,
    waiting: RefCell<VecDeque<End>>,
    waker: RefCell<Option<Waker>>,
}

impl Listener {
    /// Begins to listen.
    pub fn open(&self) {
        self.open.set(true);
    }

    /// Stops listening; whoever waits is aborted.
    pub fn close(&self) {
        self.open.set(false);
        let waiting = self.waiting.take();
        drop(waiting);
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

    fn push(&self, end: End) -> Result<(), Refused> {
        if !self.open.get() || self.waiting.borrow().len() >= BACKLOG {
            return Err(Refused);
        }
        self.waiting.borrow_mut().push_back(end);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }
}

/// The pipes from one process to another.
#[derive(Default)]
struct Route {
    cut: bool,
    pipes: Vec<Weak<Pipe>>,
    /// Dead entries are swept when the list has grown to this length.
    sweep_at: usize,
    /// Connects that wait for the mending.
    waiting: Vec<Waker>,
}

/// The network of one run.
pub struct Network {
    gate: Rc<Gate>,
    recorder: Rc<Recorder>,
    routes: RefCell<BTreeMap<(Actor, Actor), Route>>,
    listeners: RefCell<BTreeMap<Actor, Rc<Listener>>>,
}

impl Network {
    /// An empty network.
    pub fn new(gate: Rc<Gate>, recorder: Rc<Recorder>) -> Self {
        Network {
            gate,
            recorder,
            routes: RefCell::default(),
            listeners: RefCell::default(),
        }
    }

    /// The listener of a process; closed until it is opened.
    pub fn listener(&self, at: Actor) -> Rc<Listener> {
        Rc::clone(self.listeners.borrow_mut().entry(at).or_default())
    }

    /// Opens a connection: one way for the request, one way back for the answer. While a
    /// direction is cut the handshake waits, as its retransmissions do.
    pub async fn connect(
        &self,
        socket: SocketId,
        from: Actor,
        to: Actor,
        plan: LinkPlan,
    ) -> Result<End, Refused> {
        let mut latency = self
            .gate
            .choices()
            .stream(Actor::Socket(socket), Purpose::Latency(to));
        let mut leg = || Duration::from_micros(latency.draw(plan.latency_us.inclusive()));
        self.mended((from, to)).await;
        self.gate.sleep(leg()).await;
        let (near, far) = connection(&self.gate, socket, (from, to), plan);
        self.register((from, to), near.outgoing());
        self.register((to, from), near.incoming());
        let taken = self.listener(to).push(far);
        self.mended((to, from)).await;
        self.gate.sleep(leg()).await;
        match taken {
            Ok(()) => Ok(near),
            Err(refused) => {
                near.fin();
                Err(refused)
            }
        }
    }

    /// Blocks one direction.
    pub fn cut(&self, from: Actor, to: Actor) {
        self.emit(WorldEvent::LinkCut { from, to });
        self.set_cut(from, to, true);
    }

    /// Mends one direction.
    pub fn mend(&self, from: Actor, to: Actor) {
        self.emit(WorldEvent::LinkMended { from, to });
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

    fn set_cut(&self, from: Actor, to: Actor, cut: bool) {
        let mut routes = self.routes.borrow_mut();
        let route = routes.entry((from, to)).or_default();
        route.cut = cut;
        let waiting = std::mem::take(&mut route.waiting);
        drop(routes);
        for pipe in self.pipes(from, to) {
            pipe.set_cut(&self.gate, cut);
        }
        waiting.into_iter().for_each(Waker::wake);
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
            pipe.set_cut(&self.gate, true);
        }
    }

    async fn mended(&self, direction: (Actor, Actor)) {
        poll_fn(|cx| match self.routes.borrow_mut().get_mut(&direction) {
            Some(route) if route.cut => {
                route.waiting.push(cx.waker().clone());
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(()),
        })
        .await;
    }

    fn emit(&self, event: WorldEvent) {
        self.recorder.emit(Actor::World, Fact::World(event));
    }
}
