//! Runs like a given one: the same plan and the same faults, with other timing.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The share at which everything is resampled.
pub const WHOLE: u32 = 1_000;

/// Some of the choices of timing are resampled, by key, regardless of seed and record: tie-breaks,
/// latencies, delays in the balancer, how long services and pauses take. What happens by chance,
/// where upgrades go, headers and ids stay as they were.
///
/// Which choices these are, and what comes of them, depends on seed, salt, key and ordinal. So
/// two designs meet the same perturbed world under the same salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Perturb {
    /// Another salt, another run.
    pub salt: u64,
    /// The share of these choices that is resampled, in thousandths.
    pub per_mille: u32,
}

impl Perturb {
    /// The hash that replaces a choice's own if it is resampled. `base` is the hash of its stream.
    pub(super) fn hash(self, base: u64, ordinal: u64) -> Option<u64> {
        let salted = xxh3_64_with_seed(&self.salt.to_le_bytes(), base);
        let hash = |seed| xxh3_64_with_seed(&ordinal.to_le_bytes(), seed);
        let (decides, resampled) = (hash(salted), hash(!salted));
        let share = decides % u64::from(WHOLE);
        (share < u64::from(self.per_mille)).then_some(resampled)
    }
}
