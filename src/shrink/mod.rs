//! `gatesim shrink`: reduces a failing run to a smaller one that fails in the same way.
//!
//! - `goal`: the failure that must remain;
//! - `candidate`: a plan and its choices, and how large they are;
//! - `elements`: what can be removed from it; `target/dials`: which values can be reduced;
//! - `schedule`: the times in a plan, and how they move earlier;
//! - `ddmin`: delta debugging of lists and numbers, as data;
//! - `search`: the order of attempts; `trials`: their execution, in parallel, in bounded time;
//! - `report`: what is printed.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use gatesim_sim::{Options, run::outcome::Outcome, trace::event::FinishReason};

use crate::{
    execution::{clock::Stopwatch, determinism::run_checked, interrupt},
    exit::Exit,
    output::{MessageFormat, Output, check_writable, note, progress::ProgressDisplay},
    target::{
        Target, capsule::Capsule, catalog, run_name::RunName, shrunk::Shrunk, witness::Witness,
    },
};

pub mod args;
pub mod candidate;
pub mod ddmin;
pub mod elements;
mod goal;
mod report;
mod schedule;
mod search;
mod trials;

use args::ShrinkArgs;
use candidate::{Candidate, size_of};
use goal::Goal;
use report::ShrinkReport;
use search::ShrinkSearch;
use trials::{CandidateTrials, Stopped};

/// Runs the command.
pub fn shrink(args: &ShrinkArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let given = args.run.load()?;
    if args.check {
        return check(args, given, out);
    }
    let path = output_path(args, &given)?;
    let target = match args.resume && path.exists() {
        true => resumed(&path, &given)?,
        false => given,
    };
    interrupt::install()?;

    let whole = Options {
        trace: true,
        record: true,
        ..Options::default()
    };
    let Some(original) = run_checked(&target, &whole, out)? else {
        return Ok(Exit::NonDeterministic);
    };
    let goal = goal_of(&target, &original, args)?;
    let from = Candidate {
        plan: target.plan.clone(),
        choices: target.capsule.as_ref().and_then(|c| c.choices.clone()),
    };
    let before = match target.capsule.as_ref().and_then(|c| c.shrunk.clone()) {
        Some(shrunk) => shrunk.before,
        None => size_of(&from, &original, &goal),
    };

    // Printed before the first candidate, so that an interrupt is known to keep the result.
    note(format_args!(
        "shrinking {}: {}; Ctrl-C writes the smallest run so far",
        target.title,
        from.in_words()
    ));
    let watch = Stopwatch::start();
    let progress = ProgressDisplay::searching(args.budget);
    let found = search(&target, goal, from, &original, args, &progress)?;
    progress.clear();

    let SearchResult {
        goal,
        best,
        stopped,
    } = found;
    let shrunk = Shrunk {
        from: origin_of(&target),
        minimal: stopped.is_none(),
        before,
    };
    let capsule = Capsule {
        why: why(&target),
        run: target.run,
        expect: goal.expect.clone(),
        // Computed below.
        digest: original.digest,
        plan: best.plan.clone(),
        choices: best.choices.clone(),
        shrunk: Some(shrunk),
        witness: None,
    };
    let smaller = Target::of_capsule(&path.display().to_string(), capsule.clone())?;
    let Some(outcome) = run_checked(&smaller, &whole, out)? else {
        return Ok(Exit::NonDeterministic);
    };
    let capsule = Capsule {
        digest: outcome.digest,
        witness: Witness::of(&outcome, &goal.expect),
        ..capsule
    };
    capsule.write(&path)?;
    let report = ShrinkReport {
        capsule: &capsule,
        outcome: &outcome,
        goal: &goal,
        before,
        after: size_of(&best, &outcome, &goal),
        file: &path,
        stopped,
    };
    match out.format() {
        MessageFormat::Human => out.line(report.human(out.style()))?,
        MessageFormat::Json => out.json("shrunk", &report.json())?,
    }
    note(format_args!(
        "wrote {} after {:.1} s",
        path.display(),
        watch.elapsed().as_secs_f64()
    ));
    Ok(match stopped {
        None | Some(Stopped::Budget) => Exit::Held,
        Some(Stopped::Interrupt) => Exit::Interrupted,
    })
}

/// The result of a search.
struct SearchResult {
    goal: Goal,
    best: Candidate,
    stopped: Option<Stopped>,
}

/// Searches, and verifies that the result fails as required when it runs to its end.
fn search(
    target: &Target,
    goal: Goal,
    from: Candidate,
    original: &Outcome,
    args: &ShrinkArgs,
    progress: &ProgressDisplay,
) -> anyhow::Result<SearchResult> {
    // A candidate that is stopped at its first violation does not reach a panic after it.
    for goal in [goal.clone(), goal.to_the_end()] {
        let hit = goal
            .judge(original)
            .context("the original fails as required")?;
        let jobs = args.jobs.count();
        let trials = CandidateTrials::new(&target.design, &goal, jobs, args.budget, progress);
        let mut search = ShrinkSearch::new(&trials, &goal, from.clone(), hit);
        let stopped = search.run().err();
        let best = search.best;
        // After the violation it may run for very long, as candidates do.
        let bounded = Options {
            stop_at_first: false,
            ..goal.options()
        };
        let outcome = best.run(&target.design, &bounded);
        let ended = outcome.finish != Some(FinishReason::StoppedAtPoint);
        if ended && goal.is_met_by(&outcome) {
            return Ok(SearchResult {
                goal,
                best,
                stopped,
            });
        }
    }
    bail!("the smaller run does not fail like the original when it runs to its end")
}

/// The failure to keep; an error if there is none.
fn goal_of(target: &Target, outcome: &Outcome, args: &ShrinkArgs) -> anyhow::Result<Goal> {
    let capsule = target.capsule.as_ref().filter(|_| target.asked.is_none());
    if let Some(capsule) = capsule.filter(|capsule| !capsule.expect.is_met_by(outcome)) {
        bail!(
            "the capsule no longer breaks {}; `gatesim replay {}` shows what it does",
            capsule.expect,
            args.run.target
        );
    }
    let run = &target.title;
    let expect = target
        .expectation(outcome)?
        .with_context(|| format!("the run {run} held: there is nothing to shrink"))?;
    Ok(Goal::of(outcome, expect))
}

/// Where the smaller run is written: never over another file.
fn output_path(args: &ShrinkArgs, target: &Target) -> anyhow::Result<PathBuf> {
    let path = match &args.output {
        Some(path) => path.clone(),
        None => PathBuf::from(Capsule::shrunk_file_name(&target.run)),
    };
    check_writable(&path)?;
    let shrunk = target.capsule.as_ref().and_then(|c| c.shrunk.as_ref());
    let continues = args.resume || (shrunk.is_some() && target.is_from(&path));
    if path.exists() && !continues {
        bail!(
            "{} exists; --resume continues from it, -o writes to another file",
            path.display()
        );
    }
    Ok(path)
}

/// The result of an earlier search, to continue from.
fn resumed(path: &Path, given: &Target) -> anyhow::Result<Target> {
    let file = path.display().to_string();
    let earlier = Target::of_capsule(&file, Capsule::read(path)?)?;
    let shrunk = earlier.capsule.as_ref().and_then(|c| c.shrunk.as_ref());
    let same = |run: &RunName| -> anyhow::Result<RunName> {
        let design = catalog::without_file(&run.design)?;
        let run = run.clone();
        Ok(RunName { design, ..run })
    };
    if shrunk.is_none() || same(&earlier.run)? != same(&given.run)? {
        bail!(
            "{file} is not what an earlier shrink of {} wrote",
            given.run
        );
    }
    Ok(earlier.asked(given.asked.clone()))
}

/// The run with which a chain of searches began.
fn origin_of(target: &Target) -> String {
    let shrunk = target.capsule.as_ref().and_then(|c| c.shrunk.as_ref());
    shrunk.map_or_else(|| target.run.to_string(), |shrunk| shrunk.from.clone())
}

/// The sentence of the capsule that was shrunk; for other targets it must be written later.
fn why(target: &Target) -> String {
    match &target.capsule {
        Some(capsule) => capsule.why.clone(),
        None => format!(
            "shrunk from {}; replace this by what the run shows",
            target.run
        ),
    }
}

/// Whether a run is minimal: without any one of its elements it no longer fails in the same way.
fn check(args: &ShrinkArgs, target: Target, out: &mut Output) -> anyhow::Result<Exit> {
    interrupt::install()?;
    let outcome = target.execute(&Options::default());
    let goal = goal_of(&target, &outcome, args)?;
    let hit = goal
        .judge(&outcome)
        .context("the original fails as required")?;
    let from = Candidate {
        plan: target.plan.clone(),
        choices: target.capsule.as_ref().and_then(|c| c.choices.clone()),
    };
    let elements = elements::elements(&from).len();
    let progress = ProgressDisplay::searching(args.budget);
    let jobs = args.jobs.count();
    let trials = CandidateTrials::new(&target.design, &goal, jobs, args.budget, &progress);
    let superfluous = ShrinkSearch::new(&trials, &goal, from, hit).superfluous();
    progress.clear();
    let superfluous = match superfluous {
        Ok(superfluous) => superfluous,
        Err(Stopped::Interrupt) => return Ok(Exit::Interrupted),
        Err(Stopped::Budget) => bail!("--budget was too short to try every element"),
    };
    match out.format() {
        MessageFormat::Human => out.line(report::minimality(elements, superfluous.as_ref()))?,
        MessageFormat::Json => out.json(
            "minimality",
            &report::MinimalityJson::new(&target.run, elements, superfluous.as_ref()),
        )?,
    }
    Ok(match superfluous {
        None => Exit::Held,
        Some(_) => Exit::Violated,
    })
}
