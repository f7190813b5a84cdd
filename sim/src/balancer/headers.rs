//! What becomes of a request on its way: headers kept, stripped or mangled, addresses hidden, the
//! cookie lost.

use gatesim_model::socket::Upgrade;

use super::{emit, stream};
use crate::{
    choices::Purpose,
    event::{Header, WorldEvent},
    plan::HeaderPolicy,
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
        let tell = |header, policy| {
            emit(
                world,
                WorldEvent::HeaderChanged {
                    socket,
                    header,
                    policy,
                },
            );
        };
        let policy = plan.headers.authorization;
        if let Some(value) = &mut upgrade.authorization {
            match policy {
                HeaderPolicy::Keep => {}
                HeaderPolicy::Strip => upgrade.authorization = None,
                HeaderPolicy::Mangle => *value = format!("Bearer {PLACEHOLDER}"),
            }
            tell_if_changed(policy, || tell(Header::Authorization, policy));
        }
        let policy = plan.headers.subprotocols;
        if !upgrade.subprotocols.is_empty() {
            match policy {
                HeaderPolicy::Keep => {}
                HeaderPolicy::Strip => upgrade.subprotocols.clear(),
                HeaderPolicy::Mangle => upgrade.subprotocols = vec![PLACEHOLDER.to_owned()],
            }
            tell_if_changed(policy, || tell(Header::Subprotocols, policy));
        }
        let policy = plan.headers.others;
        if !upgrade.headers.is_empty() {
            match policy {
                HeaderPolicy::Keep => {}
                HeaderPolicy::Strip => upgrade.headers.clear(),
                HeaderPolicy::Mangle => {
                    for (_, value) in &mut upgrade.headers {
                        *value = PLACEHOLDER.to_owned();
                    }
                }
            }
            tell_if_changed(policy, || tell(Header::Others, policy));
        }
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

fn tell_if_changed(policy: HeaderPolicy, tell: impl FnOnce()) {
    match policy {
        HeaderPolicy::Keep => {}
        HeaderPolicy::Strip | HeaderPolicy::Mangle => tell(),
    }
}
