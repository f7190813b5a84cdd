//! The links of a run: client to balancer, balancer to container.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{
    bounds::MAX_WINDOW,
    range::Range,
    unit::{Count, Micros, Millis, PerMille, is_default, is_usual, usual},
};

/// What an operating system does by default: fifteen retransmissions, 924.6 s in all (Linux,
/// `tcp_retries2`).
pub const USUAL_GIVE_UP_MS: u64 = 924_600;

/// A window of 64 frames: the usual 64 KiB of events of one kilobyte each.
pub const USUAL_WINDOW: u64 = 64;

/// How often a request to connect is repeated if nothing answers, each time after twice the
/// wait before, from one second on (Linux, `tcp_syn_retries`).
pub const CONNECT_RETRIES: u32 = 6;

/// How much later a lost frame arrives: the usual least retransmission time-out of TCP.
pub const RETRANSMISSION: Duration = Duration::from_millis(200);

/// One link, both directions alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkPlan {
    /// One-way latency of a frame, in microseconds.
    pub latency_us: Range<Micros>,
    /// How many frames in a thousand are lost once and arrive after a retransmission.
    #[serde(default)]
    pub loss_per_mille: PerMille,
    /// How long an end waits for the acknowledgement of what it has sent before it gives the
    /// connection up, in milliseconds.
    #[serde(
        default = "usual::<Millis<1>, USUAL_GIVE_UP_MS>",
        skip_serializing_if = "is_usual::<_, USUAL_GIVE_UP_MS>"
    )]
    pub give_up_ms: Millis<1>,
    /// How many frames may be on the way or unread in one direction before the sender has to
    /// wait.
    #[serde(
        default = "usual::<Count<1, MAX_WINDOW>, USUAL_WINDOW>",
        skip_serializing_if = "is_usual::<_, USUAL_WINDOW>"
    )]
    pub window: Count<1, MAX_WINDOW>,
    /// How long one frame occupies the link, or its reader, in microseconds: the next one arrives
    /// so much later at least.
    #[serde(default, skip_serializing_if = "is_default")]
    pub frame_us: Micros,
}

/// How many losses in a row happen in more than one case in a million; at most as many as requests
/// are repeated.
fn losses_in_a_row(per_mille: u32) -> usize {
    let once = u64::from(per_mille);
    let odds = std::iter::successors(Some(1_000 * once), |odds| Some(odds * once / 1_000));
    odds.take(CONNECT_RETRIES as usize)
        .take_while(|per_million| *per_million > 0)
        .count()
}

impl LinkPlan {
    /// From sending a frame on an idle link to its arrival, at most: the greatest latency, and one
    /// retransmission if frames are lost.
    pub fn slowest(&self) -> Duration {
        match self.loss_per_mille.get() {
            0 => self.latency_us.most.duration(),
            _ => self.latency_us.most.duration() + RETRANSMISSION,
        }
    }

    /// From asking for a connection to having it: there and back, and before it a pause of one
    /// second, two, four and so on for each request in a row that is lost. One connection in a
    /// million takes longer.
    pub fn opening(&self) -> Duration {
        let pauses = (1 << losses_in_a_row(self.loss_per_mille.get())) - 1;
        2 * self.latency_us.most.duration() + Duration::from_secs(pauses)
    }

    /// A link with these latencies and nothing else to it.
    pub fn plain(latency_us: Range<Micros>) -> LinkPlan {
        LinkPlan {
            latency_us,
            loss_per_mille: PerMille::default(),
            give_up_ms: usual::<_, USUAL_GIVE_UP_MS>(),
            window: usual::<_, USUAL_WINDOW>(),
            frame_us: Micros::default(),
        }
    }
}
