//! `gatesim sweep`: many seeds, failures grouped by cause, each reproduced alone before it is
//! reported.

pub mod args;
mod durations;
mod gaps;
mod groups;
mod happened;
mod junit;
mod limits;
mod partition;
mod report;
mod result;
mod table;
mod tally;
mod work;

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Context, bail};
use gatesim_sim::{Options, plan::scenario::MAX_SEED};

use crate::{
    execution::{clock::Stopwatch, determinism, interrupt},
    exit::Exit,
    output::{Output, check_writable, progress::ProgressDisplay, write_whole},
    sweep::{
        args::SweepArgs,
        result::SweepResult,
        work::{Harvest, Limit, Pair, SweepWork},
    },
    target::{
        capsule::Capsule, catalog, defects::Catalogue, expectation::Expectation,
        failure::FailureReport, origin::Origin,
    },
};

/// Seeds per scenario and design by default: all scenarios take well under a minute.
pub const DEFAULT_SEEDS: u64 = 1_000;

/// The `why` of a capsule that a sweep writes, to be replaced when the capsule is kept.
const FOUND_BY_SWEEP: &str = "found by a sweep; replace this by what the run shows";

/// Runs the command.
pub fn sweep(args: &SweepArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let work = work_of(args)?;
    check_outputs(args)?;
    let catalogue = args.table.as_ref().map(|_| Catalogue::load()).transpose()?;
    interrupt::install()?;
    let watch = Stopwatch::start();
    let progress = ProgressDisplay::new("runs", work.count(), args.budget);
    let harvest = work.run(&progress);
    let mut result = confirm(work, harvest);
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

/// Resolves all names before anything runs: a long sweep must not end with a misspelt name.
fn work_of(args: &SweepArgs) -> anyhow::Result<SweepWork> {
    let references: Vec<String> = if args.scenarios.is_empty() {
        catalog::scenario_names()
            .into_iter()
            .map(str::to_owned)
            .collect()
    } else {
        args.scenarios.clone()
    };
    refuse_twice("scenario", &references)?;
    refuse_twice("design", &args.designs)?;
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
    let compared = !args
        .designs
        .iter()
        .any(|design| design == limits::REFERENCE);
    let designs = args.designs.iter().map(|design| (design.as_str(), true));
    // What limits compare with runs on the same seeds.
    let designs = designs.chain(compared.then_some((limits::REFERENCE, false)));
    for (design_reference, asked) in designs {
        let design = catalog::design(design_reference)?;
        for scenario_reference in &references {
            let scenario = catalog::scenario(scenario_reference)?;
            if !asked && !scenario.limits.compare() {
                continue;
            }
            pairs.push(Pair {
                scenario_reference: scenario_reference.clone(),
                design_reference: design_reference.to_owned(),
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
        options: Options {
            stop_at_first: args.stop_at_first,
            ..Options::default()
        },
        jobs: args.jobs.count(),
    })
}

/// Results are identified by the names of scenario and design.
fn refuse_twice(kind: &str, references: &[String]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    match references.iter().find(|reference| !seen.insert(*reference)) {
        Some(twice) => bail!("{kind} `{twice}` is named twice"),
        None => Ok(()),
    }
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

/// Re-executes the first run of every group alone, and every run that did not repeat once more with
/// traces.
fn confirm(work: SweepWork, harvest: Harvest) -> SweepResult {
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
        for (_, group) in tally.groups.iter() {
            let example = group.seeds[0];
            let alone = pair.run(example.seed, &work.options);
            let name = pair.run_name(example.seed);
            if alone.digest == example.digest {
                failures.extend(FailureReport::new(
                    name,
                    Origin::Name,
                    &alone,
                    None,
                    Some(group.report(tally.runs)),
                ));
            } else if !divergences.iter().any(|divergence| divergence.run == name) {
                divergences.push(determinism::trace_twice(
                    name,
                    Origin::Name,
                    [example.digest, alone.digest],
                    |options| pair.run(example.seed, options),
                    &work.options,
                ));
            }
        }
    }
    SweepResult {
        work,
        harvest,
        failures,
        divergences,
        interrupted: interrupt::requested(),
        elapsed: Duration::ZERO,
    }
}

fn write_capsules(result: &SweepResult, dir: &Path) -> anyhow::Result<()> {
    for failure in &result.failures {
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
        let expect = Expectation::of(&outcome)
            .with_context(|| format!("the run {run} held: there is no violation to keep"))?;
        let capsule = Capsule::expecting(run.clone(), plan, outcome, FOUND_BY_SWEEP, expect);
        capsule.write(&dir.join(capsule.file_name(None)))?;
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
    } else if tallies.iter().any(|tally| tally.groups.total() > 0)
        || result.exceeded().next().is_some()
    {
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
        run::outcome::{Digest, Outcome},
    };

    use super::*;
    use crate::{
        execution::determinism::NonDeterminism, sweep::tally::PairTally,
        target::failure::tests::failed_outcome,
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
