//! The load balancer: takes every connection, routes its upgrade, passes frames both ways.
//!
//! Modelled: routing by affinity cookie or by choice, upgrades held for different times and so
//! overtaken by later ones, the end of a client's connection that reaches the container late,
//! its own errors (503 without a container, 502 if the container refuses). Frames of one
//! connection stay in order.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use gatesim_model::ids::SocketId;

use crate::{
    choices::Purpose,
    event::{Actor, Fact, WorldEvent},
    gate::ProcessId,
    link::{End, Incoming, Packet},
    world::World,
};

/// What the balancer remembers.
#[derive(Default)]
pub struct Balancer {
    /// Upgrades being held, by arrival.
    held: RefCell<BTreeSet<(u64, SocketId)>>,
    arrivals: std::cell::Cell<u64>,
}

/// Starts the balancer.
pub fn start(world: &Rc<World>) {
    let listener = world.network.listener(Actor::Balancer);
    listener.open();
    let process = ProcessId(Actor::Balancer);
    let accepting = Rc::clone(world);
    world
        .gate
        .spawn(process, Actor::Balancer, "listener", async move {
            loop {
                let end = listener.accept().await;
                let entity = Actor::Socket(end.socket());
                let proxy = proxy(Rc::clone(&accepting), end);
                accepting.gate.spawn(process, entity, "proxy", proxy);
            }
        });
}

/// One connection, from its upgrade to its end.
async fn proxy(world: Rc<World>, client: End) {
    let socket = client.socket();
    let Incoming::Packet(Packet::Upgrade { upgrade, affinity }) = client.receive().await else {
        client.reset();
        return;
    };
    hold(&world, socket).await;
    let Some(container) = route(&world, socket, affinity) else {
        return reject(&world, &client, 503).await;
    };
    let to = Actor::Container(container);
    let link = world.plan.backend_link;
    let Ok(backend) = world
        .network
        .connect(socket, Actor::Balancer, to, link)
        .await
    else {
        return reject(&world, &client, 502).await;
    };
    emit(&world, WorldEvent::UpgradeRouted { socket, container });
    if backend
        .send(Packet::Upgrade { upgrade, affinity })
        .await
        .is_err()
    {
        return reject(&world, &client, 502).await;
    }
    let mut close_hold = world
        .gate
        .choices()
        .stream(Actor::Socket(socket), Purpose::CloseHold);
    let close_hold = close_hold.draw(world.plan.balancer.close_hold_us.inclusive());
    let close_hold = Duration::from_micros(close_hold);
    let up = async {
        loop {
            let incoming = client.receive().await;
            if ends(&incoming) {
                world.gate.sleep(close_hold).await;
            }
            if !pass(incoming, &client, &backend).await {
                return;
            }
        }
    };
    let down = async {
        loop {
            let incoming = match backend.receive().await {
                // The cookie is the balancer's own.
                Incoming::Packet(Packet::Response {
                    status,
                    subprotocol,
                    ..
                }) => {
                    let affinity = Some(container);
                    Incoming::Packet(Packet::Response {
                        status,
                        subprotocol,
                        affinity,
                    })
                }
                other => other,
            };
            if !pass(incoming, &backend, &client).await {
                return;
            }
        }
    };
    both(up, down).await;
}

/// Passes one thing on; false when this direction is over.
async fn pass(incoming: Incoming, from: &End, to: &End) -> bool {
    match incoming {
        Incoming::Packet(packet) => {
            let sent = to.send(packet).await.is_ok();
            if !sent {
                from.reset();
            }
            sent
        }
        Incoming::Fin => {
            to.fin();
            false
        }
        Incoming::Reset => {
            to.reset();
            false
        }
    }
}

fn ends(incoming: &Incoming) -> bool {
    use gatesim_model::message::Frame;
    match incoming {
        Incoming::Fin | Incoming::Reset => true,
        Incoming::Packet(Packet::Frame { frame, .. }) => match frame {
            Frame::Close { .. } => true,
            Frame::Text(_) | Frame::Ping | Frame::Pong => false,
        },
        Incoming::Packet(Packet::Upgrade { .. } | Packet::Response { .. }) => false,
    }
}

/// Holds an upgrade for its time; others may overtake it.
async fn hold(world: &World, socket: SocketId) {
    let balancer = &world.balancer;
    let arrival = balancer.arrivals.get();
    balancer.arrivals.set(arrival + 1);
    balancer.held.borrow_mut().insert((arrival, socket));
    let mut stream = world
        .gate
        .choices()
        .stream(Actor::Socket(socket), Purpose::UpgradeHold);
    let hold = stream.draw(world.plan.balancer.upgrade_hold_us.inclusive());
    world.gate.sleep(Duration::from_micros(hold)).await;
    let mut held = balancer.held.borrow_mut();
    held.remove(&(arrival, socket));
    if let Some(&(earlier, overtaken)) = held.first()
        && earlier < arrival
    {
        emit(world, WorldEvent::UpgradeOvertook { socket, overtaken });
    }
}

/// The container that the cookie names if it is in service, any one in service otherwise.
fn route(world: &World, socket: SocketId, affinity: Option<u32>) -> Option<u32> {
    let in_service = world.in_service();
    let cookie = affinity.filter(|container| in_service.contains(container));
    match (cookie, world.plan.balancer.affinity) {
        (Some(container), true) => Some(container),
        (Some(_), false) | (None, _) => {
            let most = in_service.len().checked_sub(1)?;
            let mut stream = world
                .gate
                .choices()
                .stream(Actor::Socket(socket), Purpose::Route);
            Some(in_service[stream.draw(0..=most as u64) as usize])
        }
    }
}

async fn reject(world: &World, client: &End, status: u16) {
    let socket = client.socket();
    emit(world, WorldEvent::UpgradeRejected { socket, status });
    // A client that is gone needs no answer.
    let _ = client
        .send(Packet::Response {
            status,
            subprotocol: None,
            affinity: None,
        })
        .await;
    client.fin();
}

fn emit(world: &World, event: WorldEvent) {
    world.recorder.emit(Actor::Balancer, Fact::World(event));
}

/// Runs both to their ends.
async fn both(left: impl Future<Output = ()>, right: impl Future<Output = ()>) {
    let mut left = std::pin::pin!(left);
    let mut right = std::pin::pin!(right);
    let (mut left_done, mut right_done) = (false, false);
    std::future::poll_fn(|cx| {
        left_done = left_done || left.as_mut().poll(cx).is_ready();
        right_done = right_done || right.as_mut().poll(cx).is_ready();
        match left_done && right_done {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
