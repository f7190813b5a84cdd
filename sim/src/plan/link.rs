//! The links of a run: client to balancer, balancer to container.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Range;
use crate::plan::bounds::{MAX_MS, MAX_US, MAX_WINDOW, PER_MILLE, is_default, within};

/// One link, both directions alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPlan {
    /// One-way latency of a frame, in microseconds.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub latency_us: Range,
    /// How many frames in a thousand are lost once and arrive after a retransmission.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    pub loss_per_mille: u32,
    /// How long an end waits for the acknowledgement of what it has sent before it gives the
    /// connection up, in milliseconds.
    #[serde(
        default = "usual_give_up_ms",
        skip_serializing_if = "is_usual_give_up",
        deserialize_with = "within::<1, MAX_MS, _, _>"
    )]
    pub give_up_ms: u64,
    /// How many frames may be on the way or unread in one direction before the sender has to
    /// wait.
    #[serde(
        default = "usual_window",
        skip_serializing_if = "is_usual_window",
        deserialize_with = "within::<1, MAX_WINDOW, _, _>"
    )]
    pub window: u32,
    /// How long one frame occupies the link, or its reader, in microseconds: the next one arrives
    /// so much later at least.
    #[serde(
        default,
        skip_serializing_if = "is_default",
        deserialize_with = "within::<0, MAX_US, _, _>"
    )]
    pub frame_us: u64,
}

impl LinkPlan {
    /// What an operating system does that nobody has told otherwise: fifteen retransmissions,
    /// 924.6 s in all (Linux, `tcp_retries2`).
    pub const USUAL_GIVE_UP_MS: u64 = 924_600;

    /// A window of 64 frames: the usual 64 KiB of events of one kilobyte each.
    pub const USUAL_WINDOW: u32 = 64;

    /// A link with these latencies and nothing else to it.
    pub fn plain(latency_us: Range) -> LinkPlan {
        LinkPlan {
            latency_us,
            loss_per_mille: 0,
            give_up_ms: LinkPlan::USUAL_GIVE_UP_MS,
            window: LinkPlan::USUAL_WINDOW,
            frame_us: 0,
        }
    }

    /// How long an end waits for an acknowledgement.
    pub fn give_up(&self) -> Duration {
        Duration::from_millis(self.give_up_ms)
    }
}

fn usual_window() -> u32 {
    LinkPlan::USUAL_WINDOW
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_usual_window(window: &u32) -> bool {
    *window == LinkPlan::USUAL_WINDOW
}

fn usual_give_up_ms() -> u64 {
    LinkPlan::USUAL_GIVE_UP_MS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_usual_give_up(give_up_ms: &u64) -> bool {
    *give_up_ms == LinkPlan::USUAL_GIVE_UP_MS
}
