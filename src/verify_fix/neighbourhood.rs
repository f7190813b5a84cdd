//! The neighbourhood of a run: a sample of runs with the same plan and faults and resampled timing,
//! and how often they fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
};

use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    run::outcome::Outcome,
    scheduler::choices::{Perturb, WHOLE},
};
use serde::{Deserialize, Serialize};

use crate::{
    execution::{interrupt, pool},
    output::progress::ProgressDisplay,
    target::{Target, expectation::Expectation, failure::FailureSignature},
};

/// The smallest useful number of samples.
pub const MIN_SAMPLES: u64 = 18;

/// How much of the timing is resampled, in thousandths: from the effect of a small edit of the code to
/// an independent run of the same plan. Of six neighbours one is in each inner ring and four are in
/// the outermost, which alone is an unbiased sample: the run was selected for its timing, so runs
/// that share most of it fail more often.
const RINGS: [u32; 3] = [50, 250, WHOLE];
const INNER_OF_SIX: u64 = 2;

/// The counts of a sample, which can be compared with those of another build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbourhood {
    /// The design of the sample.
    pub design: String,
    /// The failure that was counted.
    pub expect: Expectation,
    /// The result of the run itself.
    pub own: Own,
    /// Its neighbours, by the amount of timing that is resampled, ascending.
    pub rings: Vec<Ring>,
    /// Other signatures in the run or its neighbours, with their numbers of runs.
    pub others: BTreeMap<String, u64>,
    /// The nearest neighbour that failed as expected.
    pub nearest: Option<Perturb>,
}

/// The result of the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Own {
    /// It fails as expected.
    Fails,
    /// It does not, but something else breaks.
    FailsOtherwise,
    /// Nothing breaks.
    Holds,
}

/// The neighbours with the same share of resampled timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// The share of the timing that is resampled, in thousandths.
    pub per_mille: u32,
    /// Runs.
    pub samples: u64,
    /// Runs that failed as expected.
    pub failed: u64,
    /// Runs in which nothing broke.
    pub held: u64,
}

impl Neighbourhood {
    /// The number of neighbours.
    pub fn samples(&self) -> u64 {
        self.rings.iter().map(|ring| ring.samples).sum()
    }

    /// The unbiased sample: neighbours whose timing is independent of that of the run.
    pub fn outermost(&self) -> Ring {
        let outermost = self.rings.last();
        *outermost.expect("a neighbourhood has rings")
    }

    /// Neighbours that failed as expected.
    pub fn failed(&self) -> u64 {
        self.rings.iter().map(|ring| ring.failed).sum()
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
pub struct Sampling<'a> {
    /// Plan and choices.
    pub target: &'a Target,
    /// The design.
    pub design: &'a Design,
    /// The name of the design.
    pub design_name: &'a str,
    /// The failure to count.
    pub expect: &'a Expectation,
    /// The number of neighbours.
    pub samples: u64,
    /// Worker threads.
    pub jobs: NonZeroUsize,
}

impl Sampling<'_> {
    /// Executes one run: a neighbour if `perturb` is given.
    pub fn run(&self, perturb: Option<Perturb>, options: Options) -> Outcome {
        let options = Options { perturb, ..options };
        self.target.execute_under(self.design, &options)
    }

    /// Executes the target and its neighbours; none if interrupted. The result depends on target,
    /// design and number of samples alone.
    pub fn neighbourhood(&self, progress: &ProgressDisplay) -> Option<Neighbourhood> {
        let own = self.run(None, Options::default());
        let own = BrokenInRun::of(&own, self.expect);
        let next = AtomicU64::new(0);
        let work = || {
            let mut seen = Vec::new();
            while !interrupt::requested() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.samples {
                    break;
                }
                let outcome = self.run(Some(neighbour(number)), Options::default());
                seen.push((number, BrokenInRun::of(&outcome, self.expect)));
                progress.finished_one();
            }
            seen
        };
        let seen: BTreeMap<u64, BrokenInRun> = pool::in_parallel(self.jobs, work)
            .into_iter()
            .flatten()
            .collect();
        let whole = seen.len() as u64 == self.samples;
        whole.then(|| self.add_up(&own, &seen))
    }

    fn add_up(&self, own: &BrokenInRun, seen: &BTreeMap<u64, BrokenInRun>) -> Neighbourhood {
        let ring = |per_mille: u32| {
            let of_it = || {
                let numbered = seen.iter();
                let of_it = numbered.filter(move |(n, _)| neighbour(**n).per_mille == per_mille);
                of_it.map(|(_, seen)| seen)
            };
            Ring {
                per_mille,
                samples: of_it().count() as u64,
                failed: of_it().filter(|seen| seen.failed).count() as u64,
                held: of_it().filter(|seen| seen.own() == Own::Holds).count() as u64,
            }
        };
        let mut others = BTreeMap::new();
        for other in std::iter::once(own)
            .chain(seen.values())
            .flat_map(|seen| &seen.others)
        {
            *others.entry(other.clone()).or_insert(0) += 1;
        }
        let failing = seen.iter().filter(|(_, seen)| seen.failed);
        Neighbourhood {
            design: self.design_name.to_owned(),
            expect: self.expect.clone(),
            own: own.own(),
            rings: RINGS.map(ring).to_vec(),
            others,
            nearest: failing
                .map(|(number, _)| neighbour(*number))
                .min_by_key(|neighbour| (neighbour.per_mille, neighbour.salt)),
        }
    }
}

/// The neighbour with this number. The salts of an inner ring are among those of the outermost: what
/// is resampled there is resampled in the same way here.
fn neighbour(number: u64) -> Perturb {
    let (round, place) = (number / 6, number % 6);
    match place.checked_sub(INNER_OF_SIX) {
        None => Perturb {
            salt: round,
            per_mille: RINGS[place as usize],
        },
        Some(place) => Perturb {
            salt: round * (6 - INNER_OF_SIX) + place,
            per_mille: WHOLE,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_and_most_are_far() {
        let all: BTreeSet<Perturb> = (0..60).map(neighbour).collect();
        let in_ring = |ring| all.iter().filter(|one| one.per_mille == ring).count();
        assert_eq!(RINGS.map(in_ring), [10, 10, 40]);
    }
}
