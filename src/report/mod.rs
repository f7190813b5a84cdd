//! `gatesim report`: one run as something to look at or to pass on: a page for a browser, a diagram
//! for an issue, a trace for a viewer of traces.

pub mod chart;
mod html;
mod mermaid;
mod perfetto;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use gatesim_sim::{Options, run::outcome::Outcome};
use serde::Serialize;

use crate::{
    cli::ReportArgs,
    execution::{determinism::run_checked, interrupt, pool},
    exit::Exit,
    output::{MessageFormat, Output, note, write_whole},
    report::{
        chart::window::Window,
        html::{Page, Story},
    },
    target::{Origin, Target},
    why::{self, Trials},
};

/// What a run can be made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// A page in one file, for a browser; works offline.
    Html,
    /// A sequence diagram in Mermaid, for pasting into an issue.
    Mermaid,
    /// A trace on virtual time, for ui.perfetto.dev or chrome://tracing.
    Perfetto,
}

/// Runs the command.
pub fn report(args: &ReportArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let target = Target::load(&args.target, args.design.as_deref())?;
    interrupt::install()?;
    let place = Place::of(args, &target);
    if let Place::File(path) = &place {
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
        note("nothing is written: the page was not begun");
        return Ok(Exit::Interrupted);
    }
    let story = story(args, &target, &outcome);
    let text = render(args.format, &target, &outcome, story.as_ref())?;
    match &place {
        Place::File(path) => {
            write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))?;
            told(args.format, &target, &outcome, path, text.len(), out)?;
        }
        Place::StandardOutput => match out.format() {
            MessageFormat::Human => out.line(text.trim_end_matches('\n'))?,
            MessageFormat::Json => out.json(
                "report",
                &ReportJson {
                    text: Some(&text),
                    ..ReportJson::new(args.format, &target, &outcome, text.len())
                },
            )?,
        },
    }
    Ok(match outcome.held() {
        _ if interrupt::requested() => Exit::Interrupted,
        true => Exit::Held,
        false => Exit::Violated,
    })
}

/// Why the run failed, unless nobody wants to know or the format does not tell.
fn story(args: &ReportArgs, target: &Target, outcome: &Outcome) -> Option<Story> {
    let told = match args.format {
        ReportFormat::Html | ReportFormat::Mermaid => !args.no_why,
        ReportFormat::Perfetto => false,
    };
    if !told || outcome.panic.is_some() {
        return None;
    }
    let trials = Trials::new(target, pool::jobs(None), args.budget);
    why::explain(&trials, outcome).map(|explanation| Story::of(&explanation))
}

fn render(
    format: ReportFormat,
    target: &Target,
    outcome: &Outcome,
    story: Option<&Story>,
) -> anyhow::Result<String> {
    match format {
        ReportFormat::Html => Page {
            target,
            outcome,
            story,
            window: Window::PAGE,
        }
        .render(),
        ReportFormat::Mermaid => Ok(mermaid::diagram(
            &target.plan,
            outcome,
            target.told(outcome),
            story.map(|story| story.slice.as_slice()),
        )),
        ReportFormat::Perfetto => perfetto::trace(&target.run, &target.plan, outcome),
    }
}

/// Where a report goes.
enum Place {
    File(PathBuf),
    StandardOutput,
}

impl Place {
    /// A page goes to a file, since nobody reads one in a terminal; the others to standard output.
    fn of(args: &ReportArgs, target: &Target) -> Self {
        match (&args.output, args.format) {
            (Some(path), _) if path == Path::new("-") => Place::StandardOutput,
            (Some(path), _) => Place::File(path.clone()),
            (None, ReportFormat::Html) => {
                Place::File(PathBuf::from(format!("{}.html", stem(target))))
            }
            (None, ReportFormat::Mermaid | ReportFormat::Perfetto) => Place::StandardOutput,
        }
    }
}

/// The name of a page: that of the file it was made from, or of the run.
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
    text: Option<&'a str>,
}

impl ReportJson<'_> {
    fn new(report: ReportFormat, target: &Target, outcome: &Outcome, bytes: usize) -> Self {
        ReportJson {
            run: target.run.to_string(),
            report,
            held: outcome.held(),
            file: None,
            bytes,
            text: None,
        }
    }
}

/// Says what was written, and where.
fn told(
    format: ReportFormat,
    target: &Target,
    outcome: &Outcome,
    path: &Path,
    bytes: usize,
    out: &mut Output,
) -> anyhow::Result<()> {
    match out.format() {
        MessageFormat::Json => out.json(
            "report",
            &ReportJson {
                file: Some(path),
                ..ReportJson::new(format, target, outcome, bytes)
            },
        ),
        MessageFormat::Human => {
            let style = out.style();
            let verdict = match target.failure(outcome) {
                Some(failure) => format!(
                    "{} {}: {}",
                    style.bad("FAILURE"),
                    target.run,
                    failure.failure
                ),
                None => format!("{} {}", style.good("HELD"), target.run),
            };
            out.line(verdict)?;
            let open_with = match format {
                ReportFormat::Html => "a browser",
                ReportFormat::Mermaid => "anything that draws Mermaid",
                ReportFormat::Perfetto => "ui.perfetto.dev or chrome://tracing",
            };
            out.line(format!(
                "  report     {} ({} kB), for {open_with}",
                path.display(),
                bytes.div_ceil(1_000)
            ))
        }
    }
}
