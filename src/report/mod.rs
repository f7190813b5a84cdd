//! `gatesim report`: one run as a page for a browser, a diagram for an issue, or a trace for a viewer
//! of traces.
//!
//! - `format`: the formats, one row each; `html`, `mermaid`, `perfetto`: how they are written;
//! - `chart`: lanes, arrows and bands, which every format draws;
//! - `root_cause`: the part of an explanation that reports show.

pub mod args;
pub mod chart;
mod format;
mod html;
mod mermaid;
mod perfetto;
mod root_cause;

use std::path::{Path, PathBuf};

use gatesim_sim::{Options, run::outcome::Outcome};
use serde::Serialize;

use crate::{
    execution::{determinism::run_checked, interrupt, pool},
    exit::Exit,
    output::{MessageFormat, Output, note, write_whole},
    report::{
        args::ReportArgs,
        format::{ReportFormat, ReportInput},
        root_cause::RootCause,
    },
    target::{Target, expectation::Expectation, origin::Origin},
    why::{self, Trials},
};

/// Runs the command.
pub fn report(args: &ReportArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let target = args.run.load()?;
    interrupt::install()?;
    let destination = Destination::of(args, &target);
    if let Destination::File(path) = &destination {
        target.check_output(path)?;
    }
    let options = Options {
        trace: true,
        causes: true,
        ..Options::default()
    };
    let Some(outcome) = run_checked(&target, &options, out)? else {
        return Ok(Exit::NonDeterministic);
    };
    if interrupt::requested() {
        note("nothing is written: the report was not begun");
        return Ok(Exit::Interrupted);
    }
    let expect = target.expectation(&outcome)?;
    let root_cause = expect.and_then(|expect| root_cause(args, &target, &outcome, expect));
    let text = (args.format.row().render)(&ReportInput {
        target: &target,
        outcome: &outcome,
        root_cause: root_cause.as_ref(),
    })?;
    let json = ReportJson {
        run: target.title.to_string(),
        report: args.format,
        held: outcome.held(),
        file: destination.file(),
        bytes: text.len(),
        text: destination.file().is_none().then_some(&text),
    };
    if let Some(path) = destination.file() {
        write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))?;
        note(format_args!("wrote {}", path.display()));
    }
    match (out.format(), destination.file()) {
        (MessageFormat::Json, _) => out.json("report", &json)?,
        (MessageFormat::Human, Some(path)) => {
            write_summary(args.format, &target, &outcome, path, text.len(), out)?;
        }
        (MessageFormat::Human, None) => out.line(text.trim_end_matches('\n'))?,
    }
    Ok(match outcome.held() {
        _ if interrupt::requested() => Exit::Interrupted,
        true => Exit::Held,
        false => Exit::Violated,
    })
}

/// Why the run failed, if the format shows it and it was not declined.
fn root_cause(
    args: &ReportArgs,
    target: &Target,
    outcome: &Outcome,
    expect: Expectation,
) -> Option<RootCause> {
    let shown = args.format.row().shows_root_cause && !args.no_why;
    if !shown || outcome.panic.is_some() {
        return None;
    }
    let trials = Trials::new(target, pool::jobs(None), args.budget);
    Some(RootCause::of(&why::explain(trials, outcome, expect)))
}

/// Where a report goes.
enum Destination {
    File(PathBuf),
    StandardOutput,
}

impl Destination {
    fn of(args: &ReportArgs, target: &Target) -> Self {
        match (&args.output, args.format.row().default_extension) {
            (Some(path), _) if path == Path::new("-") => Destination::StandardOutput,
            (Some(path), _) => Destination::File(path.clone()),
            (None, Some(extension)) => {
                Destination::File(PathBuf::from(format!("{}.{extension}", stem(target))))
            }
            (None, None) => Destination::StandardOutput,
        }
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Destination::File(path) => Some(path),
            Destination::StandardOutput => None,
        }
    }
}

/// The name of a report without extension: that of the target file, or of the run.
fn stem(target: &Target) -> String {
    let file = match &target.origin {
        Origin::Name => None,
        Origin::Plan { file } | Origin::Capsule { file } => Path::new(file).file_stem(),
    };
    file.map_or_else(
        || target.run.file_stem(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// A report as a JSON line.
#[derive(Serialize)]
struct ReportJson<'a> {
    run: String,
    report: ReportFormat,
    held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
    bytes: usize,
    /// The report itself, if it was not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a String>,
}

/// Says what was written, and where.
fn write_summary(
    format: ReportFormat,
    target: &Target,
    outcome: &Outcome,
    path: &Path,
    bytes: usize,
    out: &mut Output,
) -> anyhow::Result<()> {
    let style = out.style();
    let verdict = match target.failure(outcome) {
        Some(failure) => format!(
            "{} {}: {}",
            style.bad("FAILURE"),
            target.title,
            failure.failure
        ),
        None => format!("{} {}", style.good("HELD"), target.title),
    };
    out.line(verdict)?;
    out.line(format!(
        "  report     {} ({} kB), for {}",
        path.display(),
        bytes.div_ceil(1_000),
        format.row().open_with
    ))
}
