//! NetworkProfile profiles: what the way from a client to the balancer is like, by name.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::plan::{
    link::LinkPlan,
    range::Range,
    scenario::draw::Draw,
    unit::{Micros, Unit},
};

/// A class of networks. Figures are orders of magnitude of one-way latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NetworkProfile {
    /// A client in the same data centre.
    SameZone,
    /// A client in the same region, on a cable.
    Region,
    /// A client on another continent.
    Intercontinental,
    /// A telephone with good reception.
    Mobile,
    /// A telephone in a train.
    PoorMobile,
}

impl NetworkProfile {
    /// The link of one client on such a network.
    pub(super) fn link(self, draw: &Draw) -> LinkPlan {
        let (least_us, jitter_us, loss_per_mille) = match self {
            NetworkProfile::SameZone => ((100, 500), (50, 300), (0, 0)),
            NetworkProfile::Region => ((2_000, 15_000), (500, 5_000), (0, 2)),
            NetworkProfile::Intercontinental => ((60_000, 150_000), (1_000, 20_000), (0, 10)),
            NetworkProfile::Mobile => ((20_000, 60_000), (10_000, 60_000), (0, 20)),
            NetworkProfile::PoorMobile => ((60_000, 300_000), (50_000, 700_000), (10, 150)),
        };
        let range = |(least, most)| Range::<Micros>::new(least, most);
        let least = draw.range("latency_us", range(least_us));
        let jitter = draw.range("jitter_us", range(jitter_us));
        let most = Micros::nearest(least.get() + jitter.get());
        LinkPlan {
            loss_per_mille: draw.loss(Range::new(loss_per_mille.0, loss_per_mille.1)),
            ..LinkPlan::plain(Range { least, most })
        }
    }
}
