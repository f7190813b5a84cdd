//! `gatesim verify-fix`: whether a change removes a failure or only changes its timing.
//!
//! A capsule that passes after a change proves little: any change of timing may have separated the
//! two steps that race. Therefore runs of several populations are sampled before and after the change, and
//! the failure rates are compared.
//!
//! - `population`: how other runs are made from the failing one; `sample`: how many of them fail;
//! - `verdict`: the comparison of two samples; `saved`: a sample in a file, for another build;
//! - here: the command and its output.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, bail};
use gatesim_sim::{Options, run::outcome::Outcome};
use serde::Serialize;

use crate::{
    execution::{determinism::run_checked, interrupt},
    exit::Exit,
    output::{MessageFormat, Output, Style, note, progress::ProgressDisplay},
    target::{Target, capsule::Capsule, catalog, expectation::Expectation},
};

pub mod args;
mod population;
mod sample;
mod saved;
mod verdict;

use args::VerifyFixArgs;
use population::Population;
use sample::{Own, Sample, Sampling};
use saved::Saved;
use verdict::FixVerdict;

/// Runs the command.
pub fn verify_fix(args: &VerifyFixArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let target = Target::load(&args.target, None)?;
    let target = target.asked(args.about.violation.clone());
    let earlier = (args.before.as_deref()).map(Saved::read).transpose()?;
    for path in args.save.iter().chain(&args.keep) {
        target.check_output(path)?;
    }
    let Some(outcome) = run_checked(&target, &Options::default(), out)? else {
        return Ok(Exit::NonDeterministic);
    };
    let expect = expectation(&target, earlier.as_ref(), &outcome)?;
    // A file that has moved leaves the populations around the plan.
    let scenario = catalog::scenario(&target.run.scenario).ok();
    if scenario.is_none() {
        note(format_args!(
            "there is no scenario {}: no other seeds are run",
            target.run.scenario
        ));
    }
    let sizes = args.sizes(scenario.is_some());
    match &earlier {
        Some(earlier) => earlier.check(&target, &expect, sizes)?,
        None if !expect.is_met_by(&outcome) => bail!(
            "{} does not break {expect} before the change, so there is nothing to compare",
            target.title
        ),
        None => {}
    }
    let after_name = args.design.as_deref().unwrap_or(&target.run.design);
    let after_design = catalog::design(after_name)?;
    interrupt::install()?;

    let sides = 1 + u64::from(earlier.is_none() && args.save.is_none());
    let runs = sizes.members().count() as u64;
    let progress = ProgressDisplay::new("runs", Some(runs * sides), None);
    let before = Sampling {
        target: &target,
        scenario: scenario.as_ref(),
        design: &target.design,
        design_name: &target.run.design,
        expect: &expect,
        sizes,
        jobs: args.jobs.count(),
    };
    let after = Sampling {
        design: &after_design,
        design_name: after_name,
        ..before
    };
    let sampled = match earlier {
        Some(earlier) => Some(earlier.sample),
        None => before.sample(&progress),
    };
    let sampled_after = match (&sampled, &args.save) {
        (Some(_), None) => after.sample(&progress),
        (Some(_), Some(_)) | (None, _) => None,
    };
    progress.clear();
    match (sampled, &args.save, sampled_after) {
        (Some(before), Some(path), _) => save(&target, before, path, out),
        (Some(before), None, Some(found)) => {
            if let Some(path) = &args.keep {
                keep(&after, &found, path)?;
            }
            write_comparison(&before, &found, args, out)
        }
        (None, _, _) | (Some(_), None, None) => {
            note("no result and no file: the sample is incomplete");
            Ok(Exit::Interrupted)
        }
    }
}

/// The failure to count: what is asked about, what the capsule expects, what an earlier build counted,
/// or what the run breaks first.
fn expectation(
    target: &Target,
    earlier: Option<&Saved>,
    outcome: &Outcome,
) -> anyhow::Result<Expectation> {
    // The change may have fixed it, so it need not occur in this run.
    let counted = earlier.map(|earlier| &earlier.sample.expect);
    match (&target.asked, &target.capsule, counted) {
        (Some(asked), _, Some(counted)) if !asked.names(counted) => {
            bail!("--before counted {counted}, not {asked}")
        }
        (Some(_), _, Some(counted)) | (None, None, Some(counted)) => return Ok(counted.clone()),
        (None, Some(capsule), _) => return Ok(capsule.expect.clone()),
        (Some(_), _, None) | (None, None, None) => {}
    }
    target
        .expectation(outcome)?
        .with_context(|| format!("the run {} held: there is nothing to fix", target.title))
}

/// Writes the sample for a comparison with another build.
fn save(target: &Target, sample: Sample, path: &Path, out: &mut Output) -> anyhow::Result<Exit> {
    let saved = Saved::new(target, sample);
    saved.write(path)?;
    let sample = &saved.sample;
    match out.format() {
        MessageFormat::Human => out.line(format!(
            "{} of {} runs around {} break {}; written to {}",
            sample.failed(),
            sample.runs(),
            target.title,
            sample.expect,
            path.display()
        ))?,
        MessageFormat::Json => out.json("sample", sample)?,
    }
    Ok(Exit::Violated)
}

/// Keeps the run most like the failing one that still fails, with all of its choices.
fn keep(after: &Sampling, found: &Sample, path: &Path) -> anyhow::Result<()> {
    let Some(nearest) = found.nearest else {
        note(format_args!(
            "no run fails after the change: {} is not written",
            path.display()
        ));
        return Ok(());
    };
    let options = Options {
        trace: true,
        record: true,
        ..Options::default()
    };
    let outcome = after.run(nearest, options);
    let why = format!("Like {}, and still fails.", after.target.title);
    let capsule = Capsule::expecting(
        after.run_name(nearest),
        after.plan(nearest).into_owned(),
        outcome,
        &why,
        after.expect.clone(),
    );
    capsule.write(path)
}

/// A comparison as a JSON line.
#[derive(Serialize)]
struct ComparisonJson<'a> {
    run: &'a str,
    #[serde(flatten)]
    verdict: &'a FixVerdict,
    sentence: &'a str,
    before: &'a Sample,
    after: &'a Sample,
}

fn write_comparison(
    before: &Sample,
    after: &Sample,
    args: &VerifyFixArgs,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let verdict = FixVerdict::of(before, after);
    let sentence = verdict.sentence(before, after);
    match out.format() {
        MessageFormat::Human => {
            let style = out.style();
            out.lines(table(before, after, args, style))?;
            let name = match verdict {
                FixVerdict::Fixed => style.good(verdict.name()),
                FixVerdict::TimingOnly
                | FixVerdict::LessOften
                | FixVerdict::StillFails
                | FixVerdict::OtherFailure { .. }
                | FixVerdict::NotEnoughEvidence => style.bad(verdict.name()),
            };
            out.line(format!("{name}: {sentence}"))?;
        }
        MessageFormat::Json => out.json(
            "comparison",
            &ComparisonJson {
                run: &args.target,
                verdict: &verdict,
                sentence: &sentence,
                before,
                after,
            },
        )?,
    }
    Ok(match verdict {
        FixVerdict::Fixed => Exit::Held,
        FixVerdict::TimingOnly
        | FixVerdict::LessOften
        | FixVerdict::StillFails
        | FixVerdict::OtherFailure { .. }
        | FixVerdict::NotEnoughEvidence => Exit::Violated,
    })
}

/// Both samples, side by side.
fn table(before: &Sample, after: &Sample, args: &VerifyFixArgs, style: Style) -> Vec<String> {
    let row =
        |what: &str, [before, after]: [String; 2]| format!("  {what:<34} {before:>18} {after:>18}");
    let own = [before, after].map(|sample| {
        let own = match sample.own {
            Own::Fails => "fails",
            Own::FailsOtherwise => "fails otherwise",
            Own::Holds => "holds",
        };
        own.to_owned()
    });
    let heading = match args.before {
        Some(_) => ["before", "now"].map(str::to_owned),
        None => ["before", "after"].map(str::to_owned),
    };
    let mut lines = vec![
        style.strong(&format!("{} {}", args.target, before.expect)),
        format!(
            "  designs: {} before, {} after",
            before.design, after.design
        ),
        row("", heading),
        row("the run itself", own),
    ];
    for (earlier, later) in before.populations.iter().zip(&after.populations) {
        let what = match earlier.population {
            Population::Nearby => "a quarter of its timing resampled",
            Population::Timing => "all of its timing resampled",
            Population::Plans => "other times and numbers",
            Population::Seeds => "other seeds of the scenario",
        };
        let rates = [earlier, later].map(|one| format!("{} of {} fail", one.failed, one.runs));
        lines.push(row(what, rates));
    }
    let others = before.others.keys().chain(after.others.keys());
    let others: BTreeSet<&String> = others.collect();
    for other in others {
        let count = |sample: &Sample| sample.others.get(other).copied().unwrap_or(0);
        lines.push(format!(
            "  also in {} runs before, {} after: {other}",
            count(before),
            count(after)
        ));
    }
    lines
}
