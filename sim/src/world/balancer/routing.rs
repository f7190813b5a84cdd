//! When an upgrade goes on, and where it goes.

use std::{collections::BTreeSet, time::Duration};

use gatesim_model::core::ids::SocketId;

use super::Balancer;
use crate::{
    plan::BalancingPolicy,
    scheduler::choices::{Purpose, Stream},
    trace::event::WorldEvent,
};

/// Holds an upgrade for its time; others may overtake it.
pub(super) async fn hold(balancer: &Balancer, socket: SocketId) {
    let arrival = balancer.arrivals.get();
    balancer.arrivals.set(arrival + 1);
    balancer.held.borrow_mut().insert((arrival, socket));
    let hold = balancer
        .stream(socket, Purpose::UpgradeDelay)
        .draw(balancer.plan().upgrade_hold_us.inclusive());
    balancer
        .scheduler()
        .sleep(Duration::from_micros(hold))
        .await;
    let mut held = balancer.held.borrow_mut();
    held.remove(&(arrival, socket));
    if let Some(&(earlier, overtaken)) = held.first()
        && earlier < arrival
    {
        balancer.emit(WorldEvent::UpgradeOvertook { socket, overtaken });
    }
}

/// The container that the cookie names if it is in service, otherwise one in service by the policy of the plan;
/// never one that was asked before.
pub(super) fn route(
    balancer: &Balancer,
    choices: &mut Stream,
    cookie: Option<u32>,
    asked: &BTreeSet<u32>,
) -> Option<u32> {
    let mut candidates = balancer.backends.in_service();
    candidates.retain(|container| !asked.contains(container));
    if let Some(container) = cookie.filter(|container| candidates.contains(container)) {
        return Some(container);
    }
    match balancer.plan().policy {
        BalancingPolicy::Random => {}
        BalancingPolicy::LeastConnections => {
            let load = |container: &u32| balancer.load(*container);
            let least = candidates.iter().map(load).min();
            candidates.retain(|container| Some(load(container)) == least);
        }
    }
    let most = candidates.len().checked_sub(1)?;
    Some(candidates[choices.draw(0..=most as u64) as usize])
}
