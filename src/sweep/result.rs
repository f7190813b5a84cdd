//! What a sweep found.

use crate::{
    execution::determinism::NonDeterminism,
    sweep::{
        tally::PairTally,
        work::{Harvest, Pair, SweepWork},
    },
    target::failure::FailureReport,
};

/// What a sweep found, each failure reproduced alone.
pub struct SweepResult {
    /// The runs.
    pub work: SweepWork,
    /// The counts.
    pub harvest: Harvest,
    /// One per group of failures, by pair and cause.
    pub failures: Vec<FailureReport>,
    /// Runs that did not repeat. If there are any, no other result can be trusted.
    pub divergences: Vec<NonDeterminism>,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

impl SweepResult {
    /// Each pair with its tally.
    pub fn pairs(&self) -> impl Iterator<Item = (&Pair, &PairTally)> {
        self.work.pairs.iter().zip(&self.harvest.tallies)
    }

    /// Whether a rare state was reached too rarely, in a scenario in which all runs held.
    pub fn misses_a_floor(&self) -> bool {
        self.pairs()
            .any(|(pair, tally)| !tally.missed(&pair.scenario.floors).is_empty())
    }
}
