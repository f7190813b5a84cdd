//! What the balancer does to a connection.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Direction, HeaderPolicy, Range};
use crate::plan::bounds::{
    MAX_ADDRESSES, MAX_MS, MAX_RETRIES, MAX_US, PER_MILLE, is_default, within,
};

/// The balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerPlan {
    /// How long it holds an upgrade; a wide range lets upgrades overtake each other.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub upgrade_hold_us: Range,
    /// How long it holds the end of a client's connection before the container hears of it; a
    /// wide range lets the end of an old connection arrive after the start of its successor.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub close_hold_us: Range,
    /// Whether a reconnecting client is sent to the container it was on before.
    pub affinity: bool,
    /// How many upgrades in a thousand arrive without their cookie.
    #[serde(
        default,
        skip_serializing_if = "is_default",
        deserialize_with = "within::<0, PER_MILLE, _, _>"
    )]
    pub cookie_loss_per_mille: u32,
    /// What becomes of the headers of an upgrade.
    #[serde(default, skip_serializing_if = "HeaderPlan::keeps_all")]
    pub headers: HeaderPlan,
    /// How many other containers are asked after one that has refused an upgrade, has ended
    /// without an answer, or has taken too long.
    #[serde(
        default,
        skip_serializing_if = "is_default",
        deserialize_with = "within::<0, MAX_RETRIES, _, _>"
    )]
    pub retries: u32,
    /// How long it waits for a container's answer to an upgrade.
    #[serde(
        default = "a_day_ms",
        skip_serializing_if = "is_a_day",
        deserialize_with = "within::<1, MAX_MS, _, _>"
    )]
    pub answer_timeout_ms: u64,
    /// How many upgrades in a thousand are delivered twice.
    #[serde(
        default,
        skip_serializing_if = "is_default",
        deserialize_with = "within::<0, PER_MILLE, _, _>"
    )]
    pub duplicate_per_mille: u32,
    /// How long after the first copy the second one is on its way.
    #[serde(
        default,
        skip_serializing_if = "is_default",
        deserialize_with = "within::<0, MAX_US, _, _>"
    )]
    pub duplicate_after_us: Range,
    /// After how long without a frame in either direction it ends a connection.
    #[serde(
        default = "a_day_ms",
        skip_serializing_if = "is_a_day",
        deserialize_with = "within::<1, MAX_MS, _, _>"
    )]
    pub idle_timeout_ms: u64,
    /// How long it keeps the connections of a container that leaves service.
    #[serde(
        default = "a_day_ms",
        skip_serializing_if = "is_a_day",
        deserialize_with = "within::<0, MAX_MS, _, _>"
    )]
    pub drain_ms: u64,
    /// Behind how many addresses of its own it hides those of the clients; 0 if it does not.
    #[serde(
        default,
        skip_serializing_if = "is_default",
        deserialize_with = "within::<0, MAX_ADDRESSES, _, _>"
    )]
    pub addresses: u32,
    /// Whether frames of one connection overtake each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<ReorderPlan>,
}

impl BalancerPlan {
    /// The time-out of backends and of affinity unless somebody sets another (protocol.md 1.1).
    pub const A_DAY_MS: u64 = 86_400_000;

    /// How long it waits for a container's answer to an upgrade.
    pub fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }

    /// After how long without a frame it ends a connection.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// How long it keeps the connections of a container that leaves service.
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

/// What becomes of the headers of an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderPlan {
    /// How many upgrades in a thousand are treated so; the others keep everything.
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    pub per_mille: u32,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReorderPlan {
    /// Which way.
    pub direction: Direction,
    /// How many text frames in a thousand are held while others pass.
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    pub per_mille: u32,
    /// For how long.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub hold_us: Range,
}

fn a_day_ms() -> u64 {
    BalancerPlan::A_DAY_MS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_a_day(ms: &u64) -> bool {
    *ms == BalancerPlan::A_DAY_MS
}
