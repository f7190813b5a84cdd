//! The arguments of `gatesim sweep`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    execution::{args::JobsArgs, clock},
    sweep::partition::Partition,
    target::run_name,
};

/// Run many seeds and report what broke, grouped by cause.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SweepArgs {
    /// Scenarios: names or .toml files [default: all built-in ones].
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Design: a name, name+question=answer, or a .toml file; may be repeated.
    #[arg(long = "design", value_name = "DESIGN", default_value = "reference")]
    pub designs: Vec<String>,
    /// Seeds per scenario and design [default: 1000, without --budget].
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "budget", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Start runs for this long, such as 30s, 15m or 8h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = clock::parse_budget)]
    pub budget: Option<Duration>,
    /// The first seed.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value = "0", value_parser = run_name::parse_seed)]
    pub first_seed: u64,
    /// Run only the i-th of n equal shares of the seeds, such as 2/8.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub partition: Partition,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
    /// End each run at its first violation.
    #[arg(long)]
    pub stop_at_first: bool,
    /// Show in how many runs each fault of each scenario happened, and why not in the others.
    #[arg(long)]
    pub faults: bool,
    /// Write a JUnit report, for CI.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write which invariants each design broke in each scenario, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Write one capsule per group of failures into this directory, for CI.
    #[arg(long, value_name = "DIR")]
    pub capsules: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  gatesim sweep
  gatesim sweep chaos restart --design v9 --design reference --seeds 1000
  gatesim sweep chaos --design reference+cleanup=never
  gatesim sweep --budget 8h --first-seed 1000000 --partition 3/8 --junit report.xml
  gatesim sweep my-scenario.toml --design my-design.toml --message-format json

Results go to standard output and depend on the seeds alone, not on --jobs or the machine; progress
and speed go to standard error.";
