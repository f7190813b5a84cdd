//! One connection of a client, from its upgrade to its end.

use std::{cell::Cell, rc::Rc, time::Duration};

use gatesim_model::port::wait::{First, first};

use super::{Balancer, headers, relay, routing, upgrade};
use crate::{
    scheduler::{ProcessId, choices::Purpose},
    trace::event::{Actor, WorldEvent},
    world::link::{Incoming, LinkEnd, Packet},
};

/// Starts the balancer.
pub fn start(balancer: &Rc<Balancer>) {
    let listener = balancer.network.listener(Actor::Balancer);
    listener.open();
    let process = ProcessId(Actor::Balancer);
    let accepting = Rc::clone(balancer);
    balancer
        .scheduler()
        .spawn(process, Actor::Balancer, "listener", async move {
            loop {
                let end = listener.accept().await;
                let entity = Actor::Socket(end.socket());
                let proxy = proxy(Rc::clone(&accepting), end);
                accepting.scheduler().spawn(process, entity, "proxy", proxy);
            }
        });
}

/// One connection, from its upgrade to its end.
async fn proxy(balancer: Rc<Balancer>, client: LinkEnd) {
    let socket = client.socket();
    let Incoming::Packet(Packet::Upgrade { upgrade, affinity }) = client.receive().await else {
        return client.reset();
    };
    routing::hold(&balancer, socket).await;
    let request = headers::apply(&balancer, *upgrade, affinity);
    let mut close_hold = balancer.stream(socket, Purpose::CloseDelay);
    let close_hold = close_hold.draw(balancer.plan().close_hold_us.inclusive());
    let close_hold = Duration::from_micros(close_hold);
    let early = upgrade::Early::default();
    let copies = Cell::new(0);
    let asking = upgrade::ask(&balancer, &request, &copies);
    let leaving = async {
        early.collect(&client).await;
        balancer.scheduler().sleep(close_hold).await;
    };
    // Boxed, so that what an upgrade takes is given back for the life of the connection.
    match Box::pin(first(asking, leaving)).await {
        First::Left(Ok((answered, rest))) => {
            let relaying = relay::relay(&balancer, &client, answered, early, close_hold);
            Box::pin(relay::both(relaying, rest)).await;
        }
        First::Left(Err(status)) => reject(&balancer, &client, status).await,
        // A container that was asked is told by the end of its connection.
        First::Right(()) => client.close(),
    }
}

async fn reject(balancer: &Balancer, client: &LinkEnd, status: u16) {
    let socket = client.socket();
    balancer.emit(WorldEvent::UpgradeRejected { socket, status });
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
