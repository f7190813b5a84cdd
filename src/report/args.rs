//! The arguments of `gatesim report`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    execution::{args::TargetArgs, clock},
    report::format::ReportFormat,
};

/// Write one run as a page for a browser, a diagram for an issue, or a trace for a viewer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// What to run.
    #[command(flatten)]
    pub run: TargetArgs,
    /// The format.
    #[arg(long, value_enum, default_value = "html")]
    pub format: ReportFormat,
    /// Search for the root cause for this long, such as 5s or 1m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "10s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Leave out the root cause, for which the run is re-executed many times.
    #[arg(long, conflicts_with = "budget")]
    pub no_why: bool,
    /// Where it is written; - is standard output [default: html to a file named after the run, the
    /// others to standard output].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  gatesim report cold-start@v4:3
  gatesim report seeds/regressions/golden-path-v9-0.toml -o why.html
  gatesim report cold-start@v4:3 --format mermaid
  gatesim report cold-start@v4:3 --format perfetto -o trace.json

A page is one file: it works offline and can be attached to an issue. Of a run that is too long,
the page shows the part around the violation, and says so.";
