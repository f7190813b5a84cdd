//! A sample: the runs of every population under one design, and how often they fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
};

use gatesim_model::design::Design;
use gatesim_sim::{Options, plan::Plan, plan::scenario::Scenario, run::outcome::Outcome};
use serde::{Deserialize, Serialize};

use super::population::{Member, Population, Sizes};
use crate::{
    execution::{interrupt, pool},
    output::progress::ProgressDisplay,
    target::{Target, expectation::Expectation, failure::FailureSignature, run_name::RunName},
};

/// The counts of a sample, which can be compared with those of another build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The design of the sample.
    pub design: String,
    /// The failure that was counted.
    pub expect: Expectation,
    /// The result of the run itself.
    pub own: Own,
    /// The populations, the most similar to the run first.
    pub populations: Vec<Counted>,
    /// Other signatures in the run or in a population, with their numbers of runs.
    pub others: BTreeMap<String, u64>,
    /// The run most like the failing one that failed as expected.
    pub nearest: Option<Member>,
}

/// The result of the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Own {
    /// It fails as expected.
    Fails,
    /// It does not, but something else breaks.
    FailsOtherwise,
    /// Nothing breaks.
    Holds,
}

/// How many runs of a population failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Which.
    pub population: Population,
    /// Runs.
    pub runs: u64,
    /// Runs that failed as expected.
    pub failed: u64,
}

impl Sample {
    /// The number of runs in all populations.
    pub fn runs(&self) -> u64 {
        self.populations.iter().map(|one| one.runs).sum()
    }

    /// Runs that failed as expected, in all populations.
    pub fn failed(&self) -> u64 {
        self.populations.iter().map(|one| one.failed).sum()
    }

    /// The populations that were not chosen for their timing.
    pub fn fair(&self) -> impl Iterator<Item = &Counted> {
        self.populations
            .iter()
            .filter(|one| one.population.is_fair())
    }

    /// The sizes with which it was taken.
    pub fn sizes(&self) -> Vec<u64> {
        self.populations.iter().map(|one| one.runs).collect()
    }
}

/// What broke in one run.
struct BrokenInRun {
    failed: bool,
    others: BTreeSet<String>,
}

impl BrokenInRun {
    fn of(outcome: &Outcome, expect: &Expectation) -> Self {
        let broken = outcome
            .violations
            .iter()
            .map(|one| one.signature().to_string());
        let mut others: BTreeSet<String> = broken.collect();
        others.extend(FailureSignature::of(outcome).map(|failure| failure.to_string()));
        others.remove(&expect.to_string());
        BrokenInRun {
            failed: expect.is_met_by(outcome),
            others,
        }
    }

    fn own(&self) -> Own {
        match (self.failed, self.others.is_empty()) {
            (true, _) => Own::Fails,
            (false, false) => Own::FailsOtherwise,
            (false, true) => Own::Holds,
        }
    }
}

/// The parameters of a sample.
#[derive(Clone, Copy)]
pub struct Sampling<'a> {
    /// Plan and choices.
    pub target: &'a Target,
    /// The scenario of the run, if there still is one of this name.
    pub scenario: Option<&'a Scenario>,
    /// The design.
    pub design: &'a Design,
    /// The name of the design.
    pub design_name: &'a str,
    /// The failure to count.
    pub expect: &'a Expectation,
    /// How many runs.
    pub sizes: Sizes,
    /// Worker threads.
    pub jobs: NonZeroUsize,
}

impl Sampling<'_> {
    /// Executes a run of a population. Choices that a capsule lists belong to its own plan, and are not used for
    /// other seeds.
    pub fn run(&self, member: Member, options: Options) -> Outcome {
        let capsule = self.target.capsule.as_ref();
        let recorded = capsule.and_then(|capsule| capsule.choices.clone());
        let options = Options {
            perturb: member.perturb(),
            replay: recorded.filter(|_| member.population != Population::Seeds),
            ..options
        };
        gatesim_sim::run(self.design, &self.plan(member), &options)
    }

    /// The plan of a run of a population.
    pub fn plan(&self, member: Member) -> std::borrow::Cow<'_, Plan> {
        member.plan(&self.target.plan, self.scenario)
    }

    /// The name from which a run of a population was made.
    pub fn run_name(&self, member: Member) -> RunName {
        RunName {
            design: self.design_name.to_owned(),
            seed: member.seed(self.target.run.seed),
            ..self.target.run.clone()
        }
    }

    /// Executes the target and every run of the populations; none if interrupted. The result depends on target,
    /// design and sizes alone.
    pub fn sample(&self, progress: &ProgressDisplay) -> Option<Sample> {
        let own = (self.target).execute_under(self.design, &Options::default());
        let own = BrokenInRun::of(&own, self.expect);
        let members: Vec<Member> = self.sizes.members().collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut seen = Vec::new();
            while !interrupt::requested() {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(&member) = members.get(place) else {
                    break;
                };
                let outcome = self.run(member, Options::default());
                seen.push((member, BrokenInRun::of(&outcome, self.expect)));
                progress.finished_one();
            }
            seen
        };
        let seen: BTreeMap<Member, BrokenInRun> = pool::in_parallel(self.jobs, work)
            .into_iter()
            .flatten()
            .collect();
        (seen.len() == members.len()).then(|| self.add_up(&own, &seen))
    }

    fn add_up(&self, own: &BrokenInRun, seen: &BTreeMap<Member, BrokenInRun>) -> Sample {
        let counted = |population: Population| {
            let of_it = seen.iter().filter(|(one, _)| one.population == population);
            Counted {
                population,
                runs: self.sizes.of(population),
                failed: of_it.filter(|(_, seen)| seen.failed).count() as u64,
            }
        };
        let mut others = BTreeMap::new();
        let broken = std::iter::once(own).chain(seen.values());
        for other in broken.flat_map(|seen| &seen.others) {
            *others.entry(other.clone()).or_insert(0) += 1;
        }
        let mut failing = seen.iter().filter(|(_, seen)| seen.failed);
        Sample {
            design: self.design_name.to_owned(),
            expect: self.expect.clone(),
            own: own.own(),
            populations: Population::ALL.map(counted).to_vec(),
            others,
            nearest: failing.next().map(|(member, _)| *member),
        }
    }
}
