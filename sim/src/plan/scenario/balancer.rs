//! The balancer of a scenario.

use serde::Deserialize;

use super::{Draw, Weights};
use crate::plan::{
    BalancerPlan, Direction, HeaderPlan, HeaderPolicy, Range, ReorderPlan,
    bounds::{MAX_ADDRESSES, MAX_MS, MAX_RETRIES, MAX_US, PER_MILLE, within},
};

/// The balancer: what each seed may make of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Balancing {
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    upgrade_hold_us: Range,
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    close_hold_us: Range,
    affinity: bool,
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    cookie_loss_per_mille: Range,
    headers: Option<Headers>,
    #[serde(default, deserialize_with = "within::<0, MAX_RETRIES, _, _>")]
    retries: Range,
    #[serde(default = "a_day", deserialize_with = "within::<1, MAX_MS, _, _>")]
    answer_timeout_ms: Range,
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    duplicate_per_mille: Range,
    #[serde(default, deserialize_with = "within::<0, MAX_US, _, _>")]
    duplicate_after_us: Range,
    #[serde(default = "a_day", deserialize_with = "within::<1, MAX_MS, _, _>")]
    idle_timeout_ms: Range,
    #[serde(default = "a_day", deserialize_with = "within::<0, MAX_MS, _, _>")]
    drain_ms: Range,
    #[serde(default, deserialize_with = "within::<0, MAX_ADDRESSES, _, _>")]
    addresses: Range,
    reorder: Option<Reorder>,
}

/// What becomes of headers: a share of the upgrades, and weights for each header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    per_mille: Range,
    authorization: Weights<HeaderPolicy>,
    subprotocols: Weights<HeaderPolicy>,
    others: Weights<HeaderPolicy>,
}

/// How frames of one connection overtake each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reorder {
    directions: Weights<Direction>,
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    per_mille: Range,
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    hold_us: Range,
}

fn a_day() -> Range {
    Range {
        least: BalancerPlan::A_DAY_MS,
        most: BalancerPlan::A_DAY_MS,
    }
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
            retries: draw.range("retries", self.retries) as u32,
            answer_timeout_ms: draw.range("answer_timeout_ms", self.answer_timeout_ms),
            duplicate_per_mille: draw.per_mille("duplicate", self.duplicate_per_mille),
            duplicate_after_us: self.duplicate_after_us,
            idle_timeout_ms: draw.range("idle_timeout_ms", self.idle_timeout_ms),
            drain_ms: draw.range("drain_ms", self.drain_ms),
            addresses: draw.range("addresses", self.addresses) as u32,
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
