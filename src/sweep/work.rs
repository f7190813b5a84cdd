//! The runs of a sweep, and the workers that execute them.
//!
//! Runs are numbered: run `k` is the pair `k % pairs` with the seed `first + k / pairs` (within the
//! partition), so that an interrupted sweep has covered about as many seeds of every pair. A pair
//! with long runs skips all but one seed in `every`. Every run is a function of its number alone;
//! the sums do not depend on which worker executed which run.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::bail;
use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    plan::scenario::{MAX_SEED, Scenario},
    run::outcome::{Digest, Outcome},
};

use crate::{
    execution::{clock::Stopwatch, interrupt, pool::in_parallel},
    output::progress::ProgressDisplay,
    sweep::{args::RunsArgs, limits::REFERENCE, partition::Partition, tally::PairTally},
    target::{catalog, run_name::RunName},
};

/// Seeds per scenario and design by default: all scenarios take well under a minute.
pub const DEFAULT_SEEDS: u64 = 1_000;

/// Runs with two different traces that are remembered: those with the smallest seeds.
pub const MAX_UNSTABLE_RUNS: usize = 8;

/// A design in a scenario.
pub struct Pair {
    /// As given on the command line.
    pub scenario_reference: String,
    /// As given on the command line.
    pub design_reference: String,
    /// The scenario.
    pub scenario: Scenario,
    /// The design.
    pub design: Design,
    /// Only one of this many seeds is run.
    pub every: u64,
}

impl Pair {
    /// The name of the run with this seed.
    pub fn run_name(&self, seed: u64) -> RunName {
        RunName {
            scenario: self.scenario_reference.clone(),
            design: self.design_reference.clone(),
            seed,
        }
    }

    /// Scenario and design, as a run name has them.
    pub fn name(&self) -> String {
        format!("{}@{}", self.scenario_reference, self.design_reference)
    }

    /// Runs a seed.
    pub fn run(&self, seed: u64, options: &Options) -> Outcome {
        gatesim_sim::run(&self.design, &self.scenario.plan(seed), options)
    }
}

/// When to stop starting runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// After this many seeds per pair, over all partitions.
    Seeds(u64),
    /// After this much wall-clock time, or when the seeds run out.
    Time(Duration),
}

/// The runs of a sweep.
pub struct SweepWork {
    /// At least one.
    pub pairs: Vec<Pair>,
    /// The first seed of the first partition.
    pub first_seed: u64,
    /// The share of the seeds.
    pub partition: Partition,
    /// When to stop.
    pub limit: Limit,
    /// The options of each run.
    pub options: Options,
    /// Worker threads.
    pub jobs: NonZeroUsize,
}

/// A run whose two executions differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnstableRun {
    /// The run's seed.
    pub seed: u64,
    /// Index into [`SweepWork::pairs`].
    pub pair: usize,
    /// Of the first execution, in the pool.
    pub first: Digest,
    /// Of the second.
    pub second: Digest,
}

/// What the workers found.
#[derive(Default)]
pub struct Harvest {
    /// One per pair, in the order of [`SweepWork::pairs`].
    pub tallies: Vec<PairTally>,
    /// Failing runs that did not repeat, smallest seeds first.
    pub unstable: Vec<UnstableRun>,
}

impl Harvest {
    fn new(pairs: usize) -> Self {
        Harvest {
            tallies: vec![PairTally::default(); pairs],
            unstable: Vec::new(),
        }
    }

    fn merge(mut self, other: Harvest) -> Harvest {
        for (tally, more) in self.tallies.iter_mut().zip(other.tallies) {
            tally.merge(more);
        }
        self.unstable.extend(other.unstable);
        self.keep_smallest_unstable();
        self
    }

    fn keep_smallest_unstable(&mut self) {
        self.unstable.sort();
        self.unstable.truncate(MAX_UNSTABLE_RUNS);
    }

    /// Counts a run. One that failed is executed again: a failure that does not repeat is evidence
    /// against the simulator, not against the design.
    fn add(&mut self, work: &SweepWork, pair: usize, seed: u64) {
        let subject = &work.pairs[pair];
        let watch = Stopwatch::start();
        let drawn = subject.scenario.draw(seed);
        let outcome = gatesim_sim::run(&subject.design, &drawn.plan, &work.options);
        let tally = &mut self.tallies[pair];
        tally.add(seed, &outcome);
        tally.happened.add(&drawn, &outcome.faults);
        tally.busy += watch.elapsed();
        if outcome.held() {
            return;
        }
        let again = subject.run(seed, &work.options);
        if again.digest != outcome.digest {
            self.unstable.push(UnstableRun {
                seed,
                pair,
                first: outcome.digest,
                second: again.digest,
            });
            self.keep_smallest_unstable();
        }
    }
}

impl SweepWork {
    /// The runs that are asked for. Resolves all names before anything runs: a long sweep must not end
    /// with a misspelt name.
    pub fn of(args: &RunsArgs, designs: &[String], options: Options) -> anyhow::Result<Self> {
        let references: Vec<String> = if args.scenarios.is_empty() {
            let names = catalog::scenario_names().into_iter();
            names.map(str::to_owned).collect()
        } else {
            args.scenarios.clone()
        };
        refuse_twice("scenario", &references)?;
        refuse_twice("design", designs)?;
        let limit = match (args.seeds, args.budget) {
            (_, Some(budget)) => Limit::Time(budget),
            (seeds, None) => Limit::Seeds(seeds.unwrap_or(DEFAULT_SEEDS)),
        };
        if let Limit::Seeds(seeds) = limit
            && seeds - 1 > MAX_SEED - args.first_seed
        {
            bail!(
                "{seeds} seeds from {} on exceed the largest seed, {MAX_SEED}",
                args.first_seed
            );
        }
        let mut pairs = Vec::new();
        for design_reference in designs {
            let design = catalog::design(design_reference)?;
            for scenario_reference in &references {
                let scenario = catalog::scenario(scenario_reference)?;
                pairs.push(Pair {
                    scenario_reference: scenario_reference.clone(),
                    design_reference: design_reference.clone(),
                    every: match args.scenarios.is_empty() {
                        true => scenario.every.get().into(),
                        false => 1,
                    },
                    scenario,
                    design: design.clone(),
                });
            }
        }
        Ok(SweepWork {
            pairs,
            first_seed: args.first_seed,
            partition: args.partition,
            limit,
            options,
            jobs: args.jobs.count(),
        })
    }

    /// Adds the runs of the reference that limits of scenarios compare with, on the same seeds.
    pub fn with_reference(mut self) -> anyhow::Result<Self> {
        let first = self.pairs.first().map(|pair| &pair.design_reference);
        let asked = (self.pairs.iter()).any(|pair| pair.design_reference == REFERENCE);
        let compared = self.pairs.iter().filter(|pair| {
            !asked && Some(&pair.design_reference) == first && pair.scenario.limits.compare()
        });
        let compared = compared.map(|pair| {
            Ok(Pair {
                scenario_reference: pair.scenario_reference.clone(),
                design_reference: REFERENCE.to_owned(),
                scenario: pair.scenario.clone(),
                design: catalog::design(REFERENCE)?,
                every: pair.every,
            })
        });
        let compared: Vec<Pair> = compared.collect::<anyhow::Result<_>>()?;
        self.pairs.extend(compared);
        Ok(self)
    }

    /// The number of runs, if it is known in advance.
    pub fn count(&self) -> Option<u64> {
        match self.limit {
            Limit::Seeds(seeds) => {
                let share = self.partition.share_of(seeds);
                let runs = self.pairs.iter().map(|pair| share / pair.every);
                Some(runs.fold(0, u64::saturating_add))
            }
            Limit::Time(_) => None,
        }
    }

    /// Executes the runs and counts them on `progress`. Stops early on an interrupt.
    pub fn run(&self, progress: &ProgressDisplay) -> Harvest {
        let next = AtomicU64::new(0);
        let watch = Stopwatch::start();
        in_parallel(self.jobs, || self.worker(&next, watch, progress))
            .into_iter()
            .fold(Harvest::new(self.pairs.len()), Harvest::merge)
    }

    fn worker(&self, next: &AtomicU64, watch: Stopwatch, progress: &ProgressDisplay) -> Harvest {
        let mut harvest = Harvest::new(self.pairs.len());
        while !interrupt::requested() && !self.out_of_time(watch) {
            match self.assignment(next.fetch_add(1, Ordering::Relaxed)) {
                Assignment::Run { pair, seed } => {
                    harvest.add(self, pair, seed);
                    progress.finished_one();
                }
                Assignment::Skip => {}
                Assignment::End => break,
            }
        }
        harvest
    }

    fn out_of_time(&self, watch: Stopwatch) -> bool {
        match self.limit {
            Limit::Seeds(_) => false,
            Limit::Time(budget) => watch.elapsed() >= budget,
        }
    }

    /// The assignment with this number in this partition.
    fn assignment(&self, number: u64) -> Assignment {
        let pairs = self.pairs.len() as u64;
        let (round, pair) = (number / pairs, (number % pairs) as usize);
        let Some(offset) = self.partition.nth_offset(round) else {
            return Assignment::End;
        };
        if let Limit::Seeds(seeds) = self.limit
            && offset >= seeds
        {
            return Assignment::End;
        }
        match self.first_seed.checked_add(offset) {
            Some(seed) if seed <= MAX_SEED => {
                // Counted within the partition, so that every partition runs some.
                match (round + 1).is_multiple_of(self.pairs[pair].every) {
                    true => Assignment::Run { pair, seed },
                    false => Assignment::Skip,
                }
            }
            Some(_) | None => Assignment::End,
        }
    }
}

/// Results are identified by the names of scenario and design.
fn refuse_twice(kind: &str, references: &[String]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    match references.iter().find(|reference| !seen.insert(*reference)) {
        Some(twice) => bail!("{kind} `{twice}` is named twice"),
        None => Ok(()),
    }
}

/// What a worker does next.
enum Assignment {
    /// A run: index into [`SweepWork::pairs`], and the seed.
    Run { pair: usize, seed: u64 },
    /// Nothing: this pair skips the seed.
    Skip,
    /// No more.
    End,
}
