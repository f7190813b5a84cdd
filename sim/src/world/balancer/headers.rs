//! What becomes of a request on its way: headers kept, stripped or mangled, addresses hidden, the
//! cookie lost.

use gatesim_model::port::socket::Upgrade;

use super::{emit, stream};
use crate::{
    plan::HeaderPolicy,
    scheduler::choices::Purpose,
    trace::event::{Header, WorldEvent},
    world::World,
};

/// The first port of the balancer's own addresses.
const FIRST_PORT: u64 = 35_000;

/// What stands where somebody was to fill in a value.
const PLACEHOLDER: &str = "{client_header}";

/// The request as the containers will get it, and the container that its cookie names.
pub(super) struct Request {
    pub(super) upgrade: Upgrade,
    pub(super) affinity: Option<u32>,
}

/// Does to a request what the plan says.
pub(super) fn apply(world: &World, mut upgrade: Upgrade, affinity: Option<u32>) -> Request {
    let plan = &world.plan.balancer;
    let socket = upgrade.socket;
    if stream(world, socket, Purpose::Headers).chance(world.odds(plan.headers.per_mille)) {
        change_headers(world, &mut upgrade);
    }
    if plan.addresses > 0 {
        let most = u64::from(plan.addresses) - 1;
        let address = stream(world, socket, Purpose::Address).draw(0..=most);
        upgrade.peer_address = format!("169.254.8.129:{}", FIRST_PORT + address);
    }
    let lost =
        stream(world, socket, Purpose::CookieLoss).chance(world.odds(plan.cookie_loss_per_mille));
    let affinity = affinity.filter(|_| plan.affinity && !lost);
    Request { upgrade, affinity }
}

fn change_headers(world: &World, upgrade: &mut Upgrade) {
    let socket = upgrade.socket;
    let plan = &world.plan.balancer.headers;
    let token = change(&mut upgrade.authorization, plan.authorization, |token| {
        *token = Some(format!("Bearer {PLACEHOLDER}"));
    });
    let names = change(&mut upgrade.subprotocols, plan.subprotocols, |names| {
        *names = vec![PLACEHOLDER.to_owned()];
    });
    let others = change(&mut upgrade.headers, plan.others, |headers| {
        for (_, value) in headers {
            *value = PLACEHOLDER.to_owned();
        }
    });
    for (header, change) in [
        (Header::Authorization, token),
        (Header::Subprotocols, names),
        (Header::Others, others),
    ] {
        if let Some(policy) = change {
            let changed = WorldEvent::HeaderChanged {
                socket,
                header,
                policy,
            };
            emit(world, changed);
        }
    }
}

/// Does to one part of a request what its policy says; the policy, if that was anything. What the
/// client left out stays as it is.
fn change<T: Default + PartialEq>(
    part: &mut T,
    policy: HeaderPolicy,
    mangle: impl FnOnce(&mut T),
) -> Option<HeaderPolicy> {
    if *part == T::default() {
        return None;
    }
    match policy {
        HeaderPolicy::Keep => return None,
        HeaderPolicy::Strip => *part = T::default(),
        HeaderPolicy::Mangle => mangle(part),
    }
    Some(policy)
}
