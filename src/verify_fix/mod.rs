//! `gatesim verify-fix`: whether a change removes a failure or only changes its timing.
//!
//! A capsule that passes after a change proves little: any change of timing may have separated the
//! two steps that race. Therefore similar runs are sampled before and after the change, with the same
//! plan and faults and resampled timing, and the failure rates are compared.
//!
//! - `neighbourhood`: the samples; `verdict`: the comparison of two samples;
//! - here: the command and its output.

use std::path::Path;

use anyhow::{Context, bail};
use gatesim_sim::{Options, run::outcome::Outcome, scheduler::choices::WHOLE};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    execution::{determinism::run_checked, interrupt},
    exit::Exit,
    output::{
        FORMAT, MessageFormat, Output, Style, note, progress::ProgressDisplay, read_text,
        write_whole,
    },
    target::{Target, capsule::Capsule, catalog, expectation::Expectation, run_name::RunName},
};

pub mod args;
mod neighbourhood;
mod verdict;

use args::VerifyFixArgs;
use neighbourhood::{Neighbourhood, Own, Ring, Sampling};
use verdict::FixVerdict;

/// Runs the command.
pub fn verify_fix(args: &VerifyFixArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let target = Target::load(&args.target, None)?;
    let earlier = (args.before.as_deref()).map(Saved::read).transpose()?;
    for path in args.save.iter().chain(&args.keep) {
        target.check_output(path)?;
    }
    let Some(outcome) = run_checked(&target, &Options::default(), out)? else {
        return Ok(Exit::NonDeterministic);
    };
    let expect = expectation(&target, earlier.as_ref(), &outcome)?;
    match &earlier {
        Some(earlier) => earlier.check(&target, &expect, args.samples)?,
        None if !expect.is_met_by(&outcome) => bail!(
            "{} does not break {expect} before the change, so there is nothing to compare",
            target.run
        ),
        None => {}
    }
    let after_name = args.design.as_deref().unwrap_or(&target.run.design);
    let after_design = catalog::design(after_name)?;
    interrupt::install()?;

    let sides = 1 + u64::from(earlier.is_none() && args.save.is_none());
    let progress = ProgressDisplay::new("runs", Some(args.samples * sides), None);
    let before = Sampling {
        target: &target,
        design: &target.design,
        design_name: &target.run.design,
        expect: &expect,
        samples: args.samples,
        jobs: args.jobs.count(),
    };
    let after = Sampling {
        design: &after_design,
        design_name: after_name,
        ..before
    };
    let sampled = match earlier {
        Some(earlier) => Some(earlier.neighbourhood),
        None => before.neighbourhood(&progress),
    };
    let sampled_after = match (&sampled, &args.save) {
        (Some(_), None) => after.neighbourhood(&progress),
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

/// The failure to count: what the capsule expects, what an earlier build counted, or what the run
/// breaks first.
fn expectation(
    target: &Target,
    earlier: Option<&Saved>,
    outcome: &Outcome,
) -> anyhow::Result<Expectation> {
    if let Some(capsule) = &target.capsule {
        return Ok(capsule.expect.clone());
    }
    if let Some(earlier) = earlier {
        return Ok(earlier.neighbourhood.expect.clone());
    }
    Expectation::of(outcome)
        .with_context(|| format!("the run {} held: there is nothing to fix", target.run))
}

/// What `--save` writes and `--before` reads.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    run: String,
    /// Digest of its plan: capsules of one run may have been shrunk in different ways.
    plan: String,
    neighbourhood: Neighbourhood,
}

fn plan_digest(target: &Target) -> String {
    let plan = toml::to_string(&target.plan).expect("a plan can be written");
    format!("{:016x}", xxh3_64(plan.as_bytes()))
}

/// Read first: the rest of a file in another format may mean something else.
#[derive(Deserialize)]
struct SavedFormat {
    format: u32,
}

impl Saved {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read_text(path)?;
        let failed = || {
            format!(
                "failed to read {} as a file written by --save",
                path.display()
            )
        };
        let SavedFormat { format } = serde_json::from_str(&text).with_context(failed)?;
        if format != FORMAT {
            bail!(
                "{}: format {format} is not supported; this build reads format {FORMAT}",
                path.display()
            );
        }
        serde_json::from_str(&text).with_context(failed)
    }

    /// Two samples are comparable if they have the same run, failure and size.
    fn check(&self, target: &Target, expect: &Expectation, samples: u64) -> anyhow::Result<()> {
        let saved = &self.neighbourhood;
        let (name, plan) = (target.run.to_string(), plan_digest(target));
        if (&self.run, &self.plan) != (&name, &plan) {
            bail!(
                "--before is a sample of another run: {} there, {name} here, or another plan of it",
                self.run
            );
        }
        if saved.expect != *expect {
            bail!(
                "--before counted {}, but {} expects {expect}",
                saved.expect,
                target.run
            );
        }
        if saved.samples() != samples {
            bail!(
                "--before has {} samples; use --samples {}",
                saved.samples(),
                saved.samples()
            );
        }
        Ok(())
    }
}

/// Writes the sample for a comparison with another build.
fn save(
    target: &Target,
    neighbourhood: Neighbourhood,
    path: &Path,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let saved = Saved {
        format: FORMAT,
        run: target.run.to_string(),
        plan: plan_digest(target),
        neighbourhood,
    };
    let text = serde_json::to_string_pretty(&saved)?;
    write_whole(path, |file| Ok(writeln!(file, "{text}")?))?;
    let sampled = &saved.neighbourhood;
    match out.format() {
        MessageFormat::Human => out.line(format!(
            "{} of {} neighbours of {} break {}; written to {}",
            sampled.failed(),
            sampled.samples(),
            target.run,
            sampled.expect,
            path.display()
        ))?,
        MessageFormat::Json => out.json("neighbourhood", sampled)?,
    }
    Ok(Exit::Violated)
}

/// Keeps the nearest neighbour that still fails, with all of its choices.
fn keep(after: &Sampling, found: &Neighbourhood, path: &Path) -> anyhow::Result<()> {
    let Some(nearest) = found.nearest else {
        note(format_args!(
            "no neighbour fails after the change: {} is not written",
            path.display()
        ));
        return Ok(());
    };
    let options = Options {
        trace: true,
        record: true,
        ..Options::default()
    };
    let outcome = after.run(Some(nearest), options);
    let run = RunName {
        design: after.design_name.to_owned(),
        ..after.target.run.clone()
    };
    let why = format!("A neighbour of {} that still fails.", after.target.run);
    let capsule = Capsule::expecting(
        run,
        after.target.plan.clone(),
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
    before: &'a Neighbourhood,
    after: &'a Neighbourhood,
}

fn write_comparison(
    before: &Neighbourhood,
    after: &Neighbourhood,
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
fn table(
    before: &Neighbourhood,
    after: &Neighbourhood,
    args: &VerifyFixArgs,
    style: Style,
) -> Vec<String> {
    let row =
        |what: &str, [before, after]: [String; 2]| format!("  {what:<34} {before:>16} {after:>16}");
    let own = [before, after].map(|sampled| {
        let own = match sampled.own {
            Own::Fails => "fails",
            Own::FailsOtherwise => "fails otherwise",
            Own::Holds => "holds",
        };
        own.to_owned()
    });
    let rate = |failed: u64, samples: u64| format!("{failed} of {samples} fail");
    let ring = |ring: &Ring| rate(ring.failed, ring.samples);
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
    for (earlier, later) in before.rings.iter().zip(&after.rings) {
        let what = match earlier.per_mille {
            WHOLE => "all of its timing resampled".to_owned(),
            per_mille => format!("{} % of its timing resampled", per_mille / 10),
        };
        lines.push(row(&what, [ring(earlier), ring(later)]));
    }
    let all = [before, after].map(|sampled| rate(sampled.failed(), sampled.samples()));
    lines.push(row("all neighbours", all));
    let others = before.others.keys().chain(after.others.keys());
    let mut others: Vec<&String> = others.collect();
    others.sort();
    others.dedup();
    for other in others {
        let count = |sampled: &Neighbourhood| sampled.others.get(other).copied().unwrap_or(0);
        lines.push(format!(
            "  also in {} runs before, {} after: {other}",
            count(before),
            count(after)
        ));
    }
    lines
}
