//! Violations by cause, in memory that does not grow with their number.

use std::collections::BTreeMap;

use gatesim_sim::run::outcome::Digest;

use crate::target::failure::{FailureSignature, GroupReport};

/// Causes that are kept per scenario and design, far more than any design has; the rest are only counted.
pub const MAX_GROUPS: usize = 256;

/// Seeds that are remembered per group, the smallest ones.
pub const MAX_SEEDS_PER_GROUP: usize = 5;

/// Runs that broke an invariant by the same cause, first or as a consequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many runs.
    pub count: u64,
    /// The ones with the smallest seeds, ascending.
    pub seeds: Vec<FailedSeed>,
}

/// A failing run: its seed and its fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// The fingerprint of the trace.
    pub digest: Digest,
}

impl Group {
    fn add(&mut self, count: u64, seeds: &[FailedSeed]) {
        self.count += count;
        self.seeds.extend_from_slice(seeds);
        self.seeds.sort_unstable();
        self.seeds.truncate(MAX_SEEDS_PER_GROUP);
    }

    /// How often the cause was seen in this many runs.
    pub fn report(&self, runs: u64) -> GroupReport {
        GroupReport {
            count: self.count,
            runs,
            seeds: self.seeds.iter().map(|one| one.seed).collect(),
            median_runs_to_find: self.median_runs_to_find(runs),
        }
    }

    /// After how many runs a sweep has found the cause with even odds, if it fails `count` of
    /// `runs` times.
    pub fn median_runs_to_find(&self, runs: u64) -> u64 {
        if self.count >= runs {
            return 1;
        }
        let rate = self.count as f64 / runs as f64;
        ((0.5_f64).ln() / (-rate).ln_1p()).ceil().max(1.0) as u64
    }
}

/// At most [`MAX_GROUPS`] groups: those that sort first. A group that is dropped once can
/// never come back, so the counts of the ones that stay are exact and independent of order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    kept: BTreeMap<FailureSignature, Group>,
    /// Everything added, in groups that are kept or not.
    sightings: u64,
}

impl Groups {
    /// The kept groups, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&FailureSignature, &Group)> {
        self.kept.iter()
    }

    /// Sightings whose group was not kept.
    pub fn not_kept(&self) -> u64 {
        self.sightings - self.kept.values().map(|group| group.count).sum::<u64>()
    }

    /// Adds one sighting of a cause: a run has at most one of each.
    pub fn add(&mut self, failure: FailureSignature, failed: FailedSeed) {
        self.sightings += 1;
        self.insert(failure, 1, &[failed]);
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: Groups) {
        self.sightings += other.sightings;
        for (failure, group) in other.kept {
            self.insert(failure, group.count, &group.seeds);
        }
    }

    fn insert(&mut self, failure: FailureSignature, count: u64, seeds: &[FailedSeed]) {
        self.kept.entry(failure).or_default().add(count, seeds);
        while self.kept.len() > MAX_GROUPS {
            self.kept.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_odds() {
        let seen = |count| Group {
            count,
            seeds: Vec::new(),
        };
        assert_eq!(seen(100).median_runs_to_find(100), 1);
        assert_eq!(seen(50).median_runs_to_find(100), 1);
        assert_eq!(seen(1).median_runs_to_find(1_000), 693);
    }
}
