//! The load balancer: takes every connection, routes its upgrade, passes frames both ways.
//!
//! One file for each thing it does to a connection:
//!
//! - [`proxy`]: all of it, from the upgrade to the end,
//! - [`headers`]: how a request is changed (headers kept, stripped, mangled; addresses hidden; the
//!   cookie lost),
//! - [`routing`]: upgrades held for different times and so overtaken by later ones, and where
//!   they go: affinity cookie or policy, and which containers were not asked yet,
//! - [`upgrade`]: asking containers until one answers: retries, time-outs, a second copy of the
//!   same upgrade; frames that the client sends before it has its answer are kept,
//! - [`relay`]: frames both ways, the end of a client's connection that reaches the container
//!   late, idle time-outs, the end of a container that leaves service,
//! - [`reorder`]: frames of one connection that overtake each other, if the plan says so.
//!
//! Its own errors are 503 without a container, 502 if containers refuse, 504 if they do not
//! answer in time.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use gatesim_model::core::ids::SocketId;

use crate::{
    plan::{BalancerPlan, PerMille},
    scheduler::{
        Scheduler,
        choices::{Purpose, Stream},
    },
    trace::event::{Actor, WorldEvent},
    world::{backends::Backends, context::Context, network::Network},
};

mod headers;
pub mod proxy;
mod relay;
mod reorder;
mod routing;
mod upgrade;

/// How long the balancer waits for a container to take a connection before it asks another one
/// or gives up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the balancer has and remembers.
pub struct Balancer {
    context: Rc<Context>,
    network: Rc<Network>,
    backends: Rc<Backends>,
    /// Upgrades being held, by arrival.
    held: RefCell<BTreeSet<(u64, SocketId)>>,
    arrivals: Cell<u64>,
    /// The connections to each container: one for each that asks it or is relayed to it, and one that stays.
    connections: RefCell<BTreeMap<u32, Rc<()>>>,
}

impl Balancer {
    /// A balancer to which nothing has come yet.
    pub fn new(context: Rc<Context>, network: Rc<Network>, backends: Rc<Backends>) -> Rc<Self> {
        Rc::new(Balancer {
            context,
            network,
            backends,
            held: RefCell::default(),
            arrivals: Cell::default(),
            connections: RefCell::default(),
        })
    }

    /// One more connection to a container, for as long as this is kept.
    fn connection_to(&self, container: u32) -> Rc<()> {
        Rc::clone(self.connections.borrow_mut().entry(container).or_default())
    }

    /// How many connections there are to a container.
    fn load(&self, container: u32) -> usize {
        let connections = self.connections.borrow();
        connections
            .get(&container)
            .map_or(0, |one| Rc::strong_count(one) - 1)
    }

    fn scheduler(&self) -> &Rc<Scheduler> {
        &self.context.scheduler
    }

    fn plan(&self) -> &BalancerPlan {
        &self.context.plan.balancer
    }

    /// The odds of something that goes wrong by chance: none once the world is healed.
    fn odds(&self, per_mille: PerMille) -> u32 {
        self.context.odds(per_mille)
    }

    /// A stream of choices of one connection.
    fn stream(&self, socket: SocketId, purpose: Purpose) -> Stream {
        let choices = self.scheduler().choices();
        choices.stream(Actor::Socket(socket), purpose)
    }

    fn emit(&self, event: WorldEvent) {
        self.context.emit(Actor::Balancer, event);
    }
}
