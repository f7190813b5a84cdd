//! The load balancer: takes every connection, routes its upgrade, passes frames both ways.
//!
//! One file for each thing it does to a connection:
//!
//! - [`headers`]: what becomes of the request on its way (kept, stripped, mangled; addresses
//!   hidden; the cookie lost),
//! - [`routing`]: upgrades held for different times and so overtaken by later ones, and where
//!   they go: affinity cookie or chance, and whom it has not asked yet,
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
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    port::wait::{First, first},
};

use crate::{
    scheduler::{ProcessId, choices::Purpose},
    trace::event::{Actor, Fact, WorldEvent},
    world::{
        World,
        link::{End, Incoming, Packet},
    },
};

mod headers;
mod relay;
mod reorder;
mod routing;
mod upgrade;

/// How long the balancer waits for a container to take a connection before it asks another one
/// or gives up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the balancer remembers.
#[derive(Default)]
pub struct Balancer {
    /// Upgrades being held, by arrival.
    held: RefCell<BTreeSet<(u64, SocketId)>>,
    arrivals: Cell<u64>,
    /// Containers that have left service, since when, and the connections to them.
    leaving: RefCell<BTreeMap<u32, Leaving>>,
}

/// A container, and who has to hear that it leaves service.
#[derive(Default)]
struct Leaving {
    since: Option<Time>,
    waiting: BTreeMap<SocketId, Waker>,
}

impl Balancer {
    /// A container was put into service.
    pub fn enters_service(&self, container: u32) {
        self.leaving.borrow_mut().remove(&container);
    }

    /// A container has left service: its connections are drained.
    pub fn leaves_service(&self, container: u32, now: Time) {
        let mut leaving = self.leaving.borrow_mut();
        let entry = leaving.entry(container).or_default();
        entry.since.get_or_insert(now);
        std::mem::take(&mut entry.waiting)
            .into_values()
            .for_each(Waker::wake);
    }

    /// Completes when the container of a connection has left service.
    async fn left_service(&self, container: u32, socket: SocketId) -> Time {
        let mut waits = false;
        poll_fn(|cx| {
            let mut leaving = self.leaving.borrow_mut();
            let entry = leaving.entry(container).or_default();
            if let Some(since) = entry.since {
                return Poll::Ready(since);
            }
            // A task has one waker for all its life.
            if !waits {
                waits = true;
                entry.waiting.insert(socket, cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// A connection is over.
    fn forget(&self, container: u32, socket: SocketId) {
        if let Some(leaving) = self.leaving.borrow_mut().get_mut(&container) {
            leaving.waiting.remove(&socket);
        }
    }
}

/// Starts the balancer.
pub fn start(world: &Rc<World>) {
    let listener = world.network.listener(Actor::Balancer);
    listener.open();
    let process = ProcessId(Actor::Balancer);
    let accepting = Rc::clone(world);
    world
        .scheduler
        .spawn(process, Actor::Balancer, "listener", async move {
            loop {
                let end = listener.accept().await;
                let entity = Actor::Socket(end.socket());
                let proxy = proxy(Rc::clone(&accepting), end);
                accepting.scheduler.spawn(process, entity, "proxy", proxy);
            }
        });
}

/// One connection, from its upgrade to its end.
async fn proxy(world: Rc<World>, client: End) {
    let socket = client.socket();
    let Incoming::Packet(Packet::Upgrade { upgrade, affinity }) = client.receive().await else {
        return client.reset();
    };
    routing::hold(&world, socket).await;
    let request = headers::apply(&world, *upgrade, affinity);
    let mut close_hold = stream(&world, socket, Purpose::CloseHold);
    let close_hold = close_hold.draw(world.plan.balancer.close_hold_us.inclusive());
    let close_hold = Duration::from_micros(close_hold);
    let early = upgrade::Early::default();
    let copies = Cell::new(0);
    let asking = upgrade::ask(&world, &request, &copies);
    let leaving = async {
        early.collect(&client).await;
        world.scheduler.sleep(close_hold).await;
    };
    // Boxed, so that what an upgrade takes is given back for the life of the connection.
    match Box::pin(first(asking, leaving)).await {
        First::Left(Ok((answered, rest))) => {
            let relaying = relay::relay(&world, &client, answered, early, close_hold);
            Box::pin(relay::both(relaying, rest)).await;
        }
        First::Left(Err(status)) => reject(&world, &client, status).await,
        // Whoever was asked is told by the end of its connection.
        First::Right(()) => client.close(),
    }
}

async fn reject(world: &World, client: &End, status: u16) {
    let socket = client.socket();
    emit(world, WorldEvent::UpgradeRejected { socket, status });
    let response = Packet::Response {
        status,
        subprotocol: None,
        affinity: None,
        by: socket,
    };
    // A client that is gone needs no answer.
    let _ = client.send(response).await;
    client.close();
}

/// A stream of choices of one connection.
fn stream(world: &World, socket: SocketId, purpose: Purpose) -> crate::scheduler::choices::Stream {
    world
        .scheduler
        .choices()
        .stream(Actor::Socket(socket), purpose)
}

fn emit(world: &World, event: WorldEvent) {
    world.events.emit(Actor::Balancer, Fact::World(event));
}
