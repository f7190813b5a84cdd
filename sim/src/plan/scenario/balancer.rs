//! The balancer of a scenario.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    plan::{
        balancer::{A_DAY_MS, BalancerPlan, BalancingPolicy, HeaderPlan, ReorderPlan},
        bounds::{MAX_ADDRESSES, MAX_RETRIES},
        fault::Direction,
        range::{Range, only_usual},
        scenario::{draw::Draw, weights::Weights},
        unit::{Count, Micros, Millis, PerMille},
    },
    trace::request::HeaderPolicy,
};

/// The balancer: what each seed may make of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Balancing {
    /// How long it holds an upgrade; a wide range lets upgrades overtake each other.
    upgrade_hold_us: Range<Micros>,
    /// How long the end of a client's connection takes to reach the container.
    close_hold_us: Range<Micros>,
    /// Whether a reconnecting client is sent to the container it was on before.
    affinity: bool,
    /// Which container gets an upgrade without a cookie: any by chance, if not said.
    policy: Option<Weights<BalancingPolicy>>,
    /// How many upgrades in a thousand arrive without their cookie.
    #[serde(default)]
    cookie_loss_per_mille: Range<PerMille>,
    /// What becomes of the headers of some upgrades.
    headers: Option<Headers>,
    /// How many other containers are asked after one that has not answered an upgrade.
    #[serde(default)]
    retries: Range<Count<0, MAX_RETRIES>>,
    /// How long it waits for a container's answer to an upgrade.
    #[serde(default = "only_usual::<Millis<1>, A_DAY_MS>")]
    answer_timeout_ms: Range<Millis<1>>,
    /// How many upgrades in a thousand are delivered twice.
    #[serde(default)]
    duplicate_per_mille: Range<PerMille>,
    /// How long after the first copy the second one is sent.
    #[serde(default)]
    duplicate_after_us: Range<Micros>,
    /// After how long without a frame in either direction it ends a connection.
    #[serde(default = "only_usual::<Millis<1>, A_DAY_MS>")]
    idle_timeout_ms: Range<Millis<1>>,
    /// How long it keeps the connections of a container that leaves service.
    #[serde(default = "only_usual::<Millis, A_DAY_MS>")]
    drain_ms: Range<Millis>,
    /// Behind how many addresses of its own it hides those of the clients; 0 if it does not.
    #[serde(default)]
    addresses: Range<Count<0, MAX_ADDRESSES>>,
    /// Frames of one connection overtake each other.
    reorder: Option<Reorder>,
}

/// What becomes of headers: a share of the upgrades, and weights for each header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Headers {
    /// How many upgrades in a thousand are treated so.
    per_mille: Range<PerMille>,
    /// What becomes of `Authorization`.
    authorization: Weights<HeaderPolicy>,
    /// What becomes of `Sec-WebSocket-Protocol`.
    subprotocols: Weights<HeaderPolicy>,
    /// What becomes of all other headers.
    others: Weights<HeaderPolicy>,
}

/// How frames of one connection overtake each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reorder {
    /// Which way.
    direction: Weights<Direction>,
    /// How many text frames in a thousand wait while others pass.
    per_mille: Range<PerMille>,
    /// For how long.
    hold_us: Range<Micros>,
}

impl Balancing {
    /// The balancer of one seed.
    pub(super) fn plan(&self, draw: &Draw) -> BalancerPlan {
        BalancerPlan {
            upgrade_hold_us: self.upgrade_hold_us,
            close_hold_us: self.close_hold_us,
            affinity: self.affinity,
            policy: draw.weights_or_default("policy", self.policy.as_ref()),
            cookie_loss_per_mille: draw
                .per_mille("cookie_loss_per_mille", self.cookie_loss_per_mille),
            headers: self
                .headers
                .as_ref()
                .map_or_else(HeaderPlan::default, |headers| headers.plan(draw)),
            retries: draw.range("retries", self.retries),
            answer_timeout_ms: draw.range("answer_timeout_ms", self.answer_timeout_ms),
            duplicate_per_mille: draw.per_mille("duplicate_per_mille", self.duplicate_per_mille),
            duplicate_after_us: self.duplicate_after_us,
            idle_timeout_ms: draw.range("idle_timeout_ms", self.idle_timeout_ms),
            drain_ms: draw.range("drain_ms", self.drain_ms),
            addresses: draw.range("addresses", self.addresses),
            reorder: self.reorder.as_ref().map(|reorder| reorder.plan(draw)),
        }
    }
}

impl Headers {
    fn plan(&self, draw: &Draw) -> HeaderPlan {
        HeaderPlan {
            per_mille: draw.per_mille("headers.per_mille", self.per_mille),
            authorization: draw.weights("headers.authorization", &self.authorization),
            subprotocols: draw.weights("headers.subprotocols", &self.subprotocols),
            others: draw.weights("headers.others", &self.others),
        }
    }
}

impl Reorder {
    fn plan(&self, draw: &Draw) -> ReorderPlan {
        ReorderPlan {
            direction: draw.weights("reorder.direction", &self.direction),
            per_mille: draw.per_mille("reorder.per_mille", self.per_mille),
            hold_us: self.hold_us,
        }
    }
}
