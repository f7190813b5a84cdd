//! `gatesim corpus`: failing runs that are kept as regression tests.

pub mod args;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use gatesim_sim::{Options, scheduler::choices::RecordDivergence};
use serde::Serialize;

use crate::{
    corpus::args::{CorpusAddArgs, CorpusArgs, CorpusCheckArgs, CorpusCommand},
    execution::{determinism::run_checked, interrupt},
    exit::Exit,
    output::{MessageFormat, Output, Style, note},
    target::{
        Target,
        capsule::Capsule,
        expectation::Expectation,
        reproduction::{Reproduction, drift_in_words},
        title::RunTitle,
        witness::Witness,
    },
};

/// Runs the command.
pub fn corpus(command: &CorpusCommand, out: &mut Output) -> anyhow::Result<Exit> {
    match command {
        CorpusCommand::Check(args) => check(args, out),
        CorpusCommand::Add(args) => add(args, out),
        CorpusCommand::List(args) => list(args, out),
    }
}

/// A capsule as a JSON line.
#[derive(Serialize)]
struct CapsuleJson<'a> {
    file: String,
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    made_from: Option<String>,
    why: &'a str,
    expect: &'a Expectation,
    #[serde(flatten)]
    reproduction: Option<&'a Reproduction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<RecordDivergence>,
}

/// Reads all capsules before the first one runs: a broken file is an error, not a finding.
fn check(args: &CorpusCheckArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let dir = &args.corpus.dir;
    let capsules = read_all(dir)?;
    if capsules.is_empty() {
        note(format_args!("no capsules in {}", dir.display()));
        return Ok(Exit::NothingRan);
    }
    interrupt::install()?;
    let total = capsules.len();
    let (mut checked, mut failed) = (0_usize, 0_usize);
    for (path, capsule) in capsules {
        if interrupt::requested() {
            break;
        }
        let file = path.display().to_string();
        let target = Target::of_capsule(&file, capsule.clone())?;
        let options = Options {
            trace: true,
            ..Options::default()
        };
        let outcome = target.execute(&options);
        let reproduction = Reproduction::of(&capsule, &outcome);
        checked += 1;
        let mut verdict = CapsuleVerdict::of(&reproduction, args.accept_drift);
        if args.accept_drift && verdict != CapsuleVerdict::Failed {
            let pinned = Capsule {
                digest: outcome.digest,
                witness: Witness::of(&outcome, &capsule.expect),
                ..capsule.clone()
            };
            if pinned != capsule {
                pinned.write(&path)?;
                verdict = CapsuleVerdict::Accepted;
            }
        }
        failed += usize::from(verdict == CapsuleVerdict::Failed);
        match out.format() {
            MessageFormat::Human => {
                let head = verdict.human(out.style());
                let text = reproduction.human(&capsule);
                let drift = drift_in_words(outcome.divergence);
                let text = [Some(text), drift].into_iter().flatten();
                let text: Vec<String> = text.collect();
                out.line(format!("{head} {file}: {}", text.join("; ")))?;
                if verdict == CapsuleVerdict::Failed
                    && let Some(advice) = reproduction.advice(&capsule, &file)
                {
                    out.line(format!("         {advice}"))?;
                }
            }
            MessageFormat::Json => {
                let checked = CapsuleJson {
                    reproduction: Some(&reproduction),
                    drift: Some(outcome.divergence).filter(|drift| !drift.is_none()),
                    ..json(&path, &capsule)
                };
                out.json("capsule", &checked)?;
            }
        }
    }
    let summary = format!("{checked} of {total} capsules checked, {failed} failed");
    match out.format() {
        MessageFormat::Human => out.line(summary)?,
        MessageFormat::Json => {
            #[derive(Serialize)]
            struct CorpusSummaryJson {
                capsules: usize,
                checked: usize,
                failed: usize,
            }
            out.json(
                "summary",
                &CorpusSummaryJson {
                    capsules: total,
                    checked,
                    failed,
                },
            )?;
        }
    }
    Ok(if checked < total {
        Exit::Interrupted
    } else if failed > 0 {
        Exit::Violated
    } else {
        Exit::Held
    })
}

/// The result of checking a capsule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CapsuleVerdict {
    /// It reproduces.
    Reproduced,
    /// Its trace changed as intended, or it had no witness: the file was written.
    Accepted,
    /// It does not reproduce.
    Failed,
}

impl CapsuleVerdict {
    fn of(reproduction: &Reproduction, accept_drift: bool) -> Self {
        match (reproduction, accept_drift) {
            (Reproduction::Exact, _) => Self::Reproduced,
            (Reproduction::SeedBreaking { .. }, true) => Self::Accepted,
            (Reproduction::SeedBreaking { .. }, false)
            | (
                Reproduction::OtherViolation { .. }
                | Reproduction::Fixed { .. }
                | Reproduction::NotTheSameRun { .. }
                | Reproduction::Held,
                _,
            ) => Self::Failed,
        }
    }

    fn human(self, style: Style) -> String {
        match self {
            Self::Reproduced => style.good("ok      "),
            Self::Accepted => style.strong("accepted"),
            Self::Failed => style.bad("FAILED  "),
        }
    }
}

/// Keeps a failing run that repeats.
fn add(args: &CorpusAddArgs, out: &mut Output) -> anyhow::Result<Exit> {
    if args.why.trim().is_empty() {
        bail!("--why is empty; state in one sentence what the run shows");
    }
    let target = Target::load(&args.target, args.design.as_deref())?;
    let target = target.asked(args.about.violation.clone());
    // Choices follow from the seed in the plan: a record of them adds nothing until it is edited.
    let options = Options {
        record: args.choices,
        trace: true,
        ..Options::default()
    };
    let Some(outcome) = run_checked(&target, &options, out)? else {
        return Ok(Exit::NonDeterministic);
    };
    let expect = target.expectation(&outcome)?.with_context(|| {
        let run = &target.title;
        format!("the run {run} held: there is no violation to keep")
    })?;
    let (edited, shrunk) = match target.capsule {
        // It is minimal only for the failure that it was shrunk for.
        Some(kept) => (kept.choices, kept.shrunk.filter(|_| kept.expect == expect)),
        None => (None, None),
    };
    let why = args.why.trim();
    let capsule = Capsule::expecting(target.run, target.plan, outcome, why, expect);
    let capsule = Capsule {
        // The record is of the same run, with all of its choices.
        choices: capsule.choices.or(edited),
        shrunk,
        ..capsule
    };
    let dir = &args.corpus.dir;
    fs::create_dir_all(dir)
        .with_context(|| format!("failed to create the directory {}", dir.display()))?;
    let path = dir.join(capsule.file_name(args.about.violation.as_ref()));
    if path.exists() {
        bail!("{} exists; remove it first to replace it", path.display());
    }
    capsule.write(&path)?;
    match out.format() {
        MessageFormat::Human => out.line(format!("kept {} in {}", capsule.run, path.display()))?,
        MessageFormat::Json => out.json("capsule", &json(&path, &capsule))?,
    }
    Ok(Exit::Held)
}

fn list(args: &CorpusArgs, out: &mut Output) -> anyhow::Result<Exit> {
    for (path, capsule) in read_all(&args.dir)? {
        match out.format() {
            MessageFormat::Human => {
                let title = title(&path, &capsule);
                let name = match title.made_from() {
                    Some(name) => format!("made from {name}"),
                    None => title.to_string(),
                };
                out.line(format!("{}  {name}", path.display()))?;
                out.line(format!("    {}", capsule.expect))?;
                out.line(format!("    {}", capsule.why))?;
            }
            MessageFormat::Json => out.json("capsule", &json(&path, &capsule))?,
        }
    }
    Ok(Exit::Held)
}

fn title(path: &Path, capsule: &Capsule) -> RunTitle {
    RunTitle::of_file(&path.display().to_string(), &capsule.run, &capsule.plan)
}

fn json<'a>(path: &Path, capsule: &'a Capsule) -> CapsuleJson<'a> {
    let title = title(path, capsule);
    CapsuleJson {
        file: path.display().to_string(),
        run: title.to_string(),
        made_from: title.other_name(),
        why: &capsule.why,
        expect: &capsule.expect,
        reproduction: None,
        drift: None,
    }
}

/// Every capsule of a directory, sorted by file name.
fn read_all(dir: &Path) -> anyhow::Result<Vec<(PathBuf, Capsule)>> {
    let failed = || {
        format!(
            "failed to read {}, the directory of the capsules; --dir names another",
            dir.display()
        )
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| Ok((path.clone(), Capsule::read(&path)?)))
        .collect()
}
