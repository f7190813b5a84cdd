//! `gatesim sweep`: many seeds, failures grouped by cause, each reproduced alone before it is
//! reported.

pub mod acceptance;
pub mod args;
mod durations;
mod gaps;
pub mod groups;
mod happened;
mod junit;
pub mod limits;
mod partition;
mod report;
mod result;
mod table;
pub mod tally;
pub mod work;

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use gatesim_sim::{Options, run::outcome::Outcome};

use crate::{
    execution::{clock::Stopwatch, determinism, interrupt},
    exit::Exit,
    output::{Output, check_writable, progress::ProgressDisplay, write_whole},
    sweep::{
        acceptance::Acceptance,
        args::SweepArgs,
        groups::FailedSeed,
        result::SweepResult,
        work::{Harvest, SweepWork},
    },
    target::{
        capsule::Capsule, defects::Catalogue, expectation::Expectation, failure::FailureReport,
        origin::Origin,
    },
};

/// The `why` of a capsule that a sweep writes, to be replaced when the capsule is kept.
const FOUND_BY_SWEEP: &str = "found by a sweep; replace this by what the run shows";

/// Runs the command.
pub fn sweep(args: &SweepArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let options = Options {
        stop_at_first: args.stop_at_first,
        ..Options::default()
    };
    let work = SweepWork::of(&args.runs, &args.designs, options)?.with_reference()?;
    let acceptance = Acceptance::read(&args.accept, &args.designs, &work)?;
    check_outputs(args)?;
    let catalogue = args.table.as_ref().map(|_| Catalogue::load()).transpose()?;
    interrupt::install()?;
    let watch = Stopwatch::start();
    let progress = ProgressDisplay::new("runs", work.count(), args.runs.budget);
    let harvest = work.run(&progress);
    let mut result = confirm(work, harvest, acceptance);
    result.elapsed = watch.elapsed();
    progress.clear();

    report::write(&result, args.faults, out)?;
    out.flush()?;
    if let Some(path) = &args.junit {
        junit::write(&result, path)?;
    }
    if let Some(dir) = &args.capsules {
        write_capsules(&result, dir)?;
    }
    if let (Some(path), Some(catalogue)) = (&args.table, &catalogue) {
        let text = table::markdown(&result, catalogue);
        write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))?;
    }
    report::speed(&result, watch.elapsed());
    Ok(exit_of(&result))
}

/// Fails before the sweep if a result could not be written after it.
fn check_outputs(args: &SweepArgs) -> anyhow::Result<()> {
    if let Some(dir) = &args.capsules {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("failed to create the directory {}", dir.display()))?;
    }
    let files = [&args.junit, &args.table];
    files
        .into_iter()
        .flatten()
        .try_for_each(|path| check_writable(path))
}

/// Re-executes the first run of every cause that is not accepted alone, each run once, and every run that did not repeat once
/// more with traces.
fn confirm(work: SweepWork, harvest: Harvest, acceptance: Acceptance) -> SweepResult {
    let mut failures = Vec::new();
    let mut divergences = Vec::new();
    for unstable in &harvest.unstable {
        let pair = &work.pairs[unstable.pair];
        divergences.push(determinism::trace_twice(
            pair.run_name(unstable.seed),
            Origin::Name,
            [unstable.first, unstable.second],
            |options| pair.run(unstable.seed, options),
            &work.options,
        ));
    }
    for (pair, tally) in work.pairs.iter().zip(&harvest.tallies) {
        let mut alone: BTreeMap<u64, Outcome> = BTreeMap::new();
        for (failure, group) in tally.groups.iter() {
            let standing = acceptance.standing(pair, tally, failure, group.count);
            if !standing.is_failure() {
                continue;
            }
            let FailedSeed { seed, digest } = group.seeds[0];
            let alone = alone
                .entry(seed)
                .or_insert_with(|| pair.run(seed, &work.options));
            let name = pair.run_name(seed);
            if alone.digest == digest {
                let mut violations = alone.violations.iter();
                failures.extend(FailureReport::new(
                    name,
                    Origin::Name,
                    alone,
                    violations.find(|violation| failure.is_of(violation)),
                    Some(group.report(tally.runs)),
                ));
            } else if !divergences.iter().any(|divergence| divergence.run == name) {
                divergences.push(determinism::trace_twice(
                    name,
                    Origin::Name,
                    [digest, alone.digest],
                    |options| pair.run(seed, options),
                    &work.options,
                ));
            }
        }
    }
    SweepResult {
        work,
        harvest,
        acceptance,
        failures,
        divergences,
        interrupted: interrupt::requested(),
        elapsed: Duration::ZERO,
    }
}

/// Writes a capsule for each cause of each design that is not accepted, from its first run.
fn write_capsules(result: &SweepResult, dir: &Path) -> anyhow::Result<()> {
    for failure in result
        .causes()
        .into_iter()
        .filter_map(|cause| cause.example)
    {
        let run = &failure.run;
        let pair = result
            .work
            .pairs
            .iter()
            .find(|pair| pair.run_name(run.seed) == *run)
            .context("a failure belongs to one of the pairs that were run")?;
        let plan = pair.scenario.plan(run.seed);
        let options = Options {
            trace: true,
            ..Options::default()
        };
        let outcome = gatesim_sim::run(&pair.design, &plan, &options);
        let expect = Expectation::from(&failure.failure);
        let capsule = Capsule::expecting(run.clone(), plan, outcome, FOUND_BY_SWEEP, expect);
        capsule.write(&dir.join(capsule.file_name(failure.asked.as_ref())))?;
    }
    Ok(())
}

/// The exit code, the most severe finding first.
fn exit_of(result: &SweepResult) -> Exit {
    let tallies = &result.harvest.tallies;
    let runs: u64 = tallies.iter().map(|tally| tally.runs).sum();
    if !result.divergences.is_empty() {
        Exit::NonDeterministic
    } else if result.interrupted {
        Exit::Interrupted
    } else if runs == 0 {
        Exit::NothingRan
    } else if result.has_failures() || result.exceeded().next().is_some() {
        Exit::Violated
    } else if result.gaps().next().is_some() {
        Exit::FloorMissed
    } else {
        Exit::Held
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroUsize, slice::from_ref};

    use gatesim_sim::{
        check::{figures::Figures, marks::Mark, premises::Premise},
        run::outcome::Digest,
    };

    use super::*;
    use crate::{
        execution::determinism::NonDeterminism,
        sweep::{
            tally::PairTally,
            work::{Limit, Pair},
        },
        target::{catalog, failure::tests::failed_outcome},
    };

    /// A sweep of one pair with these outcomes, seeds from 0.
    fn swept(outcomes: &[Outcome]) -> SweepResult {
        let mut scenario = catalog::scenario("golden-path").unwrap();
        scenario.floors = Default::default();
        let pair = Pair {
            scenario_reference: "golden-path".to_owned(),
            design_reference: "reference".to_owned(),
            every: 1,
            scenario,
            design: catalog::design("reference").unwrap(),
        };
        let mut tally = PairTally::default();
        for (seed, outcome) in outcomes.iter().enumerate() {
            tally.add(seed as u64, outcome);
        }
        SweepResult {
            work: SweepWork {
                pairs: vec![pair],
                first_seed: 0,
                partition: "1/1".parse().unwrap(),
                limit: Limit::Seeds(1),
                options: Options::default(),
                jobs: NonZeroUsize::MIN,
            },
            harvest: Harvest {
                tallies: vec![tally],
                unstable: Vec::new(),
            },
            acceptance: Acceptance::default(),
            failures: Vec::new(),
            divergences: Vec::new(),
            interrupted: false,
            elapsed: Duration::ZERO,
        }
    }

    /// A sweep of one pair in a scenario that promises to set clocks in every run.
    fn swept_with_floor(outcomes: &[Outcome]) -> SweepResult {
        let mut result = swept(outcomes);
        let floors = toml::from_str("clock-set = 1000").unwrap();
        result.work.pairs[0].scenario.floors = floors;
        result
    }

    /// The run again, without a violation, and with something to judge for every invariant.
    fn tested(failed: &Outcome) -> Outcome {
        let mut held = Outcome {
            violations: Vec::new(),
            ..failed.clone()
        };
        held.figures.agent_runs_delivered = 1;
        for premise in Premise::ALL {
            held.premises.set(*premise);
        }
        held
    }

    #[test]
    fn a_floor_that_is_missed_is_said_where_all_held() {
        let failed = failed_outcome();
        let held = tested(&failed);
        let mut marked = held.clone();
        marked.marks.set(Mark::ClockSet);
        let met = vec![marked.clone(); 5];
        assert_eq!(exit_of(&swept_with_floor(&met)), Exit::Held);
        let one_short = [&met[1..], from_ref(&held)].concat();
        assert_eq!(exit_of(&swept_with_floor(&one_short)), Exit::FloorMissed);
        // Too few runs to say.
        assert_eq!(exit_of(&swept_with_floor(from_ref(&held))), Exit::Held);
        let broken = [&one_short[..], &[failed]].concat();
        assert_eq!(exit_of(&swept_with_floor(&broken)), Exit::Violated);
    }

    #[test]
    fn the_gravest_finding_is_the_verdict() {
        let failed = failed_outcome();
        let held = tested(&failed);
        let vacuous = Outcome {
            figures: Figures {
                connections_expected: 3,
                ..Figures::default()
            },
            ..held.clone()
        };
        assert_eq!(exit_of(&swept(&[])), Exit::NothingRan);
        assert_eq!(exit_of(&swept(&[held])), Exit::Held);
        assert_eq!(exit_of(&swept(from_ref(&vacuous))), Exit::FloorMissed);
        let mut result = swept(&[vacuous, failed]);
        assert_eq!(exit_of(&result), Exit::Violated);
        result.interrupted = true;
        assert_eq!(exit_of(&result), Exit::Interrupted);
        result.divergences.push(NonDeterminism {
            run: "chaos@v9:0".parse().unwrap(),
            origin: Origin::Name,
            digests: [Digest(1), Digest(2)],
            first_difference: None,
        });
        assert_eq!(exit_of(&result), Exit::NonDeterministic);
    }
}
