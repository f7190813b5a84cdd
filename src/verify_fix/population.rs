//! The populations around a failing run: sets of runs of which each is made from the run in one way.
//!
//! A failing run was chosen because it fails. Whether its cause is gone can only be seen in runs that were
//! not chosen: with other timing, with other times and numbers in the plan, or of other seeds.

use std::{borrow::Cow, collections::BTreeMap};

use gatesim_sim::{
    plan::{
        Plan,
        scenario::{MAX_SEED, Scenario},
    },
    scheduler::choices::{Perturb, WHOLE},
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::target::dials::{self, Setting};

/// The share of the timing that is resampled nearby, in thousandths.
const NEARBY: u32 = 250;

/// An amount of a plan is varied between half and one and a half of itself, in thousandths.
const VARIED: std::ops::RangeInclusive<u64> = 500..=1_500;

/// How often a plan is varied again if what comes out cannot be run, a fault after the healing for example.
const ATTEMPTS: u64 = 20;

/// How the runs of a population are made from the failing run, from the most to the least similar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Population {
    /// The same plan, with a part of the timing resampled. Runs that share most of their timing with a run that
    /// was chosen because it fails, fail more often than others: not a fair sample.
    Nearby,
    /// The same plan, with all of the timing resampled.
    Timing,
    /// The same clients and faults with other times and numbers, and all of the timing resampled.
    Plans,
    /// Other seeds of the scenario.
    Seeds,
}

impl Population {
    /// All of them, the most similar first.
    pub const ALL: [Population; 4] = [
        Population::Nearby,
        Population::Timing,
        Population::Plans,
        Population::Seeds,
    ];

    /// Whether its runs are independent of the timing for which the failing run was chosen.
    pub fn is_fair(self) -> bool {
        self != Population::Nearby
    }
}

/// How many runs there are of each population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of the populations around the plan.
    pub samples: u64,
    /// Of other seeds of the scenario.
    pub seeds: u64,
}

impl Sizes {
    /// The number of runs of a population. Few are needed nearby: they are no evidence of a fix.
    pub fn of(self, population: Population) -> u64 {
        match population {
            Population::Nearby => self.samples.div_ceil(6),
            Population::Timing | Population::Plans => self.samples,
            Population::Seeds => self.seeds,
        }
    }

    /// Every run, the most similar first.
    pub fn members(self) -> impl Iterator<Item = Member> {
        Population::ALL.into_iter().flat_map(move |population| {
            (0..self.of(population)).map(move |number| Member { population, number })
        })
    }
}

/// One run of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Which population.
    pub population: Population,
    /// Which of its runs, from 0.
    pub number: u64,
}

impl Member {
    /// What is resampled in this run.
    pub fn perturb(self) -> Option<Perturb> {
        let per_mille = match self.population {
            Population::Nearby => NEARBY,
            Population::Timing | Population::Plans => WHOLE,
            Population::Seeds => return None,
        };
        let salt = self.number;
        Some(Perturb { salt, per_mille })
    }

    /// The plan of this run. `scenario` is that of the failing run; without one there are no other seeds.
    pub fn plan<'a>(self, failing: &'a Plan, scenario: Option<&Scenario>) -> Cow<'a, Plan> {
        match (self.population, scenario) {
            (Population::Nearby | Population::Timing, _) | (Population::Seeds, None) => {
                Cow::Borrowed(failing)
            }
            (Population::Plans, _) => Cow::Owned(varied(failing, self.number)),
            (Population::Seeds, Some(scenario)) => {
                Cow::Owned(scenario.plan(self.seed(failing.seed)))
            }
        }
    }

    /// The seed of this run, if that of the failing run is `failing`: other seeds are those that follow.
    pub fn seed(self, failing: u64) -> u64 {
        match self.population {
            Population::Nearby | Population::Timing | Population::Plans => failing,
            Population::Seeds => (failing + 1 + self.number) % (MAX_SEED + 1),
        }
    }
}

/// The plan with every amount that is not the least varied, by place and salt. Clients, messages, faults and
/// containers stay.
fn varied(plan: &Plan, salt: u64) -> Plan {
    let dials = dials::non_default(plan);
    let attempt = |attempt: u64| {
        let settings: BTreeMap<usize, Setting> = dials
            .iter()
            .filter_map(|dial| {
                let key = (dial.place as u64).to_le_bytes();
                let hash = xxh3_64_with_seed(&key, salt * ATTEMPTS + attempt);
                let width = VARIED.end() - VARIED.start() + 1;
                let factor = VARIED.start() + hash % width;
                let amount = u128::from(dial.amount?) * u128::from(factor) / 1_000;
                Some((dial.place, Setting::To(amount as u64)))
            })
            .collect();
        dials::with(plan, &settings)
    };
    let mut plans = (0..ATTEMPTS).map(attempt);
    let sound = plans.find(|plan| plan.check().is_ok());
    sound.unwrap_or_else(|| plan.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::catalog;

    #[test]
    fn most_runs_are_of_fair_populations() {
        let sizes = Sizes {
            samples: 60,
            seeds: 100,
        };
        let count = |population| {
            let members = sizes.members();
            members.filter(|one| one.population == population).count()
        };
        assert_eq!(Population::ALL.map(count), [10, 60, 60, 100]);
    }

    #[test]
    fn a_varied_plan_has_the_same_clients_and_faults_at_other_times() {
        for seed in 0..20 {
            let plan = catalog::scenario("chaos").unwrap().plan(seed);
            let kinds = |plan: &Plan| -> Vec<_> {
                let kinds = plan
                    .faults
                    .iter()
                    .map(|fault| std::mem::discriminant(&fault.kind));
                kinds.collect()
            };
            for salt in 0..5 {
                let other = varied(&plan, salt);
                assert_eq!(other, varied(&plan, salt), "the same for the same salt");
                assert_eq!(other.clients.len(), plan.clients.len());
                assert_eq!(kinds(&other), kinds(&plan));
                assert_ne!(other, plan);
                assert_ne!(other, varied(&plan, salt + 1));
                assert_eq!(other.check(), Ok(()));
            }
        }
    }

    #[test]
    fn other_seeds_are_never_that_of_the_run() {
        for failing in [0, 7, MAX_SEED] {
            let member = |number| Member {
                population: Population::Seeds,
                number,
            };
            let seeds: Vec<u64> = (0..3).map(|n| member(n).seed(failing)).collect();
            assert!(!seeds.contains(&failing), "{seeds:?}");
            assert!(seeds.iter().all(|seed| *seed <= MAX_SEED));
        }
    }
}
