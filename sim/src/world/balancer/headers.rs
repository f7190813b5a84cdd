//! How the balancer changes a request: headers kept, stripped or mangled, addresses hidden, the
//! cookie lost.

use gatesim_model::port::socket::Upgrade;

use super::Balancer;
use crate::{
    plan::{HeaderPolicy, Unit},
    scheduler::choices::Purpose,
    trace::event::{Header, WorldEvent},
};

/// The first port of the balancer's own addresses.
const FIRST_PORT: u64 = 35_000;

/// A placeholder that was never filled in.
const PLACEHOLDER: &str = "{client_header}";

/// The request as the containers will get it, and the container that its cookie names.
pub(super) struct ForwardedRequest {
    pub(super) upgrade: Upgrade,
    pub(super) affinity: Option<u32>,
}

/// Does to a request what the plan says.
pub(super) fn apply(
    balancer: &Balancer,
    mut upgrade: Upgrade,
    affinity: Option<u32>,
) -> ForwardedRequest {
    let plan = balancer.plan();
    let socket = upgrade.socket;
    if balancer
        .stream(socket, Purpose::Headers)
        .chance(balancer.odds(plan.headers.per_mille))
    {
        change_headers(balancer, &mut upgrade);
    }
    if let Some(most) = plan.addresses.amount().checked_sub(1) {
        let address = balancer.stream(socket, Purpose::Address).draw(0..=most);
        upgrade.peer_address = format!("169.254.8.129:{}", FIRST_PORT + address);
    }
    let lost = balancer
        .stream(socket, Purpose::CookieLoss)
        .chance(balancer.odds(plan.cookie_loss_per_mille));
    let affinity = affinity.filter(|_| plan.affinity && !lost);
    ForwardedRequest { upgrade, affinity }
}

fn change_headers(balancer: &Balancer, upgrade: &mut Upgrade) {
    let socket = upgrade.socket;
    let plan = &balancer.plan().headers;
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
            balancer.emit(changed);
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
