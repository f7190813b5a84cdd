//! What a sweep found.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    execution::determinism::NonDeterminism,
    sweep::{
        acceptance::{Acceptance, Standing},
        gaps::Gap,
        limits::{LimitResult, LimitVerdict},
        tally::PairTally,
        work::{Harvest, Pair, SweepWork},
    },
    target::{
        failure::{FailureReport, FailureSignature},
        run_name::RunName,
    },
};

/// What a sweep found, each failure reproduced alone.
pub struct SweepResult {
    /// The runs.
    pub work: SweepWork,
    /// The counts.
    pub harvest: Harvest,
    /// What the designs are known to break.
    pub acceptance: Acceptance,
    /// One for each cause of each pair that is not accepted, in the order of the pairs and of the causes.
    pub failures: Vec<FailureReport>,
    /// Runs that did not repeat. If there are any, no other result can be trusted.
    pub divergences: Vec<NonDeterminism>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Wall-clock time. It reaches no result but the times of a JUnit report.
    pub elapsed: Duration,
}

/// A cause of a design, over all of its scenarios.
#[derive(Clone, Debug)]
pub struct DesignCause<'a> {
    /// As given on the command line.
    pub design: &'a str,
    /// Invariant and cause.
    pub failure: &'a FailureSignature,
    /// Runs that broke it.
    pub count: u64,
    /// In how many scenarios.
    pub scenarios: usize,
    /// The first run of the first scenario in which it was seen.
    pub first: RunName,
    /// What it is beside what the design is known to break, in the scenario in which that is gravest.
    pub standing: Standing,
    /// Its first run that was reproduced alone; none if it is accepted or did not repeat.
    pub example: Option<&'a FailureReport>,
}

/// The runs of a design, over all of its scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesignRuns<'a> {
    /// As given on the command line.
    pub design: &'a str,
    /// Runs.
    pub runs: u64,
    /// Scenarios.
    pub scenarios: usize,
}

impl SweepResult {
    /// Each pair with its tally.
    pub fn pairs(&self) -> impl Iterator<Item = (&Pair, &PairTally)> {
        self.work.pairs.iter().zip(&self.harvest.tallies)
    }

    /// The designs, in the order in which they were asked for.
    pub fn designs(&self) -> Vec<DesignRuns<'_>> {
        let mut designs: Vec<DesignRuns<'_>> = Vec::new();
        for (pair, tally) in self.pairs() {
            let design = pair.design_reference.as_str();
            match designs.iter_mut().find(|known| known.design == design) {
                Some(known) => {
                    known.runs += tally.runs;
                    known.scenarios += 1;
                }
                None => designs.push(DesignRuns {
                    design,
                    runs: tally.runs,
                    scenarios: 1,
                }),
            }
        }
        designs
    }

    /// Every cause of every design, in the order of the designs and of the causes.
    pub fn causes(&self) -> Vec<DesignCause<'_>> {
        let mut causes = Vec::new();
        for design in self.designs() {
            causes.extend(self.causes_of(design.design));
        }
        causes
    }

    fn causes_of(&self, design: &str) -> impl Iterator<Item = DesignCause<'_>> {
        let mut causes: BTreeMap<&FailureSignature, DesignCause<'_>> = BTreeMap::new();
        for (pair, tally) in self
            .pairs()
            .filter(|(pair, _)| pair.design_reference == design)
        {
            for (failure, group) in tally.groups.iter() {
                let standing = self.acceptance.standing(pair, tally, failure, group.count);
                let cause = causes.entry(failure).or_insert_with(|| DesignCause {
                    design: &pair.design_reference,
                    failure,
                    count: 0,
                    scenarios: 0,
                    first: pair.run_name(group.seeds[0].seed),
                    standing: standing.clone(),
                    example: self.example(design, failure),
                });
                cause.count += group.count;
                cause.scenarios += 1;
                if standing.is_failure() && !cause.standing.is_failure() {
                    cause.standing = standing;
                }
            }
        }
        causes.into_values()
    }

    fn example(&self, design: &str, failure: &FailureSignature) -> Option<&FailureReport> {
        let mut failures = self.failures.iter();
        failures.find(|one| one.run.design == design && one.failure == *failure)
    }

    /// Whether anything broke that is not accepted.
    pub fn has_failures(&self) -> bool {
        self.pairs().any(|(pair, tally)| {
            let mut groups = tally.groups.iter();
            let fails = groups.any(|(failure, group)| {
                let standing = self.acceptance.standing(pair, tally, failure, group.count);
                standing.is_failure()
            });
            fails || tally.groups.not_kept() > 0
        })
    }

    /// What became of the limits of a scenario under a design.
    pub fn limits(&self, pair: &Pair, tally: &PairTally) -> Vec<LimitResult> {
        let mut limits = LimitResult::among(self.pairs(), pair, tally);
        for limit in &mut limits {
            if limit.verdict == LimitVerdict::Exceeded && self.acceptance.accepts(pair, &limit.name)
            {
                limit.verdict = LimitVerdict::Accepted;
            }
        }
        limits
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
