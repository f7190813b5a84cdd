//! The balancer of a scenario.

use serde::Deserialize;

use super::{Draw, Weights};
use crate::plan::{
    A_DAY_MS, BalancerPlan, Count, Direction, HeaderPlan, HeaderPolicy, Micros, Millis, PerMille,
    Range, ReorderPlan,
    bounds::{MAX_ADDRESSES, MAX_RETRIES},
    range::only_usual,
};

/// The balancer: what each seed may make of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Balancing {
    upgrade_hold_us: Range<Micros>,
    close_hold_us: Range<Micros>,
    affinity: bool,
    #[serde(default)]
    cookie_loss_per_mille: Range<PerMille>,
    headers: Option<Headers>,
    #[serde(default)]
    retries: Range<Count<0, MAX_RETRIES>>,
    #[serde(default = "only_usual::<_, A_DAY_MS>")]
    answer_timeout_ms: Range<Millis<1>>,
    #[serde(default)]
    duplicate_per_mille: Range<PerMille>,
    #[serde(default)]
    duplicate_after_us: Range<Micros>,
    #[serde(default = "only_usual::<_, A_DAY_MS>")]
    idle_timeout_ms: Range<Millis<1>>,
    #[serde(default = "only_usual::<_, A_DAY_MS>")]
    drain_ms: Range<Millis>,
    #[serde(default)]
    addresses: Range<Count<0, MAX_ADDRESSES>>,
    reorder: Option<Reorder>,
}

/// What becomes of headers: a share of the upgrades, and weights for each header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    per_mille: Range<PerMille>,
    authorization: Weights<HeaderPolicy>,
    subprotocols: Weights<HeaderPolicy>,
    others: Weights<HeaderPolicy>,
}

/// How frames of one connection overtake each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reorder {
    directions: Weights<Direction>,
    per_mille: Range<PerMille>,
    hold_us: Range<Micros>,
}

impl Balancing {
    /// The balancer of one seed.
    pub(super) fn plan(&self, draw: &Draw) -> BalancerPlan {
        BalancerPlan {
            upgrade_hold_us: self.upgrade_hold_us,
            close_hold_us: self.close_hold_us,
            affinity: self.affinity,
            cookie_loss_per_mille: draw.per_mille("cookie_loss", self.cookie_loss_per_mille),
            headers: self
                .headers
                .as_ref()
                .map_or_else(HeaderPlan::default, |headers| headers.plan(draw)),
            retries: draw.range("retries", self.retries),
            answer_timeout_ms: draw.range("answer_timeout_ms", self.answer_timeout_ms),
            duplicate_per_mille: draw.per_mille("duplicate", self.duplicate_per_mille),
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
            per_mille: draw.per_mille("headers", self.per_mille),
            authorization: draw.weights("header_authorization", &self.authorization),
            subprotocols: draw.weights("header_subprotocols", &self.subprotocols),
            others: draw.weights("header_others", &self.others),
        }
    }
}

impl Reorder {
    fn plan(&self, draw: &Draw) -> ReorderPlan {
        ReorderPlan {
            direction: draw.weights("reorder_direction", &self.directions),
            per_mille: draw.per_mille("reorder", self.per_mille),
            hold_us: self.hold_us,
        }
    }
}
