//! What a sweep found.

use std::time::Duration;

use crate::{
    execution::determinism::NonDeterminism,
    sweep::{
        gaps::Gap,
        limits::{LimitResult, LimitVerdict, REFERENCE},
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
    /// Wall-clock time. It reaches no result but the times of a JUnit report.
    pub elapsed: Duration,
}

impl SweepResult {
    /// Each pair with its tally.
    pub fn pairs(&self) -> impl Iterator<Item = (&Pair, &PairTally)> {
        self.work.pairs.iter().zip(&self.harvest.tallies)
    }

    /// What became of the limits of a scenario under a design.
    pub fn limits(&self, pair: &Pair, tally: &PairTally) -> Vec<LimitResult> {
        let same_scenario = |other: &Pair| other.scenario_reference == pair.scenario_reference;
        let mut pairs = self.pairs();
        let reference = pairs
            .find(|(other, _)| other.design_reference == REFERENCE && same_scenario(other))
            .map(|(_, tally)| tally);
        LimitResult::of(pair, tally, reference)
    }

    /// The limits that designs did not keep to.
    pub fn exceeded(&self) -> impl Iterator<Item = (&Pair, LimitResult)> {
        self.pairs().flat_map(|(pair, tally)| {
            let limits = self.limits(pair, tally).into_iter();
            let exceeded = limits.filter(|limit| limit.verdict == LimitVerdict::Exceeded);
            exceeded.map(move |limit| (pair, limit))
        })
    }

    /// What was not tested although all runs held.
    pub fn gaps(&self) -> impl Iterator<Item = (&Pair, Gap)> {
        self.pairs()
            .flat_map(|(pair, tally)| Gap::of(pair, tally).into_iter().map(move |gap| (pair, gap)))
    }
}
