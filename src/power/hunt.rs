//! The search for one defect from one first seed.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    Options,
    check::invariants::Invariant,
    run::outcome::{Digest, Outcome},
};

use crate::{
    execution::interrupt,
    target::{defects::PreparedDefect, run_name::RunName},
};

/// Runs that are executed after the find, to see what else breaks, and how often. Without them, that
/// one invariant alone finds a defect would mean little.
pub const RUNS_AFTER_FIND: u64 = 40;

/// The result of the search from one first seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunt {
    /// The number of runs, those after the find included.
    pub runs: u64,
    /// The first run in which an expected invariant broke.
    pub find: Option<Find>,
    /// The number of runs in which each invariant broke that holds without the defect.
    pub broken: BTreeMap<Invariant, u64>,
    /// The first run that panicked.
    pub panic: Option<RunName>,
}

/// The run in which a defect was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// The number of runs up to this one.
    pub after_runs: u64,
    /// Its name.
    pub run: RunName,
    /// Its digest, which must be the same when the run is repeated alone.
    pub digest: Digest,
}

/// Executes up to `seeds` runs from `first_seed` on, in the defect's scenarios in turn, and a few more
/// after the find. None if interrupted.
pub fn hunt(subject: &PreparedDefect, first_seed: u64, seeds: u64) -> Option<Hunt> {
    let mut hunt = Hunt {
        runs: 0,
        find: None,
        broken: BTreeMap::new(),
        panic: None,
    };
    let mut last = seeds;
    while hunt.runs < last {
        if interrupt::requested() {
            return None;
        }
        let (scenario, seed) = assignment(subject, first_seed, hunt.runs);
        let outcome = run(subject, scenario, seed);
        hunt.runs += 1;
        if outcome.held() {
            continue;
        }
        let run = run_name(subject, scenario, seed);
        if outcome.panic.is_some() {
            hunt.panic.get_or_insert(run.clone());
        }
        let broken = broken_by_the_defect(subject, scenario, seed, &outcome);
        for invariant in &broken {
            *hunt.broken.entry(*invariant).or_default() += 1;
        }
        let named = subject.defect.expect.iter().any(|i| broken.contains(i));
        if named && hunt.find.is_none() {
            hunt.find = Some(Find {
                after_runs: hunt.runs,
                run,
                digest: outcome.digest,
            });
            last = hunt.runs + RUNS_AFTER_FIND;
        }
    }
    Some(hunt)
}

/// Repeats the run of a find.
pub fn repeat(subject: &PreparedDefect, find: &Find, options: &Options) -> Outcome {
    let place = subject
        .defect
        .scenarios
        .iter()
        .position(|name| *name == find.run.scenario)
        .expect("a find is in one of the defect's scenarios");
    let plan = subject.scenarios[place].plan(find.run.seed);
    gatesim_sim::run(&subject.flipped, &plan, options)
}

/// Scenario and seed of the `number`-th run.
fn assignment(subject: &PreparedDefect, first_seed: u64, number: u64) -> (usize, u64) {
    let scenarios = subject.scenarios.len() as u64;
    (
        (number % scenarios) as usize,
        first_seed + number / scenarios,
    )
}

fn run(subject: &PreparedDefect, scenario: usize, seed: u64) -> Outcome {
    let plan = subject.scenarios[scenario].plan(seed);
    gatesim_sim::run(&subject.flipped, &plan, &Options::default())
}

fn run_name(subject: &PreparedDefect, scenario: usize, seed: u64) -> RunName {
    RunName {
        scenario: subject.defect.scenarios[scenario].clone(),
        design: subject.reference.clone(),
        seed,
    }
}

/// The invariants that broke, except those that break under the same plan without the defect.
fn broken_by_the_defect(
    subject: &PreparedDefect,
    scenario: usize,
    seed: u64,
    outcome: &Outcome,
) -> BTreeSet<Invariant> {
    let invariants = |outcome: &Outcome| -> BTreeSet<Invariant> {
        outcome
            .violations
            .iter()
            .map(|violation| violation.invariant)
            .collect()
    };
    let plan = subject.scenarios[scenario].plan(seed);
    let sound = gatesim_sim::run(&subject.sound, &plan, &Options::default());
    &invariants(outcome) - &invariants(&sound)
}
