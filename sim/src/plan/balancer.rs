//! What the balancer does to a connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    plan::{
        bounds::{MAX_ADDRESSES, MAX_RETRIES},
        fault::Direction,
        range::Range,
        unit::{Count, Micros, Millis, PerMille, is_default, is_usual, usual},
    },
    trace::request::HeaderPolicy,
};

/// The default time-out of backends and of affinity, in milliseconds.
pub const A_DAY_MS: u64 = 86_400_000;

/// The balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalancerPlan {
    /// How long it holds an upgrade; a wide range lets upgrades overtake each other.
    pub upgrade_hold_us: Range<Micros>,
    /// How long it holds the end of a client's connection before the container hears of it; a
    /// wide range lets the end of an old connection arrive after the start of its successor.
    pub close_hold_us: Range<Micros>,
    /// Whether a reconnecting client is sent to the container it was on before.
    pub affinity: bool,
    /// Which container gets an upgrade without a cookie.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: BalancingPolicy,
    /// How many upgrades in a thousand arrive without their cookie.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cookie_loss_per_mille: PerMille,
    /// What becomes of the headers of an upgrade.
    #[serde(default, skip_serializing_if = "HeaderPlan::keeps_all")]
    pub headers: HeaderPlan,
    /// How many other containers are asked after one that has refused an upgrade, has ended
    /// without an answer, or has taken too long.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retries: Count<0, MAX_RETRIES>,
    /// How long it waits for a container's answer to an upgrade.
    #[serde(
        default = "usual::<Millis<1>, A_DAY_MS>",
        skip_serializing_if = "is_usual::<_, A_DAY_MS>"
    )]
    pub answer_timeout_ms: Millis<1>,
    /// How many upgrades in a thousand are delivered twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duplicate_per_mille: PerMille,
    /// How long after the first copy the second one is on its way.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duplicate_after_us: Range<Micros>,
    /// After how long without a frame in either direction it ends a connection.
    #[serde(
        default = "usual::<Millis<1>, A_DAY_MS>",
        skip_serializing_if = "is_usual::<_, A_DAY_MS>"
    )]
    pub idle_timeout_ms: Millis<1>,
    /// How long it keeps the connections of a container that leaves service.
    #[serde(
        default = "usual::<Millis, A_DAY_MS>",
        skip_serializing_if = "is_usual::<_, A_DAY_MS>"
    )]
    pub drain_ms: Millis,
    /// Behind how many addresses of its own it hides those of the clients; 0 if it does not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub addresses: Count<0, MAX_ADDRESSES>,
    /// Whether frames of one connection overtake each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<ReorderPlan>,
}

/// Which container gets an upgrade without a cookie, among those in service.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum BalancingPolicy {
    /// Any of them, by chance.
    #[default]
    Random,
    /// One of those with the fewest connections, upgraded ones and those being asked.
    LeastConnections,
}

impl BalancerPlan {
    /// Whether it changes, doubles or disarranges some of what it passes on.
    pub(super) fn errs(&self) -> bool {
        let reordered = self.reorder.map(|reorder| reorder.per_mille);
        [
            self.headers.per_mille,
            self.cookie_loss_per_mille,
            self.duplicate_per_mille,
            reordered.unwrap_or_default(),
        ]
        .iter()
        .any(|odds| *odds > PerMille::default())
    }
}

/// What becomes of the headers of an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderPlan {
    /// How many upgrades in a thousand are treated so; the others keep everything.
    pub per_mille: PerMille,
    /// `Authorization`.
    #[serde(default)]
    pub authorization: HeaderPolicy,
    /// `Sec-WebSocket-Protocol`.
    #[serde(default)]
    pub subprotocols: HeaderPolicy,
    /// All the rest: those of tests among them.
    #[serde(default)]
    pub others: HeaderPolicy,
}

impl HeaderPlan {
    fn keeps_all(&self) -> bool {
        *self == HeaderPlan::default()
    }
}

/// How frames of one connection overtake each other. TCP cannot do that; a middlebox that takes
/// messages apart and puts them on several connections of its own can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorderPlan {
    /// Which way.
    pub direction: Direction,
    /// How many text frames in a thousand are held while others pass.
    pub per_mille: PerMille,
    /// For how long.
    pub hold_us: Range<Micros>,
}
